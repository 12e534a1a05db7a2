/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/pg_backend.h"
#include "proto/pg_frontend.h"
#include "proto/pg_scram.h"
#include "proto/pg_write.h"
#include "session-agent/postgres_names.h"

static void
test_head(void **state)
{
	static const struct {
		const char *bytes;
		int err;
	} cases[] = {{"Q\0\0\0\0", SP_ERR_FORMAT}, {"Q\0\0\0\3", SP_ERR_FORMAT}, {"Q\0\0\0\4", 0}, {"Q\0\0\0\5", 0},
	    {"Q\xff\xff\xff\xff", SP_ERR_LIMIT}, {"Q\x80\0\0\0", SP_ERR_LIMIT}, {"Q\0\0\x04\x05", SP_ERR_LIMIT}};
	struct sp_pg_head h;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(sp_pg_head_parse((const uint8_t *)cases[i].bytes, 5, 1024, &h), cases[i].err);
	for (i = 0; i < 5; i++)
		assert_int_equal(sp_pg_head_parse((const uint8_t *)"Q\0\0\0\5", i, 1024, &h), SP_ERR_INCOMPLETE);
}

static void
test_startup(void **state)
{
	static const struct sp_pg_param params[] = {{"user", "alice"}, {"database", "orders"}};
	static const struct sp_pg_param twice[] = {{"user", "alice"}, {"user", "bob"}};
	struct sp_buf *b = sp_buf_new(0);
	struct sp_pg_startup s;
	size_t i;

	(void)state;
	sp_pg_write_startup(b, params, 2);
	assert_int_equal(sp_pg_startup_parse(sp_buf_data(b), sp_buf_len(b), &s), 0);
	assert_int_equal(s.n_params, 2);
	assert_string_equal(s.params[1].value, "orders");
	for (i = 0; i < sp_buf_len(b); i++)
		assert_int_equal(sp_pg_startup_parse(sp_buf_data(b), i, &s), SP_ERR_INCOMPLETE);
	sp_buf_reset(b);
	sp_pg_write_startup(b, twice, 2);
	assert_int_equal(sp_pg_startup_parse(sp_buf_data(b), sp_buf_len(b), &s), SP_ERR_FORMAT);
	assert_int_equal(sp_pg_startup_parse((const uint8_t *)"\0\0\0\7\0\3\0", 7, &s), SP_ERR_FORMAT);
	assert_int_equal(sp_pg_startup_parse((const uint8_t *)"\0\1\0\0\0\3\0\0", 8, &s), SP_ERR_LIMIT);
	assert_int_equal(sp_pg_startup_parse((const uint8_t *)"\0\0\0\x09\0\2\0\0\0", 9, &s), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp_pg_startup_parse((const uint8_t *)"\0\0\0\x08\0\3\0\0", 8, &s), SP_ERR_FORMAT);
	sp_buf_reset(b);
	sp_pg_write_cancel(b, 7, 9);
	assert_int_equal(sp_pg_startup_parse(sp_buf_data(b), sp_buf_len(b), &s), 0);
	assert_int_equal(s.kind, SP_PG_STARTUP_CANCEL);
	assert_int_equal(s.key, 9);
	sp_buf_free(b);
}

/* Every cut and every extra byte of a good body is refused. */
#define CUTS(body, n, parse, out)                                                     \
	do {                                                                          \
		uint8_t more_[512];                                                   \
		size_t k_;                                                            \
		assert_int_equal(parse((const uint8_t *)(body), (n), (out)), 0);      \
		for (k_ = 0; k_ < (n); k_++) {                                        \
			uint8_t *cut_ = malloc(k_ + 1);                               \
			memcpy(cut_, (body), k_);                                     \
			assert_int_equal(parse(cut_, k_, (out)), SP_ERR_FORMAT);      \
			free(cut_);                                                   \
		}                                                                     \
		memcpy(more_, (body), (n));                                           \
		more_[n] = 0;                                                         \
		assert_int_equal(parse(more_, (n) + 1, (out)), SP_ERR_FORMAT);        \
	} while (0)

