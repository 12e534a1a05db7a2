/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnss_sallyport.so.2: the hosts database of names that can be forwarded to (nss_sallyport(8)). It runs in any
 * process that looks up a name: it reads one file of root's into the caller's own memory, and does nothing else. No
 * allocation, lock, thread, signal, network, environment or state of its own, so any number of threads may be in it.
 *
 * The entry points are those that glibc looks for by name (nss/nss.h, resolv/netdb.h; glibc manual, "Extending NSS"):
 *	SUCCESS			found
 *	NOTFOUND		the file is good and has no such name or address
 *	UNAVAIL, ENOENT/EACCES/EBADMSG	there is no file, or none to be believed: whatever else knows it is asked next
 *	TRYAGAIN, ERANGE	found, and the caller's buffer is too small: it comes back with a larger one
 * Asked for IPv6, a name is found too, as the same address mapped (RFC 4291 section 2.5.5.2): it must not be looked up
 * elsewhere.
 */
#ifndef SALLYPORT_NSS_MODULE_NSS_SALLYPORT_H
#define SALLYPORT_NSS_MODULE_NSS_SALLYPORT_H

#include <netdb.h>
#include <nss.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NSS_SALLYPORT_EXPORT __attribute__((visibility("default")))

NSS_SALLYPORT_EXPORT enum nss_status _nss_sallyport_gethostbyname4_r(const char *name, struct gaih_addrtuple **pat,
    char *buffer, size_t size, int *ret_errno, int *ret_h_errno, int32_t *ret_ttl);
NSS_SALLYPORT_EXPORT enum nss_status _nss_sallyport_gethostbyname3_r(const char *name, int af, struct hostent *ret_host,
    char *buffer, size_t size, int *ret_errno, int *ret_h_errno, int32_t *ret_ttl, char **ret_canonical);
NSS_SALLYPORT_EXPORT enum nss_status _nss_sallyport_gethostbyname2_r(
    const char *name, int af, struct hostent *ret_host, char *buffer, size_t size, int *ret_errno, int *ret_h_errno);
NSS_SALLYPORT_EXPORT enum nss_status _nss_sallyport_gethostbyname_r(
    const char *name, struct hostent *ret_host, char *buffer, size_t size, int *ret_errno, int *ret_h_errno);
NSS_SALLYPORT_EXPORT enum nss_status _nss_sallyport_gethostbyaddr2_r(const void *address, socklen_t len, int af,
    struct hostent *ret_host, char *buffer, size_t size, int *ret_errno, int *ret_h_errno, int32_t *ret_ttl);
NSS_SALLYPORT_EXPORT enum nss_status _nss_sallyport_gethostbyaddr_r(const void *address, socklen_t len, int af,
    struct hostent *ret_host, char *buffer, size_t size, int *ret_errno, int *ret_h_errno);

#endif
