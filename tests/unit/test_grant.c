/* SPDX-License-Identifier: Apache-2.0 */
/* The datagram by which root says whom sallyport-exec becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "exec/grant.h"
#include "lib/ipc.h"

struct grant {
	uint8_t type;
	uint32_t uid, groups, secrets, more;
	const char *name;
};
static const struct grant good = { SP_IPC_GRANT_ACCOUNT, 900, 2, 1, 0, "TOKEN" };

static struct sp_buf *
frame(const struct grant *g)
{
	struct sp_buf *body = sp_buf_new(0), *out = sp_buf_new(0);
	uint32_t i;

	sp_buf_put_cstring(body, "deploy");
	sp_buf_put_u32(body, g->uid);
	sp_buf_put_u32(body, 901);
	sp_buf_put_u32(body, g->groups);
	for (i = 0; i < g->groups; i++)
		sp_buf_put_u32(body, 950 + i);
	sp_buf_put_cstring(body, "/srv/deploy");
	sp_buf_put_u32(body, g->secrets);
	for (i = 0; i < g->secrets; i++) {
		sp_buf_put_cstring(body, g->name);
		sp_buf_put_cstring(body, "value");
	}
	if (g->more != 0)
		sp_buf_put_u8(body, 0);
	assert_int_equal(sp_ipc_frame(out, g->type, 0, body), 0);
	sp_buf_free(body);
	return out;
}

static void
order(struct sp_order *o)
{
	memset(o, 0, sizeof(*o));
	o->is_granted = true;
	o->uid = (uid_t)-1;
	o->directory = strdup("");
	o->path = strdup("/bin/sh");
	o->argv = calloc(1, sizeof(*o->argv));
	o->env = calloc(8 + SP_IPC_GRANT_SECRETS_MAX, sizeof(*o->env));
	assert_non_null(o->env);
	o->env[0] = strdup("HOME=/given");
	o->env[1] = strdup("TOKEN=from the connection");
}

static int
parse(const struct grant *g, struct sp_order *o)
{
	struct sp_buf *b = frame(g);
	int r;

	order(o);
	r = sp_grant_parse(sp_buf_data(b), sp_buf_len(b), o);
	sp_buf_free(b);
	return r;
}

static void
test_good(void **state)
{
	struct sp_order o;

	(void)state;
	assert_int_equal(parse(&good, &o), 0);
	assert_int_equal(o.uid, 900);
	assert_int_equal(o.gid, 901);
	assert_int_equal(o.ngroups, 2);
	assert_int_equal(o.groups[1], 951);
	assert_true(o.has_secrets);
	assert_string_equal(o.directory, "/srv/deploy");
	assert_string_equal(o.env[0], "HOME=/given");
	assert_string_equal(o.env[1], "TOKEN=value"); /* the secret, not what was there */
	assert_string_equal(o.env[2], "USER=deploy");
	assert_string_equal(o.env[3], "LOGNAME=deploy");
	assert_string_equal(o.env[4], "SHELL=/bin/sh");
	assert_null(o.env[5]);
	sp_order_clear(&o);
}

static void
test_bad(void **state)
{
	static const struct grant bad[] = { { 1, 900, 2, 1, 0, "TOKEN" }, { SP_IPC_GRANT_ACCOUNT, UINT32_MAX, 0, 0, 0, "" },
		{ SP_IPC_GRANT_ACCOUNT, 900, SP_IPC_GRANT_GROUPS_MAX + 1, 0, 0, "" },
		{ SP_IPC_GRANT_ACCOUNT, 900, 0, SP_IPC_GRANT_SECRETS_MAX + 1, 0, "T" }, { SP_IPC_GRANT_ACCOUNT, 900, 0, 0, 1, "" },
		{ SP_IPC_GRANT_ACCOUNT, 900, 0, 1, 0, "" }, { SP_IPC_GRANT_ACCOUNT, 900, 0, 1, 0, "A=B" } };
	struct sp_order o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(parse(&bad[i], &o), 0);
		assert_int_equal(o.uid, (uid_t)-1);
		sp_order_clear(&o);
	}
}

static void
test_cut(void **state)
{
	struct sp_buf *b = frame(&good);
	struct sp_order o;
	size_t n;

	(void)state;
	order(&o); /* and one byte too many */
	sp_buf_put_u8(b, 0);
	assert_int_not_equal(sp_grant_parse(sp_buf_data(b), sp_buf_len(b), &o), 0);
	sp_order_clear(&o);
	assert_int_equal(sp_buf_unput(b, 1), 0);
	for (n = 0; n < sp_buf_len(b); n++) {
		order(&o);
		assert_int_not_equal(sp_grant_parse(sp_buf_data(b), n, &o), 0);
		assert_int_equal(o.uid, (uid_t)-1);
		sp_order_clear(&o);
	}
	sp_buf_free(b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
