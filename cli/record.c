/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_recorder.h"
#include "runtime/privdrop.h"

#define SP_CLI_WATCH_MS 2000
int
sp_cli_record_root(const char *path, int *ret_root)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "sallyport: cannot open %s: %s\n", path, strerror(errno));
		return SP_ERR_SYSTEM;
	}
	*ret_root = fd;
	return 0;
}

int
sp_cli_record_keys(const char *path, struct sp_sign_ring **ret_keys)
{
	struct sp_buf *b = NULL;
	int r = sp_tree_slurp(AT_FDCWD, path, SP_SIGN_PEM_MAX, &b);

	if (r == 0)
		r = sp_sign_ring_load(sp_buf_data(b), sp_buf_len(b), ret_keys);
	if (r != 0)
		fprintf(stderr, "sallyport: cannot read public keys from %s: %s\n", path,
		    r == SP_ERR_SYSTEM ? strerror(errno) : r == SP_ERR_FORMAT ? "not Ed25519 public keys in PEM" : sp_err_str(r));
	sp_buf_free(b);
	return r;
}

static int
sp_cli_record_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int
sp_cli_record_level(int root, const char *path, int level, sp_cli_record_visit *visit, void *ctx)
{
	static const size_t lengths[] = { 4, 2, 2, SP_ULID_LEN };
	struct dirent **list = NULL;
	char sub[SP_TREE_PATH + NAME_MAX];
	int r = 0, n, fd;

	if (sp_tree_open_dir(root, path, false, &fd) != 0)
		return level == 0 ? SP_ERR_SYSTEM : 0;
	n = scandirat(fd, ".", &list, sp_cli_record_visible, alphasort);
	(void)close(fd);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (r == 0 && strlen(name) == lengths[level] && (level < 3 || sp_ulid_is_valid(name))) {
			(void)snprintf(sub, sizeof(sub), "%s%s%s", path, level == 0 ? "" : "/", name);
			r = level == 3 ? visit(root, name, ctx) : sp_cli_record_level(root, sub, level + 1, visit, ctx);
		}
		free(list[i]);
	}
	free(list);
	return n < 0 ? SP_ERR_SYSTEM : r;
}

int
sp_cli_record_walk(int root, sp_cli_record_visit *visit, void *ctx)
{
	return sp_cli_record_level(root, "", 0, visit, ctx);
}

struct sp_cli_record_search {
	const char *prefix;
	char id[SP_ULID_LEN + 1];
	unsigned count;
};

static int
sp_cli_record_match(int root, const char *id, void *ctx)
{
	struct sp_cli_record_search *s = ctx;

	(void)root;
	if (strncasecmp(id, s->prefix, strlen(s->prefix)) == 0) {
		s->count++;
		memcpy(s->id, id, sizeof(s->id));
	}
	return 0;
}

int
sp_cli_record_resolve(int root, const char *prefix, char ret_id[SP_ULID_LEN + 1])
{
	struct sp_cli_record_search s = { .prefix = prefix };
	int r = sp_cli_record_walk(root, sp_cli_record_match, &s);

	if (r == 0 && s.count != 1)
		r = s.count == 0 ? SP_ERR_NOT_FOUND : SP_ERR_CONFLICT;
	if (r == SP_ERR_CONFLICT)
		fprintf(stderr, "sallyport: %u sessions start with %s: give more of the id\n", s.count, prefix);
	else if (r != 0)
		fprintf(stderr, "sallyport: no session %s (see: sallyport sessions)\n", prefix);
	else
		memcpy(ret_id, s.id, sizeof(s.id));
	return r;
}

int
sp_cli_record_open(int root, const char *id, struct sp_tree_file **ret_f, json_t **ret_header)
{
	struct sp_record_problem problem = { 0, "cannot be read" };
	struct sp_tree_file *f = NULL;
	struct sp_record_header h;
	char path[SP_TREE_PATH];
	int dir, fd, r = sp_tree_path(id, path);

	if (r == 0)
		r = sp_tree_open_dir(root, path, false, &dir);
	if (r == 0) {
		r = sp_tree_open(dir, SP_TREE_EVENTS, &fd);
		(void)close(dir);
	}
	if (r == 0)
		r = sp_tree_file_new(fd, &f);
	if (r == 0)
		r = sp_tree_file_header(f, NULL, &h, &problem);
	if (r != 0) {
		fprintf(stderr, "sallyport: session %s: the file events %s%s%s\n", id, problem.what,
		    r == SP_ERR_SYSTEM ? ": " : "", r == SP_ERR_SYSTEM ? strerror(errno) : "");
		sp_tree_file_free(f);
		return r;
	}
	*ret_header = json_loadb((const char *)h.json.data, h.json.len, 0, NULL);
	if (*ret_header == NULL)
		*ret_header = json_object();
	*ret_f = f;
	return 0;
}

int
sp_cli_record_next(struct sp_tree_file *f, uint64_t *ret_number, struct sp_event *ret_ev)
{
	struct sp_record_problem problem = { 0, "" };
	struct sp_view v;
	int r;

	while (sp_tree_file_next(f, ret_number, &v) != 0) {
		r = sp_tree_file_block(f, NULL, &problem);
		if (r == SP_ERR_INCOMPLETE) /* being written, or never finished: sallyport verify tells which */
			r = SP_ERR_NOT_FOUND;
		if (r != 0 && r != SP_ERR_NOT_FOUND)
			fprintf(stderr, "sallyport: record %llu: %s\n", (unsigned long long)problem.record, problem.what);
		if (r != 0)
			return r;
	}
	r = sp_event_parse(v.data, v.len, ret_ev);
	if (r != 0)
		fprintf(stderr, "sallyport: record %llu: breaks the format\n", (unsigned long long)*ret_number);
	return r;
}

bool
sp_cli_record_watch(const char *id, const char *action)
{
	struct sp_buf *b = sp_buf_new(256), *in = sp_buf_new(4096);
	int64_t deadline = sp_ipc_now_ms() + SP_CLI_WATCH_MS;
	struct sp_ipc_msg msg;
	uint32_t verdict = UINT32_MAX;
	uid_t uid = 0;
	gid_t gid;
	int fd = -1, r = b == NULL || in == NULL ? SP_ERR_NOMEM : sp_privdrop_uid("sallyport-recorder", &uid, &gid);

	if (r == 0)
		r = sp_ipc_connect(SP_CLI_RECORDER, uid, deadline, &fd);
	if (r == 0) {
		sp_buf_put_cstring(b, id);
		sp_buf_put_cstring(b, action);
		r = sp_ipc_call(fd, SP_IPC_RECORDER_WATCH, b, SP_IPC_RECORDER_WATCH_REPLY, in, &msg, deadline);
	}
	if (r == 0) {
		struct sp_buf *body = sp_buf_from(msg.body.data, msg.body.len);

		if (body == NULL || sp_buf_get_u32(body, &verdict) != 0 || verdict != 0)
			r = SP_ERR_DENIED;
		sp_buf_free(body);
	}
	if (r != 0)
		fprintf(stderr, "sallyport: note: this %s of %s is not on record (recorder: %s)\n", action, id, sp_err_str(r));
	if (fd >= 0)
		(void)close(fd);
	sp_buf_free(b);
	sp_buf_free(in);
	return r == 0;
}
