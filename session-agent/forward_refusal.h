/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells a PostgreSQL client why it is refused. A client that begins by asking for encryption shows what is said only
 * after an answer to that (PostgreSQL manual, 55.2.9), so its first eight bytes are looked at; the rest is not.
 */
#ifndef SALLYPORT_SESSION_AGENT_FORWARD_REFUSAL_H
#define SALLYPORT_SESSION_AGENT_FORWARD_REFUSAL_H

struct event_base;

#define SP_FORWARD_REFUSALS_MAX 512 /* at a time; further ones are closed unsaid */
#define SP_FORWARD_REFUSAL_SECONDS 3

/* Takes over fd. */
void sp_forward_refuse(struct event_base *base, int fd, const char *message);

#endif
