/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a state file, versions 1 to 3: Documentation/nvram-format.rst.
 * Conversion and checks only: no I/O, no keys.
 */
#ifndef VTPM_NVRAM_FORMAT_H
#define VTPM_NVRAM_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvram/store.h"

#define NVRAM_VERSION_1 1      /* one wrap */
#define NVRAM_VERSION_2 2      /* several */
#define NVRAM_VERSION 3	       /* and of a copy: where it comes from */
#define NVRAM_RECORD_VERSION 1 /* of records, in files of any */
#define NVRAM_CIPHER_AES256_GCM 1
#define NVRAM_PAGE 4096
#define NVRAM_SLOTS 2
#define NVRAM_SLOT_START (2 * NVRAM_PAGE) /* after both header copies */
#define NVRAM_SLOT_DEFAULT (16 * 1024)
#define NVRAM_SLOT_MAX (4 * 1024 * 1024)

#define NVRAM_MAC_LEN 32
#define NVRAM_HEADER_MACED 4032 /* bytes of a header page under its MAC */

/* Header flags: a state has been committed once. */
#define NVRAM_HAS_STATE 1u

struct nvram_region {
	uint64_t offset;   /* bytes from the start of the file */
	uint64_t capacity; /* bytes, a multiple of NVRAM_PAGE */
};

struct nvram_header {
	struct nvram_info info;
	uint64_t header_generation;
	uint32_t flags;
	uint32_t cipher;
	struct nvram_region slot[NVRAM_SLOTS];
	uint8_t mac[NVRAM_MAC_LEN];
};

/*
 * All of @page but the MAC and the checksum. -EINVAL for values that
 * header_decode() would refuse.
 */
int header_encode(const struct nvram_header *h, uint8_t page[NVRAM_PAGE]);
/* Put in the MAC over the first NVRAM_HEADER_MACED bytes, and the checksum. */
void header_finish(uint8_t page[NVRAM_PAGE], const uint8_t mac[NVRAM_MAC_LEN]);
/*
 * 0, -EBADMSG for a page that is no whole header, -ENOTSUP for a whole header
 * of a version or cipher not known here. @h is untouched unless 0. The MAC is
 * not verified.
 */
int header_decode(const uint8_t page[NVRAM_PAGE], struct nvram_header *h);

/* What never changes in a file: associated data of each record. */
#define NVRAM_IDENTITY_LEN 32
void header_identity(const struct nvram_header *h,
		     uint8_t out[NVRAM_IDENTITY_LEN]);

/*
 * Sectors. What a disk writes whole or not at all is 512 bytes, so each
 * sector of a slot says which record it is of and sums itself. That is what
 * tells a torn write (whole sectors of two records) from damage (a sector
 * that is not whole): see slot_judge().
 */
#define NVRAM_SECTOR 512
#define NVRAM_SECTOR_DATA 496
#define NVRAM_PAGE_SECTORS (NVRAM_PAGE / NVRAM_SECTOR)
/* No real file gets there; a sector that claims more is not believed. */
#define NVRAM_GENERATION_MAX (UINT64_MAX >> 1)

struct nvram_sector {
	uint64_t generation; /* of the record; 0: blank, never written */
	uint32_t count;	     /* sectors of that record, padding included */
};

/* Makes the sums of one file's slot differ from those of all others. */
uint32_t sector_seed(const uint8_t uuid[UUID_LEN], unsigned int slot);
/* Is sector @index at @data whole? If so, what it says of itself. */
bool sector_read(const uint8_t data[NVRAM_SECTOR], uint32_t seed,
		 uint32_t index, struct nvram_sector *out);

/*
 * Records: a frame, the ciphertext and the tag ("body"), cut into sectors.
 */
#define NVRAM_FRAME_LEN 96
#define NVRAM_SALT_LEN 32
#define NVRAM_TAG_LEN 16
#define NVRAM_BODY_LEN(len) (NVRAM_FRAME_LEN + (size_t)(len) + NVRAM_TAG_LEN)

/* Frame flags: a second copy of the other slot's record. */
#define NVRAM_MIRROR 1u

struct nvram_frame {
	uint32_t flags;
	uint32_t slot;
	uint32_t length; /* bytes of plaintext and ciphertext */
	uint64_t generation;
	uint64_t counter;	      /* of the session; makes the nonce */
	uint8_t salt[NVRAM_SALT_LEN]; /* of the session; makes the key */
};

void frame_encode(const struct nvram_frame *f, uint8_t out[NVRAM_FRAME_LEN]);
/* 0 or -EBADMSG. */
int frame_decode(const uint8_t in[NVRAM_FRAME_LEN], struct nvram_frame *f);

/* Bytes in the file of a record with a state of @len bytes. */
size_t record_size(uint32_t len);
/* Cut @body into sectors at @out, which takes record_size() bytes. */
void record_pack(const uint8_t *body, const struct nvram_frame *f,
		 uint32_t seed, uint8_t *out);
/* Fill @out, a slot from sector @first on, with blank sectors. */
void slot_blank(uint8_t *out, size_t len, uint32_t seed, uint32_t first);

/* A slot as it is in the file. */
struct nvram_slot {
	const uint8_t *data;
	size_t len; /* a multiple of NVRAM_PAGE */
	uint32_t seed;
	unsigned int index;
};

/*
 * The frame of the record in a slot. 0, or -EBADMSG unless all sectors that
 * hold frame, ciphertext and tag are whole and of one record.
 */
int record_check(const struct nvram_slot *s, struct nvram_frame *f);
/* After record_check(): its body, NVRAM_BODY_LEN(f->length) bytes. */
void record_unpack(const struct nvram_slot *s, const struct nvram_frame *f,
		   uint8_t *body);

/*
 * What a slot that does not open means for a file whose newest state that
 * opens has generation @base (0: none was ever committed).
 */
enum slot_verdict {
	SLOT_OLDER,	/* it held nothing newer */
	SLOT_TORN,	/* a write newer than @base that never completed */
	SLOT_DAMAGED,	/* a write newer than @base that may have completed */
	SLOT_DESTROYED, /* nothing left to tell */
};
enum slot_verdict slot_judge(const struct nvram_slot *s, uint64_t base);
/* Highest generation that any whole sector names; 0 if none does. */
uint64_t slot_highest(const struct nvram_slot *s);

#endif
