/* SPDX-License-Identifier: Apache-2.0 */
/* The agent of a target session, its codec and the reader of keys; the attacks are in tests/attacks/ssh_agent. */
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "proto/ssh_agent.h"
#include "proto/ssh_cert.h"
#include "proto/ssh_key.h"
#include "session-agent/ssh_agent.h"

#define DATA SP_TEST_SRCDIR "/tests/unit/data/ssh_keys/"
#define CASES SP_TEST_SRCDIR "/tests/attacks/ssh_agent/cases.txt"
#define ID_LEN 32
#define NOW 1800000000 /* 2027 */

static size_t
slurp(const char *path, char *p, size_t cap)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(p, 1, cap, f);
	(void)fclose(f);
	assert_true(n > 0 && n < cap);
	return n;
}

static struct sp_ssh_key *
key_of(const char *name)
{
	char path[512], text[SP_SSH_KEY_TEXT_MAX];
	struct sp_ssh_key *key = NULL;
	size_t n;

	(void)snprintf(path, sizeof(path), DATA "%s", name);
	n = slurp(path, text, sizeof(text));
	assert_int_equal(sp_ssh_key_private(text, n, &key), 0);
	return key;
}

/* --- keys ---------------------------------------------------------------------------------------------- */

static const char *const key_names[] = { "ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa3072", "rsa_pem", "ecdsa_pkcs8",
	"ed25519_pkcs8" };

/* The wire form is what ssh-keygen wrote into the .pub file. */
static void
test_keys(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++) {
		struct sp_ssh_key *key = key_of(key_names[i]), *public = NULL;
		struct sp_view blob = sp_ssh_key_blob(key), data = { (const uint8_t *)"hello", 5 }, sig, other = { (const uint8_t *)"hellO", 5 };
		uint32_t flags = strncmp(key_names[i], "rsa", 3) == 0 ? SP_SSH_KEY_SHA2_256 : 0;
		struct sp_buf *b64 = sp_buf_new(0), *out = sp_buf_new(0);
		char path[512], text[8192], want[8192];
		size_t n;

		(void)snprintf(path, sizeof(path), DATA "%s.pub", key_names[i]);
		n = slurp(path, text, sizeof(text));
		text[n] = '\0';
		assert_int_equal(sp_text_base64_encode(b64, blob.data, blob.len), 0);
		sp_buf_put_u8(b64, 0);
		(void)snprintf(want, sizeof(want), "%s %s", sp_ssh_key_type(key), (const char *)sp_buf_data(b64));
		assert_memory_equal(text, want, strlen(want));

		assert_int_equal(sp_ssh_key_sign(key, flags, data, out), 0);
		sig.data = sp_buf_data(out);
		sig.len = sp_buf_len(out);
		assert_int_equal(sp_ssh_key_public(blob, &public), 0);
		assert_int_equal(sp_ssh_key_verify(public, data, sig), 0);
		assert_int_equal(sp_ssh_key_verify(public, other, sig), SP_ERR_SIGNATURE);
		sig.len--;
		assert_int_not_equal(sp_ssh_key_verify(public, data, sig), 0);
		assert_int_equal(sp_ssh_key_sign(public, flags, data, out), SP_ERR_INVALID);
		assert_int_equal(sp_ssh_key_sign(key, 1, data, out), SP_ERR_UNSUPPORTED); /* SHA-1 has no flag of its own */
		if (flags != 0)
			assert_int_equal(sp_ssh_key_sign(key, 0, data, out), SP_ERR_UNSUPPORTED);
		sp_ssh_key_free(public);
		sp_ssh_key_free(key);
		sp_buf_free(out);
		sp_buf_free(b64);
	}
}

static void
test_keys_encrypted(void **state)
{
	static const char *const names[] = { "ed25519_encrypted", "rsa_pem_encrypted" };
	char path[512], text[SP_SSH_KEY_TEXT_MAX];
	struct sp_ssh_key *key = NULL;
	size_t i, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), DATA "%s", names[i]);
		n = slurp(path, text, sizeof(text));
		assert_int_equal(sp_ssh_key_private(text, n, &key), SP_ERR_UNSUPPORTED);
	}
}

/* Cut at every byte, and with each byte another one: never a key that is not the right one. */
static void
test_keys_cut(void **state)
{
	size_t i, k, n;

	(void)state;
	for (k = 0; k < sizeof(key_names) / sizeof(key_names[0]); k++) {
		struct sp_ssh_key *good = key_of(key_names[k]), *key = NULL;
		struct sp_view blob = sp_ssh_key_blob(good);
		char path[512], text[SP_SSH_KEY_TEXT_MAX];

		(void)snprintf(path, sizeof(path), DATA "%s", key_names[k]);
		n = slurp(path, text, sizeof(text));
		while (n > 0 && text[n - 1] == '\n')
			n--;
		for (i = 0; i < n; i++)
			assert_int_not_equal(sp_ssh_key_private(text, i, &key), 0);
		for (i = 0; i < blob.len; i++) {
			struct sp_view cut = { blob.data, i };

			assert_int_not_equal(sp_ssh_key_public(cut, &key), 0);
		}
		sp_ssh_key_free(good);
	}
}

static void
test_keys_changed(void **state)
{
	struct sp_ssh_key *good = key_of("ed25519"), *key;
	char text[SP_SSH_KEY_TEXT_MAX];
	size_t i, n = slurp(DATA "ed25519", text, sizeof(text));

	(void)state;
	for (i = 0; i < n; i++) {
		char was = text[i];

		key = NULL;
		text[i] = was == 'B' ? 'C' : 'B';
		if (sp_ssh_key_private(text, n, &key) == 0) { /* a comment, or the check numbers: the key is the same */
			assert_int_equal(sp_ssh_key_blob(key).len, sp_ssh_key_blob(good).len);
			assert_memory_equal(sp_ssh_key_blob(key).data, sp_ssh_key_blob(good).data, sp_ssh_key_blob(good).len);
		}
		sp_ssh_key_free(key);
		text[i] = was;
	}
	sp_ssh_key_free(good);
}

/* --- the agent -------------------------------------------------------------------------------------------- */

