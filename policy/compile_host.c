/* SPDX-License-Identifier: Apache-2.0 */
/* What only connections of kinds ssh, shell and command have. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "policy/compile.h"

#define SP_COMPILE_CA "/etc/sallyport/secrets/ssh-ca" /* where it is not given */
#define SP_COMPILE_CERTIFICATE 120	/* seconds: `for` of a certificate where it is not given */
#define SP_COMPILE_CERTIFICATE_MAX 3600 /* seconds */
#define SP_COMPILE_KEY_MAX 16384	/* bytes of a public key in base64 */

/* --- ssh -------------------------------------------------------------------------------------------- */

/* "TYPE BASE64 comment": the key must name its own type. The comment goes. */
static bool
sp_compile_is_key(char *s)
{
	static const char *const types[] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	    "ssh-rsa", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", NULL};
	size_t type = strcspn(s, " "), data = s[type] == 0 ? 0 : strcspn(s + type + 1, " "), i;
	struct sp_buf *b;
	struct sp_view v;
	bool is_good = false;

	for (i = 0; types[i] != NULL && (strncmp(s, types[i], type) != 0 || types[i][type] != 0);)
		i++;
	b = types[i] == NULL || data == 0 ? NULL : sp_buf_new(SP_COMPILE_KEY_MAX);
	if (b != NULL && sp_text_base64_decode(b, s + type + 1, data) == 0 && sp_buf_get_view(b, 64, &v) == 0 &&
	    v.len == type && memcmp(v.data, s, type) == 0 && sp_buf_len(b) > 0) {
		s[type + 1 + data] = 0;
		is_good = true;
	}
	sp_buf_free(b);
	return is_good;
}

static const char *const *
sp_compile_keys(struct sp_compile *c, const struct sp_yaml_node *n, size_t *ret_n)
{
	struct sp_model_strings s = {0};

	sp_compile_strings(c, n, &s);
	for (size_t i = 0; i < s.n; i++) {
		char *copy = sp_compile_alloc(c, strlen(s.s[i]) + 1, 1);

		if (copy == NULL)
			return NULL;
		memcpy(copy, s.s[i], strlen(s.s[i]) + 1);
		s.s[i] = copy;
		if (!sp_compile_is_key(copy))
			sp_yaml_error(sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, i) : n, c->diags,
			    "a line of the host's /etc/ssh/ssh_host_*_key.pub, such as \"ssh-ed25519 AAAA...\"",
			    "this is no public key");
	}
	*ret_n = s.n;
	return s.s;
}

static const char *
sp_compile_path(struct sp_compile *c, const struct sp_yaml_node *n)
{
	const char *s = sp_compile_string(c, n, SP_POLICY_STRING_MAX);

	if (s[0] != 0 && s[0] != '/')
		sp_yaml_error(n, c->diags, NULL, "expected an absolute path");
	return s;
}

static void
sp_compile_host_keys(struct sp_compile *c, const struct sp_yaml_node *parent, struct sp_policy_connection *ret)
{
	static const char *const keys[] = {"pinned", "cert_authority", "known_hosts", "sshfp", NULL};
	const struct sp_yaml_node *n = sp_yaml_get(parent, "host_keys");

	if (n == NULL) {
		sp_yaml_error(parent, c->diags, "host_keys: [\"ssh-ed25519 AAAA...\"]",
		    "the connection \"%s\" does not say how its host is known", ret->name);
		return;
	}
	if (sp_yaml_type(n) != SP_YAML_MAPPING) {
		ret->host_keys = sp_compile_keys(c, n, &ret->nhost_keys);
		return;
	}
	if (sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_get(n, "pinned") != NULL)
		ret->host_keys = sp_compile_keys(c, sp_yaml_get(n, "pinned"), &ret->nhost_keys);
	if (sp_yaml_get(n, "cert_authority") != NULL)
		ret->host_authorities = sp_compile_keys(c, sp_yaml_get(n, "cert_authority"), &ret->nhost_authorities);
	if (sp_yaml_get(n, "known_hosts") != NULL)
		ret->known_hosts = sp_compile_path(c, sp_yaml_get(n, "known_hosts"));
	if (sp_yaml_get(n, "sshfp") != NULL && sp_yaml_bool(sp_yaml_get(n, "sshfp"), c->diags, &ret->is_sshfp) != 0)
		return;
	if (ret->nhost_keys + ret->nhost_authorities == 0 && ret->known_hosts[0] == 0 && !ret->is_sshfp)
		sp_yaml_error(n, c->diags, NULL, "expected pinned, cert_authority, known_hosts or sshfp: true");
}

