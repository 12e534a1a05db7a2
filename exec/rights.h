/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's capabilities, and looking at files with the rights of somebody
 * else: what they may not see, it does not tell them either.
 */
#ifndef SALLYPORT_EXEC_RIGHTS_H
#define SALLYPORT_EXEC_RIGHTS_H

#include <stdint.h>

#include "exec/target.h"

/* Capabilities as bits by CAP_* number: permitted and effective from here on; none inheritable. SYSTEM. */
int sp_rights_keep(uint64_t caps) SP_MUST_CHECK;
/*
 * Opens files as t would, until sp_rights_back(). One who asks again costs nothing: going there and back is sixteen
 * system calls, and most execs of a session have the same rights. SYSTEM.
 */
int sp_rights_become(const struct sp_target *t) SP_MUST_CHECK;
/*
 * The same, and to those at the other end of a Unix socket it is t: its effective uid and gid. Ours stay the real ones,
 * so that whoever has that uid can send us no signal. To be ended by sp_rights_back() at once. SYSTEM.
 */
int sp_rights_appear(const struct sp_target *t) SP_MUST_CHECK;
/* To one's own rights. Cannot fail but by a defect; then the process ends. */
void sp_rights_back(void);
/* openat(2) with the rights of the moment, or if these do not do with one's own: for what is this process's business. */
int sp_rights_open(int dir, const char *name, int flags) SP_MUST_CHECK;

#endif
