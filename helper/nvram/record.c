// SPDX-License-Identifier: GPL-2.0-or-later
/* Sectors and records; the other half of format.h. */
#include <errno.h>
#include <string.h>

#include "nvram/format.h"
#include "nvram/bytes.h"
#include "util/crc32c.h"

/* Offsets in a sector, after its data. */
enum {
	S_GENERATION = NVRAM_SECTOR_DATA,
	S_COUNT = S_GENERATION + 8,
	S_INDEX = S_COUNT + 2,
	S_CRC = S_INDEX + 2,
};
_Static_assert(S_CRC + 4 == NVRAM_SECTOR, "a sector is full");
_Static_assert(NVRAM_SLOT_MAX / NVRAM_SECTOR <= UINT16_MAX, "S_COUNT");

/* Offsets in a frame. */
enum {
	F_MAGIC = 0,
	F_LENGTH = 8,
	F_FLAGS = 12,
	F_SLOT = 16,
	F_STATE_LEN = 20,
	F_GENERATION = 24,
	F_COUNTER = 32,
	F_SALT = 40,
	F_RESERVED = F_SALT + NVRAM_SALT_LEN,
};

static const uint8_t frame_magic[8] = "VTPMSTAT";

uint32_t sector_seed(const uint8_t uuid[UUID_LEN], unsigned int slot)
{
	uint8_t place[4];

	put32(place, slot);
	return crc32c(crc32c(0, uuid, UUID_LEN), place, sizeof(place));
}

static void sector_finish(uint8_t *s, uint32_t seed, uint32_t index,
			  const struct nvram_sector *of)
{
	put64(s + S_GENERATION, of->generation);
	put16(s + S_COUNT, of->count);
	put16(s + S_INDEX, index);
	put32(s + S_CRC, crc32c(seed, s, S_CRC));
}

bool sector_read(const uint8_t s[NVRAM_SECTOR], uint32_t seed, uint32_t index,
		 struct nvram_sector *out)
{
	if (get16(s + S_INDEX) != index ||
	    get32(s + S_CRC) != crc32c(seed, s, S_CRC))
		return false;
	out->generation = get64(s + S_GENERATION);
	out->count = get16(s + S_COUNT);
	if (!out->generation)
		return !out->count;
	return out->generation <= NVRAM_GENERATION_MAX && index < out->count &&
	       out->count % NVRAM_PAGE_SECTORS == 0;
}

void frame_encode(const struct nvram_frame *f, uint8_t out[NVRAM_FRAME_LEN])
{
	memset(out, 0, NVRAM_FRAME_LEN);
	memcpy(out + F_MAGIC, frame_magic, sizeof(frame_magic));
	put32(out + F_LENGTH, NVRAM_FRAME_LEN);
	put32(out + F_FLAGS, f->flags);
	put32(out + F_SLOT, f->slot);
	put32(out + F_STATE_LEN, f->length);
	put64(out + F_GENERATION, f->generation);
	put64(out + F_COUNTER, f->counter);
	memcpy(out + F_SALT, f->salt, NVRAM_SALT_LEN);
}

int frame_decode(const uint8_t in[NVRAM_FRAME_LEN], struct nvram_frame *f)
{
	if (memcmp(in + F_MAGIC, frame_magic, sizeof(frame_magic)) ||
	    get32(in + F_LENGTH) != NVRAM_FRAME_LEN ||
	    get32(in + F_FLAGS) & ~NVRAM_MIRROR ||
	    get32(in + F_SLOT) >= NVRAM_SLOTS ||
	    get32(in + F_STATE_LEN) > NVRAM_MAX_STATE ||
	    !all_zero(in + F_RESERVED, NVRAM_FRAME_LEN - F_RESERVED))
		return -EBADMSG;
	f->flags = get32(in + F_FLAGS);
	f->slot = get32(in + F_SLOT);
	f->length = get32(in + F_STATE_LEN);
	f->generation = get64(in + F_GENERATION);
	f->counter = get64(in + F_COUNTER);
	memcpy(f->salt, in + F_SALT, NVRAM_SALT_LEN);
	return 0;
}

static size_t data_sectors(uint32_t len)
{
	return (NVRAM_BODY_LEN(len) + NVRAM_SECTOR_DATA - 1) /
	       NVRAM_SECTOR_DATA;
}

