/* SPDX-License-Identifier: Apache-2.0 */
/* The people of another machine, with the ids that they have there: what `sallyport people list --all` printed. */
#ifndef SALLYPORT_CLI_PEOPLE_IMPORT_H
#define SALLYPORT_CLI_PEOPLE_IMPORT_H

#include <stdio.h>

#include "cli/people_store.h"

#define SP_PEOPLE_IMPORT_FIELDS 9

/* Prints one: fields with a tab between them. */
void sp_people_import_print(const struct sp_people_row *row, FILE *out);
/*
 * Takes all of them in, each as it is there, removed ones too; who is here and not there stays. Between begin and end, so
 * all or nothing. cb, for each that is not removed: not 0 ends it. FORMAT, INVALID, EXISTS (an id that is another's here, or
 * a person with another id, or a name that somebody has who is not among them), NOT_FOUND (a group), LIMIT, NOMEM, SYSTEM.
 * *ret_line: which it was, from 1, or 0 if it was none.
 */
int sp_people_import(struct sp_people_store *s, FILE *in, sp_people_store_each *cb, void *ctx, unsigned *ret_line) SP_MUST_CHECK;

#endif
