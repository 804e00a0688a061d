/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A key that is sealed to a TPM, as a file: "The tpm2 provider" in
 * key-providers.rst has the bytes. Nothing in it is secret.
 */
#ifndef VTPM_KEYS_TPM2_KEYFILE_H
#define VTPM_KEYS_TPM2_KEYFILE_H

#include "keys/tpm2/pcrs.h"
#include "util/cleanup.h"
#include "util/text.h"

#define SEALED_MAX_KEYS 256
#define SEALED_MAX_NAME sizeof(TPMU_NAME) /* bytes */
#define SEALED_MAX_PUBLIC 512
#define SEALED_MAX_PRIVATE 1024
#define SEALED_HEAD_LEN 56
#define SEALED_MAX_FILE                                       \
	(SEALED_HEAD_LEN + SEALED_MAX_NAME + PCR_MAX_VALUES + \
	 SEALED_MAX_PUBLIC + SEALED_MAX_PRIVATE + 32)

struct sealed_bytes {
	size_t len;
	uint8_t data[SEALED_MAX_PRIVATE];
};

struct sealed_key {
	uint8_t id[UUID_LEN];
	uint64_t created; /* microseconds since the epoch */
	uint32_t parent;  /* persistent handle, 0: made from the template */
	struct pcr_set pcrs;
	struct pcr_values values;
	struct sealed_bytes name;    /* of the parent */
	struct sealed_bytes public;  /* TPM2B_PUBLIC */
	struct sealed_bytes private; /* TPM2B_PRIVATE */
};

/* @out takes SEALED_MAX_FILE bytes. The length, or -EIO. */
int sealed_encode(const struct sealed_key *key, uint8_t *out);
/* 0, or -EBADMSG for anything but a whole file of the key @id. */
int sealed_decode(const uint8_t *data, size_t len, const uint8_t id[UUID_LEN],
		  struct sealed_key *out);

/* All keys, oldest first. */
struct sealed_keys {
	size_t count;
	struct sealed_key key[SEALED_MAX_KEYS];
};

static inline void sealed_keys_free(struct sealed_keys *k)
{
	free(k);
}
DEFINE_CLEANUP(sealed_keys, struct sealed_keys *, sealed_keys_free)

/* From and to the directory @dir, which is locked. */
int sealed_load_all(int dir, struct sealed_keys **out, struct error *err);
/* VTPM_ERR_KEY_MISSING if there is none of that id. */
int sealed_load(int dir, const uint8_t id[UUID_LEN], struct sealed_key *out,
		struct error *err);
int sealed_store(int dir, const struct sealed_key *key, struct error *err);

#endif
