/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ssh_config.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define CONFIG_CONNECT SP_LIBEXECDIR "/sallyport-ssh-inside connect"
#define CONFIG_HOST_KEY SP_LIBEXECDIR "/sallyport-ssh-inside " SP_SSH_CONFIG_HOST_KEY " %I %K"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* Everything that would open a second channel, ask the person, or read what is not ours, is off by name. */
static const char config_fixed[] =
    "HostName " SP_SSH_CONFIG_TARGET "\n"
    "ProxyCommand " CONFIG_CONNECT "\n"
    "ProxyUseFdpass yes\n"
    "IdentityAgent " SP_SSH_CONFIG_DIRECTORY "/agent\n"
    "IdentityFile none\n"
    "CertificateFile none\n"
    "AddKeysToAgent no\n"
    "PubkeyAuthentication yes\n" /* also where there is no key: only so does the client bind its agent */
    "HostbasedAuthentication no\n"
    "GSSAPIAuthentication no\n"
    "EnableSSHKeysign no\n"
    "StrictHostKeyChecking yes\n"
    "GlobalKnownHostsFile " SP_SSH_CONFIG_DIRECTORY "/known_hosts\n"
    "UserKnownHostsFile none\n"
    "RevokedHostKeys none\n"
    "UpdateHostKeys no\n"
    "CheckHostIP no\n"
    "VerifyHostKeyDNS no\n"
    "NoHostAuthenticationForLocalhost no\n"
    "CanonicalizeHostname no\n"
    "ClearAllForwardings yes\n"
    "ForwardAgent no\n"
    "ForwardX11 no\n"
    "ForwardX11Trusted no\n"
    "GatewayPorts no\n"
    "Tunnel no\n"
    "StdinNull no\n"
    "ForkAfterAuthentication no\n"
    "SessionType default\n"
    "PermitLocalCommand no\n"
    "LocalCommand none\n"
    "RemoteCommand none\n"
    "ControlMaster no\n"
    "ControlPath none\n"
    "ControlPersist no\n"
    "EscapeChar none\n"
    "SendEnv -*\n"
    "Compression no\n"
    "Ciphers ^aes128-gcm@openssh.com,aes256-gcm@openssh.com\n" /* the others as well, but these are the fastest */
    "ConnectTimeout 30\n"
    "ConnectionAttempts 1\n"
    "TCPKeepAlive yes\n"
    "ServerAliveInterval 30\n"
    "ServerAliveCountMax 3\n"
    "LogLevel INFO\n";

static const char config_key[] =
    "PreferredAuthentications publickey\n"
    "PasswordAuthentication no\n"
    "KbdInteractiveAuthentication no\n"
    "NumberOfPasswordPrompts 0\n"
    "BatchMode yes\n";

/* Whoever asks does so through SSH_ASKPASS, and the session answers once. */
static const char config_password[] =
    "PreferredAuthentications publickey,password,keyboard-interactive\n"
    "PasswordAuthentication yes\n"
    "KbdInteractiveAuthentication yes\n"
    "NumberOfPasswordPrompts 1\n"
    "BatchMode no\n";

const char *
sp_ssh_config_problem(const struct sp_policy_connection *c)
{
	if (!c->is_sshfp && c->nhost_keys + c->nhost_authorities == 0 && c->known_hosts[0] == '\0')
		return "nothing says how the host is known (host_keys): call an administrator";
	return NULL;
}

/* A login name that is one word to OpenSSH's reader and to the target, and no option. */
static bool
config_is_login(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= SP_SSH_CONFIG_LOGIN_MAX && s[0] != '-' && strspn(s, NAME_CHARACTERS "@+") == n;
}

static bool
config_is_host(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && s[0] != '-' && strspn(s, NAME_CHARACTERS ":") == n;
}

int
sp_ssh_config_address(const struct sp_policy_connection *c, char ret_address[SP_SSH_CONFIG_ADDRESS_MAX])
{
	int n = snprintf(ret_address, SP_SSH_CONFIG_ADDRESS_MAX, strchr(c->host, ':') != NULL ? "[%s]:%u" : "%s:%u", c->host,
	    c->port);

	return config_is_host(c->host) && c->port != 0 && n > 0 && n < SP_SSH_CONFIG_ADDRESS_MAX ? 0 : SP_ERR_INVALID;
}

