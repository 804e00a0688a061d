/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's TPM: connection, storage key, sessions, and its errors. */
#ifndef VTPM_KEYS_TPM2_TPM_H
#define VTPM_KEYS_TPM2_TPM_H

#include <tss2/tss2_esys.h>

#include "keys/tpm2/config.h"
#include "keys/tpm2/keyfile.h"

/* Where a host has its storage root key for good, if it has one. */
#define TPM_SRK_HANDLE 0x81000001

struct tpm {
	const struct tpm2_config *config;
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	/* The storage key once there is one, and where it came from. */
	ESYS_TR parent;
	uint32_t parent_handle; /* persistent; 0: made from the template */
	struct sealed_bytes parent_name;
};

/* @config has to outlive *out, which tpm_close() frees. */
int tpm_open(const struct tpm2_config *config, struct tpm *out,
	     struct error *err);
void tpm_close(struct tpm *t);

/* The storage key for a new key: the persistent one, else by the template. */
int tpm_use_parent(struct tpm *t, struct error *err);
/* The storage key under which @key is; VTPM_ERR_KEY_MISSING if not here. */
int tpm_use_parent_of(struct tpm *t, const struct sealed_key *key,
		      struct error *err);

/*
 * A session salted with the storage key, so that whoever listens on the bus
 * learns nothing: parameters are encrypted and answers authenticated. The
 * caller ends it with tpm_flush().
 */
int tpm_start_session(struct tpm *t, TPM2_SE type, ESYS_TR *out,
		      struct error *err);
void tpm_flush(struct tpm *t, ESYS_TR *handle);

/* The values that the PCRs of @set have now. */
int tpm_read_pcrs(struct tpm *t, const struct pcr_set *set,
		  struct pcr_values *out, struct error *err);

/* The response code without what says which parameter it is about. */
TSS2_RC tpm_rc_base(TSS2_RC rc);
/* "cannot @what: ..." and what to do about @rc. */
int tpm_error(const struct tpm *t, TSS2_RC rc, const char *what,
	      struct error *err);

#endif
