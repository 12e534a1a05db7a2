/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/name_service.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hosts.h"
#include "runtime/hostsdb.h"

struct entry {
	char name[SP_HOSTS_NAME_MAX + 1];
	uint32_t address;
};

struct sp_name_service {
	bool is_first; /* nsswitch.conf asks sallyport right after files */
	char *hosts;   /* NULL: there is no such file */
	struct entry *entries;
	size_t n, cap;
	bool is_out_of_memory;
};

static void
service_on_entry(void *ctx, const char *name, uint32_t address)
{
	struct sp_name_service *s = ctx;
	struct entry *more;

	if (s->n == s->cap) {
		more = reallocarray(s->entries, s->cap == 0 ? 64 : s->cap * 2, sizeof(*more));
		if (more == NULL) {
			s->is_out_of_memory = true;
			return;
		}
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		s->entries = more;
	}
	memcpy(s->entries[s->n].name, name, strlen(name) + 1);
	s->entries[s->n++].address = address;
}

int
sp_name_service_read(struct sp_name_service **ret_s)
{
	struct sp_name_service *s = calloc(1, sizeof(*s));
	struct sp_hosts_scan scan;
	char *text = NULL;

	if (s == NULL)
		return SP_ERR_NOMEM;
	if (sp_hostsdb_read(SP_HOSTSDB_NSSWITCH, &text) == 0)
		s->is_first = sp_hostsdb_is_first(text);
	free(text);
	if (sp_hostsdb_read(SP_HOSTSDB_HOSTS, &s->hosts) != 0)
		s->hosts = NULL;
	sp_hosts_scan_init(&scan, NULL, 0);
	scan.each = service_on_entry;
	scan.ctx = s;
	if (sp_hosts_scan_file(&scan, SP_HOSTS_PATH, 0) != 0)
		s->n = 0; /* what was seen before its end counts for nothing */
	if (s->is_out_of_memory) {
		sp_name_service_free(s);
		return SP_ERR_NOMEM;
	}
	*ret_s = s;
	return 0;
}

void
sp_name_service_free(struct sp_name_service *s)
{
	if (s == NULL)
		return;
	free(s->hosts);
	free(s->entries);
	free(s);
}

const char *
sp_name_service_obstacle(const struct sp_name_service *s, const char *name)
{
	if (!s->is_first)
		return "/etc/nsswitch.conf does not have sallyport right after files (sallyport-enable puts it there)";
	if (s->hosts != NULL && sp_hostsdb_has_name(s->hosts, name))
		return "/etc/hosts has that name, for something else";
	return NULL;
}

bool
sp_name_service_has(const struct sp_name_service *s, const char *name, uint32_t address)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->entries[i].name, name) == 0) /* the first that fits, as libnss_sallyport does */
			return s->entries[i].address == address && sp_name_service_obstacle(s, name) == NULL;
	return false;
}
