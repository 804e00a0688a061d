// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A slot. The first byte says which sectors get a CRC that fits; the sectors'
 * index is put right as well.
 */
#include <stdlib.h>
#include <string.h>

#include "nvram/bytes.h"
#include "nvram/format.h"
#include "util/crc32c.h"

#define SLOT_LEN (2 * NVRAM_PAGE)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fix_sums(uint8_t *slot, uint32_t seed, uint8_t which)
{
	for (uint32_t i = 0; i < SLOT_LEN / NVRAM_SECTOR; i++) {
		uint8_t *s = slot + i * NVRAM_SECTOR;

		if (!(which & 1 << i % 8))
			continue;
		put16(s + 506, i);
		put32(s + 508, crc32c(seed, s, 508));
	}
}

static void check(const struct nvram_slot *s, uint64_t base)
{
	enum slot_verdict verdict = slot_judge(s, base);
	struct nvram_frame f;
	uint8_t *body;

	/* What was torn or damaged was newer than the base. */
	if ((verdict == SLOT_TORN || verdict == SLOT_DAMAGED) &&
	    slot_highest(s) <= base)
		abort();
	if (record_check(s, &f))
		return;
	if (record_size(f.length) > s->len || f.generation > slot_highest(s))
		abort();
	/* All data of a record newer than the base is never "older". */
	if (f.generation > base && verdict == SLOT_DESTROYED)
		abort();
	body = malloc(NVRAM_BODY_LEN(f.length));
	record_unpack(s, &f, body);
	free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* On the heap, with no byte to spare, for the sanitizer to watch. */
	uint8_t *slot = calloc(1, SLOT_LEN);
	struct nvram_slot s = { slot, SLOT_LEN, 0x1234, 0 };

	if (size > 2) {
		size_t n = size - 2 < SLOT_LEN ? size - 2 : SLOT_LEN;

		memcpy(slot, data + 2, n);
		fix_sums(slot, s.seed, data[0]);
		s.index = data[1] & 1;
		for (uint64_t base = 0; base < 4; base++)
			check(&s, base);
	}
	free(slot);
	return 0;
}
