/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/order.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_exec.h"

#define ORDER_PATH_MAX 4095
#define ORDER_OWN (4 + SP_IPC_GRANT_SECRETS_MAX) /* variables that are put besides */

static int
order_list(struct sp_buf *b, size_t more, char ***ret_list)
{
	uint32_t n, i;
	int r = sp_buf_get_u32(b, &n);

	if (r == 0 && n > SP_ORDER_WORDS_MAX)
		r = SP_ERR_LIMIT;
	if (r != 0)
		return r;
	*ret_list = calloc((size_t)n + more + 1, sizeof(**ret_list));
	if (*ret_list == NULL)
		return SP_ERR_NOMEM;
	for (i = 0; r == 0 && i < n; i++)
		r = sp_buf_get_cstring(b, SP_ORDER_WORD_MAX, &(*ret_list)[i]);
	return r;
}

static int
order_parse(struct sp_buf *b, struct sp_order *o)
{
	uint8_t is_granted = 0, is_network = 0;
	int r = sp_buf_get_u8(b, &is_granted);

	if (r == 0)
		r = sp_buf_get_u8(b, &is_network);
	if (r == 0 && (is_granted > 1 || is_network > 1))
		r = SP_ERR_FORMAT;
	o->is_granted = is_granted == 1;
	o->is_network = is_network == 1;
	if (r == 0)
		r = sp_buf_get_cstring(b, ORDER_PATH_MAX, &o->directory);
	if (r == 0)
		r = sp_buf_get_cstring(b, ORDER_PATH_MAX, &o->path);
	if (r == 0)
		r = order_list(b, 0, &o->argv);
	if (r == 0)
		r = order_list(b, ORDER_OWN, &o->env);
	if (r == 0 && (sp_buf_len(b) != 0 || o->path[0] != '/' || o->argv[0] == NULL))
		r = SP_ERR_FORMAT;
	return r;
}

/* NAME=value, unless NAME is there. */
static int
order_default(struct sp_order *o, const char *name, const char *value)
{
	size_t n = 0, len = strlen(name);

	for (; o->env[n] != NULL; n++)
		if (strncmp(o->env[n], name, len) == 0 && o->env[n][len] == '=')
			return 0;
	return asprintf(&o->env[n], "%s=%s", name, value) < 0 ? SP_ERR_NOMEM : 0;
}

int
sp_order_account(struct sp_order *o, const char *name, const char *home)
{
	int r;

	if (o->directory[0] == '\0') {
		free(o->directory);
		o->directory = strdup(home);
		if (o->directory == NULL)
			return SP_ERR_NOMEM;
	}
	r = order_default(o, "HOME", home);
	if (r == 0)
		r = order_default(o, "USER", name);
	if (r == 0)
		r = order_default(o, "LOGNAME", name);
	if (r == 0)
		r = order_default(o, "SHELL", o->path);
	return r;
}

static void
order_wipe(char *word)
{
	explicit_bzero(word, strlen(word));
	free(word);
}

int
sp_order_secret(struct sp_order *o, const char *name, const char *value)
{
	size_t n = 0, len = strlen(name);
	char *word;

	if (asprintf(&word, "%s=%s", name, value) < 0)
		return SP_ERR_NOMEM;
	while (o->env[n] != NULL && !(strncmp(o->env[n], name, len) == 0 && o->env[n][len] == '='))
		n++;
	if (o->env[n] != NULL)
		order_wipe(o->env[n]);
	o->env[n] = word;
	o->has_secrets = true;
	return 0;
}

static int
order_person(struct sp_order *o)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw == NULL)
		return SP_ERR_NOT_FOUND;
	o->uid = pw->pw_uid;
	return sp_order_account(o, pw->pw_name, pw->pw_dir);
}

int
sp_order_read(int session, struct sp_order *ret_o)
{
	struct sp_buf *in = sp_buf_new(SP_IPC_FRAME_MAX + SP_IPC_HEADER), *body = NULL;
	struct sp_ipc_msg msg = { 0 };
	int r = SP_ERR_NOMEM;

	memset(ret_o, 0, sizeof(*ret_o));
	ret_o->files = -1;
	if (in == NULL)
		return r;
	r = sp_ipc_recv(session, in, &msg, sp_ipc_now_ms() + SP_ORDER_WAIT_MS);
	if (r == 0 && (msg.type != SP_IPC_EXEC_START || msg.nfds > 1))
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		body = sp_buf_from(msg.body.data, msg.body.len);
		r = body == NULL ? SP_ERR_NOMEM : order_parse(body, ret_o);
	}
	if (r == 0 && msg.nfds == 1) {
		ret_o->files = msg.fds[0];
		msg.fds[0] = -1;
	}
	sp_ipc_msg_clear(&msg);
	sp_buf_free(body);
	sp_buf_free(in);
	return r == 0 && !ret_o->is_granted ? order_person(ret_o) : r;
}

static void
order_free_list(char **list)
{
	char **p;

	for (p = list; p != NULL && *p != NULL; p++)
		order_wipe(*p); /* there may be secrets in it */
	free(list);
}

void
sp_order_clear(struct sp_order *o)
{
	free(o->directory);
	free(o->path);
	order_free_list(o->argv);
	order_free_list(o->env);
	memset(o, 0, sizeof(*o));
}
