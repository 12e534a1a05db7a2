/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what lib/hosts.h reads: begin, an entry each, end; then the caller checks sp_buf_error(). */
#ifndef SALLYPORT_LIB_HOSTS_PUT_H
#define SALLYPORT_LIB_HOSTS_PUT_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/hosts.h"

void sp_hosts_put_begin(struct sp_buf *b);
/* INVALID: no such name or address can be in it, and nothing is put. Else as the puts of lib/buf.h. */
int sp_hosts_put_entry(struct sp_buf *b, const char *name, uint32_t address) SP_MUST_CHECK;
void sp_hosts_put_end(struct sp_buf *b);

#endif