static void
test_frontend(void **state)
{
	static const char bind[] = "p\0s\0\0\1\0\1\0\2\0\0\0\3abc\xff\xff\xff\xff\0\1\0\0";
	struct sp_pg_execute e;
	struct sp_pg_parse p;
	struct sp_pg_target t;
	struct sp_pg_bind b;
	struct sp_view v;
	const uint8_t *at;
	bool binary;

	(void)state;
	CUTS("select 1\0", 9, sp_pg_query_parse, &v);
	CUTS("s\0select 1\0\0\1\0\0\0\x17", 17, sp_pg_parse_parse, &p);
	CUTS("Ss\0", 3, sp_pg_target_parse, &t);
	CUTS("p\0\0\0\0\7", 6, sp_pg_execute_parse, &e);
	CUTS(bind, sizeof(bind) - 1, sp_pg_bind_parse, &b);
	assert_int_equal(sp_pg_bind_parse((const uint8_t *)bind, sizeof(bind) - 1, &b), 0);
	assert_int_equal(b.n_params, 2);
	at = b.params;
	assert_true(sp_pg_bind_param(&b, 0, &at, &v, &binary));
	assert_memory_equal(v.data, "abc", 3);
	assert_true(binary);
	assert_true(sp_pg_bind_param(&b, 1, &at, &v, &binary));
	assert_null(v.data);
	assert_false(sp_pg_bind_param(&b, 2, &at, &v, &binary));
	assert_int_equal(sp_pg_target_parse((const uint8_t *)"Xs", 3, &t), SP_ERR_FORMAT);
	/* more formats than parameters, a format that does not exist, a huge count with nothing behind it */
	assert_int_equal(sp_pg_bind_parse((const uint8_t *)"\0\0\0\2\0\0\0\0\0\0\0", 12, &b), SP_ERR_FORMAT);
	assert_int_equal(sp_pg_bind_parse((const uint8_t *)"\0\0\0\1\0\2\0\0\0", 10, &b), SP_ERR_FORMAT);
	assert_int_equal(sp_pg_bind_parse((const uint8_t *)"\0\0\0\0\xff\xff\0", 8, &b), SP_ERR_FORMAT);
}

static void
on_column(unsigned i, const struct sp_pg_column *col, void *ctx)
{
	(void)i;
	*(struct sp_pg_column *)ctx = *col;
}

static int
description_parse(const uint8_t *p, size_t n, struct sp_pg_column *col)
{
	unsigned k;

	return sp_pg_row_description_parse(p, n, on_column, col, &k);
}

static int
row_parse(const uint8_t *p, size_t n, struct sp_pg_cell *cells)
{
	unsigned k;

	return sp_pg_data_row_parse(p, n, cells, 4, &k);
}

static void
test_backend(void **state)
{
	static const char description[] = "\0\1id\0\0\0\1\2\0\3\0\0\0\x17\0\4\xff\xff\xff\xff\0\1";
	struct sp_pg_column col;
	struct sp_pg_cell cells[4];
	struct sp_pg_error e;

	(void)state;
	CUTS(description, sizeof(description) - 1, description_parse, &col);
	assert_int_equal(col.table, 0x102);
	assert_int_equal(col.attnum, 3);
	assert_true(col.is_binary);
	CUTS("\0\2\0\0\0\1x\xff\xff\xff\xff", 11, row_parse, cells);
	assert_int_equal(cells[0].len, 1);
	assert_int_equal(cells[1].len, -1);
	assert_int_equal(row_parse((const uint8_t *)"\0\1\x80\0\0\0", 6, cells), SP_ERR_FORMAT);
	assert_int_equal(row_parse((const uint8_t *)"\0\5", 2, cells), SP_ERR_LIMIT);
	CUTS("SERROR\0C42501\0\0", 15, sp_pg_error_parse, &e);
	assert_int_equal(sp_pg_error_parse((const uint8_t *)"SERROR\0C42501\0\0", 15, &e), 0);
	assert_int_equal(sp_pg_error_get(&e, 'C')->value.len, 5);
	assert_int_equal(sp_pg_tag_rows("INSERT 0 12"), 12);
	assert_int_equal(sp_pg_tag_rows("BEGIN"), 0);
}

/* RFC 7677 section 3. */
#define SERVER_FIRST "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define CLIENT_FINAL                                                                       \
	"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"                     \
	"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static int
