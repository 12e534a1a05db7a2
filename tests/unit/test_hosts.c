/* SPDX-License-Identifier: Apache-2.0 */
/* lib/hosts, and libnss_sallyport's entry points over a file of the test's. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/hosts_put.h"

static char test_path[64];
static unsigned test_owner;
#define NSS_SALLYPORT_PATH test_path
#define NSS_SALLYPORT_OWNER test_owner
#include "nss_module/nss_sallyport.c"

#define THREADS 64
#define LOOKUPS 400
#define NAMES 200

static const char good[] = "sallyport-hosts 1\n127.77.12.34 orders\n127.77.0.1 web-1.eu_a\nend\n";

static void
write_text(const char *text, size_t n)
{
	char temporary[80];
	FILE *f;

	(void)snprintf(temporary, sizeof(temporary), "%s.new", test_path);
	f = fopen(temporary, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(temporary, 0644), 0);
	assert_int_equal(rename(temporary, test_path), 0);
}

static int
set_up(void **state)
{
	char dir[] = "/tmp/sp-hosts-XXXXXX";

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(test_path, sizeof(test_path), "%s/hosts", dir);
	test_owner = getuid();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(test_path);
	*strrchr(test_path, '/') = '\0';
	return rmdir(test_path);
}

/* Fed at once and cut at every byte. */
static int
scan(const char *text, size_t n, const char *name, uint32_t *ret_address)
{
	struct sp_hosts_scan s;
	int r = 0, first = 1;

	for (size_t cut = 0; cut <= n; cut++) {
		sp_hosts_scan_init(&s, name, 0);
		r = sp_hosts_scan_feed(&s, text, cut);
		if (r == 0)
			r = sp_hosts_scan_feed(&s, text + cut, n - cut);
		if (r == 0)
			r = sp_hosts_scan_end(&s);
		assert_true(first == 1 || first == r);
		first = r;
	}
	*ret_address = r == 0 && s.is_found ? s.address : 0;
	return r;
}

static void
test_grammar(void **state)
{
	static const char *const bad[] = { "", "\n", "end\n", "sallyport-hosts 1", "sallyport-hosts 1\n",
		"sallyport-hosts 1\nend", "sallyport-hosts 2\nend\n", "sallyport-hosts 1\nend\n\n", "sallyport-hosts 1\nend\nend\n",
		"sallyport-hosts 1\n\nend\n", "sallyport-hosts 1\n# remark\nend\n", "sallyport-hosts 1\r\nend\r\n",
		"sallyport-hosts 1\n127.0.0.1 orders\nend\n", "sallyport-hosts 1\n10.0.0.1 orders\nend\n",
		"sallyport-hosts 1\n127.77.0.0 orders\nend\n", "sallyport-hosts 1\n127.77.255.255 orders\nend\n",
		"sallyport-hosts 1\n127.77.256.1 orders\nend\n", "sallyport-hosts 1\n127.77.1.01 orders\nend\n",
		"sallyport-hosts 1\n127.77.1 orders\nend\n", "sallyport-hosts 1\n127.77.1.1.1 orders\nend\n",
		"sallyport-hosts 1\n127.77.1.1  orders\nend\n", "sallyport-hosts 1\n127.77.1.1 \nend\n",
		"sallyport-hosts 1\n127.77.1.1 orders \nend\n", "sallyport-hosts 1\n127.77.1.1 Orders\nend\n",
		"sallyport-hosts 1\n127.77.1.1 -orders\nend\n", "sallyport-hosts 1\n127.77.1.1 orders.\nend\n",
		"sallyport-hosts 1\n127.77.1.1 1orders\nend\n", "sallyport-hosts 1\n127.77.1.1 ord/ers\nend\n",
		"sallyport-hosts 1\n0127.77.1.1 orders\nend\n", "sallyport-hosts 1\n127.77.1.1\torders\nend\n" };
	uint32_t address;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (scan(bad[i], strlen(bad[i]), "orders", &address) == 0)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(scan(good, strlen(good), "orders", &address), 0);
	assert_int_equal(address, 0x7f4d0c22);
	assert_int_equal(scan(good, strlen(good), "web-1.eu_a", &address), 0);
	assert_int_equal(address, 0x7f4d0001);
	assert_int_equal(scan(good, strlen(good), "order", &address), 0);
	assert_int_equal(address, 0);
}

