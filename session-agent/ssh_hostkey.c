/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host keys that DNS has fingerprints of. OpenSSH's client, which has no network, asks about the key that the host has shown
 * (KnownHostsCommand): the answer is that key as a line of known_hosts, or nothing. The agent knows the same fingerprints, and
 * binds to no other key.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/text.h"
#include "proto/ssh_cert.h"
#include "session-agent/ssh_dns.h"
#include "session-agent/ssh_proxy.h"

int
sp_ssh_hostkey_learn(struct sp_ssh_proxy *px, const struct sp_policy_connection *c, char why[SP_SSH_DNS_WHY_MAX])
{
	bool is_only_way = c->nhost_keys + c->nhost_authorities == 0 && c->known_hosts[0] == '\0';
	struct sp_sshfp_set set;
	int r;

	why[0] = '\0';
	if (!c->is_sshfp)
		return 0;
	r = sp_ssh_dns_lookup(c->host, &set, why);
	if (r == 0)
		sp_ssh_agent_expect(px->agent, &set);
	else if (!is_only_way)
		r = sp_ssh_transport_note(px, why);
	return r;
}

/* Appends the line, if the key (or the one in a certificate) is one that is expected. */
static int
hostkey_line(const struct sp_ssh_proxy *px, const struct sp_policy_connection *c, struct sp_view base64, struct sp_buf *out)
{
	struct sp_buf *blob = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	struct sp_ssh_key *key = NULL;
	struct sp_ssh_cert cert;
	struct sp_view v;
	int r = blob == NULL ? SP_ERR_NOMEM : sp_text_base64_decode(blob, (const char *)base64.data, base64.len);

	if (r == 0) {
		v.data = sp_buf_data(blob);
		v.len = sp_buf_len(blob);
		r = sp_ssh_cert_is(v) ? sp_ssh_cert_parse(v, &cert, &key) : sp_ssh_key_public(v, &key);
	}
	if (r == 0 && px->agent != NULL && sp_ssh_agent_is_expected(px->agent, sp_ssh_key_blob(key))) {
		sp_buf_putf(out, "%s %s ", c->host, sp_ssh_key_type(key));
		sp_text_base64_encode(out, sp_ssh_key_blob(key).data, sp_ssh_key_blob(key).len);
		sp_buf_putf(out, "\n");
		r = sp_buf_error(out);
	}
	sp_ssh_key_free(key);
	sp_buf_free(blob);
	return r;
}

int
sp_ssh_hostkey_answer(struct sp_ssh_proxy *px, struct sp_view base64, int out, int done)
{
	const struct sp_policy_connection *c = sp_ssh_proxy_connection(px);
	struct sp_buf *line = sp_buf_new(SP_SSH_HOSTKEY_LINE_MAX);
	struct stat st;
	int r = line == NULL ? SP_ERR_NOMEM : 0;

	if (r == 0 && c != NULL && c->is_sshfp && hostkey_line(px, c, base64, line) != 0)
		sp_buf_reset(line); /* a key that cannot be read is no key that is known */
	/* A pipe that is full is not our client's: nothing waits for it. */
	if (r == 0 && (fstat(out, &st) != 0 || !S_ISFIFO(st.st_mode) || fcntl(out, F_SETFL, O_NONBLOCK) != 0 ||
			  write(out, sp_buf_data(line), sp_buf_len(line)) != (ssize_t)sp_buf_len(line) ||
			  send(done, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1))
		r = SP_ERR_PROTOCOL;
	sp_buf_free(line);
	return r;
}