/* The stage of one case. */
struct stage {
	struct sp_ssh_key *ours, *host, *other;
	struct sp_ssh_agent *agent;
	struct sp_buf *in, *out;
	struct sp_buf *certificate; /* NULL: the agent logs in with the key alone */
};

/* For g->ours, by g->other. */
static void
certify(struct stage *g, const struct sp_ssh_cert_terms *terms)
{
	struct sp_view v;

	g->certificate = sp_buf_new(0);
	assert_int_equal(sp_ssh_cert_write(terms, g->ours, g->other, g->certificate), 0);
	v.data = sp_buf_data(g->certificate);
	v.len = sp_buf_len(g->certificate);
	assert_int_equal(sp_ssh_agent_certify(g->agent, v), 0);
}

static const struct sp_ssh_cert_terms user_terms = { .serial = 7,
	.key_id = "sallyport alice 01J",
	.principal = "deploy",
	.valid_after = NOW - 60,
	.valid_before = NOW + 120,
	.command = "",
	.source_address = "10.0.0.0/8" };

static void
stage_open(struct stage *g)
{
	struct sp_view pinned[2];

	g->ours = key_of("ed25519");
	g->host = key_of("ecdsa256");
	g->other = key_of("ed25519_pkcs8");
	pinned[0] = sp_ssh_key_blob(g->host);
	assert_int_equal(sp_ssh_agent_new(key_of("ed25519"), "deploy", pinned, 1, &g->agent), 0);
	g->in = sp_buf_new(0);
	g->out = sp_buf_new(0);
	g->certificate = NULL;
}

static void
stage_close(struct stage *g)
{
	sp_ssh_agent_free(g->agent);
	sp_ssh_key_free(g->ours);
	sp_ssh_key_free(g->host);
	sp_ssh_key_free(g->other);
	sp_buf_free(g->in);
	sp_buf_free(g->out);
	sp_buf_free(g->certificate);
}

/* The value of name in "a=b,c,d=e", or NULL. */
static const char *
option(const char *options, const char *name, char *value, size_t cap)
{
	const char *p = options;
	size_t n = strlen(name);

	while (p != NULL && *p != '\0') {
		if (strncmp(p, name, n) == 0 && (p[n] == '=' || p[n] == ',' || p[n] == '\0')) {
			size_t len = p[n] == '=' ? strcspn(p + n + 1, ",") : 0;

			assert_true(len < cap);
			memcpy(value, p + n + (p[n] == '='), len);
			value[len] = '\0';
			return value;
		}
		p = strchr(p, ',');
		p = p == NULL ? NULL : p + 1;
	}
	return NULL;
}

static void
frame(struct sp_buf *out, uint8_t code, const struct sp_buf *body)
{
	sp_buf_put_u32(out, (uint32_t)(1 + sp_buf_len(body)));
	sp_buf_put_u8(out, code);
	sp_buf_put(out, sp_buf_data(body), sp_buf_len(body));
}

static void
put_key(struct sp_buf *b, const struct sp_ssh_key *key)
{
	struct sp_view v = sp_ssh_key_blob(key);

	sp_buf_put_string(b, v.data, v.len);
}

/* What the agent logs in with; or, in its place, another key. */
static void
put_identity(struct sp_buf *b, const struct stage *g, bool is_other)
{
	if (is_other || g->certificate == NULL)
		put_key(b, is_other ? g->other : g->ours);
	else
		sp_buf_put_string(b, sp_buf_data(g->certificate), sp_buf_len(g->certificate));
}

static void
step_bind(struct stage *g, const char *options)
{
	uint8_t id[ID_LEN], signed_id[ID_LEN];
	char v[128];
	const char *host = option(options, "host", v, sizeof(v)) != NULL ? "other" : "";
	struct sp_view over = { signed_id, sizeof(signed_id) };
	const struct sp_ssh_key *key = *host != '\0' ? g->other : g->host, *signer = key;
	struct sp_buf *b = sp_buf_new(0), *sig = sp_buf_new(0);

	memset(id, 0x11, sizeof(id));
	memset(signed_id, option(options, "id", v, sizeof(v)) != NULL ? 0x22 : 0x11, sizeof(signed_id));
	if (option(options, "id", v, sizeof(v)) != NULL && strcmp(v, "none") == 0)
		over.len = 0; /* signed all right: of nothing */
	if (option(options, "signature", v, sizeof(v)) != NULL) {
		if (strcmp(v, "other") == 0)
			signer = g->other;
		else if (strcmp(v, "key") == 0)
			signer = g->ours;
	} else {
		v[0] = '\0';
	}
	if (strcmp(v, "zero") == 0) {
		sp_buf_put_cstring(sig, "ecdsa-sha2-nistp256");
		sp_buf_put_string(sig, "\0\0\0\0\0\0\0\0", 8);
	} else if (strcmp(v, "none") != 0) {
		assert_int_equal(sp_ssh_key_sign(signer, 0, over, sig), 0);
	}
	sp_buf_put_cstring(b, "session-bind@openssh.com");
	put_key(b, key);
	sp_buf_put_string(b, id, option(options, "id", v, sizeof(v)) != NULL && strcmp(v, "none") == 0 ? 0 : sizeof(id));
	sp_buf_put_string(b, sp_buf_data(sig), sp_buf_len(sig));
	sp_buf_put_u8(b, option(options, "forward", v, sizeof(v)) != NULL);
	frame(g->in, 27, b);
	sp_buf_free(b);
	sp_buf_free(sig);
}