static void
test_written_is_read(void **state)
{
	struct sp_buf *b = sp_buf_new(0);
	uint32_t address;

	(void)state;
	assert_non_null(b);
	sp_hosts_put_begin(b);
	assert_int_equal(sp_hosts_put_entry(b, "orders", 0x7f4d0c22), 0);
	assert_int_equal(sp_hosts_put_entry(b, "web-1.eu_a", 0x7f4d0001), 0);
	assert_int_equal(sp_hosts_put_entry(b, "a b", 0x7f4d0002), SP_ERR_INVALID);
	assert_int_equal(sp_hosts_put_entry(b, "ORDERS", 0x7f4d0002), SP_ERR_INVALID);
	assert_int_equal(sp_hosts_put_entry(b, "other", 0x7f000001), SP_ERR_INVALID);
	assert_int_equal(sp_hosts_put_entry(b, "other", 0x7f4d0000), SP_ERR_INVALID);
	sp_hosts_put_end(b);
	assert_int_equal(sp_buf_error(b), 0);
	assert_int_equal(sp_buf_len(b), strlen(good));
	assert_memory_equal(sp_buf_data(b), good, strlen(good));
	assert_int_equal(scan((const char *)sp_buf_data(b), sp_buf_len(b), "orders", &address), 0);
	sp_buf_free(b);
}

static void
test_by_name(void **state)
{
	struct gaih_addrtuple given, *t = NULL;
	char memory[512], *canonical = NULL, text[INET6_ADDRSTRLEN];
	int err = 0, herr = 0;
	int32_t ttl = -1;
	struct hostent h;

	(void)state;
	write_text(good, strlen(good));
	errno = 77;
	assert_int_equal(_nss_sallyport_gethostbyname4_r("orders", &t, memory, sizeof(memory), &err, &herr, &ttl), NSS_STATUS_SUCCESS);
	assert_int_equal(errno, 77);
	assert_non_null(t);
	assert_null(t->next);
	assert_int_equal(t->family, AF_INET);
	assert_string_equal(t->name, "orders");
	assert_string_equal(inet_ntop(AF_INET, t->addr, text, sizeof(text)), "127.77.12.34");
	assert_int_equal(ttl, 0);
	t = &given;
	assert_int_equal(_nss_sallyport_gethostbyname4_r("orders", &t, memory, sizeof(memory), &err, &herr, NULL), NSS_STATUS_SUCCESS);
	assert_ptr_equal(t, &given);
	assert_int_equal(_nss_sallyport_gethostbyname_r("orders", &h, memory, sizeof(memory), &err, &herr), NSS_STATUS_SUCCESS);
	assert_string_equal(inet_ntop(AF_INET, h.h_addr_list[0], text, sizeof(text)), "127.77.12.34");
	assert_null(h.h_addr_list[1]);
	assert_null(h.h_aliases[0]);
	/* Whoever wants IPv6 is not sent on to DNS. */
	assert_int_equal(_nss_sallyport_gethostbyname3_r("orders", AF_INET6, &h, memory, sizeof(memory), &err, &herr, &ttl,
			     &canonical), NSS_STATUS_SUCCESS);
	assert_string_equal(inet_ntop(AF_INET6, h.h_addr_list[0], text, sizeof(text)), "::ffff:127.77.12.34");
	assert_string_equal(canonical, "orders");
	assert_int_equal(_nss_sallyport_gethostbyname2_r("orders", AF_UNIX, &h, memory, sizeof(memory), &err, &herr),
	    NSS_STATUS_UNAVAIL);
	assert_int_equal(err, EAFNOSUPPORT);
	assert_int_equal(_nss_sallyport_gethostbyname2_r("nobody", AF_INET, &h, memory, sizeof(memory), &err, &herr),
	    NSS_STATUS_NOTFOUND);
	assert_int_equal(err, ENOENT);
	assert_int_equal(herr, HOST_NOT_FOUND);
}

