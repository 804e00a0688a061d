/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AES-256-GCM under a key that HKDF-SHA256 (RFC 5869) derives for one message,
 * so that the nonce can be constant: a salt is never to be used twice.
 */
#ifndef VTPM_UTIL_HKDF_GCM_H
#define VTPM_UTIL_HKDF_GCM_H

#include <stddef.h>
#include <stdint.h>

#include "util/secret.h"

#define HKDF_GCM_SALT_LEN 32
#define HKDF_GCM_TAG_LEN 16

struct hkdf_gcm {
	const struct secret *key;
	const uint8_t *salt; /* HKDF_GCM_SALT_LEN bytes */
	const void *info;
	size_t info_len;
	const void *aad;
	size_t aad_len;
};

/* @out takes @len bytes of ciphertext and the tag. 0 or -EIO. */
int hkdf_gcm_seal(const struct hkdf_gcm *p, const void *in, size_t len,
		  uint8_t *out);
/*
 * @in is @len bytes of ciphertext and the tag. 0, -EKEYREJECTED if the tag does
 * not fit, or -EIO; @out, of @len bytes, is to be used after 0 only.
 */
int hkdf_gcm_open(const struct hkdf_gcm *p, const uint8_t *in, size_t len,
		  uint8_t *out);

#endif