static void
put_login(struct stage *g, const char *options, struct sp_buf *b)
{
	uint8_t id[ID_LEN];
	char v[128], method[128] = "publickey", text[128];
	const char *no_id = option(options, "id", v, sizeof(v));

	memset(id, no_id != NULL ? 0x22 : 0x11, sizeof(id));
	if (option(options, "method", text, sizeof(text)) != NULL)
		(void)snprintf(method, sizeof(method), "%s",
		    strcmp(text, "hostbound") == 0 ? "publickey-hostbound-v00@openssh.com" : text);
	sp_buf_put_string(b, id, no_id != NULL && strcmp(v, "none") == 0 ? 0 : sizeof(id));
	sp_buf_put_u8(b, 50);
	sp_buf_put_cstring(b, option(options, "user", text, sizeof(text)) != NULL ? text : "deploy");
	sp_buf_put_cstring(b, option(options, "service", text, sizeof(text)) != NULL ? text : "ssh-connection");
	sp_buf_put_cstring(b, method);
	sp_buf_put_u8(b, option(options, "signature", text, sizeof(text)) == NULL);
	sp_buf_put_cstring(b, option(options, "algorithm", text, sizeof(text)) != NULL ? text :
	    g->certificate != NULL ? "ssh-ed25519-cert-v01@openssh.com" :
				     "ssh-ed25519");
	put_identity(b, g, option(options, "key", text, sizeof(text)) != NULL);
	if (strncmp(method, "publickey-hostbound", 19) == 0)
		put_key(b, option(options, "host", text, sizeof(text)) != NULL ? g->other : g->host);
	if (option(options, "more", text, sizeof(text)) != NULL)
		sp_buf_put_u8(b, 0);
}

static void
step_sign(struct stage *g, const char *options)
{
	struct sp_buf *b = sp_buf_new(0), *login = sp_buf_new(0);
	char v[128];

	put_identity(b, g, option(options, "ask", v, sizeof(v)) != NULL);
	if (option(options, "data", v, sizeof(v)) != NULL)
		sp_buf_put(login, v, strlen(v));
	else
		put_login(g, options, login);
	sp_buf_put_string(b, sp_buf_data(login), sp_buf_len(login));
	sp_buf_put_u32(b, option(options, "flags", v, sizeof(v)) != NULL ? (uint32_t)strtoul(v, NULL, 10) : 0);
	frame(g->in, 13, b);
	sp_buf_free(b);
	sp_buf_free(login);
}

/* The request that the step names, into g->in. */
static void
step_put(struct stage *g, const char *word)
{
	char name[64], options[256] = "";
	const char *open = strchr(word, '(');
	struct sp_buf *b = sp_buf_new(0);
	size_t n = open != NULL ? (size_t)(open - word) : strlen(word);

	assert_true(n < sizeof(name));
	(void)snprintf(name, sizeof(name), "%.*s", (int)n, word);
	if (open != NULL) {
		(void)snprintf(options, sizeof(options), "%s", open + 1);
		assert_non_null(strrchr(options, ')'));
		*strrchr(options, ')') = '\0';
	}
	if (strcmp(name, "list") == 0) {
		frame(g->in, 11, b);
	} else if (strcmp(name, "bind") == 0) {
		step_bind(g, options);
	} else if (strcmp(name, "sign") == 0) {
		step_sign(g, options);
	} else if (strncmp(name, "raw=", 4) == 0) {
		frame(g->in, (uint8_t)atoi(name + 4), b);
	} else if (strncmp(word, "extension=", 10) == 0) {
		sp_buf_put_cstring(b, word + 10);
		frame(g->in, 27, b);
	} else {
		fail_msg("unknown step %s", word);
	}
	sp_buf_free(b);
}

/* What was signed is what was asked for, and by our key. */
static void
check_signature(struct stage *g, const struct sp_buf *request)
{
	struct sp_ssh_agent_request q;
	struct sp_view reply;
	size_t size;
	uint32_t n;
	uint8_t code;

	assert_int_equal(sp_ssh_agent_parse(request, &q, &size), 0);
	assert_int_equal(sp_buf_get_u32(g->out, &n), 0);
	assert_int_equal(sp_buf_get_u8(g->out, &code), 0);
	assert_int_equal(code, 14);
	assert_int_equal(sp_buf_get_view(g->out, SP_SSH_KEY_SIGNATURE_MAX, &reply), 0);
	assert_int_equal(sp_ssh_key_verify(g->ours, q.data, reply), 0);
}

static void
step_run(struct stage *g, const char *line, const char *word, bool is_good)
{
	struct sp_ssh_agent_news news;
	struct sp_buf *copy = sp_buf_new(0);
	int r;

	sp_buf_reset(g->in);
	sp_buf_reset(g->out);
	step_put(g, word);
	sp_buf_put(copy, sp_buf_data(g->in), sp_buf_len(g->in));
	r = sp_ssh_agent_handle(g->agent, g->in, g->out, NOW, &news);
	assert_int_equal(r, 0);
	assert_int_equal(sp_buf_len(g->in), 0);
	if ((news.outcome != SP_SSH_AGENT_REFUSED) != is_good)
		fail_msg("%s: %s: %s", line, word, news.text);
	if (!is_good) { /* exactly a failure and nothing with it */
		assert_int_equal(sp_buf_len(g->out), 5);
		assert_memory_equal(sp_buf_data(g->out), "\0\0\0\1\5", 5);
	} else if (news.outcome == SP_SSH_AGENT_SIGNED) {
		check_signature(g, copy);
	}
	sp_buf_free(copy);
}

/* An agent without a key: for a login with a password, where it tells whether the host is the one. */
static void
test_no_key(void **state)
{
	struct stage g;
	struct sp_view pinned[1];

	(void)state;
	stage_open(&g);
	sp_ssh_agent_free(g.agent);
	pinned[0] = sp_ssh_key_blob(g.host);
	assert_int_equal(sp_ssh_agent_new(NULL, "deploy", pinned, 1, &g.agent), 0);
	assert_false(sp_ssh_agent_is_bound(g.agent));
	step_run(&g, "no-key", "list", true);
	assert_int_equal(sp_buf_len(g.out), 9);
	assert_memory_equal(sp_buf_data(g.out), "\0\0\0\5\14\0\0\0\0", 9);
	assert_false(sp_ssh_agent_is_bound(g.agent));
	step_run(&g, "no-key", "bind(host=other)", false);
	assert_false(sp_ssh_agent_is_bound(g.agent));
	step_run(&g, "no-key", "bind(signature=zero)", false);
	assert_false(sp_ssh_agent_is_bound(g.agent));
	step_run(&g, "no-key", "bind", true);
	assert_true(sp_ssh_agent_is_bound(g.agent));
	step_run(&g, "no-key", "sign", false);
	assert_true(sp_ssh_agent_is_bound(g.agent));
	step_run(&g, "no-key", "bind", false);
	assert_false(sp_ssh_agent_is_bound(g.agent));
	stage_close(&g);
}

