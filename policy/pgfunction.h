/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the functions that come with PostgreSQL. */
#ifndef SALLYPORT_POLICY_PGFUNCTION_H
#define SALLYPORT_POLICY_PGFUNCTION_H

enum sp_pgfunction_class {
	SP_PGFUNCTION_UNKNOWN = 0, /* not PostgreSQL's own: can do anything */
	SP_PGFUNCTION_SAFE,	   /* reads only what the statement names */
	SP_PGFUNCTION_DANGEROUS	   /* side effects, files, other sessions, or SQL in an argument */
};

enum sp_pgfunction_class sp_pgfunction_class(const char *name);

#endif
