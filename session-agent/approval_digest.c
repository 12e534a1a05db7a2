/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/approval_digest.h"

#include <string.h>

#include "recorder/event.h"
#include "session-agent/session.h"

void
sp_approval_digest_begin(struct sp_approval_digest *d, const char *const strings[], size_t n)
{
	d->md = EVP_MD_CTX_new();
	d->ok = d->md != NULL && EVP_DigestInit_ex(d->md, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; i < n; i++)
		sp_approval_digest_put(d, strings[i], strlen(strings[i]));
}

void
sp_approval_digest_put(struct sp_approval_digest *d, const void *p, size_t n)
{
	uint8_t len[8];
	int i;

	for (i = 0; i < 8; i++)
		len[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	d->ok = d->ok && EVP_DigestUpdate(d->md, len, sizeof(len)) == 1 && EVP_DigestUpdate(d->md, p, n) == 1;
}

int
sp_approval_digest_end(struct sp_approval_digest *d, uint8_t ret_digest[32])
{
	bool ok = d->ok && EVP_DigestFinal_ex(d->md, ret_digest, NULL) == 1;

	EVP_MD_CTX_free(d->md);
	d->md = NULL;
	return ok ? 0 : SP_ERR_CRYPTO;
}

int
sp_approval_event(struct sp_session *s, const struct sp_approval_news *news, uint64_t seq, const uint8_t digest[32],
    const char *rule, const char *decision)
{
	struct sp_buf *e = sp_session_event(s);
	bool is_request = decision == NULL;

	sp_event_begin(e, is_request ? SP_EVENT_APPROVAL_REQUEST : SP_EVENT_APPROVAL_VERDICT, sp_event_now());
	sp_event_put_u64(e, SP_FIELD_SEQ, seq);
	sp_event_put_cstring(e, SP_FIELD_REQUEST_ID, news->id);
	if (is_request) {
		sp_event_put(e, SP_FIELD_DIGEST, digest, 32);
		sp_event_put_cstring(e, SP_FIELD_RULE, rule);
		sp_event_put(e, SP_FIELD_TEXT, news->statement,
		    news->statement_len < SP_EVENT_TEXT_MAX ? news->statement_len : SP_EVENT_TEXT_MAX);
	}
	sp_event_put_cstring(e, SP_FIELD_DECISION, decision);
	sp_event_put_cstring(e, SP_FIELD_WHO, news->who);
	sp_event_put_cstring(e, SP_FIELD_REASON, news->reason);
	return sp_session_record_late(s);
}
