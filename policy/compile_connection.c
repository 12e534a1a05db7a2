/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hosts.h"
#include "lib/text.h"
#include "policy/compile.h"

static const char *const sp_compile_kinds[] = {"postgres", "mysql", "kubernetes", "ssh", "http", "shell", "command",
    NULL};

/* host:port, [v6]:port, or /directory for a Unix socket. */
static void
sp_compile_address(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	const char *s = sp_compile_string(c, n, SP_POLICY_STRING_MAX), *colon = strrchr(s, ':');
	size_t len = strlen(s);
	unsigned long port;
	char *end, *host;

	if (s[0] == 0)
		return;
	if (s[0] == '/') {
		ret->host = s;
		ret->port = ret->kind == SP_POLICY_KIND_POSTGRES ? 5432 : 0;
		return;
	}
	if (colon != NULL && colon[1] >= '0' && colon[1] <= '9') {
		port = strtoul(colon + 1, &end, 10);
		len = (size_t)(colon - s);
		if (*end == 0 && port > 0 && port <= UINT16_MAX)
			ret->port = (uint16_t)port;
	}
	host = sp_compile_alloc(c, len + 1, 1);
	if (host == NULL)
		return;
	memcpy(host, s, len);
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = 0;
		host++;
	} else if (strchr(host, ':') != NULL) {
		len = 0;
	}
	if (ret->port == 0 || len == 0 || host[0] == 0 || strpbrk(host, " /@,[]") != NULL)
		sp_yaml_error(n, c->diags, "host:port, [IPv6]:port, or the directory of a Unix socket",
		    "\"%s\" is no address", s);
	ret->host = host;
}

