/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protection against dictionary attacks of a TPM: Part 1, 19.8. */
#ifndef VTPM_VTPMD_LOCKOUT_H
#define VTPM_VTPMD_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct lockout {
	uint32_t failed;     /* tries that count */
	uint32_t max;	     /* as many of them lock it */
	uint32_t interval_s; /* after so long one less counts; 0: never locks */
	uint32_t recovery_s; /* until the lockout password may be tried again */
};

/*
 * Ask the TPM of the engine on @sock. 0 or a negative errno: -EAGAIN while it
 * executes another command.
 */
int lockout_read(int sock, int timeout_ms, struct lockout *out);
/* As the control API has it; a new reference. */
json_t *lockout_to_json(const struct lockout *l);

#endif
