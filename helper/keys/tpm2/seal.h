/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys sealed under the storage key, by a policy on PCRs. */
#ifndef VTPM_KEYS_TPM2_SEAL_H
#define VTPM_KEYS_TPM2_SEAL_H

#include "keys/tpm2/tpm.h"
#include "util/secret.h"

#define SEAL_KEY_LEN 32 /* bytes */

/*
 * Seal @secret under the storage key in use, bound to the PCRs of the
 * configuration as they are now. Fills in all of *out but id and created.
 */
int seal_key(struct tpm *t, const struct secret *secret, struct sealed_key *out,
	     struct error *err);
/*
 * Is this the TPM of @key, and do its PCRs have the values? VTPM_ERR_PROVIDER
 * says which do not. Its storage key is in use then.
 */
int seal_check(struct tpm *t, const struct sealed_key *key, struct error *err);
/* The second half of it, once the storage key is in use. */
int seal_check_pcrs(struct tpm *t, const struct sealed_key *key,
		    struct error *err);
/* After seal_check(). The caller frees *out. */
int seal_open(struct tpm *t, const struct sealed_key *key, struct secret **out,
	      struct error *err);

#endif
