/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of checkpoint-file.h that is not about keys. */
#ifndef VTPM_NVRAM_CHECKPOINT_FILE_SLOTS_H
#define VTPM_NVRAM_CHECKPOINT_FILE_SLOTS_H

#include "nvram/checkpoint-file.h"
#include "nvram/mapped.h"

/* A page each for what has changed; the first page is before them. */
#define SLOTS_DELTAS 2
#define SLOTS_MIN_SIZE ((1 + SLOTS_DELTAS) * (size_t)MAPPED_PAGE)

/* A session with the mapped file. 0 or a negative errno. */
int slots_begin(const uint8_t uuid[UUID_LEN], const struct secret *key);
int slots_read(uint8_t **state, uint32_t *len, struct error *err);
void slots_end(void);

#endif
