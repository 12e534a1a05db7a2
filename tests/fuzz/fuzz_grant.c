/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the datagram by which root grants an account: refused, or an order that can be carried out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exec/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_order o = { .is_granted = true, .uid = (uid_t)-1, .directory = strdup(""), .path = strdup("/bin/sh") };
	size_t i;

	o.argv = calloc(1, sizeof(*o.argv));
	o.env = calloc(8 + SP_IPC_GRANT_SECRETS_MAX, sizeof(*o.env)); /* as sp_order_read() makes it */
	if (o.directory == NULL || o.path == NULL || o.argv == NULL || o.env == NULL)
		abort();
	o.env[0] = strdup("TOKEN=old");
	if (sp_grant_parse(data, size, &o) == 0) {
		if (o.uid == (uid_t)-1 || o.ngroups > SP_IPC_GRANT_GROUPS_MAX)
			abort();
		for (i = 0; o.env[i] != NULL; i++)
			if (strchr(o.env[i], '=') == NULL)
				abort();
	} else if (o.uid != (uid_t)-1) {
		abort();
	}
	sp_order_clear(&o);
	return 0;
}