/*
 * Whole pages, with at least one sector of padding at the end: a write that
 * was cut inside the last sector then still has all its data, and one that
 * was cut earlier has a sector of the older record left. Without it the last
 * sector would be the one place where a cut looks like damage.
 */
static size_t record_sectors(uint32_t len)
{
	return (data_sectors(len) + NVRAM_PAGE_SECTORS) / NVRAM_PAGE_SECTORS *
	       NVRAM_PAGE_SECTORS;
}

size_t record_size(uint32_t len)
{
	return record_sectors(len) * NVRAM_SECTOR;
}

void record_pack(const uint8_t *body, const struct nvram_frame *f,
		 uint32_t seed, uint8_t *out)
{
	const struct nvram_sector of = { f->generation,
					 record_sectors(f->length) };
	size_t left = NVRAM_BODY_LEN(f->length);

	for (uint32_t i = 0; i < of.count; i++, out += NVRAM_SECTOR) {
		size_t n = left < NVRAM_SECTOR_DATA ? left : NVRAM_SECTOR_DATA;

		memcpy(out, body, n);
		memset(out + n, 0, NVRAM_SECTOR_DATA - n);
		sector_finish(out, seed, i, &of);
		body += n;
		left -= n;
	}
}

void slot_blank(uint8_t *out, size_t len, uint32_t seed, uint32_t first)
{
	const struct nvram_sector blank = { 0, 0 };

	memset(out, 0, len);
	for (size_t i = 0; i < len / NVRAM_SECTOR; i++)
		sector_finish(out + i * NVRAM_SECTOR, seed, first + i, &blank);
}

static bool slot_sector(const struct nvram_slot *s, uint32_t i,
			struct nvram_sector *out)
{
	return sector_read(s->data + (size_t)i * NVRAM_SECTOR, s->seed, i, out);
}

int record_check(const struct nvram_slot *s, struct nvram_frame *f)
{
	struct nvram_sector first, other;
	struct nvram_frame frame;

	if (s->len < NVRAM_PAGE || !slot_sector(s, 0, &first) ||
	    frame_decode(s->data, &frame))
		return -EBADMSG;
	if (!frame.generation || frame.generation != first.generation ||
	    frame.slot != s->index || record_size(frame.length) > s->len ||
	    first.count != record_sectors(frame.length))
		return -EBADMSG;
	for (uint32_t i = 1; i < data_sectors(frame.length); i++) {
		if (!slot_sector(s, i, &other) ||
		    other.generation != first.generation ||
		    other.count != first.count)
			return -EBADMSG;
	}
	*f = frame;
	return 0;
}

void record_unpack(const struct nvram_slot *s, const struct nvram_frame *f,
		   uint8_t *body)
{
	size_t left = NVRAM_BODY_LEN(f->length);

	for (const uint8_t *p = s->data; left; p += NVRAM_SECTOR) {
		size_t n = left < NVRAM_SECTOR_DATA ? left : NVRAM_SECTOR_DATA;

		memcpy(body, p, n);
		body += n;
		left -= n;
	}
}

/*
 * A record starts at sector 0, fills whole pages, and its command is answered
 * only when all of it is on disk. So a sector of something older within the
 * place of a record proves that the record was never answered, whatever the
 * rest looks like; and where there is no such proof it may have been.
 */
enum slot_verdict slot_judge(const struct nvram_slot *s, uint64_t base)
{
	struct nvram_sector newest = { 0, 0 }, sector;

	for (uint32_t i = 0; i < NVRAM_PAGE_SECTORS; i++) {
		if (s->len < NVRAM_PAGE || !slot_sector(s, i, &sector))
			continue;
		if (sector.generation <= base)
			return SLOT_OLDER;
		if (sector.generation > newest.generation)
			newest = sector;
	}
	if (!newest.generation)
		return SLOT_DESTROYED;
	if (newest.count > s->len / NVRAM_SECTOR)
		return SLOT_DAMAGED;
	for (uint32_t i = 0; i < newest.count; i++) {
		if (slot_sector(s, i, &sector) &&
		    sector.generation < newest.generation)
			return SLOT_TORN;
	}
	return SLOT_DAMAGED;
}

uint64_t slot_highest(const struct nvram_slot *s)
{
	struct nvram_sector sector;
	uint64_t highest = 0;

	for (uint32_t i = 0; i < s->len / NVRAM_SECTOR; i++) {
		if (slot_sector(s, i, &sector) && sector.generation > highest)
			highest = sector.generation;
	}
	return highest;
}