static void
attacks(bool is_certified)
{
	FILE *f = fopen(CASES, "r");
	char line[1024], copy[1024];
	unsigned cases = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *save = NULL, *word;
		struct stage g;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (is_certified && strncmp(line, "sign-cert-name ", 15) == 0)
			continue; /* that is its name */
		(void)snprintf(copy, sizeof(copy), "%s", line);
		stage_open(&g);
		if (is_certified)
			certify(&g, &user_terms);
		(void)strtok_r(copy, " \n", &save);
		while ((word = strtok_r(NULL, " \n", &save)) != NULL) {
			char *want = strrchr(word, '=');

			assert_non_null(want);
			*want++ = '\0';
			assert_true(strcmp(want, "ok") == 0 || strcmp(want, "no") == 0);
			step_run(&g, line, word, strcmp(want, "ok") == 0);
		}
		stage_close(&g);
		cases++;
	}
	(void)fclose(f);
	assert_true(cases >= 40);
}

static void
test_attacks(void **state)
{
	(void)state;
	attacks(false);
}

/* All the same for an agent that logs in with a certificate. */
static void
test_attacks_certified(void **state)
{
	(void)state;
	attacks(true);
}

static void
want_string(struct sp_buf *b, const char *s, size_t n)
{
	struct sp_view v;

	assert_int_equal(sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &v), 0);
	assert_int_equal(v.len, n);
	assert_memory_equal(v.data, s, n);
}

#define WANT(b, s) want_string((b), (s), sizeof(s) - 1)

/* PROTOCOL.certkeys, field for field: the terms, a terminal, and nothing that nobody asked for. */
static void
test_certificate(void **state)
{
	struct stage g;
	struct sp_view v, signature, whole;
	struct sp_buf *b;
	uint64_t n64;
	uint32_t n32;

	(void)state;
	stage_open(&g);
	certify(&g, &user_terms);
	step_run(&g, "certified", "bind", true);
	step_run(&g, "certified", "sign(algorithm=ssh-ed25519)", false);
	whole.data = sp_buf_data(g.certificate);
	b = sp_buf_from(whole.data, sp_buf_len(g.certificate));
	WANT(b, "ssh-ed25519-cert-v01@openssh.com");
	assert_int_equal(sp_buf_get_view(b, 64, &v), 0);
	assert_int_equal(v.len, 32);
	v = sp_ssh_key_blob(g.ours);
	want_string(b, (const char *)v.data + v.len - 32, 32);
	assert_int_equal(sp_buf_get_u64(b, &n64), 0);
	assert_int_equal(n64, 7);
	assert_int_equal(sp_buf_get_u32(b, &n32), 0);
	assert_int_equal(n32, 1);
	WANT(b, "sallyport alice 01J");
	WANT(b, "\0\0\0\6deploy");
	assert_int_equal(sp_buf_get_u64(b, &n64), 0);
	assert_int_equal(n64, NOW - 60);
	assert_int_equal(sp_buf_get_u64(b, &n64), 0);
	assert_int_equal(n64, NOW + 120);
	WANT(b, "\0\0\0\16source-address\0\0\0\16\0\0\0\12" "10.0.0.0/8");
	WANT(b, "\0\0\0\12permit-pty\0\0\0\0");
	WANT(b, "");
	v = sp_ssh_key_blob(g.other);
	want_string(b, (const char *)v.data, v.len);
	whole.len = sp_buf_len(g.certificate) - sp_buf_len(b);
	assert_int_equal(sp_buf_get_view(b, SP_SSH_KEY_SIGNATURE_MAX, &signature), 0);
	assert_int_equal(sp_buf_len(b), 0);
	assert_int_equal(sp_ssh_key_verify(g.other, whole, signature), 0);
	sp_buf_free(b);
	stage_close(&g);
}

/* For a host that is only gone through: connections from there, and no session. */
static void
test_certificate_of_a_way(void **state)
{
	struct sp_ssh_cert_terms t = user_terms;
	struct sp_buf *out = sp_buf_new(0);
	struct sp_view v;
	struct stage g;
	struct sp_buf *b;
	uint8_t *p;

	(void)state;
	stage_open(&g);
	t.is_way = true;
	assert_int_equal(sp_ssh_cert_write(&t, g.ours, g.other, out), 0);
	p = memmem(sp_buf_data(out), sp_buf_len(out), "\0\0\0\15force-command", 17);
	assert_non_null(p);
	b = sp_buf_from(p - 4, sp_buf_len(out) - (size_t)(p - 4 - sp_buf_data(out)));
	WANT(b, "\0\0\0\15force-command\0\0\0\16\0\0\0\12/bin/false"
		"\0\0\0\16source-address\0\0\0\16\0\0\0\12" "10.0.0.0/8");
	WANT(b, "\0\0\0\26permit-port-forwarding\0\0\0\0");
	WANT(b, "");
	v.data = sp_buf_data(out);
	v.len = sp_buf_len(out);
	assert_int_equal(sp_ssh_agent_certify(g.agent, v), 0);
	sp_buf_free(b);
	sp_buf_free(out);
	stage_close(&g);
}

/* For one command: that, and a terminal, and nothing else. */
static void
test_certificate_of_a_command(void **state)
{
	static const char option[] = "\0\0\0\15force-command\0\0\0\17\0\0\0\13uptime -p 1";
	struct sp_ssh_cert_terms t = user_terms;
	struct sp_buf *out = sp_buf_new(0);
	struct stage g;

	(void)state;
	stage_open(&g);
	t.command = "uptime -p 1";
	assert_int_equal(sp_ssh_cert_write(&t, g.ours, g.other, out), 0);
	assert_non_null(memmem(sp_buf_data(out), sp_buf_len(out), option, sizeof(option) - 1));
	assert_non_null(memmem(sp_buf_data(out), sp_buf_len(out), "permit-pty", 10));
	sp_buf_reset(out);
	t.is_way = true; /* which has no command of its own */
	assert_int_equal(sp_ssh_cert_write(&t, g.ours, g.other, out), SP_ERR_INVALID);
	assert_int_equal(sp_ssh_cert_write(&user_terms, g.ours, g.other, out), 0);
	assert_null(memmem(sp_buf_data(out), sp_buf_len(out), "force-command", 13));
	sp_buf_free(out);
	stage_close(&g);
}

