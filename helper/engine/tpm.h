/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libtpms, which keeps its state in globals: one TPM a process. Nothing else
 * in the tree calls it. Not thread-safe; the engine's lock serialises.
 */
#ifndef VTPM_ENGINE_TPM_H
#define VTPM_ENGINE_TPM_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

uint32_t tpm_library_version(void);

/*
 * The profile that the TPM which is made next is to have: what algorithms and
 * commands it knows. VTPM_ERR_INVALID for what is none, and for any where this
 * libtpms (before 0.10) has no profiles.
 */
int tpm_set_profile(const char *name, struct error *err);
/* That of the TPM that is powered on; empty where there are none. */
#define TPM_MAX_PROFILE 63
void tpm_get_profile(char out[TPM_MAX_PROFILE + 1]);

/* What a TPM is made of, in libtpms' own form; the caller's. */
struct tpm_saved {
	const void *permanent;	/* what outlives a power cycle */
	uint32_t permanent_len; /* 0: a new TPM */
	const void *running;	/* what does not: PCRs, sessions, objects */
	uint32_t running_len;	/* 0: it is powered on, and needs a Startup */
};

/*
 * Start a TPM, or go on with one. VTPM_ERR_CORRUPT or VTPM_ERR_VERSION if
 * libtpms does not take the state.
 */
int tpm_power_on(const struct tpm_saved *s, struct error *err);

/* End the use of libtpms; state and responses kept here are wiped. */
void tpm_power_off(void);

/*
 * Execute a command. The response stays valid until the next call; a failure
 * of libtpms itself is answered with TPM_RC_FAILURE.
 */
const uint8_t *tpm_execute(uint8_t locality, const uint8_t *cmd, uint32_t len,
			   uint32_t *resp_len);

/*
 * The permanent state to be written, if it has changed since the last
 * tpm_state_written(); NULL if not. Stays valid until the next tpm_execute().
 */
const void *tpm_state_changed(uint32_t *len);
void tpm_state_written(void);
/* Have @state written, which the TPM was started with, unless it has changed. */
int tpm_set_changed(const void *state, uint32_t len, struct error *err);

/*
 * The running state as it is between two commands, to be freed with
 * tpm_free_running_state(), which wipes it. 0 or -ENOMEM.
 */
int tpm_running_state(uint8_t **out, uint32_t *len);
void tpm_free_running_state(uint8_t *state, uint32_t len);

#endif
