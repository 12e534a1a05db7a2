/* SPDX-License-Identifier: Apache-2.0 */
/* The tables behind runtime/sandbox.h; included by its own files and tests only. */
#ifndef SALLYPORT_RUNTIME_SANDBOX_PROFILES_H
#define SALLYPORT_RUNTIME_SANDBOX_PROFILES_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/sandbox.h"

/* The kernel looks at 32 bits of an int argument; comparing 64 would let others through. */
#define SP_SANDBOX_INT_BITS 0xffffffffU

/* What happens with a call in a rule. */
enum sp_sandbox_verdict {
	SP_SANDBOX_ALLOW = 1,
	SP_SANDBOX_ALLOW_IF,  /* argument & mask == value */
	SP_SANDBOX_ALLOW_IF2, /* and the int argument arg2 == value2 */
	SP_SANDBOX_NOSYS      /* pretend that the kernel lacks it: libraries probe for it and do without */
};

struct sp_sandbox_rule {
	enum sp_sandbox_verdict verdict; /* 0 ends a table */
	int nr;
	unsigned arg;
	uint64_t mask;
	uint64_t value;
	unsigned arg2;
	uint64_t value2;
};

struct sp_sandbox_table {
	const char *name;
	const struct sp_sandbox_rule *const *groups; /* ends with NULL */
	const char *const *read_paths;		     /* that exist or not; ends with NULL */
	bool has_network;			     /* host lookups are set to "files dns" */
	bool has_all_files;			     /* no Landlock: it looks at other processes, and where they look */
};

const struct sp_sandbox_table *sp_sandbox_table(enum sp_sandbox_profile profile);

/*
 * What a violation does, and its preparation: sandbox_kill.c, or sandbox_trap.c in a developer's build.
 * An SCMP_ACT_* value.
 */
uint32_t sp_sandbox_violation(void);

#endif