static void
test_certificate_refused(void **state)
{
	struct sp_ssh_cert_terms t = user_terms;
	struct sp_buf *out = sp_buf_new(0);
	struct sp_ssh_key *public = NULL;
	struct sp_view v;
	struct stage g;

	(void)state;
	stage_open(&g);
	t.valid_before = t.valid_after;
	assert_int_equal(sp_ssh_cert_write(&t, g.ours, g.other, out), SP_ERR_INVALID);
	t = user_terms;
	t.principal = "";
	assert_int_equal(sp_ssh_cert_write(&t, g.ours, g.other, out), SP_ERR_INVALID);
	t = user_terms;
	t.key_id = "";
	assert_int_equal(sp_ssh_cert_write(&t, g.ours, g.other, out), SP_ERR_INVALID);
	assert_int_equal(sp_ssh_key_public(sp_ssh_key_blob(g.other), &public), 0);
	assert_int_equal(sp_ssh_cert_write(&user_terms, g.ours, public, out), SP_ERR_INVALID);
	assert_int_equal(sp_buf_len(out), 0);
	assert_int_equal(sp_ssh_cert_write(&user_terms, g.other, g.other, out), 0); /* of another key */
	v.data = sp_buf_data(out);
	v.len = sp_buf_len(out);
	assert_int_equal(sp_ssh_agent_certify(g.agent, v), SP_ERR_INVALID);
	v = sp_ssh_key_blob(g.ours);
	assert_int_equal(sp_ssh_agent_certify(g.agent, v), SP_ERR_FORMAT);
	sp_ssh_key_free(public);
	sp_buf_free(out);
	stage_close(&g);
}

/* A host's, as ssh-keygen(1) would make it: names and no options, and it is read again. */
static void
test_host_certificate(void **state)
{
	static const char names[] = "\0\0\0\4web1\0\0\0\4web2";
	struct sp_ssh_cert_terms t = { .is_host = true, .serial = 7, .key_id = "sallyport host-ca", .principal = "",
		.names = { (const uint8_t *)names, sizeof(names) - 1 }, .valid_after = NOW - 60, .valid_before = NOW + 120,
		.command = "", .source_address = "" };
	struct sp_buf *out = sp_buf_new(0);
	struct sp_ssh_cert cert;
	struct sp_ssh_key *key = NULL;
	struct sp_view v;
	struct stage g;

	(void)state;
	stage_open(&g);
	assert_int_equal(sp_ssh_cert_write(&t, g.host, g.other, out), 0);
	v.data = sp_buf_data(out);
	v.len = sp_buf_len(out);
	assert_null(memmem(v.data, v.len, "permit-", 7));
	assert_int_equal(sp_ssh_cert_parse(v, &cert, &key), 0);
	assert_int_equal(sp_ssh_cert_check(&cert, g.other, "web1", NOW), 0);
	assert_int_equal(sp_ssh_cert_check(&cert, g.other, "web2", NOW), 0);
	assert_int_not_equal(sp_ssh_cert_check(&cert, g.other, "web3", NOW), 0);
	assert_int_not_equal(sp_ssh_cert_check(&cert, g.ours, "web1", NOW), 0);
	assert_int_not_equal(sp_ssh_cert_check(&cert, g.other, "web1", NOW + 120), 0);
	sp_buf_reset(out);
	t.principal = "web1"; /* a user's */
	assert_int_equal(sp_ssh_cert_write(&t, g.host, g.other, out), SP_ERR_INVALID);
	t.principal = "";
	t.source_address = "10.0.0.0/8";
	assert_int_equal(sp_ssh_cert_write(&t, g.host, g.other, out), SP_ERR_INVALID);
	t.source_address = "";
	t.names.len = 0; /* for any name at all */
	assert_int_equal(sp_ssh_cert_write(&t, g.host, g.other, out), SP_ERR_INVALID);
	t.names.len = sizeof(names) - 1;
	t.is_way = true;
	assert_int_equal(sp_ssh_cert_write(&t, g.host, g.other, out), SP_ERR_INVALID);
	t = user_terms;
	t.names = (struct sp_view){ (const uint8_t *)names, sizeof(names) - 1 };
	assert_int_equal(sp_ssh_cert_write(&t, g.ours, g.other, out), SP_ERR_INVALID);
	sp_ssh_key_free(key);
	sp_buf_free(out);
	stage_close(&g);
}

/* Two are two, and the agent takes them. */
static void
test_fresh(void **state)
{
	struct sp_buf *a = sp_buf_new(0), *b = sp_buf_new(0);
	struct sp_ssh_key *ka = NULL, *kb = NULL;

	(void)state;
	assert_int_equal(sp_ssh_key_fresh(a), 0);
	assert_int_equal(sp_ssh_key_fresh(b), 0);
	assert_int_equal(sp_ssh_key_private(sp_buf_data(a), sp_buf_len(a), &ka), 0);
	assert_int_equal(sp_ssh_key_private(sp_buf_data(b), sp_buf_len(b), &kb), 0);
	assert_string_equal(sp_ssh_key_type(ka), "ssh-ed25519");
	assert_memory_not_equal(sp_ssh_key_blob(ka).data, sp_ssh_key_blob(kb).data, sp_ssh_key_blob(ka).len);
	sp_ssh_key_free(ka);
	sp_ssh_key_free(kb);
	sp_buf_free(a);
	sp_buf_free(b);
}

/* Whole or not at all: cut anywhere nothing is done, and the rest makes it whole. */
static void
test_cut(void **state)
{
	static const char *const steps[] = { "list", "bind", "sign", "sign(method=hostbound)", "extension=query" };
	struct sp_ssh_agent_news news;
	struct stage g;
	size_t i, n, k;

	(void)state;
	for (k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		stage_open(&g);
		step_put(&g, steps[k]);
		n = sp_buf_len(g.in);
		for (i = 0; i < n; i++) {
			struct sp_buf *part = sp_buf_from(sp_buf_data(g.in), i);

			assert_int_equal(sp_ssh_agent_handle(g.agent, part, g.out, NOW, &news), SP_ERR_AGAIN);
			assert_int_equal(sp_buf_len(g.out), 0);
			sp_buf_free(part);
		}
		/* Cut within, with a length that says so: refused as malformed or as a refusal, never signed. */
		for (i = 5; i < n; i++) {
			struct sp_buf *part = sp_buf_new(0);

			sp_buf_put_u32(part, (uint32_t)(i - 4));
			sp_buf_put(part, sp_buf_data(g.in) + 4, i - 4);
			sp_buf_reset(g.out);
			if (k != 4 && sp_ssh_agent_handle(g.agent, part, g.out, NOW, &news) == 0)
				fail_msg("%s cut at %zu is taken", steps[k], i);
			sp_buf_free(part);
		}
		stage_close(&g);
	}
}

