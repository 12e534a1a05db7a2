/* SPDX-License-Identifier: Apache-2.0 */
#include "nss_module/nss_sallyport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdalign.h>
#include <string.h>

#include "lib/hosts.h"

#ifndef NSS_SALLYPORT_PATH
#define NSS_SALLYPORT_PATH SP_HOSTS_PATH
#define NSS_SALLYPORT_OWNER 0
#endif

#define NSS_SALLYPORT_TTL 0 /* seconds: it can change with the policy */

/* What a hostent points to, in the caller's buffer; the name's bytes follow. */
struct host_memory {
	char *aliases[1];
	char *addresses[2];
	struct in6_addr address;
};

/* What gethostbyname4_r gives, in the caller's buffer; the name's bytes follow. */
struct tuple_memory {
	struct gaih_addrtuple tuple;
};

/* errno stays the caller's: a lookup that went well must not be seen to have failed on the way. */
static enum nss_status
nss_scan(struct sp_hosts_scan *s, int *ret_errno, int *ret_h_errno)
{
	int saved = errno, r = sp_hosts_scan_file(s, NSS_SALLYPORT_PATH, NSS_SALLYPORT_OWNER);

	errno = saved;
	if (r == 0 && s->is_found)
		return NSS_STATUS_SUCCESS;
	*ret_errno = r == 0 || r == SP_ERR_NOT_FOUND	       ? ENOENT
		     : r == SP_ERR_FORMAT || r == SP_ERR_LIMIT ? EBADMSG
							       : EACCES;
	*ret_h_errno = r == 0 ? HOST_NOT_FOUND : NO_RECOVERY;
	return r == 0 ? NSS_STATUS_NOTFOUND : NSS_STATUS_UNAVAIL;
}

static enum nss_status
nss_by_name(struct sp_hosts_scan *s, const char *name, int *ret_errno, int *ret_h_errno)
{
	if (!sp_hosts_is_name(name, strnlen(name, SP_HOSTS_NAME_MAX + 1))) {
		*ret_errno = ENOENT;
		*ret_h_errno = HOST_NOT_FOUND;
		return NSS_STATUS_NOTFOUND; /* no name of ours, whatever the file says */
	}
	sp_hosts_scan_init(s, name, 0);
	return nss_scan(s, ret_errno, ret_h_errno);
}

/* Room for a struct of that size and alignment, and for name behind it; NULL: the buffer is too small. */
static void *
nss_place(char *buffer, size_t size, size_t align, size_t need, const char *name, char **ret_name)
{
	size_t pad = (align - (uintptr_t)buffer % align) % align, len = strlen(name) + 1;

	if (size < pad || size - pad < need + len)
		return NULL;
	*ret_name = buffer + pad + need;
	memcpy(*ret_name, name, len);
	return buffer + pad;
}

static enum nss_status
nss_too_small(int *ret_errno, int *ret_h_errno)
{
	*ret_errno = ERANGE;
	*ret_h_errno = NETDB_INTERNAL;
	return NSS_STATUS_TRYAGAIN;
}

static enum nss_status
nss_host(const struct sp_hosts_scan *s, int af, struct hostent *ret_host, char *buffer, size_t size, int *ret_errno,
    int *ret_h_errno)
{
	uint32_t address = htonl(s->address);
	struct host_memory *m;
	char *name = NULL;

	m = nss_place(buffer, size, alignof(struct host_memory), sizeof(*m), s->name, &name);
	if (m == NULL)
		return nss_too_small(ret_errno, ret_h_errno);
	memset(m, 0, sizeof(*m));
	m->addresses[0] = (char *)&m->address;
	if (af == AF_INET6) {
		m->address.s6_addr[10] = m->address.s6_addr[11] = 0xff;
		memcpy(m->address.s6_addr + 12, &address, sizeof(address));
	} else {
		memcpy(&m->address, &address, sizeof(address));
	}
	ret_host->h_name = name;
	ret_host->h_aliases = m->aliases;
	ret_host->h_addrtype = af;
	ret_host->h_length = af == AF_INET6 ? 16 : 4;
	ret_host->h_addr_list = m->addresses;
	*ret_h_errno = NETDB_SUCCESS;
	return NSS_STATUS_SUCCESS;
}

static enum nss_status
nss_no_family(int *ret_errno, int *ret_h_errno)
{
	*ret_errno = EAFNOSUPPORT;
	*ret_h_errno = NO_DATA;
	return NSS_STATUS_UNAVAIL;
}

