/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How swtpm encrypts: AES-CBC with one key, of 16 or 32 bytes, that is also the
 * one of the HMAC. Not what we would do; it is their format.
 */
#ifndef VTPM_SWTPM_CIPHER_H
#define VTPM_SWTPM_CIPHER_H

#include <stdbool.h>

#include "swtpm/blob.h"
#include "util/secret.h"

#define SWTPM_BLOCK_LEN 16
#define SWTPM_HMAC_LEN 32

/* HMAC-SHA256 of the ciphertext and what is there as its IV. 0 or -EIO. */
int swtpm_hmac(const struct secret *key, struct swtpm_field encrypted,
	       struct swtpm_field ivec, uint8_t out[SWTPM_HMAC_LEN]);
/*
 * @len bytes, whole blocks, from @in to @out. Of @ivec the first block counts;
 * without one it is zero. 0 or -EIO.
 */
int swtpm_aes_cbc(const struct secret *key, bool encrypt,
		  struct swtpm_field ivec, const uint8_t *in, size_t len,
		  uint8_t *out);

#endif
