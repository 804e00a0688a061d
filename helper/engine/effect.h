/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command does to a TPM, as far as its code and its sessions tell. */
#ifndef VTPM_ENGINE_EFFECT_H
#define VTPM_ENGINE_EFFECT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * True only if the command, whether it succeeds or not, changes neither the
 * running nor the permanent state, random numbers and time aside: it may be
 * executed a second time by an engine that goes on from the state of before.
 * False for all that is not known. test-effect.c compares the states.
 */
bool command_reads_only(const uint8_t *cmd, uint32_t len);

/*
 * True only if the command has succeeded and has the same effect and the same
 * response on every TPM of the same state, whatever its random generator and its
 * clock are at: no nonce, no handle, nothing made. False for all that is not
 * known. test-effect.c compares the states here, too.
 */
bool command_repeats(const uint8_t *cmd, uint32_t len, const uint8_t *resp,
		     uint32_t resp_len);

#endif
