/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ssh_hosts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ssh_known.h"
#include "runtime/conffile.h"

/* Whether one of the lines is a way for the host to prove itself. */
static bool
hosts_know(struct sp_view lines)
{
	struct sp_ssh_known known;

	while (sp_ssh_known_next(&lines, &known) == 0)
		if (known.what != SP_SSH_KNOWN_REVOKED)
			return true;
	return false;
}

static int
hosts_find(const struct sp_policy_connection *c, const char *text, struct sp_buf *out, char why[SP_SSH_HOSTS_WHY_MAX])
{
	struct sp_view all = { (const uint8_t *)text, strlen(text) }, found;
	struct sp_ssh_known_fault fault;
	size_t before = sp_buf_len(out);
	int r = sp_ssh_known_find(all, c->host, c->port, out, &fault);

	if (r == SP_ERR_FORMAT || r == SP_ERR_LIMIT) {
		if (fault.line > 0)
			(void)snprintf(why, SP_SSH_HOSTS_WHY_MAX, "%s, line %u: %s: call an administrator", c->known_hosts,
			    fault.line, fault.why);
		else
			(void)snprintf(why, SP_SSH_HOSTS_WHY_MAX, "%s: %s: call an administrator", c->known_hosts, fault.why);
	} else if (r != 0) {
		(void)snprintf(why, SP_SSH_HOSTS_WHY_MAX, "%s: %s", c->known_hosts, sp_err_str(r));
	}
	if (r != 0)
		return r;
	found.len = sp_buf_len(out) - before;
	found.data = found.len > 0 ? sp_buf_data(out) + before : NULL;
	if (c->nhost_keys + c->nhost_authorities > 0 || c->is_sshfp || hosts_know(found))
		return 0;
	(void)snprintf(why, SP_SSH_HOSTS_WHY_MAX, "%s has no key for %s%s%s:%u that is not revoked: an administrator must put it there",
	    c->known_hosts, strchr(c->host, ':') != NULL ? "[" : "", c->host, strchr(c->host, ':') != NULL ? "]" : "",
	    (unsigned)c->port);
	return SP_ERR_NOT_FOUND;
}

int
sp_ssh_hosts_read(const struct sp_policy_connection *c, struct sp_buf *out, char why[SP_SSH_HOSTS_WHY_MAX])
{
	char *text = NULL, reason[SP_SSH_HOSTS_WHY_MAX / 2];
	int r;

	why[0] = '\0';
	if (c->known_hosts[0] == '\0')
		return 0;
	r = sp_conffile_read_max(c->known_hosts, SP_SSH_KNOWN_MAX, reason, sizeof(reason), &text);
	if (r == 0)
		r = hosts_find(c, text, out, why);
	else
		(void)snprintf(why, SP_SSH_HOSTS_WHY_MAX, "what knows its host cannot be read: %s: call an administrator", reason);
	free(text);
	return r;
}
