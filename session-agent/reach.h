/* SPDX-License-Identifier: Apache-2.0 */
/* Root asks policy itself: whether somebody may reach a connection at all, here and now. */
#ifndef SALLYPORT_SESSION_AGENT_REACH_H
#define SALLYPORT_SESSION_AGENT_REACH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sp_policy_connection;
struct sp_policy_image;

/* identity: as sallyport-identity made it. from: the person's address, NULL if it is not known. */
bool sp_reach_is_allowed(const struct sp_policy_image *policy, const json_t *identity, const char *from,
    const struct sp_policy_connection *c);

/*
 * The ports of 127.0.0.1 on the connection's host that the person may have connections forwarded to, here and now: at most
 * max. Only what policy says forward: true of has any.
 */
size_t sp_reach_ports(const struct sp_policy_image *policy, const json_t *identity, const char *from,
    const struct sp_policy_connection *c, uint16_t *ret_ports, size_t max);

/*
 * The connection that is called name on the way to target: target itself, or one of the jump hosts before it. NULL: it is
 * not on that way. *ret_behind is the next one on the way from there, NULL behind target.
 */
const struct sp_policy_connection *sp_reach_hop(const struct sp_policy_image *policy,
    const struct sp_policy_connection *target, const char *name, const struct sp_policy_connection **ret_behind);

#endif