scram_run(const char *first, const char *final, struct sp_buf *out)
{
	struct sp_secret *password;
	struct sp_pg_scram *s;
	int r;

	assert_int_equal(sp_secret_new("pencil", 6, &password), 0);
	assert_int_equal(sp_pg_scram_new("user", "rOprNGfwEbeRWgbNEkqO", NULL, 0, 0, &s), 0);
	sp_buf_reset(out);
	assert_int_equal(sp_pg_scram_first(s, out), 0);
	assert_int_equal(sp_buf_len(out), strlen("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
	sp_buf_reset(out);
	r = sp_pg_scram_continue(s, (const uint8_t *)first, strlen(first), password, out);
	if (r == 0)
		r = sp_pg_scram_final(s, (const uint8_t *)final, strlen(final));
	sp_pg_scram_free(s);
	sp_secret_free(password);
	return r;
}

static void
test_scram(void **state)
{
	static const struct {
		const char *first, *final;
		int err;
	} bad[] = {
	    {SERVER_FIRST, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", SP_ERR_FORMAT},
	    {SERVER_FIRST, "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", SP_ERR_SIGNATURE},
	    {SERVER_FIRST, "v=", SP_ERR_SIGNATURE},
	    {SERVER_FIRST, "e=invalid-proof", SP_ERR_DENIED},
	    {SERVER_FIRST, "", SP_ERR_FORMAT},
	    {"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", SERVER_FINAL, SP_ERR_SIGNATURE}, /* nothing added */
	    {"r=XXprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", SERVER_FINAL, SP_ERR_SIGNATURE},
	    {"r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1", SERVER_FINAL, SP_ERR_LIMIT},
	    {"r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999", SERVER_FINAL, SP_ERR_LIMIT},
	    {"r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=04096", SERVER_FINAL, SP_ERR_FORMAT},
	    {"r=rOprNGfwEbeRWgbNEkqOabc,s=,i=4096", SERVER_FINAL, SP_ERR_FORMAT},
	    {"m=x,r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", SERVER_FINAL, SP_ERR_FORMAT},
	    {"r=rOprNGfwEbeRWgbNEkqOabc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,x=1", SERVER_FINAL, SP_ERR_FORMAT},
	};
	struct sp_buf *out = sp_buf_new(0);
	struct sp_pg_scram *s;
	size_t i;

	(void)state;
	assert_int_equal(scram_run(SERVER_FIRST, SERVER_FINAL, out), 0);
	assert_int_equal(sp_buf_len(out), strlen(CLIENT_FINAL));
	assert_memory_equal(sp_buf_data(out), CLIENT_FINAL, strlen(CLIENT_FINAL));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(scram_run(bad[i].first, bad[i].final, out), bad[i].err);
	assert_int_equal(sp_pg_scram_new("", NULL, NULL, 0, 1, &s), 0);
	assert_int_equal(sp_pg_scram_final(s, (const uint8_t *)SERVER_FINAL, strlen(SERVER_FINAL)), SP_ERR_PROTOCOL);
	sp_pg_scram_free(s);
	sp_buf_free(out);
}

static void
test_names(void **state)
{
	struct sp_postgres_names *s = sp_postgres_names_new();
	struct sp_postgres_text *a = sp_postgres_text_new("select 1", 8), *b = sp_postgres_text_new("delete", 6);
	struct sp_postgres_name *n, *m;
	uint64_t ia, ib, mark;
	unsigned i;

	(void)state;
	assert_int_equal(sp_postgres_names_add(s, "x", &a, 1, NULL, 0, 1, &n, &ia), 0);
	sp_postgres_names_settle(s, n, ia);
	/* A second Parse of the name that never happens leaves the first; one that may have leaves both. */
	assert_int_equal(sp_postgres_names_add(s, "x", &b, 1, NULL, 0, 2, &n, &ib), 0);
	assert_int_equal(n->n, 2);
	assert_int_equal(sp_postgres_names_first(n, 2), 1);
	assert_int_equal(sp_postgres_names_first(n, 3), 0);
	sp_postgres_names_drop(s, n, ib);
	assert_int_equal(sp_postgres_names_find(s, "x")->n, 1);
	assert_ptr_equal(sp_postgres_names_find(s, "x")->c[0]->texts[0], a);
	assert_int_equal(sp_postgres_names_add(s, "x", &b, 1, NULL, 0, 3, &n, &ib), 0);
	sp_postgres_names_leave(s, n);
	assert_int_equal(sp_postgres_names_find(s, "x")->n, 2);
	/* A Close that was skipped changes nothing; one that took effect spares what came after it. */
	m = sp_postgres_names_closing(s, "x", &mark);
	sp_postgres_names_closed(s, m, mark, false);
	assert_int_equal(sp_postgres_names_find(s, "x")->n, 2);
	m = sp_postgres_names_closing(s, "x", &mark);
	assert_int_equal(sp_postgres_names_add(s, "x", &a, 1, NULL, 0, 4, &n, &ia), 0);
	sp_postgres_names_closed(s, m, mark, true);
	assert_int_equal(sp_postgres_names_find(s, "x")->n, 1);
	sp_postgres_names_settle(s, n, ia);
	sp_postgres_names_clear(s, sp_postgres_names_mark(s));
	assert_null(sp_postgres_names_find(s, "x"));
	for (i = 0; i < SP_POSTGRES_CANDIDATES_MAX; i++)
		assert_int_equal(sp_postgres_names_add(s, "y", &a, 1, NULL, 0, 5, &n, &ia), 0);
	assert_true(sp_postgres_names_is_full(s, "y"));
	assert_int_equal(sp_postgres_names_add(s, "y", &a, 1, NULL, 0, 5, &n, &ia), SP_ERR_LIMIT);
	sp_postgres_names_free(s);
	sp_postgres_text_unref(a);
	sp_postgres_text_unref(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_head),
	    cmocka_unit_test(test_startup),
	    cmocka_unit_test(test_frontend),
	    cmocka_unit_test(test_backend),
	    cmocka_unit_test(test_scram),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
