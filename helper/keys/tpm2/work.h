/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operation works with, and keys that are unsealed for it. */
#ifndef VTPM_KEYS_TPM2_WORK_H
#define VTPM_KEYS_TPM2_WORK_H

#include "keys/provider.h"
#include "keys/salted-wrap.h"
#include "keys/tpm2/seal.h"

/* WORK_INIT, then work_begin(), then work_end() in any case. */
struct work {
	struct tpm2_config config;
	int dir;	/* locked */
	struct tpm tpm; /* opened by whoever needs it first */
};
#define WORK_INIT                                      \
	{                                              \
		.dir = -1, .tpm.parent = ESYS_TR_NONE, \
	}

int work_begin(const struct request *r, struct work *w, struct error *err);
void work_end(struct work *w);

/* VTPM_ERR_KEY_MISSING: there is no key at all. */
int work_no_key(const struct request *r, struct error *err);
/*
 * Unseal the key @key_id, or the newest if that is NULL. *key is filled in; the
 * caller frees *out.
 */
int work_unseal(const struct request *r, struct work *w, const char *key_id,
		struct sealed_key *key, struct secret **out, struct error *err);
/* How a data key is wrapped with @secret, the key @id. All are borrowed. */
struct salted_wrap work_salted(const uint8_t id[UUID_LEN],
			       const uint8_t context[UUID_LEN],
			       const struct secret *secret);

/* As in struct unwrapper: each key is unsealed once. */
int tpm2_unwrap_begin(const struct request *r, void **session,
		      struct error *err);
int tpm2_unwrap_open(void *session, const struct request *r,
		     const struct wrapped_item *item, struct secret **out,
		     struct error *err);
void tpm2_unwrap_end(void *session);

#endif
