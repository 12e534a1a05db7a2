/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/sandbox.h"

#include <errno.h>
#include <nss.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/landlock.h"
#include "runtime/sandbox_profiles.h"

#define SP_SANDBOX_MODE_FILTER 2 /* PR_GET_SECCOMP's answer under a filter */

static int
sp_sandbox_files(const struct sp_sandbox_table *t, const struct sp_sandbox_path *paths)
{
	int ruleset, r = sp_landlock_begin(&ruleset);

	if (r == SP_ERR_UNSUPPORTED && !SP_SANDBOX_NEEDS_LANDLOCK)
		return 0;
	if (r != 0)
		return r;
	for (size_t i = 0; r == 0 && t->read_paths[i] != NULL; i++) {
		r = sp_landlock_allow(ruleset, t->read_paths[i], false);
		if (r == SP_ERR_NOT_FOUND)
			r = 0; /* this system has no such file */
	}
	for (size_t i = 0; r == 0 && paths != NULL && paths[i].path != NULL; i++)
		r = sp_landlock_allow(ruleset, paths[i].path, paths[i].can_write != 0);
	if (r != 0) {
		(void)close(ruleset);
		return r;
	}
	return sp_landlock_enforce(ruleset);
}

static int
sp_sandbox_add_rule(scmp_filter_ctx ctx, const struct sp_sandbox_rule *rule)
{
	if (rule->verdict == SP_SANDBOX_NOSYS)
		return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), rule->nr, 0);
	if (rule->verdict == SP_SANDBOX_ALLOW_IF2)
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, rule->nr, 2,
		    SCMP_CMP(rule->arg, SCMP_CMP_MASKED_EQ, rule->mask, rule->value),
		    SCMP_CMP(rule->arg2, SCMP_CMP_MASKED_EQ, SP_SANDBOX_INT_BITS, rule->value2));
	if (rule->verdict == SP_SANDBOX_ALLOW_IF)
		return seccomp_rule_add(
		    ctx, SCMP_ACT_ALLOW, rule->nr, 1, SCMP_CMP(rule->arg, SCMP_CMP_MASKED_EQ, rule->mask, rule->value));
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, rule->nr, 0);
}

static int
sp_sandbox_calls(const struct sp_sandbox_table *t)
{
	scmp_filter_ctx ctx = seccomp_init(sp_sandbox_violation());
	int err = 0;

	if (ctx == NULL)
		return SP_ERR_NOMEM;
	/* Calls of another architecture's table (i386, x32) die as well; every thread gets the filter. */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) != 0 ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0)
		err = -EINVAL;
	for (size_t g = 0; err == 0 && t->groups[g] != NULL; g++) {
		for (const struct sp_sandbox_rule *rule = t->groups[g]; err == 0 && rule->verdict != 0; rule++)
			err = sp_sandbox_add_rule(ctx, rule);
	}
	/* abort(3) and raise(3): to this process alone. */
	if (err == 0)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		    SCMP_CMP(0, SCMP_CMP_MASKED_EQ, SP_SANDBOX_INT_BITS, (scmp_datum_t)getpid()));
	if (err == 0)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	if (err != 0) {
		errno = -err;
		return err == -ENOMEM ? SP_ERR_NOMEM : SP_ERR_SYSTEM;
	}
	return 0;
}

int
sp_sandbox_enter(enum sp_sandbox_profile profile, const struct sp_sandbox_path *paths)
{
	const struct sp_sandbox_table *t = sp_sandbox_table(profile);
	int r;

	if (t == NULL)
		return SP_ERR_INVALID;
	if (t->has_network && __nss_configure_lookup("hosts", "files dns") != 0)
		return SP_ERR_SYSTEM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return SP_ERR_SYSTEM;
	r = t->has_all_files ? 0 : sp_sandbox_files(t, paths);
	if (r == 0)
		r = sp_sandbox_calls(t);
	/* Whether Landlock refuses is tried by tests/unit/test_sandbox.c: here each try would be in the kernel's log. */
	if (r == 0 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SP_SANDBOX_MODE_FILTER)
		r = SP_ERR_DENIED;
	return r;
}

const char *
sp_sandbox_name(enum sp_sandbox_profile profile)
{
	const struct sp_sandbox_table *t = sp_sandbox_table(profile);

	return t == NULL ? "unknown" : t->name;
}