int
sp_ssh_config_write(const struct sp_policy_connection *c, struct sp_buf *out)
{
	if (sp_ssh_config_problem(c) != NULL)
		return SP_ERR_UNSUPPORTED;
	if (!config_is_login(c->login_user) || !config_is_host(c->host) || c->port == 0)
		return SP_ERR_INVALID;
	sp_buf_putf(out, "Host " SP_SSH_CONFIG_TARGET "\nHostKeyAlias %s\nPort %u\nUser %s\n", c->host, c->port,
	    c->login_user);
	sp_buf_put(out, config_fixed, sizeof(config_fixed) - 1);
	sp_buf_putf(out, "KnownHostsCommand %s\n", c->is_sshfp ? CONFIG_HOST_KEY : "none");
	if (c->login == SP_POLICY_LOGIN_PASSWORD)
		sp_buf_put(out, config_password, sizeof(config_password) - 1);
	else
		sp_buf_put(out, config_key, sizeof(config_key) - 1);
	return sp_buf_error(out);
}

bool
sp_ssh_config_is_password_prompt(const struct sp_policy_connection *c, const char *prompt)
{
	char want[512];
	int n = snprintf(want, sizeof(want), "%s@%s's password: ", c->login_user, c->host);

	if (n < 0 || (size_t)n >= sizeof(want))
		return false;
	if (strcmp(prompt, want) == 0)
		return true;
	n = snprintf(want, sizeof(want), "(%s@%s) ", c->login_user, c->host);
	return strncmp(prompt, want, (size_t)n) == 0 && strcasestr(prompt + n, "password") != NULL &&
	    strcasestr(prompt + n, "new password") == NULL && strcasestr(prompt + n, "one-time") == NULL;
}

/* The two words of "TYPE BASE64 comment". */
static int
config_split(const char *line, size_t *ret_type, const char **ret_base64, size_t *ret_n)
{
	*ret_type = strspn(line, NAME_CHARACTERS "@");
	if (*ret_type == 0 || line[*ret_type] != ' ')
		return SP_ERR_INVALID;
	*ret_base64 = line + *ret_type + 1;
	*ret_n = strspn(*ret_base64, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=");
	return *ret_n > 0 && ((*ret_base64)[*ret_n] == '\0' || (*ret_base64)[*ret_n] == ' ') ? 0 : SP_ERR_INVALID;
}

static int
config_put_known(const char *marker, const char *host, const char *const *lines, size_t count, struct sp_buf *out)
{
	const char *base64;
	size_t i, type, n;
	int r = 0;

	for (i = 0; r == 0 && i < count; i++) {
		r = config_split(lines[i], &type, &base64, &n);
		if (r == 0)
			r = sp_buf_putf(out, "%s%s %.*s %.*s\n", marker, host, (int)type, lines[i], (int)n, base64);
	}
	return r;
}

static int
config_put_found(const char *host, struct sp_view found, struct sp_buf *out)
{
	static const char *const markers[] = { [SP_SSH_KNOWN_KEY] = "", [SP_SSH_KNOWN_AUTHORITY] = "@cert-authority ",
		[SP_SSH_KNOWN_REVOKED] = "@revoked " };
	struct sp_ssh_known known;
	int r = 0;

	while (r == 0) {
		r = sp_ssh_known_next(&found, &known);
		if (r == 0)
			r = sp_buf_putf(out, "%s%s %.*s %.*s\n", markers[known.what], host, (int)known.type.len,
			    (const char *)known.type.data, (int)known.base64.len, (const char *)known.base64.data);
	}
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

int
sp_ssh_config_known_hosts(const struct sp_policy_connection *c, struct sp_view found, struct sp_buf *out)
{
	int r = config_is_host(c->host) ? 0 : SP_ERR_INVALID;

	if (r == 0)
		r = config_put_known("", c->host, c->host_keys, c->nhost_keys, out);
	if (r == 0)
		r = config_put_known("@cert-authority ", c->host, c->host_authorities, c->nhost_authorities, out);
	if (r == 0)
		r = config_put_found(c->host, found, out);
	return r == 0 ? sp_buf_error(out) : r;
}

static int
config_decode(const char *line, struct sp_buf *out)
{
	const char *base64;
	size_t type, n;
	int r = config_split(line, &type, &base64, &n);

	return r == 0 ? sp_text_base64_decode(out, base64, n) : SP_ERR_FORMAT;
}

int
sp_ssh_config_host_key(const struct sp_policy_connection *c, size_t i, struct sp_buf *out)
{
	sp_buf_reset(out);
	return i < c->nhost_keys ? config_decode(c->host_keys[i], out) : SP_ERR_NOT_FOUND;
}

int
sp_ssh_config_authority(const struct sp_policy_connection *c, size_t i, struct sp_buf *out)
{
	sp_buf_reset(out);
	return i < c->nhost_authorities ? config_decode(c->host_authorities[i], out) : SP_ERR_NOT_FOUND;
}