/* Whether no bit is set behind the prefix. */
static bool
sp_compile_is_base(const struct sp_model_network *n)
{
	for (unsigned bit = n->prefix; bit < (n->is_v6 ? 128u : 32u); bit++)
		if ((n->address[bit / 8] & (0x80u >> (bit % 8))) != 0)
			return false;
	return true;
}

/* As OpenSSH takes them: no bit set behind the prefix. */
static void
sp_compile_sources(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	struct sp_model_strings s = {0};
	struct sp_model_network network;

	sp_compile_strings(c, n, &s);
	ret->source_addresses = s.s;
	ret->nsource_addresses = s.n;
	for (size_t i = 0; i < s.n; i++)
		if (!sp_compile_network(s.s[i], &network) || !sp_compile_is_base(&network))
			sp_yaml_error(sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, i) : n, c->diags,
			    "for example 10.1.0.0/16", "\"%s\" is no network", s.s[i]);
}

static void
sp_compile_certificate(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	static const char *const keys[] = {"ca", "principal", "for", "source_address", NULL};
	bool is_wanted = false;

	ret->login = SP_POLICY_LOGIN_CERTIFICATE;
	ret->certificate_seconds = SP_COMPILE_CERTIFICATE;
	ret->principal = ret->login_user;
	ret->secret = SP_POLICY_SECRET_FILE;
	ret->secret_value = SP_COMPILE_CA;
	if (sp_yaml_type(n) == SP_YAML_SCALAR) {
		if (sp_yaml_bool(n, c->diags, &is_wanted) == 0 && !is_wanted)
			sp_yaml_error(n, c->diags, "leave it out", "a login without a certificate has no certificate key");
		return;
	}
	if (sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_get(n, "ca") != NULL)
		sp_compile_secret(c, sp_yaml_get(n, "ca"), "CA's private key", &ret->secret, &ret->secret_value);
	if (sp_yaml_get(n, "source_address") != NULL)
		sp_compile_sources(c, sp_yaml_get(n, "source_address"), ret);
	if (sp_yaml_get(n, "principal") != NULL)
		ret->principal = sp_compile_string(c, sp_yaml_get(n, "principal"), SP_POLICY_STRING_MAX);
	if (strpbrk(ret->principal, ",*?! \t\r\n") != NULL) /* to sshd a list, or a pattern */
		sp_yaml_error(sp_yaml_get(n, "principal") != NULL ? sp_yaml_get(n, "principal") : n, c->diags, NULL,
		    "a principal is one name");
	if (sp_yaml_get(n, "for") != NULL && sp_yaml_duration(sp_yaml_get(n, "for"), 10, SP_COMPILE_CERTIFICATE_MAX,
					       c->diags, &ret->certificate_seconds) != 0)
		ret->certificate_seconds = SP_COMPILE_CERTIFICATE;
}

static void
sp_compile_host_login(struct sp_compile *c, const struct sp_yaml_node *parent, struct sp_policy_connection *ret)
{
	static const char *const keys[] = {"user", "key", "password", "certificate", NULL};
	const struct sp_yaml_node *n = sp_yaml_get(parent, "login"), *key = sp_yaml_get(n, "key"),
				  *password = sp_yaml_get(n, "password"), *certificate = sp_yaml_get(n, "certificate");

	if (n == NULL) {
		sp_yaml_error(parent, c->diags, "login: { user: NAME, certificate: true }", "the connection \"%s\" has no login",
		    ret->name);
		return;
	}
	if (sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_get(n, "user") == NULL)
		sp_yaml_error(n, c->diags, NULL, "user is missing");
	ret->login_user = sp_compile_string(c, sp_yaml_get(n, "user"), SP_POLICY_STRING_MAX);
	if ((key != NULL) + (password != NULL) + (certificate != NULL) != 1) {
		sp_yaml_error(n, c->diags, NULL, "expected one of key, password, certificate");
		return;
	}
	if (certificate != NULL) {
		sp_compile_certificate(c, certificate, ret);
		return;
	}
	ret->login = key != NULL ? SP_POLICY_LOGIN_KEY : SP_POLICY_LOGIN_PASSWORD;
	sp_compile_secret(c, key != NULL ? key : password, key != NULL ? "key" : "password", &ret->secret,
	    &ret->secret_value);
}

void
sp_compile_ssh(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	sp_compile_host_keys(c, n, ret);
	sp_compile_host_login(c, n, ret);
	if (ret->host[0] == '/')
		sp_yaml_error(sp_yaml_get(n, "address"), c->diags, "host:port", "ssh goes to a host, not to a file");
	if (sp_yaml_get(n, "jump") != NULL)
		ret->jump = sp_compile_string(c, sp_yaml_get(n, "jump"), SP_POLICY_NAME_MAX);
}

/* --- shell, command --------------------------------------------------------------------------------- */

