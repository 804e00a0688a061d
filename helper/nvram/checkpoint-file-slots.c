// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A base is a whole state; a delta has the blocks in which a later one differs
 * from it. There are two places for each, and what is written never goes to the
 * place of what counts. The rules: Documentation/nvram-format.rst, "Checkpoint".
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "nvram/bytes.h"
#include "nvram/checkpoint-file-slots.h"
#include "nvram/internal.h"

#define BLOCK CHECKPOINT_BLOCK

struct slots slots;

static size_t pages(size_t bytes)
{
	return (bytes + MAPPED_PAGE - 1) / MAPPED_PAGE;
}

int slots_begin(const uint8_t uuid[UUID_LEN], const struct secret *key)
{
	uint8_t salt[NVRAM_SALT_LEN];

	slots_end();
	memcpy(slots.id.info.uuid, uuid, UUID_LEN);
	slots.id.cipher = NVRAM_CIPHER_AES256_GCM;
	random_bytes(salt, sizeof(salt));
	return seal_new(key, uuid, salt, &slots.seal);
}

static void forget_base(void)
{
	if (slots.base)
		OPENSSL_cleanse(slots.base, slots.size);
	free(slots.base);
	slots.base = NULL;
	slots.size = slots.base_len = 0;
}

void slots_end(void)
{
	forget_base();
	seal_free(slots.seal);
	OPENSSL_cleanse(&slots, sizeof(slots));
}

int slots_seal(uint8_t *place, unsigned int slot, const uint8_t *text,
	       uint32_t len, struct error *err)
{
	struct nvram_frame f = { .slot = slot,
				 .length = len,
				 .generation = ++slots.generation };
	int r = seal_record(slots.seal, &slots.id, &f, text, place);

	return r ? error_set(err, r, VTPM_ERR_INTERNAL,
			     CHECKPOINT_FILE ": cannot encrypt")
		 : 0;
}

/* Into @region; it is torn until this has succeeded. */
static int put(mapped_region region, unsigned int slot, const uint8_t *text,
	       uint32_t len, struct error *err)
{
	int r;

	mapped_begin(region);
	r = slots_seal(mapped_memory(region), slot, text, len, err);
	if (!r)
		mapped_end();
	return r;
}

/* Behind all that there is. */
mapped_region slots_new_region(size_t bytes)
{
	const mapped_region in_use[] = { slots.place[0], slots.place[1],
					 slots.log };
	size_t end = SLOTS_MIN_SIZE;

	for (size_t i = 0; i < sizeof(in_use) / sizeof(in_use[0]); i++) {
		mapped_region r = in_use[i];

		if (r && region_offset(r) + region_size(r) > end)
			end = region_offset(r) + region_size(r);
	}
	return region_make(pages(end), pages(bytes));
}

/* A place for @bytes in base @slot: where it was, or a new one. */
static mapped_region place_base(unsigned int slot, size_t bytes)
{
	mapped_region old = slots.place[slot];

	if (bytes <= region_size(old))
		return old;
	return slots_new_region(
		bytes < 2 * region_size(old) ? 2 * region_size(old) : bytes);
}

/* Plaintext of a base of these parts, to compare with later. */
static int compose_base(const struct checkpoint_part *parts, unsigned int n,
			size_t len)
{
	size_t at = BASE_HEAD;

	slots.base_len = 0;
	if (slots.size < BASE_HEAD + len) {
		forget_base();
		slots.base = malloc(BASE_HEAD + len);
		if (!slots.base)
			return -ENOMEM;
		slots.size = BASE_HEAD + len;
	}
	memset(slots.base, 0, BASE_HEAD);
	for (unsigned int i = 0; i < n; i++) {
		size_t end = at + CHECKPOINT_ALIGN(parts[i].len);

		if (parts[i].len)
			memcpy(slots.base + at, parts[i].data, parts[i].len);
		at += parts[i].len;
		memset(slots.base + at, 0, end - at);
		at = end;
	}
	return 0;
}

static int write_base(const struct checkpoint_part *parts, unsigned int n,
		      size_t len, struct error *err)
{
	unsigned int slot = slots.base_generation ? !slots.base_slot : 0;
	mapped_region old = slots.place[slot];
	mapped_region place = place_base(slot, NVRAM_BODY_LEN(BASE_HEAD + len));
	int r = place == old ? 0 : mapped_make(place);

	if (r)
		return storage_error(err, r, CHECKPOINT_FILE, "state");
	if (compose_base(parts, n, len))
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 CHECKPOINT_FILE ": out of memory");
	r = put(place, slot, slots.base, BASE_HEAD + len, err);
	if (r)
		return r;
	if (place != old) {
		/* Last: until now the old one counts, in part or whole. */
		mapped_first_page()->base[slot] = place;
		slots.place[slot] = place;
		mapped_drop(old);
	}
	slots.base_slot = slot;
	slots.base_generation = slots.generation;
	slots.base_len = len;
	return 0;
}

void checkpoint_file_settle(void)
{
	unsigned int other = !slots.base_slot;
	mapped_region old = slots.place[other];

	if (!slots.base_len || !old)
		return;
	/* In this order: what is named has to hold what it held. */
	mapped_first_page()->base[other] = 0;
	slots.place[other] = 0;
	mapped_drop(old);
}

/* How many blocks differ from the base, now in slots.delta; or -1: too many. */
static int compose_delta(const struct checkpoint_part *parts, unsigned int n)
{
	uint8_t *block = slots.delta + DELTA_HEAD;
	size_t at = 0;
	int count = 0;

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *p = parts[i].data;

		for (size_t left = parts[i].len; left; at += BLOCK) {
			size_t len = left < BLOCK ? left : BLOCK;

			if (at >= slots.base_len ||
			    memcmp(slots.base + BASE_HEAD + at, p, len) != 0) {
				if (count == MAX_BLOCKS)
					return -1;
				put16(slots.delta + 16 + 2 * count++,
				      at / BLOCK);
				memcpy(block, p, len);
				memset(block + len, 0, BLOCK - len);
				block += BLOCK;
			}
			p += len;
			left -= len;
		}
	}
	return count;
}

static int write_delta(int count, size_t len, struct error *err)
{
	int r;

	put64(slots.delta, slots.base_generation);
	put32(slots.delta + 8, len);
	put32(slots.delta + 12, count);
	r = put(delta_region(!slots.delta_slot), !slots.delta_slot, slots.delta,
		DELTA_HEAD + count * BLOCK, err);
	if (!r)
		slots.delta_slot = !slots.delta_slot;
	return r;
}

int checkpoint_file_write(const struct checkpoint_part *parts, unsigned int n,
			  struct error *err)
{
	size_t len = 0;
	int count, r;

	for (unsigned int i = 0; i < n; i++)
		len += CHECKPOINT_ALIGN(parts[i].len);
	if (!len || BASE_HEAD + len > NVRAM_MAX_STATE)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 CHECKPOINT_FILE
				 ": a state of %zu bytes cannot be kept",
				 len);
	count = slots.base_len ? compose_delta(parts, n) : -1;
	r = count < 0 ? write_base(parts, n, len, err)
		      : write_delta(count, len, err);
	OPENSSL_cleanse(slots.delta, sizeof(slots.delta));
	if (!r)
		log_state_written();
	return r;
}
