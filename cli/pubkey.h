/* SPDX-License-Identifier: Apache-2.0 */
/* The fingerprint of an OpenSSH public key or certificate, as ssh-keygen -l has it: of a certificate, that of its key. */
#ifndef SALLYPORT_CLI_PUBKEY_H
#define SALLYPORT_CLI_PUBKEY_H

#include "lib/err.h"

#define SP_CLI_PUBKEY_HEX 65 /* with the NUL */
#define SP_CLI_PUBKEY_MAX ((size_t)256 * 1024) /* bytes of a file */

/* From "SHA256:..." as it stands. FORMAT, NOMEM. */
int sp_cli_pubkey_fingerprint(const char *text, char hex[SP_CLI_PUBKEY_HEX]) SP_MUST_CHECK;
/* From "TYPE BASE64 ...", the text of a file. FORMAT (also of a private key, or a type that is not known), CRYPTO, NOMEM. */
int sp_cli_pubkey_read(const char *text, char hex[SP_CLI_PUBKEY_HEX]) SP_MUST_CHECK;

#endif