static void
test_by_address(void **state)
{
	const uint8_t four[4] = { 127, 77, 0, 1 }, other[4] = { 127, 77, 9, 9 }, foreign[4] = { 10, 0, 0, 1 };
	uint8_t six[16] = { [10] = 0xff, [11] = 0xff, [12] = 127, [13] = 77, [15] = 1 };
	char memory[512];
	int err = 0, herr = 0;
	struct hostent h;

	(void)state;
	write_text(good, strlen(good));
	assert_int_equal(_nss_sallyport_gethostbyaddr_r(four, 4, AF_INET, &h, memory, sizeof(memory), &err, &herr), NSS_STATUS_SUCCESS);
	assert_string_equal(h.h_name, "web-1.eu_a");
	assert_int_equal(_nss_sallyport_gethostbyaddr2_r(six, 16, AF_INET6, &h, memory, sizeof(memory), &err, &herr, NULL),
	    NSS_STATUS_SUCCESS);
	assert_string_equal(h.h_name, "web-1.eu_a");
	assert_int_equal(h.h_length, 16);
	assert_int_equal(_nss_sallyport_gethostbyaddr_r(other, 4, AF_INET, &h, memory, sizeof(memory), &err, &herr), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_sallyport_gethostbyaddr_r(foreign, 4, AF_INET, &h, memory, sizeof(memory), &err, &herr), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_sallyport_gethostbyaddr_r(four, 3, AF_INET, &h, memory, sizeof(memory), &err, &herr), NSS_STATUS_NOTFOUND);
	six[0] = 1;
	assert_int_equal(_nss_sallyport_gethostbyaddr_r(six, 16, AF_INET6, &h, memory, sizeof(memory), &err, &herr), NSS_STATUS_NOTFOUND);
}

/* Every size below what is needed: ERANGE, and not a byte beyond it; every alignment. */
static void
test_small_buffers(void **state)
{
	char memory[512];
	int err, herr, found = 0;

	(void)state;
	write_text(good, strlen(good));
	for (size_t shift = 0; shift < 16; shift++) {
		for (size_t size = 0; size < 160; size++) {
			struct gaih_addrtuple *t = NULL;
			enum nss_status by_name, by_tuple;
			struct hostent h;

			memset(memory, 0x55, sizeof(memory));
			err = herr = 0;
			by_name = _nss_sallyport_gethostbyname2_r("orders", AF_INET6, &h, memory + shift, size, &err, &herr);
			if (by_name != NSS_STATUS_SUCCESS) {
				assert_int_equal(by_name, NSS_STATUS_TRYAGAIN);
				assert_int_equal(err, ERANGE);
				assert_int_equal(herr, NETDB_INTERNAL);
			}
			by_tuple = _nss_sallyport_gethostbyname4_r("orders", &t, memory + shift, size, &err, &herr, NULL);
			assert_true(by_tuple == NSS_STATUS_SUCCESS || (by_tuple == NSS_STATUS_TRYAGAIN && err == ERANGE));
			found += by_name == NSS_STATUS_SUCCESS && by_tuple == NSS_STATUS_SUCCESS;
			for (size_t i = 0; i < sizeof(memory); i++)
				if (i < shift || i >= shift + size)
					assert_int_equal((unsigned char)memory[i], 0x55);
		}
	}
	assert_true(found > 0);
}