/* Too long, empty, and too many. */
static void
test_limits(void **state)
{
	static const uint8_t too_long[] = { 0, 1, 0, 1, 11 }, empty[] = { 0, 0, 0, 0, 11 };
	struct sp_ssh_agent_news news;
	struct sp_buf *b;
	struct stage g;
	int i;

	(void)state;
	stage_open(&g);
	b = sp_buf_from(too_long, sizeof(too_long));
	assert_int_equal(sp_ssh_agent_handle(g.agent, b, g.out, NOW, &news), SP_ERR_LIMIT);
	sp_buf_free(b);
	b = sp_buf_from(empty, sizeof(empty));
	assert_int_equal(sp_ssh_agent_handle(g.agent, b, g.out, NOW, &news), SP_ERR_FORMAT);
	sp_buf_free(b);
	for (i = 0; i < SP_SSH_AGENT_REQUESTS_MAX; i++)
		step_run(&g, "many", "list", true);
	step_put(&g, "list");
	assert_int_equal(sp_ssh_agent_handle(g.agent, g.in, g.out, NOW, &news), SP_ERR_LIMIT);
	stage_close(&g);
}

static void
test_new(void **state)
{
	struct sp_ssh_agent *a = NULL;
	struct sp_view bad = { (const uint8_t *)"\0\0\0\3abc", 7 };

	(void)state;
	assert_int_equal(sp_ssh_agent_new(key_of("ed25519"), "deploy", &bad, 1, &a), SP_ERR_INVALID);
	assert_int_equal(sp_ssh_agent_new(key_of("ed25519"), "", &bad, 1, &a), SP_ERR_INVALID);
	assert_null(a);
}

/* --- host certificates --------------------------------------------------------------------------------------- */

static size_t
blob_of(const char *name, uint8_t *blob, size_t cap)
{
	char path[512], text[8192], *base64, *end;
	struct sp_buf *b = sp_buf_new(0);
	size_t n;

	(void)snprintf(path, sizeof(path), DATA "hostcert/%s", name);
	n = slurp(path, text, sizeof(text) - 1);
	text[n] = '\0';
	base64 = strchr(text, ' ');
	assert_non_null(base64);
	end = strpbrk(++base64, " \n");
	assert_non_null(end);
	assert_int_equal(sp_text_base64_decode(b, base64, (size_t)(end - base64)), 0);
	n = sp_buf_len(b);
	assert_true(n <= cap);
	memcpy(blob, sp_buf_data(b), n);
	sp_buf_free(b);
	return n;
}

/* What becomes of a binding with this certificate, signed with that key, in an agent that trusts the authority alone. */
static enum sp_ssh_agent_outcome
bind_with(const uint8_t *blob, size_t n, const char *signer, const char *host, int64_t now)
{
	struct sp_ssh_key *key = key_of(signer);
	uint32_t flags = strncmp(signer, "rsa", 3) == 0 ? SP_SSH_KEY_SHA2_512 : 0;
	struct sp_buf *b = sp_buf_new(0), *sig = sp_buf_new(0), *in = sp_buf_new(0), *out = sp_buf_new(0);
	struct sp_ssh_agent_news news;
	struct sp_ssh_agent *a = NULL;
	uint8_t ca[512], id[ID_LEN];
	struct sp_view trusted = { ca, blob_of("ca.pub", ca, sizeof(ca)) }, over = { id, sizeof(id) };

	memset(id, 0x11, sizeof(id));
	assert_int_equal(sp_ssh_agent_new(key_of("ed25519"), "deploy", NULL, 0, &a), 0);
	assert_int_equal(sp_ssh_agent_trust(a, trusted, host), 0);
	assert_int_equal(sp_ssh_key_sign(key, flags, over, sig), 0);
	sp_buf_put_cstring(b, "session-bind@openssh.com");
	sp_buf_put_string(b, blob, n);
	sp_buf_put_string(b, id, sizeof(id));
	sp_buf_put_string(b, sp_buf_data(sig), sp_buf_len(sig));
	sp_buf_put_u8(b, 0);
	frame(in, 27, b);
	assert_int_equal(sp_ssh_agent_handle(a, in, out, now, &news), 0);
	sp_ssh_agent_free(a);
	sp_ssh_key_free(key);
	sp_buf_free(b);
	sp_buf_free(sig);
	sp_buf_free(in);
	sp_buf_free(out);
	return news.outcome;
}

static void
test_certificates(void **state)
{
	static const struct {
		const char *file, *signer;
		bool is_good;
	} cases[] = {
		{ "good-cert.pub", "ecdsa256", true },
		{ "good_ed-cert.pub", "ed25519_pkcs8", true },
		{ "good_rsa-cert.pub", "rsa3072", true },
		{ "good-cert.pub", "ecdsa384", false },
		{ "good-cert.pub", "ed25519", false },
		{ "user-cert.pub", "ecdsa256", false },
		{ "other_name-cert.pub", "ecdsa256", false },
		{ "no_name-cert.pub", "ecdsa256", false },
		{ "expired-cert.pub", "ecdsa256", false },
		{ "not_yet-cert.pub", "ecdsa256", false },
		{ "other_ca-cert.pub", "ecdsa256", false },
	};
	uint8_t blob[8192];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = blob_of(cases[i].file, blob, sizeof(blob));
		if ((bind_with(blob, n, cases[i].signer, "web1.internal", NOW) == SP_SSH_AGENT_BOUND) != cases[i].is_good)
			fail_msg("%s with %s", cases[i].file, cases[i].signer);
	}
	n = blob_of("good-cert.pub", blob, sizeof(blob));
	assert_int_equal(bind_with(blob, n, "ecdsa256", "web1", NOW), SP_SSH_AGENT_BOUND);
	assert_int_equal(bind_with(blob, n, "ecdsa256", "web", NOW), SP_SSH_AGENT_REFUSED);
	assert_int_equal(bind_with(blob, n, "ecdsa256", "web11", NOW), SP_SSH_AGENT_REFUSED);
	assert_int_equal(bind_with(blob, n, "ecdsa256", "web1", 4000000000), SP_SSH_AGENT_REFUSED);
	/* The authority's own key is no host key. */
	n = blob_of("ca.pub", blob, sizeof(blob));
	assert_int_equal(bind_with(blob, n, "hostcert/ca", "web1.internal", NOW), SP_SSH_AGENT_REFUSED);
}

