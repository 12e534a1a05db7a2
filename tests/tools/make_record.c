/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a tree of records as the recorder would, out of JSON, for tests of what reads them:
 *
 *	make_record SESSIONS.json ROOT
 *
 * The file is a list of { "id": ULID, "header": {…}, "manifest": {…} (none: open), "events": [ { "ms": milliseconds
 * after the id's time, "type": NAME, then fields by their names, bytes that are no text as a list of
 * numbers } ] }. The manifests are not signed.
 */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/event.h"
#include "recorder/record.h"
#include "recorder/tree.h"

#define NAMES_MAX 64

static int
named(const char *name, const char *(*get)(int))
{
	for (int i = 1; i < NAMES_MAX; i++)
		if (get(i) != NULL && strcmp(get(i), name) == 0)
			return i;
	fprintf(stderr, "make_record: no event or field %s\n", name);
	exit(1);
}

static void
must(int r, const char *what)
{
	if (r == 0)
		return;
	fprintf(stderr, "make_record: %s: %s\n", what, sp_err_str(r));
	exit(1);
}

static void
bytes_put(struct sp_buf *ev, int field, const json_t *list)
{
	uint8_t bytes[256];
	size_t i, n = json_array_size(list);

	must(n > sizeof(bytes) ? SP_ERR_LIMIT : 0, "bytes");
	for (i = 0; i < n; i++)
		bytes[i] = (uint8_t)json_integer_value(json_array_get(list, i));
	sp_event_put(ev, field, bytes, n);
}

static void
event_put(struct sp_record_packer *p, uint64_t start_ms, json_t *o, struct sp_buf *ev)
{
	const char *name;
	json_t *v;

	sp_event_begin(ev, named(json_string_value(json_object_get(o, "type")), sp_event_type_name),
	    (start_ms + (uint64_t)json_integer_value(json_object_get(o, "ms"))) * 1000000);
	json_object_foreach (o, name, v) {
		if (strcmp(name, "ms") == 0 || strcmp(name, "type") == 0)
			continue;
		if (json_is_integer(v))
			sp_event_put_u64(ev, named(name, sp_event_field_name), (uint64_t)json_integer_value(v));
		else if (json_is_array(v))
			bytes_put(ev, named(name, sp_event_field_name), v);
		else
			sp_event_put(ev, named(name, sp_event_field_name), json_string_value(v), json_string_length(v));
	}
	must(sp_record_packer_put(p, sp_buf_data(ev), sp_buf_len(ev)), "event");
}

static void
file_put(int dir, const char *name, const void *p, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || close(fd) != 0) {
		perror(name);
		exit(1);
	}
}

static void
session_put(int root, const struct sp_sign_key *key, json_t *s)
{
	const char *id = json_string_value(json_object_get(s, "id"));
	char *header = json_dumps(json_object_get(s, "header"), JSON_COMPACT), *manifest, path[SP_TREE_PATH];
	struct sp_buf *out = sp_buf_new(0), *ev = sp_buf_new(SP_EVENT_MAX);
	struct sp_record_packer *p;
	struct sp_record_state st;
	size_t i;
	json_t *o;
	int dir;

	must(sp_tree_path(id, path), "id");
	must(sp_tree_open_dir(root, path, true, &dir), path);
	must(sp_record_packer_new(key, false, &p), "packer");
	must(sp_record_header_put(out, key, id, sp_ulid_time_ms(id) * 1000000, header, strlen(header), &st), "header");
	sp_record_packer_begin(p, &st);
	json_array_foreach (json_object_get(s, "events"), i, o)
		event_put(p, sp_ulid_time_ms(id), o, ev);
	must(sp_record_packer_end(p, out, &st), "block");
	file_put(dir, SP_TREE_EVENTS, sp_buf_data(out), sp_buf_len(out));
	manifest = json_dumps(json_object_get(s, "manifest"), JSON_COMPACT);
	if (manifest != NULL) {
		sp_buf_reset(out);
		sp_buf_putf(out, "%s\n", manifest);
		file_put(dir, SP_TREE_MANIFEST, sp_buf_data(out), sp_buf_len(out));
	}
	sp_record_packer_free(p);
	sp_buf_free(out);
	sp_buf_free(ev);
	free(header);
	free(manifest);
	(void)close(dir);
}

int
main(int argc, char **argv)
{
	struct sp_sign_key *key;
	json_error_t err;
	json_t *all, *s;
	size_t i;
	int root;

	if (argc != 3 || (all = json_load_file(argv[1], 0, &err)) == NULL) {
		fprintf(stderr, "usage: make_record SESSIONS.json ROOT\n");
		return 2;
	}
	root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(root < 0 ? SP_ERR_SYSTEM : sp_sign_generate(&key), argv[2]);
	json_array_foreach (all, i, s)
		session_put(root, key, s);
	sp_sign_free(key);
	json_decref(all);
	return 0;
}