static bool
sp_compile_is_variable(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n > 0 && s[n] == 0 && n <= SP_POLICY_NAME_MAX && (s[0] < '0' || s[0] > '9');
}

/* P4: what the person runs, or can type into, would hold it. */
static bool
sp_compile_may_hold(struct sp_compile *c, const struct sp_yaml_node *n, const struct sp_policy_connection *ret)
{
	if (ret->kind != SP_POLICY_KIND_COMMAND)
		sp_yaml_error(n, c->diags, "kind: command, with run_as",
		    "a secret cannot go into a shell: whoever types there could show or send it");
	else if (ret->run_as[0] == 0)
		sp_yaml_error(n, c->diags, "run_as: ACCOUNT",
		    "the command runs as the person, whose processes must not hold a secret");
	else
		return true;
	return false;
}

static void
sp_compile_named_secrets(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	struct sp_policy_named_secret *s;

	if (n == NULL || sp_yaml_need(n, SP_YAML_MAPPING, c->diags) != 0 || !sp_compile_may_hold(c, n, ret))
		return;
	if (sp_yaml_count(n) > SP_POLICY_SECRETS_MAX) {
		sp_yaml_error(n, c->diags, NULL, "more than %d secrets", SP_POLICY_SECRETS_MAX);
		return;
	}
	s = sp_compile_alloc(c, sp_yaml_count(n), sizeof(*s));
	ret->secrets = s;
	ret->nsecrets = s == NULL ? 0 : sp_yaml_count(n);
	for (size_t i = 0; i < ret->nsecrets; i++) {
		s[i].name = sp_compile_string(c, sp_yaml_key_node(n, i), SP_POLICY_NAME_MAX);
		s[i].secret = SP_POLICY_SECRET_FILE;
		s[i].value = "";
		if (!sp_compile_is_variable(s[i].name))
			sp_yaml_error(sp_yaml_key_node(n, i), c->diags, NULL, "a secret's name is that of an environment variable");
		sp_compile_secret(c, sp_yaml_item(n, i), "secret", &s[i].secret, &s[i].value);
		if (s[i].secret != SP_POLICY_SECRET_FILE && s[i].secret != SP_POLICY_SECRET_CREDENTIAL)
			sp_yaml_error(sp_yaml_item(n, i), c->diags, NULL, "a command's secret comes from file or systemd-credential");
	}
}

static void
sp_compile_environment(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	ret->environment = sp_compile_pairs(c, n, &ret->nenvironment);
	for (size_t i = 0; i < ret->nenvironment; i++)
		if (!sp_compile_is_variable(ret->environment[i].name))
			sp_yaml_error(sp_yaml_key_node(n, i), c->diags, NULL, "\"%s\" is no name of a variable",
			    ret->environment[i].name);
}

void
sp_compile_pattern(struct sp_compile *c, const struct sp_yaml_node *n, const char *pattern)
{
	PCRE2_UCHAR text[128] = "";
	PCRE2_SIZE at;
	int err;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &err,
	    &at, NULL);

	if (re == NULL) {
		(void)pcre2_get_error_message(err, text, sizeof(text));
		sp_yaml_error(n, c->diags, NULL, "the pattern is not right at character %zu: %s", (size_t)at + 1,
		    (const char *)text);
	}
	pcre2_code_free(re);
}

/* NAME: PATTERN, or NAME: { pattern: PATTERN, default: VALUE }. */
static void
sp_compile_parameter(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_parameter *p)
{
	static const char *const keys[] = {"pattern", "default", NULL};
	const struct sp_yaml_node *pattern = n;

	p->pattern = p->value = "";
	if (sp_yaml_type(n) == SP_YAML_MAPPING) {
		if (sp_yaml_check_keys(n, keys, c->diags) != 0)
			return;
		pattern = sp_yaml_get(n, "pattern");
		p->is_optional = sp_yaml_get(n, "default") != NULL;
		if (p->is_optional && sp_yaml_text(sp_yaml_get(n, "default")) != NULL &&
		    sp_yaml_text(sp_yaml_get(n, "default"))[0] != 0)
			p->value = sp_compile_string(c, sp_yaml_get(n, "default"), SP_POLICY_PARAMETER_MAX);
	}
	if (pattern == NULL) {
		sp_yaml_error(n, c->diags, "pattern: \"[a-z0-9-]+\"", "a parameter needs a pattern");
		return;
	}
	p->pattern = sp_compile_string(c, pattern, SP_POLICY_STRING_MAX);
	sp_compile_pattern(c, pattern, p->pattern);
}