/* A host whose key is pinned shows a certificate, by whomever: its key is what counts, and must have signed. */
static void
test_certificate_of_a_pinned_key(void **state)
{
	static const struct {
		const char *pinned, *signer;
		enum sp_ssh_agent_outcome outcome;
	} cases[] = { { "ecdsa256", "ecdsa256", SP_SSH_AGENT_BOUND }, { "ecdsa256", "ecdsa384", SP_SSH_AGENT_REFUSED },
		{ "ecdsa384", "ecdsa256", SP_SSH_AGENT_REFUSED } };
	uint8_t blob[8192], id[ID_LEN] = { 0 };
	size_t i, n = blob_of("other_ca-cert.pub", blob, sizeof(blob));

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sp_ssh_key *pinned = key_of(cases[i].pinned), *signer = key_of(cases[i].signer);
		struct sp_buf *b = sp_buf_new(0), *sig = sp_buf_new(0), *in = sp_buf_new(0), *out = sp_buf_new(0);
		struct sp_view view = sp_ssh_key_blob(pinned), over = { id, sizeof(id) };
		struct sp_ssh_agent_news news;
		struct sp_ssh_agent *a = NULL;

		assert_int_equal(sp_ssh_agent_new(key_of("ed25519"), "deploy", &view, 1, &a), 0);
		assert_int_equal(sp_ssh_key_sign(signer, 0, over, sig), 0);
		sp_buf_put_cstring(b, "session-bind@openssh.com");
		sp_buf_put_string(b, blob, n);
		sp_buf_put_string(b, id, sizeof(id));
		sp_buf_put_string(b, sp_buf_data(sig), sp_buf_len(sig));
		sp_buf_put_u8(b, 0);
		frame(in, 27, b);
		assert_int_equal(sp_ssh_agent_handle(a, in, out, NOW, &news), 0);
		assert_int_equal(news.outcome, cases[i].outcome);
		sp_ssh_agent_free(a);
		sp_ssh_key_free(pinned);
		sp_ssh_key_free(signer);
		sp_buf_free(b);
		sp_buf_free(sig);
		sp_buf_free(in);
		sp_buf_free(out);
	}
}

/* What is revoked is refused, whoever certifies it or has pinned it, and so is what it certifies. */
static void
test_revoked(void **state)
{
	static const struct {
		const char *shown, *revoked; /* shown NULL: the key alone */
		bool is_pinned, is_good;
	} cases[] = { { NULL, "ecdsa384", true, true }, { NULL, "ecdsa256", true, false }, { "good-cert.pub", "ecdsa384", false, true },
		{ "good-cert.pub", "ecdsa256", false, false }, { "good-cert.pub", "ecdsa256", true, false },
		{ "good-cert.pub", "hostcert/ca", false, false }, { "good-cert.pub", "hostcert/ca", true, false },
		{ "other_ca-cert.pub", "hostcert/ca", true, true }, { "other_ca-cert.pub", "ecdsa256", true, false } };
	uint8_t blob[8192], ca[512], id[ID_LEN] = { 0 };
	struct sp_view trusted = { ca, blob_of("ca.pub", ca, sizeof(ca)) };
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sp_ssh_key *host = key_of("ecdsa256"), *revoked = key_of(cases[i].revoked);
		struct sp_buf *b = sp_buf_new(0), *sig = sp_buf_new(0), *in = sp_buf_new(0), *out = sp_buf_new(0);
		struct sp_view plain = sp_ssh_key_blob(host), over = { id, sizeof(id) };
		struct sp_ssh_agent_news news;
		struct sp_ssh_agent *a = NULL;

		assert_int_equal(sp_ssh_agent_new(key_of("ed25519"), "deploy", NULL, 0, &a), 0);
		assert_int_equal(sp_ssh_agent_trust(a, trusted, "web1.internal"), 0);
		if (cases[i].is_pinned)
			assert_int_equal(sp_ssh_agent_pin(a, plain), 0);
		assert_int_equal(sp_ssh_agent_revoke(a, sp_ssh_key_blob(revoked)), 0);
		assert_int_equal(sp_ssh_key_sign(host, 0, over, sig), 0);
		n = cases[i].shown != NULL ? blob_of(cases[i].shown, blob, sizeof(blob)) : plain.len;
		sp_buf_put_cstring(b, "session-bind@openssh.com");
		sp_buf_put_string(b, cases[i].shown != NULL ? blob : plain.data, n);
		sp_buf_put_string(b, id, sizeof(id));
		sp_buf_put_string(b, sp_buf_data(sig), sp_buf_len(sig));
		sp_buf_put_u8(b, 0);
		frame(in, 27, b);
		assert_int_equal(sp_ssh_agent_handle(a, in, out, NOW, &news), 0);
		if ((news.outcome == SP_SSH_AGENT_BOUND) != cases[i].is_good ||
		    (!cases[i].is_good && strstr(news.text, "revoked") == NULL))
			fail_msg("case %zu: %s", i, news.text);
		sp_ssh_agent_free(a);
		sp_ssh_key_free(host);
		sp_ssh_key_free(revoked);
		sp_buf_free(b);
		sp_buf_free(sig);
		sp_buf_free(in);
		sp_buf_free(out);
	}
}

