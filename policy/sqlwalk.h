/* SPDX-License-Identifier: Apache-2.0 */
/* From a parse tree to facts: which actions, relations, functions and outputs a statement has. */
#ifndef SALLYPORT_POLICY_SQLWALK_H
#define SALLYPORT_POLICY_SQLWALK_H

#include <stddef.h>

#include "lib/err.h"
#include "policy/pgtree.h"
#include "policy/sqlfacts.h"

#define SP_SQLWALK_WHY_MAX 160 /* bytes of a reason, NUL included */

/*
 * Reads one RawStmt into f. UNSUPPORTED: something in it is not known; why says what. LIMIT, FORMAT, NOMEM.
 */
int sp_sqlwalk(const struct sp_pgtree *raw, struct sp_sqlfacts *f, char why[SP_SQLWALK_WHY_MAX]) SP_MUST_CHECK;

#endif