static bool
sp_compile_is_local(const char *host)
{
	return host[0] == '/' || strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static void
sp_compile_tls(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	static const char *const keys[] = {"mode", "ca", "server_name", NULL};
	static const char *const modes[] = {"verify-full", "verify-ca", "disable", NULL};
	const struct sp_yaml_node *mode = sp_yaml_get(n, "mode"), *ca = sp_yaml_get(n, "ca");
	size_t i = 0;

	if (n == NULL || sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (mode != NULL && sp_yaml_enum(mode, modes, c->diags, &i) != 0)
		return;
	ret->tls = (enum sp_policy_tls)(SP_POLICY_TLS_VERIFY_FULL + i);
	if (ca != NULL) {
		ret->tls_ca = sp_compile_string(c, ca, SP_POLICY_STRING_MAX);
		if (ret->tls_ca[0] != '/')
			sp_yaml_error(ca, c->diags, NULL, "expected an absolute path");
	}
	if (sp_yaml_get(n, "server_name") != NULL)
		ret->tls_server_name = sp_compile_string(c, sp_yaml_get(n, "server_name"), SP_POLICY_STRING_MAX);
	if (ret->tls == SP_POLICY_TLS_DISABLE && !sp_compile_is_local(ret->host))
		sp_yaml_error(mode, c->diags, "use verify-full", "TLS can be off only for an address on this machine");
}

/* A program and its arguments, as one text of words separated by newlines; a path alone is a program without any. */
static const char *
sp_compile_exec(struct sp_compile *c, const struct sp_yaml_node *n)
{
	struct sp_model_strings words = {.s = NULL};
	size_t len = 0;
	char *text, *p;

	sp_compile_strings(c, n, &words);
	if (words.s == NULL)
		return "";
	for (size_t i = 0; i < words.n; i++) {
		if (words.s[i][0] == '\0' || !sp_text_is_plain(words.s[i], strlen(words.s[i]))) {
			sp_yaml_error(n, c->diags, NULL, "expected words without control characters");
			return "";
		}
		len += strlen(words.s[i]) + 1;
	}
	if (words.n > SP_POLICY_EXEC_WORDS_MAX || len > SP_POLICY_STRING_MAX) {
		sp_yaml_error(n, c->diags, NULL, "expected at most %d words of %d bytes together", SP_POLICY_EXEC_WORDS_MAX,
		    (int)SP_POLICY_STRING_MAX);
		return "";
	}
	text = p = sp_compile_alloc(c, len, 1);
	if (text == NULL)
		return "";
	for (size_t i = 0; i < words.n; i++) {
		p = stpcpy(p, words.s[i]);
		*p++ = '\n';
	}
	p[-1] = '\0';
	return text;
}

void
sp_compile_secret(struct sp_compile *c, const struct sp_yaml_node *n, const char *what, enum sp_policy_secret *ret,
    const char **ret_value)
{
	static const char *const sources[] = {"file", "systemd-credential", "vault", "exec", NULL};
	size_t i;

	if (sp_yaml_type(n) == SP_YAML_SCALAR) {
		sp_yaml_error(n, c->diags, "put it into a file: { file: /etc/sallyport/secrets/NAME }",
		    "a %s does not belong in a policy", what);
		return;
	}
	if (sp_yaml_check_keys(n, sources, c->diags) != 0)
		return;
	if (sp_yaml_count(n) != 1) {
		sp_yaml_error(n, c->diags, NULL, "expected one of file, systemd-credential, vault, exec");
		return;
	}
	for (i = 0; strcmp(sources[i], sp_yaml_key(n, 0)) != 0;)
		i++;
	*ret = (enum sp_policy_secret)(SP_POLICY_SECRET_FILE + i);
	*ret_value = *ret == SP_POLICY_SECRET_EXEC ? sp_compile_exec(c, sp_yaml_item(n, 0)) :
						     sp_compile_string(c, sp_yaml_item(n, 0), SP_POLICY_STRING_MAX);
	if ((*ret == SP_POLICY_SECRET_FILE || *ret == SP_POLICY_SECRET_EXEC) && (*ret_value)[0] != '/')
		sp_yaml_error(sp_yaml_item(n, 0), c->diags, NULL, "expected an absolute path");
}

static void
sp_compile_login(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	static const char *const keys[] = {"user", "password", NULL};
	const struct sp_yaml_node *password = sp_yaml_get(n, "password");

	if (n == NULL || sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_get(n, "user") == NULL)
		sp_yaml_error(n, c->diags, NULL, "user is missing");
	ret->login_user = sp_compile_string(c, sp_yaml_get(n, "user"), SP_POLICY_STRING_MAX);
	if (password != NULL)
		sp_compile_secret(c, password, "password", &ret->secret, &ret->secret_value);
}

static void
sp_compile_tools(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	static const char *const postgres[] = {"psql"};
	struct sp_model_strings s = {0};

	if (n != NULL) {
		sp_compile_strings(c, n, &s);
		ret->ntools = s.n;
		ret->tools = s.s;
	} else if (ret->kind == SP_POLICY_KIND_POSTGRES) {
		ret->ntools = 1;
		ret->tools = postgres;
	}
}

static void
sp_compile_defaults(struct sp_policy_connection *ret)
{
	ret->kind = SP_POLICY_KIND_POSTGRES;
	ret->tls = SP_POLICY_TLS_VERIFY_FULL;
	ret->durability = SP_POLICY_DURABILITY_PROCESS;
	ret->secret = SP_POLICY_SECRET_NONE;
	ret->login = SP_POLICY_LOGIN_PASSWORD;
	ret->name = ret->host = ret->database = ret->tls_ca = ret->tls_server_name = ret->login_user =
	    ret->secret_value = ret->banner = ret->known_hosts = ret->jump = ret->principal = ret->run_as =
		ret->directory = "";
}

/* The keys that a connection of the kind may have. */
static const char *const *
sp_compile_connection_keys(enum sp_policy_kind kind)
{
	static const char *const ssh[] = {"kind", "address", "host_keys", "login", "jump", "labels", "durability", "idle",
	    "max", "banner", "record_input", "lines", "tools", "forward", NULL};
	static const char *const shell[] = {"kind", "run_as", "directory", "environment", "secrets", "labels", "durability",
	    "idle", "max", "banner", "record_input", NULL};
	static const char *const command[] = {"kind", "command", "parameters", "run_as", "directory", "environment", "secrets",
	    "labels", "durability", "idle", "max", "banner", "record_input", NULL};
	static const char *const postgres[] = {"kind", "address", "database", "tls", "login", "labels", "durability",
	    "idle", "max", "tools", "forward", NULL};
	static const char *const others[] = {"kind", "address", "database", "tls", "login", "labels", "durability", "idle",
	    "max", "tools", NULL};

	return kind == SP_POLICY_KIND_SSH ? ssh :
	    kind == SP_POLICY_KIND_SHELL  ? shell :
	    kind == SP_POLICY_KIND_COMMAND ? command :
	    kind == SP_POLICY_KIND_POSTGRES ? postgres :
					     others;
}

/* What makes the target: where it is and how to get in. */
static void
sp_compile_target(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	if (ret->kind == SP_POLICY_KIND_SHELL || ret->kind == SP_POLICY_KIND_COMMAND) {
		sp_compile_program(c, n, ret);
		return;
	}
	if (sp_yaml_get(n, "address") != NULL)
		sp_compile_address(c, sp_yaml_get(n, "address"), ret);
	else
		sp_yaml_error(n, c->diags, "address: host:port", "the connection \"%s\" has no address", ret->name);
	if (ret->kind == SP_POLICY_KIND_SSH) {
		sp_compile_ssh(c, n, ret);
		return;
	}
	if (sp_yaml_get(n, "database") != NULL)
		ret->database = sp_compile_string(c, sp_yaml_get(n, "database"), SP_POLICY_STRING_MAX);
	sp_compile_tls(c, sp_yaml_get(n, "tls"), ret);
	if (ret->tls_server_name[0] == 0 && ret->host[0] != '/')
		ret->tls_server_name = ret->host;
	sp_compile_login(c, sp_yaml_get(n, "login"), ret);
}

/* Its name becomes a host's, in what a client asks sshd for. */
static void
sp_compile_forward(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret)
{
	if (n == NULL || sp_yaml_bool(n, c->diags, &ret->is_forwarded) != 0 || !ret->is_forwarded)
		return;
	if (!sp_hosts_is_name(ret->name, strlen(ret->name)))
		sp_yaml_error(n, c->diags, "use a-z, 0-9, -, _ and . in its name, beginning with a letter",
		    "the connection \"%s\" cannot be forwarded to by that name", ret->name);
}

void
sp_compile_connection(struct sp_compile *c, const char *name, const struct sp_yaml_node *n,
    struct sp_policy_connection *ret)
{
	static const char *const durabilities[] = {"process", "disk", NULL};
	struct sp_policy_terms terms = {.banner = ""};
	size_t i;

	sp_compile_defaults(ret);
	ret->name = sp_model_string(c->m, name);
	if (ret->name == NULL) {
		ret->name = "";
		c->error = SP_ERR_NOMEM;
	}
	if (sp_yaml_need(n, SP_YAML_MAPPING, c->diags) != 0)
		return;
	if (sp_yaml_get(n, "kind") == NULL)
		sp_yaml_error(n, c->diags, "kind: postgres", "the connection \"%s\" has no kind", name);
	else if (sp_yaml_enum(sp_yaml_get(n, "kind"), sp_compile_kinds, c->diags, &i) == 0)
		ret->kind = (enum sp_policy_kind)(SP_POLICY_KIND_POSTGRES + i);
	if (sp_yaml_check_keys(n, sp_compile_connection_keys(ret->kind), c->diags) != 0)
		return;
	sp_compile_target(c, n, ret);
	ret->labels = sp_compile_pairs(c, sp_yaml_get(n, "labels"), &ret->nlabels);
	if (sp_yaml_get(n, "durability") != NULL &&
	    sp_yaml_enum(sp_yaml_get(n, "durability"), durabilities, c->diags, &i) == 0)
		ret->durability = (enum sp_policy_durability)(SP_POLICY_DURABILITY_PROCESS + i);
	sp_compile_terms(c, n, &terms);
	ret->idle_seconds = terms.idle_seconds;
	ret->max_seconds = terms.max_seconds;
	ret->records_input = terms.records_input;
	ret->lines = terms.lines;
	ret->banner = terms.banner;
	sp_compile_tools(c, sp_yaml_get(n, "tools"), ret);
	sp_compile_forward(c, sp_yaml_get(n, "forward"), ret);
}
