/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of names that can be forwarded to: sallyportd writes it, libnss_sallyport reads it in other people's
 * processes. Text, in lines that end with a newline:
 *
 *	sallyport-hosts 1
 *	127.77.12.34 orders
 *	end
 *
 * Nothing else is well-formed: no blank, comment, other address or byte after "end". Reading allocates nothing, and
 * takes the bytes as they come. Addresses are in host byte order.
 */
#ifndef SALLYPORT_LIB_HOSTS_H
#define SALLYPORT_LIB_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_HOSTS_FIRST "sallyport-hosts 1"
#define SP_HOSTS_LAST "end"
#define SP_HOSTS_PATH SP_RUNDIR "/hosts"
#define SP_HOSTS_NET 0x7f4d0000u /* 127.77.0.0/16 */
#define SP_HOSTS_NAME_MAX 64	 /* bytes */
#define SP_HOSTS_LINE_MAX 96	 /* bytes, newline included */
#define SP_HOSTS_ENTRIES_MAX 4096
#define SP_HOSTS_FILE_MAX ((size_t)SP_HOSTS_ENTRIES_MAX * SP_HOSTS_LINE_MAX)

/* Looks for a name, or if that is NULL for an address, while the bytes go by. Open: it lives on its reader's stack. */
struct sp_hosts_scan {
	const char *want_name;
	void (*each)(void *ctx, const char *name, uint32_t address); /* called for every entry as it goes by, or NULL */
	void *ctx;
	uint32_t want_address;
	char line[SP_HOSTS_LINE_MAX];
	size_t line_len;
	unsigned lines; /* complete ones so far */
	bool is_ended;
	bool is_found;
	char name[SP_HOSTS_NAME_MAX + 1]; /* found: the first that fits */
	uint32_t address;
};

/* Letters a-z, digits, '-', '_' and '.', beginning with a letter, ending with a letter or digit. */
bool sp_hosts_is_name(const char *name, size_t n);
/* Of 127.77.0.0/16, but neither its first nor its last address. */
bool sp_hosts_is_address(uint32_t address);

void sp_hosts_scan_init(struct sp_hosts_scan *s, const char *want_name, uint32_t want_address);
/* The next n bytes. FORMAT, LIMIT. */
int sp_hosts_scan_feed(struct sp_hosts_scan *s, const void *p, size_t n) SP_MUST_CHECK;
/* There are no more: 0, found or not, or FORMAT. What was found counts only after a 0. */
int sp_hosts_scan_end(const struct sp_hosts_scan *s) SP_MUST_CHECK;
/*
 * The same over a file, which must be a plain one that is owner's and nobody else may write. NOT_FOUND: there is no
 * file; DENIED: it is not such a file; SYSTEM, FORMAT, LIMIT.
 */
int sp_hosts_scan_file(struct sp_hosts_scan *s, const char *path, unsigned owner) SP_MUST_CHECK;

#endif
