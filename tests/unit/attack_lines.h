/* SPDX-License-Identifier: Apache-2.0 */
/* Files of attacks: one case a line, `EXPECT CONNECTION | TEXT`, as the README beside each of them says. */
#ifndef SALLYPORT_TESTS_ATTACK_LINES_H
#define SALLYPORT_TESTS_ATTACK_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* The path of a file of tests/attacks/NAME; the caller frees it. */
char *attack_path(const char *name, const char *file);
/*
 * Gives each case of a file to judge, which puts into got what came out and says whether that is what was expected.
 * Returns how many cases there are, none of which may be wrong.
 */
size_t attack_lines_run(const char *name, const char *file,
    bool (*judge)(const char *expect, const char *connection, const char *text, size_t len, char *got, size_t size));

#endif
