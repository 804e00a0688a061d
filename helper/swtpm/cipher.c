// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "swtpm/cipher.h"

int swtpm_hmac(const struct secret *key, struct swtpm_field encrypted,
	       struct swtpm_field ivec, uint8_t out[SWTPM_HMAC_LEN])
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 6),
		OSSL_PARAM_END,
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	size_t n = 0;
	bool ok =
		ctx && EVP_MAC_init(ctx, key->data, key->len, params) == 1 &&
		EVP_MAC_update(ctx, encrypted.data, encrypted.len) == 1 &&
		(!ivec.data || EVP_MAC_update(ctx, ivec.data, ivec.len) == 1) &&
		EVP_MAC_final(ctx, out, &n, SWTPM_HMAC_LEN) == 1 &&
		n == SWTPM_HMAC_LEN;

	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? 0 : -EIO;
}

int swtpm_aes_cbc(const struct secret *key, bool encrypt,
		  struct swtpm_field ivec, const uint8_t *in, size_t len,
		  uint8_t *out)
{
	const EVP_CIPHER *cipher =
		key->len == 32 ? EVP_aes_256_cbc() : EVP_aes_128_cbc();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t iv[SWTPM_BLOCK_LEN] = { 0 };
	int n = 0, last = 0;
	bool ok;

	if (ivec.data)
		memcpy(iv, ivec.data, sizeof(iv));
	/* Theirs pads up to the length of the key, so it is not OpenSSL's. */
	ok = ctx &&
	     EVP_CipherInit_ex2(ctx, cipher, key->data, iv, encrypt, NULL) ==
		     1 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	     EVP_CipherUpdate(ctx, out, &n, in, len) == 1 &&
	     EVP_CipherFinal_ex(ctx, out + n, &last) == 1 &&
	     (size_t)n + last == len;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EIO;
}