enum nss_status
_nss_sallyport_gethostbyname4_r(const char *name, struct gaih_addrtuple **pat, char *buffer, size_t size,
    int *ret_errno, int *ret_h_errno, int32_t *ret_ttl)
{
	struct sp_hosts_scan s;
	struct gaih_addrtuple *t;
	struct tuple_memory *m;
	char *copy = NULL;
	enum nss_status status = nss_by_name(&s, name, ret_errno, ret_h_errno);

	if (status != NSS_STATUS_SUCCESS)
		return status;
	m = nss_place(buffer, size, alignof(struct tuple_memory), sizeof(*m), s.name, &copy);
	if (m == NULL)
		return nss_too_small(ret_errno, ret_h_errno);
	/* glibc may bring the first one with it. */
	t = *pat != NULL ? *pat : &m->tuple;
	memset(t, 0, sizeof(*t));
	t->name = copy;
	t->family = AF_INET;
	t->addr[0] = htonl(s.address);
	*pat = t;
	if (ret_ttl != NULL)
		*ret_ttl = NSS_SALLYPORT_TTL;
	*ret_h_errno = NETDB_SUCCESS;
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_sallyport_gethostbyname3_r(const char *name, int af, struct hostent *ret_host, char *buffer, size_t size,
    int *ret_errno, int *ret_h_errno, int32_t *ret_ttl, char **ret_canonical)
{
	struct sp_hosts_scan s;
	enum nss_status status;

	if (af == AF_UNSPEC)
		af = AF_INET;
	if (af != AF_INET && af != AF_INET6)
		return nss_no_family(ret_errno, ret_h_errno);
	status = nss_by_name(&s, name, ret_errno, ret_h_errno);
	if (status == NSS_STATUS_SUCCESS)
		status = nss_host(&s, af, ret_host, buffer, size, ret_errno, ret_h_errno);
	if (status == NSS_STATUS_SUCCESS && ret_ttl != NULL)
		*ret_ttl = NSS_SALLYPORT_TTL;
	if (status == NSS_STATUS_SUCCESS && ret_canonical != NULL)
		*ret_canonical = ret_host->h_name;
	return status;
}

enum nss_status
_nss_sallyport_gethostbyname2_r(
    const char *name, int af, struct hostent *ret_host, char *buffer, size_t size, int *ret_errno, int *ret_h_errno)
{
	return _nss_sallyport_gethostbyname3_r(name, af, ret_host, buffer, size, ret_errno, ret_h_errno, NULL, NULL);
}

enum nss_status
_nss_sallyport_gethostbyname_r(
    const char *name, struct hostent *ret_host, char *buffer, size_t size, int *ret_errno, int *ret_h_errno)
{
	return _nss_sallyport_gethostbyname3_r(
	    name, AF_INET, ret_host, buffer, size, ret_errno, ret_h_errno, NULL, NULL);
}

/* Ours, as IPv4 or mapped; 0: not one that could be in the file. */
static uint32_t
nss_address(const void *address, socklen_t len, int af)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint32_t v = 0;

	if (af == AF_INET && len == 4)
		memcpy(&v, address, sizeof(v));
	else if (af == AF_INET6 && len == 16 && memcmp(address, mapped, sizeof(mapped)) == 0)
		memcpy(&v, (const uint8_t *)address + sizeof(mapped), sizeof(v));
	v = ntohl(v);
	return sp_hosts_is_address(v) ? v : 0;
}

enum nss_status
_nss_sallyport_gethostbyaddr2_r(const void *address, socklen_t len, int af, struct hostent *ret_host, char *buffer,
    size_t size, int *ret_errno, int *ret_h_errno, int32_t *ret_ttl)
{
	struct sp_hosts_scan s;
	enum nss_status status;
	uint32_t v;

	if (af != AF_INET && af != AF_INET6)
		return nss_no_family(ret_errno, ret_h_errno);
	v = nss_address(address, len, af);
	if (v == 0) {
		*ret_errno = ENOENT;
		*ret_h_errno = HOST_NOT_FOUND;
		return NSS_STATUS_NOTFOUND;
	}
	sp_hosts_scan_init(&s, NULL, v);
	status = nss_scan(&s, ret_errno, ret_h_errno);
	if (status == NSS_STATUS_SUCCESS)
		status = nss_host(&s, af, ret_host, buffer, size, ret_errno, ret_h_errno);
	if (status == NSS_STATUS_SUCCESS && ret_ttl != NULL)
		*ret_ttl = NSS_SALLYPORT_TTL;
	return status;
}

enum nss_status
_nss_sallyport_gethostbyaddr_r(const void *address, socklen_t len, int af, struct hostent *ret_host, char *buffer,
    size_t size, int *ret_errno, int *ret_h_errno)
{
	return _nss_sallyport_gethostbyaddr2_r(address, len, af, ret_host, buffer, size, ret_errno, ret_h_errno, NULL);
}