static void
lookup_is(const char *name, enum nss_status status, int want_err)
{
	char memory[512];
	int err = 0, herr = 0;
	struct hostent h;

	assert_int_equal(_nss_sallyport_gethostbyname_r(name, &h, memory, sizeof(memory), &err, &herr), status);
	assert_int_equal(err, want_err);
}

static void
test_files_not_to_be_believed(void **state)
{
	char other[80];

	(void)state;
	(void)unlink(test_path);
	lookup_is("orders", NSS_STATUS_UNAVAIL, ENOENT);
	write_text(good, strlen(good) - 1); /* cut short: what stands in it does not count */
	lookup_is("orders", NSS_STATUS_UNAVAIL, EBADMSG);
	write_text(good, strlen(good));
	lookup_is("orders", NSS_STATUS_SUCCESS, 0);
	assert_int_equal(chmod(test_path, 0664), 0);
	lookup_is("orders", NSS_STATUS_UNAVAIL, EACCES);
	assert_int_equal(chmod(test_path, 0646), 0);
	lookup_is("orders", NSS_STATUS_UNAVAIL, EACCES);
	assert_int_equal(chmod(test_path, 0644), 0);
	test_owner++;
	lookup_is("orders", NSS_STATUS_UNAVAIL, EACCES);
	test_owner--;
	(void)snprintf(other, sizeof(other), "%s.other", test_path);
	assert_int_equal(rename(test_path, other), 0);
	assert_int_equal(symlink(other, test_path), 0);
	lookup_is("orders", NSS_STATUS_UNAVAIL, EACCES);
	(void)unlink(test_path);
	(void)unlink(other);
	assert_int_equal(mkfifo(test_path, 0644), 0); /* nobody writes: it must not wait */
	lookup_is("orders", NSS_STATUS_UNAVAIL, EACCES);
	(void)unlink(test_path);
	lookup_is("..", NSS_STATUS_NOTFOUND, ENOENT); /* no name of ours: the file is not even opened */
	lookup_is("", NSS_STATUS_NOTFOUND, ENOENT);
	lookup_is("Orders", NSS_STATUS_NOTFOUND, ENOENT);
}

static atomic_uint wrong, ready;

static void *
look(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char name[SP_HOSTS_NAME_MAX], memory[256];

	atomic_fetch_add(&ready, 1);
	for (unsigned i = 0; i < LOOKUPS; i++) {
		unsigned n = (seed * 31 + i * 7) % NAMES;
		int err = 0, herr = 0;
		struct hostent h;
		uint32_t address;

		(void)snprintf(name, sizeof(name), "name%u", n);
		if (_nss_sallyport_gethostbyname_r(name, &h, memory, sizeof(memory), &err, &herr) != NSS_STATUS_SUCCESS) {
			atomic_fetch_add(&wrong, 1);
			continue;
		}
		memcpy(&address, h.h_addr_list[0], 4);
		if (ntohl(address) != SP_HOSTS_NET + 1 + n || strcmp(h.h_name, name) != 0)
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

/* 64 threads look names up while the file is replaced under them: each sees one whole file or another. */
static void
test_threads(void **state)
{
	struct sp_buf *b = sp_buf_new(0);
	pthread_t threads[THREADS];
	char name[SP_HOSTS_NAME_MAX];

	(void)state;
	assert_non_null(b);
	sp_hosts_put_begin(b);
	for (unsigned i = 0; i < NAMES; i++) {
		(void)snprintf(name, sizeof(name), "name%u", i);
		assert_int_equal(sp_hosts_put_entry(b, name, SP_HOSTS_NET + 1 + i), 0);
	}
	sp_hosts_put_end(b);
	write_text((const char *)sp_buf_data(b), sp_buf_len(b));
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look, (void *)i), 0);
	for (unsigned i = 0; i < 50 || atomic_load(&ready) < THREADS; i++)
		write_text((const char *)sp_buf_data(b), sp_buf_len(b));
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&wrong), 0);
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_written_is_read),
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_by_address),
		cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_files_not_to_be_believed),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
