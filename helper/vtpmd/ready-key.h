/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A data key that was asked for ahead of a start, and what it is the key of. */
#ifndef VTPM_VTPMD_READY_KEY_H
#define VTPM_VTPMD_READY_KEY_H

#include "nvram/store.h"
#include "util/secret.h"

struct ready_key {
	uint8_t uuid[UUID_LEN]; /* of the file */
	struct nvram_wrap wrap; /* that was opened */
	struct secret *key;	/* NULL: not there */
};

/*
 * The key, which is the caller's from then on, if the file of @info is the one
 * that it was asked for, and its first wrap the very same; else NULL, and the key
 * is wiped. @k may be NULL.
 */
struct secret *ready_key_take(struct ready_key *k,
			      const struct nvram_info *info);
/* Wipe the key, too. NULL is fine. */
void ready_key_free(struct ready_key *k);

#endif
