/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/hosts_put.h"

#include <string.h>

void
sp_hosts_put_begin(struct sp_buf *b)
{
	sp_buf_putf(b, "%s\n", SP_HOSTS_FIRST);
}

int
sp_hosts_put_entry(struct sp_buf *b, const char *name, uint32_t address)
{
	if (!sp_hosts_is_name(name, strlen(name)) || !sp_hosts_is_address(address))
		return SP_ERR_INVALID;
	return sp_buf_putf(
	    b, "%u.%u.%u.%u %s\n", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255, name);
}

void
sp_hosts_put_end(struct sp_buf *b)
{
	sp_buf_putf(b, "%s\n", SP_HOSTS_LAST);
}
