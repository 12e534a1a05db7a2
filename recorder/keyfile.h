/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder's key on disk: signing.key (0600) and signing.pub beside it. */
#ifndef SALLYPORT_RECORDER_KEYFILE_H
#define SALLYPORT_RECORDER_KEYFILE_H

#include "recorder/sign.h"

#define SP_KEYFILE_PRIVATE "signing.key"
#define SP_KEYFILE_PUBLIC "signing.pub"

/*
 * Opens the key in directory dir, or makes one if there is none; writes signing.pub if it is missing. keys
 * holds its public half. FORMAT (not a key, or others may read it), SYSTEM, NOMEM, CRYPTO.
 */
int sp_keyfile_open(int dir, struct sp_sign_key **ret_key, struct sp_sign_ring **ret_keys) SP_MUST_CHECK;

#endif