static void
sp_compile_parameters(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	struct sp_policy_parameter *p;

	if (n == NULL || sp_yaml_need(n, SP_YAML_MAPPING, c->diags) != 0)
		return;
	if (sp_yaml_count(n) > SP_POLICY_LIST_MAX) {
		sp_yaml_error(n, c->diags, NULL, "more than %d items", SP_POLICY_LIST_MAX);
		return;
	}
	p = sp_compile_alloc(c, sp_yaml_count(n), sizeof(*p));
	ret->parameters = p;
	ret->nparameters = p == NULL ? 0 : sp_yaml_count(n);
	for (size_t i = 0; i < ret->nparameters; i++) {
		p[i].name = sp_compile_string(c, sp_yaml_key_node(n, i), SP_POLICY_NAME_MAX);
		if (!sp_compile_is_variable(p[i].name))
			sp_yaml_error(sp_yaml_key_node(n, i), c->diags, NULL, "a parameter's name has letters, digits and _ only");
		sp_compile_parameter(c, sp_yaml_item(n, i), &p[i]);
	}
}

/* Every {name} in a word is a parameter. */
static void
sp_compile_word(struct sp_compile *c, const struct sp_yaml_node *n, const char *word,
    const struct sp_policy_connection *ret)
{
	for (const char *p = strchr(word, '{'); p != NULL; p = strchr(p + 1, '{')) {
		size_t len = strcspn(p + 1, "}"), i;

		for (i = 0; i < ret->nparameters; i++)
			if (strlen(ret->parameters[i].name) == len && memcmp(ret->parameters[i].name, p + 1, len) == 0)
				break;
		if (i == ret->nparameters || p[1 + len] == 0)
			sp_yaml_error(n, c->diags, "parameters: { NAME: PATTERN }", "\"%.*s\" is none of the parameters",
			    (int)(p[1 + len] == 0 ? len + 1 : len + 2), p);
	}
}

static void
sp_compile_command_line(struct sp_compile *c, const struct sp_yaml_node *parent, struct sp_policy_connection *ret)
{
	const struct sp_yaml_node *n = sp_yaml_get(parent, "command");
	struct sp_model_strings s = {0};

	sp_compile_parameters(c, sp_yaml_get(parent, "parameters"), ret);
	if (n == NULL) {
		sp_yaml_error(parent, c->diags, "command: [/usr/bin/terraform, apply]", "the connection \"%s\" has no command",
		    ret->name);
		return;
	}
	sp_compile_strings(c, n, &s);
	ret->command = s.s;
	ret->ncommand = s.n;
	for (size_t i = 0; i < s.n; i++)
		sp_compile_word(c, sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, i) : n, s.s[i], ret);
	if (s.n > 0 && (s.s[0][0] != '/' || strchr(s.s[0], '{') != NULL))
		sp_yaml_error(n, c->diags, "command: [/usr/bin/terraform, apply]",
		    "the first word is the absolute path of a program");
}

/* NAME, or { user: NAME, privileged: true }. */
static void
sp_compile_run_as(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	static const char *const keys[] = {"user", "privileged", NULL};
	const struct sp_yaml_node *user = n;

	if (sp_yaml_type(n) == SP_YAML_MAPPING) {
		if (sp_yaml_check_keys(n, keys, c->diags) != 0)
			return;
		user = sp_yaml_get(n, "user");
		if (user == NULL) {
			sp_yaml_error(n, c->diags, NULL, "user is missing");
			return;
		}
		if (sp_yaml_get(n, "privileged") != NULL &&
		    sp_yaml_bool(sp_yaml_get(n, "privileged"), c->diags, &ret->is_privileged) != 0)
			return;
	}
	ret->run_as = sp_compile_string(c, user, SP_POLICY_NAME_MAX);
	if (ret->run_as[0] == 0)
		return;
	if (!sp_text_is_login(ret->run_as))
		sp_yaml_error(user, c->diags, NULL, "\"%s\" is no login name", ret->run_as);
	else if (strncmp(ret->run_as, "sallyport", strlen("sallyport")) == 0)
		sp_yaml_error(user, c->diags, NULL, "nobody runs anything as an account of Sallyport's own");
	else if (strcmp(ret->run_as, "root") == 0 && !ret->is_privileged)
		sp_yaml_error(user, c->diags, "run_as: { user: root, privileged: true }", "root must be asked for explicitly");
}

void
sp_compile_program(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	if (sp_yaml_get(n, "run_as") != NULL)
		sp_compile_run_as(c, sp_yaml_get(n, "run_as"), ret);
	if (sp_yaml_get(n, "directory") != NULL)
		ret->directory = sp_compile_path(c, sp_yaml_get(n, "directory"));
	sp_compile_environment(c, sp_yaml_get(n, "environment"), ret);
	sp_compile_named_secrets(c, sp_yaml_get(n, "secrets"), ret);
	if (ret->kind == SP_POLICY_KIND_COMMAND)
		sp_compile_command_line(c, n, ret);
}
