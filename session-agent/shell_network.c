/* SPDX-License-Identifier: Apache-2.0 */
/* What a program of a decided shell reaches over sockets: from the question to what policy, the record and people see. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/ipc_exec.h"
#include "lib/text.h"
#include "session-agent/shell_ask.h"

#define NETWORK_WORDS_MAX 8

static int
network_read(struct sp_buf *body, struct sp_shell_ask *a)
{
	struct sp_decide_network *n = &a->network;
	uint8_t protocol = 0, is_listen = 0, is_v6 = 0;
	int r = sp_buf_get_u8(body, &protocol);

	if (r == 0)
		r = sp_buf_get_u8(body, &is_listen);
	if (r == 0)
		r = sp_buf_get_u8(body, &is_v6);
	if (r == 0)
		r = sp_buf_get(body, n->address, sizeof(n->address));
	if (r == 0)
		r = sp_buf_get_u16(body, &n->port);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_PATH_MAX, &a->network_path);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_PATH_MAX, &a->path);
	if (r == 0 && (sp_network_protocol_str(protocol) == NULL || is_listen > 1 || is_v6 > 1))
		r = SP_ERR_FORMAT;
	if (r != 0)
		return r;
	n->protocol = (enum sp_network_protocol)protocol; /* the numbers are the same: lib/ipc_exec.h */
	n->is_listen = is_listen == 1;
	n->is_v6 = is_v6 == 1;
	n->path = a->network_path;
	return 0;
}

/* As words, so that it is shown, and approved, as a command is. */
static int
network_words(struct sp_shell_ask *a)
{
	char text[SP_NETWORK_TEXT_MAX], *word, *rest = text;

	sp_network_text(&a->network, text);
	a->given = strdup(text);
	a->interpreter = strdup("");
	a->cwd = strdup("");
	a->argv = calloc(NETWORK_WORDS_MAX + 1, sizeof(*a->argv));
	if (a->given == NULL || a->interpreter == NULL || a->cwd == NULL || a->argv == NULL)
		return SP_ERR_NOMEM;
	if (!a->network.is_listen)
		a->argv[a->argc++] = strdup("connect");
	while (a->argc < NETWORK_WORDS_MAX && (word = strsep(&rest, " ")) != NULL)
		a->argv[a->argc++] = strdup(word);
	for (uint32_t i = 0; i < a->argc; i++)
		if (a->argv[i] == NULL)
			return SP_ERR_NOMEM;
	return 0;
}

int
sp_shell_network_read(struct sp_buf *body, struct sp_shell_ask *a)
{
	int r = sp_buf_get_u32(body, &a->pid);

	a->is_network = true;
	if (r == 0)
		r = sp_buf_get_u32(body, &a->ppid);
	if (r == 0)
		r = sp_buf_get_u32(body, &a->uid);
	if (r == 0)
		r = network_read(body, a);
	if (r == 0 && sp_buf_len(body) != 0)
		r = SP_ERR_FORMAT;
	return r == 0 ? network_words(a) : r;
}

void
sp_shell_network_decide(const struct sp_shell_ask *a, const struct sp_decide_scope *scope, struct sp_decision *d)
{
	struct sp_decide_request request = { .network = &a->network,
		.time = (int64_t)time(NULL),
		.from = sp_session_from(a->px->session) };

	sp_decide(scope, &request, d);
}

void
sp_shell_network_params(const struct sp_shell_ask *a, struct sp_buf *b)
{
	const struct sp_decide_network *n = &a->network;
	char address[INET6_ADDRSTRLEN] = "";

	sp_shell_ask_pair(b, "socket", n->is_listen ? "listen" : "connect");
	sp_shell_ask_pair(b, "protocol", sp_network_protocol_str(n->protocol));
	if (n->protocol == SP_NETWORK_UNIX) {
		sp_shell_ask_pair(b, "address", n->path);
		return;
	}
	(void)inet_ntop(n->is_v6 ? AF_INET6 : AF_INET, n->address, address, sizeof(address));
	sp_shell_ask_pair(b, "address", address);
	if (n->protocol != SP_NETWORK_ICMP)
		sp_buf_putf(b, ",\"port=%u\"", (unsigned)n->port);
}

const char *
sp_shell_network_problem(const struct sp_shell_proxy *px, const struct sp_decide_scope *scope)
{
	if (px->is_network || !sp_decide_has_network(scope))
		return NULL;
	return "the policy now decides what programs reach over the network, which this session was not started for: start a new one.";
}
