// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "util/text.h"

char *base64_encode(const void *data, size_t len)
{
	char *out = malloc((len + 2) / 3 * 4 + 1);

	if (out)
		EVP_EncodeBlock((unsigned char *)out, data, len);
	return out;
}

int base64_decode(const char *text, uint8_t **out, size_t *len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";
	size_t n = strlen(text), plain = strspn(text, alphabet);
	size_t pad = n - plain;
	uint8_t *buf;

	/* EVP_DecodeBlock() skips white space; we take none. */
	if (n % 4 || pad > 2 || strspn(text + plain, "=") != pad || n > 1 << 24)
		return -EINVAL;
	buf = malloc(n / 4 * 3 + 1);
	if (!buf)
		return -ENOMEM;
	if (EVP_DecodeBlock(buf, (const unsigned char *)text, n) < 0) {
		free(buf);
		return -EINVAL;
	}
	*out = buf;
	*len = n / 4 * 3 - pad;
	return 0;
}