/* Fingerprints of host keys: of a key alone, or of the one in a certificate, by whomever; never of one that is revoked. */
static void
test_fingerprints(void **state)
{
	static const struct {
		const char *expected, *shown, *revoked;
		uint8_t algorithm;
		bool is_good;
	} cases[] = { { "ecdsa256", NULL, NULL, 3, true }, { "ecdsa256", "other_ca-cert.pub", NULL, 3, true },
		{ "ecdsa384", NULL, NULL, 3, false }, { "ecdsa256", NULL, NULL, 4, false },
		{ "ecdsa384", "other_ca-cert.pub", NULL, 3, false }, { "ecdsa256", NULL, "ecdsa256", 3, false },
		{ "ecdsa256", "other_ca-cert.pub", "ecdsa256", 3, false } };
	uint8_t blob[8192], id[ID_LEN] = { 0 };
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sp_ssh_key *host = key_of("ecdsa256"), *expected = key_of(cases[i].expected);
		struct sp_buf *b = sp_buf_new(0), *sig = sp_buf_new(0), *in = sp_buf_new(0), *out = sp_buf_new(0);
		struct sp_view plain = sp_ssh_key_blob(host), over = { id, sizeof(id) }, print = sp_ssh_key_blob(expected);
		struct sp_sshfp_set set = { .n = 1 };
		struct sp_ssh_agent_news news;
		struct sp_ssh_agent *a = NULL;
		unsigned len = 0;

		set.keys[0].algorithm = cases[i].algorithm;
		assert_int_equal(EVP_Digest(print.data, print.len, set.keys[0].digest, &len, EVP_sha256(), NULL), 1);
		assert_int_equal(sp_ssh_agent_new(key_of("ed25519"), "deploy", NULL, 0, &a), 0);
		sp_ssh_agent_expect(a, &set);
		if (cases[i].revoked != NULL)
			assert_int_equal(sp_ssh_agent_revoke(a, plain), 0);
		if (cases[i].shown == NULL)
			assert_int_equal(sp_ssh_agent_is_expected(a, plain), cases[i].is_good);
		assert_int_equal(sp_ssh_key_sign(host, 0, over, sig), 0);
		n = cases[i].shown != NULL ? blob_of(cases[i].shown, blob, sizeof(blob)) : plain.len;
		sp_buf_put_cstring(b, "session-bind@openssh.com");
		sp_buf_put_string(b, cases[i].shown != NULL ? blob : plain.data, n);
		sp_buf_put_string(b, id, sizeof(id));
		sp_buf_put_string(b, sp_buf_data(sig), sp_buf_len(sig));
		sp_buf_put_u8(b, 0);
		frame(in, 27, b);
		assert_int_equal(sp_ssh_agent_handle(a, in, out, NOW, &news), 0);
		if ((news.outcome == SP_SSH_AGENT_BOUND) != cases[i].is_good)
			fail_msg("case %zu: %s", i, news.text);
		sp_ssh_agent_free(a);
		sp_ssh_key_free(host);
		sp_ssh_key_free(expected);
		sp_buf_free(b);
		sp_buf_free(sig);
		sp_buf_free(in);
		sp_buf_free(out);
	}
}

static void
test_host_keys_limit(void **state)
{
	struct sp_ssh_key *key = key_of("ecdsa256");
	struct sp_view view = sp_ssh_key_blob(key), junk = { (const uint8_t *)"junk", 4 };
	struct sp_ssh_agent *a = NULL;
	unsigned i;

	(void)state;
	assert_int_equal(sp_ssh_agent_new(key_of("ed25519"), "deploy", &view, 1, &a), 0);
	assert_int_not_equal(sp_ssh_agent_pin(a, junk), 0);
	for (i = 1; i < SP_SSH_AGENT_HOST_KEYS_MAX; i++)
		assert_int_equal(sp_ssh_agent_pin(a, view), 0);
	assert_int_equal(sp_ssh_agent_pin(a, view), SP_ERR_LIMIT);
	for (i = 0; i < SP_SSH_AGENT_HOST_KEYS_MAX; i++)
		assert_int_equal(sp_ssh_agent_revoke(a, junk), 0);
	assert_int_equal(sp_ssh_agent_revoke(a, junk), SP_ERR_LIMIT);
	sp_ssh_agent_free(a);
	sp_ssh_key_free(key);
}

/* Cut at every byte, and every byte another one: the signature covers all of it. */
static void
test_certificates_changed(void **state)
{
	uint8_t blob[8192];
	size_t i, n = blob_of("good_ed-cert.pub", blob, sizeof(blob));

	(void)state;
	for (i = 0; i < n; i++) {
		struct sp_view cut = { blob, i };
		struct sp_ssh_key *key = NULL;
		struct sp_ssh_cert cert;

		assert_int_not_equal(sp_ssh_cert_parse(cut, &cert, &key), 0);
		blob[i] ^= 1;
		if (bind_with(blob, n, "ed25519_pkcs8", "web1.internal", NOW) == SP_SSH_AGENT_BOUND)
			fail_msg("byte %zu", i);
		blob[i] ^= 1;
	}
}

/* RSA signs with SHA-2 only, under its own names. */
static void
test_rsa(void **state)
{
	static const struct {
		uint32_t flags;
		const char *name;
	} good[] = { { SP_SSH_KEY_SHA2_256, "rsa-sha2-256" }, { SP_SSH_KEY_SHA2_512, "rsa-sha2-512" } };
	struct sp_ssh_key *key = key_of("rsa3072");
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++)
		assert_string_equal(sp_ssh_key_algorithm(key, good[i].flags), good[i].name);
	assert_null(sp_ssh_key_algorithm(key, 0));
	assert_null(sp_ssh_key_algorithm(key, 6));
	sp_ssh_key_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_keys_encrypted),
		cmocka_unit_test(test_keys_cut),
		cmocka_unit_test(test_keys_changed),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_attacks),
		cmocka_unit_test(test_attacks_certified),
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_certificate_of_a_way),
		cmocka_unit_test(test_certificate_of_a_command),
		cmocka_unit_test(test_certificate_refused),
		cmocka_unit_test(test_host_certificate),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_rsa),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_certificates_changed),
		cmocka_unit_test(test_certificate_of_a_pinned_key),
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_fingerprints),
		cmocka_unit_test(test_host_keys_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
