/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs for forged records with the key of a test's own recorder. usage: sign KEYFILE
 * Reads lines of a tag and a SHA-256 digest in hex, writes the signature of each in base64.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/text.h"
#include "recorder/sign.h"

static struct sp_sign_key *
load(const char *path)
{
	static char pem[SP_SIGN_PEM_MAX];
	struct sp_sign_key *key = NULL;
	FILE *f = fopen(path, "re");
	size_t n = f == NULL ? 0 : fread(pem, 1, sizeof(pem), f);

	if (f != NULL)
		(void)fclose(f);
	return sp_sign_load(pem, n, &key) == 0 ? key : NULL;
}

int
main(int argc, char **argv)
{
	struct sp_sign_key *key = argc == 2 ? load(argv[1]) : NULL;
	char tag[SP_SIGN_TAG + 1], hex[2 * SP_SIGN_HASH + 1];
	uint8_t digest[SP_SIGN_HASH], sig[SP_SIGN_SIZE];
	struct sp_buf *b = sp_buf_new(256);

	if (key == NULL || b == NULL)
		return 2;
	while (scanf("%8s %64s", tag, hex) == 2) {
		sp_buf_reset(b);
		if (sp_text_unhex(digest, sizeof(digest), hex, strlen(hex)) != 0 || sp_sign_digest(key, tag, digest, sig) != 0)
			return 1;
		sp_text_base64_encode(b, sig, sizeof(sig));
		printf("%.*s\n", (int)sp_buf_len(b), (const char *)sp_buf_data(b));
		(void)fflush(stdout);
	}
	sp_buf_free(b);
	sp_sign_free(key);
	return 0;
}
