/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner of a TPM, who remembers all that he did and what the TPM has to be
 * by now: PCRs, a counter, a session whose nonces roll, and every random number
 * that he got. For tests that have engines die under him.
 */
#ifndef VTPM_ENGINE_TESTING_OWNER_H
#define VTPM_ENGINE_TESTING_OWNER_H

#include "engine/testing/commands.h"

#define OWNER_RESPONSE 4096
#define OWNER_RANDOM 4096

struct owner {
	/* Have the TPM run @c; length of the response, or -1. */
	int (*transact)(struct owner *o, const struct command *c,
			uint8_t resp[OWNER_RESPONSE]);
	void *arg;
	unsigned int seed; /* of rand_r() */

	uint64_t commands;
	uint8_t pcr[TEST_DIGEST], session_pcr[TEST_DIGEST];
	uint64_t counter;
	struct session session;
	uint8_t random[OWNER_RANDOM][TEST_DIGEST];
	unsigned int n_random;
	char wrong[160]; /* the first thing that was not as it has to be */
};

/*
 * 0, or -1 with o->wrong set: define a counter and begin a session on a TPM
 * just powered on; run a command; compare all there is; read the counter.
 */
int owner_begin(struct owner *o);
int owner_step(struct owner *o);
int owner_verify(struct owner *o);
int owner_verify_counter(struct owner *o);

#endif
