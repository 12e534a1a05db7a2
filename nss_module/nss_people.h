/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnss_sallyport.so.2: the passwd and group databases of the people of one file of root's (lib/people.h), and whose
 * groups are whose. As with the hosts database (nss_sallyport.h) there is no lock, thread, signal, network or environment.
 * Nothing is allocated either, but the array of initgroups, which belongs to the C library and grows by realloc(3). The
 * one state is how far the walks of getpwent(3) and getgrent(3) have come, a number each.
 *
 * The entry points are those that glibc looks for by name (glibc manual, "Extending NSS"):
 *	SUCCESS			found
 *	NOTFOUND, ENOENT	the file is good and has no such name or id; or it is a name or id that can be in none
 *	UNAVAIL, ENOENT/EACCES/EBADMSG	there is no file, or none to be believed: whatever else knows it is asked next
 *	TRYAGAIN, ERANGE	found, and the caller's buffer is too small: nothing is written, it comes back with a larger one
 *	TRYAGAIN, EAGAIN	no descriptor or memory just now
 *	TRYAGAIN, ENOMEM	the array of initgroups cannot grow
 * The caller's struct is written after a SUCCESS only.
 */
#ifndef SALLYPORT_NSS_MODULE_NSS_PEOPLE_H
#define SALLYPORT_NSS_MODULE_NSS_PEOPLE_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stddef.h>

#define NSS_PEOPLE_EXPORT __attribute__((visibility("default")))

NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_getpwnam_r(
    const char *name, struct passwd *ret_pw, char *buffer, size_t size, int *ret_errno);
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_getpwuid_r(
    uid_t uid, struct passwd *ret_pw, char *buffer, size_t size, int *ret_errno);
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_setpwent(int stay_open);
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_endpwent(void);
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_getpwent_r(
    struct passwd *ret_pw, char *buffer, size_t size, int *ret_errno);
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_getgrnam_r(
    const char *name, struct group *ret_gr, char *buffer, size_t size, int *ret_errno);
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_getgrgid_r(
    gid_t gid, struct group *ret_gr, char *buffer, size_t size, int *ret_errno);
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_setgrent(int stay_open);
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_endgrent(void);
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_getgrent_r(
    struct group *ret_gr, char *buffer, size_t size, int *ret_errno);
/*
 * Appends the groups of a person of ours to *groups, which has room for *size and holds *start, and never more than
 * limit if that is above 0. group is the first one, from passwd: whoever has another there is not ours. (gid_t)-1: it is not
 * known, as in getent(1).
 */
NSS_PEOPLE_EXPORT enum nss_status _nss_sallyport_initgroups_dyn(
    const char *user, gid_t group, long int *start, long int *size, gid_t **groups, long int limit, int *ret_errno);

#endif
