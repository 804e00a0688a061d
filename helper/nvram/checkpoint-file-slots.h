/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of checkpoint-file.h that is not about keys; shared by its files. */
#ifndef VTPM_NVRAM_CHECKPOINT_FILE_SLOTS_H
#define VTPM_NVRAM_CHECKPOINT_FILE_SLOTS_H

#include "nvram/checkpoint-file.h"
#include "nvram/internal.h"
#include "nvram/mapped.h"

/* A page each for what has changed; the first page is before them. */
#define SLOTS_DELTAS 2
#define SLOTS_MIN_SIZE ((1 + SLOTS_DELTAS) * (size_t)MAPPED_PAGE)

/* Plaintext, by the tables of Documentation/nvram-format.rst. */
#define BASE_HEAD 8   /* zero, where a delta has the generation of its base */
#define MAX_BLOCKS 15 /* of a delta, which has a page */
#define DELTA_HEAD 48 /* that, length, number of blocks, their indices */
#define LOG_HEAD 16   /* LOG_MARK, the generation of the state */
#define LOG_MARK UINT64_MAX /* no generation: not of a base or a delta */
_Static_assert(16 + 2 * MAX_BLOCKS <= DELTA_HEAD, "indices");
_Static_assert(NVRAM_BODY_LEN(DELTA_HEAD + MAX_BLOCKS * CHECKPOINT_BLOCK) <=
		       MAPPED_PAGE,
	       "a page");

/* The session with the mapped file. */
extern struct slots {
	struct seal *seal;
	struct nvram_header id; /* what seal.c binds to: the UUID */
	uint8_t *base;		/* its plaintext, to compare with */
	size_t size;		/* of that memory */
	uint32_t base_len;	/* 0: it is not known; the next is a base */
	uint64_t generation;	/* of the last record, written or tried */
	uint64_t base_generation;
	uint64_t state_generation;	    /* of the last base or delta */
	unsigned int base_slot, delta_slot; /* that count */
	/* As the first page has them, which somebody else might change. */
	mapped_region place[MAPPED_BASES], log;
	uint64_t log_used;
	uint8_t delta[DELTA_HEAD + MAX_BLOCKS * CHECKPOINT_BLOCK];
} slots;

/* All of them 0 or a negative errno. */
int slots_begin(const uint8_t uuid[UUID_LEN], const struct secret *key);
void slots_end(void);
/* A record of @text, with the next generation, at @place. */
int slots_seal(uint8_t *place, unsigned int slot, const uint8_t *text,
	       uint32_t len, struct error *err);
/* A region for @bytes where nothing is yet; mapped_make() is the caller's. */
mapped_region slots_new_region(size_t bytes);
static inline mapped_region delta_region(unsigned int slot)
{
	return region_make(1 + slot, 1);
}

/* The plaintext of a record that opened. */
struct record {
	uint8_t *text; /* NULL: none */
	uint32_t len;
	uint64_t generation;
};
/* At @body, of at most @size bytes. -EBADMSG if it does not open. */
int record_open(const uint8_t *body, size_t size, unsigned int slot,
		struct record *out);
void record_free(struct record *rec);

/* What counts of the file. */
int slots_read(struct checkpoint_stored *out, struct error *err);
/* The log, if it goes on from the state of @generation. */
int log_read(uint64_t generation, struct checkpoint_stored *out,
	     struct error *err);
/* There is a newer state than any that the log goes on from. */
void log_state_written(void);

#endif
