/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The permanent state of a TPM 2.0 in the file of swtpm's directory backend,
 * tpm2-00.permall: what libtpms made, plain, or encrypted with AES-CBC and
 * authenticated by HMAC-SHA256. Memory only; Documentation/swtpm.rst.
 */
#ifndef VTPM_SWTPM_STATE_H
#define VTPM_SWTPM_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/secret.h"

/* More than a file of a state of NVRAM_MAX_STATE has. */
#define SWTPM_MAX_FILE (1024 * 1024 + 4096)

/* Plaintext that is too large for a struct secret; wiped when it is freed. */
struct swtpm_bytes {
	size_t len;
	uint8_t data[];
};

/* All-zero; NULL where there is no memory. */
struct swtpm_bytes *swtpm_bytes_new(size_t len);
void swtpm_bytes_free(struct swtpm_bytes *b);
DEFINE_CLEANUP(swtpm_bytes, struct swtpm_bytes *, swtpm_bytes_free)

/* Bytes of the key that @file is encrypted with: 16 or 32, or 0 for a plain one. */
int swtpm_state_key_len(const uint8_t *file, size_t len, size_t *key_len,
			struct error *err);

/*
 * The state in @file, and a file of @state. @key is NULL for a plain one.
 * VTPM_ERR_KEY_WRONG also where there is a key and should be none, or the other
 * way round: a plain file could be anybody's.
 */
int swtpm_state_decode(const uint8_t *file, size_t len,
		       const struct secret *key, struct swtpm_bytes **state,
		       struct error *err);
int swtpm_state_encode(const void *state, size_t len, const struct secret *key,
		       struct swtpm_bytes **file, struct error *err);

#endif
