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
#define MAX_BLOCKS 15 /* of a delta, which has a page */
#define BASE_HEAD 8   /* zero, where a delta has the generation of its base */
#define DELTA_HEAD 48 /* that, length, number of blocks, their indices */
_Static_assert(16 + 2 * MAX_BLOCKS <= DELTA_HEAD, "indices");
_Static_assert(NVRAM_BODY_LEN(DELTA_HEAD + MAX_BLOCKS * BLOCK) <= MAPPED_PAGE,
	       "a page");

/* The plaintext of a record that opened. */
struct record {
	uint8_t *text; /* NULL: none */
	uint32_t len;
	uint64_t generation;
};

static struct {
	struct seal *seal;
	struct nvram_header id; /* what seal.c binds to: the UUID */
	uint8_t *base;		/* its plaintext, to compare with */
	size_t size;		/* of that memory */
	uint32_t base_len;	/* 0: it is not known; the next is a base */
	uint64_t generation;	/* of the last record, written or tried */
	uint64_t base_generation;
	unsigned int base_slot, delta_slot; /* that count */
	uint8_t delta[DELTA_HEAD + MAX_BLOCKS * BLOCK];
} s;

static mapped_region delta_region(unsigned int slot)
{
	return region_make(1 + slot, 1);
}

static size_t pages(size_t bytes)
{
	return (bytes + MAPPED_PAGE - 1) / MAPPED_PAGE;
}

int slots_begin(const uint8_t uuid[UUID_LEN], const struct secret *key)
{
	uint8_t salt[NVRAM_SALT_LEN];

	slots_end();
	memcpy(s.id.info.uuid, uuid, UUID_LEN);
	s.id.cipher = NVRAM_CIPHER_AES256_GCM;
	random_bytes(salt, sizeof(salt));
	return seal_new(key, uuid, salt, &s.seal);
}

static void forget_base(void)
{
	if (s.base)
		OPENSSL_cleanse(s.base, s.size);
	free(s.base);
	s.base = NULL;
	s.size = s.base_len = 0;
}

void slots_end(void)
{
	forget_base();
	seal_free(s.seal);
	OPENSSL_cleanse(&s, sizeof(s));
}

/* --- writing --------------------------------------------------------------- */

/* Into @region; it is torn until this has succeeded. */
static int put(mapped_region region, unsigned int slot, const uint8_t *text,
	       uint32_t len, struct error *err)
{
	struct nvram_frame f = { .slot = slot,
				 .length = len,
				 .generation = ++s.generation };
	int r;

	mapped_begin(region);
	r = seal_record(s.seal, &s.id, &f, text, mapped_memory(region));
	if (r)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 CHECKPOINT_FILE ": cannot encrypt");
	mapped_end();
	return 0;
}

/* A place for @bytes in base @slot: where it was, or behind both. */
static mapped_region place_base(unsigned int slot, size_t bytes)
{
	const struct mapped_page *page = mapped_first_page();
	mapped_region old = page->base[slot];
	size_t end = SLOTS_MIN_SIZE, size = bytes;

	if (bytes <= region_size(old))
		return old;
	if (size < 2 * region_size(old))
		size = 2 * region_size(old);
	for (int i = 0; i < MAPPED_BASES; i++) {
		mapped_region r = page->base[i];

		if (r && region_offset(r) + region_size(r) > end)
			end = region_offset(r) + region_size(r);
	}
	return region_make(pages(end), pages(size));
}

/* Plaintext of a base of these parts, to compare with later. */
static int compose_base(const struct checkpoint_part *parts, unsigned int n,
			size_t len)
{
	size_t at = BASE_HEAD;

	s.base_len = 0;
	if (s.size < BASE_HEAD + len) {
		forget_base();
		s.base = malloc(BASE_HEAD + len);
		if (!s.base)
			return -ENOMEM;
		s.size = BASE_HEAD + len;
	}
	memset(s.base, 0, BASE_HEAD);
	for (unsigned int i = 0; i < n; i++) {
		size_t end = at + CHECKPOINT_ALIGN(parts[i].len);

		if (parts[i].len)
			memcpy(s.base + at, parts[i].data, parts[i].len);
		at += parts[i].len;
		memset(s.base + at, 0, end - at);
		at = end;
	}
	return 0;
}

static int write_base(const struct checkpoint_part *parts, unsigned int n,
		      size_t len, struct error *err)
{
	unsigned int slot = s.base_generation ? !s.base_slot : 0;
	mapped_region old = mapped_first_page()->base[slot];
	mapped_region place = place_base(slot, NVRAM_BODY_LEN(BASE_HEAD + len));
	int r = place == old ? 0 : mapped_make(place);

	if (r)
		return storage_error(err, r, CHECKPOINT_FILE, "state");
	if (compose_base(parts, n, len))
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 CHECKPOINT_FILE ": out of memory");
	r = put(place, slot, s.base, BASE_HEAD + len, err);
	if (r)
		return r;
	if (place != old) {
		/* Last: until now the old one counts, in part or whole. */
		mapped_first_page()->base[slot] = place;
		mapped_drop(old);
	}
	s.base_slot = slot;
	s.base_generation = s.generation;
	s.base_len = len;
	return 0;
}

/* How many blocks differ from the base, now in s.delta; or -1: too many. */
static int compose_delta(const struct checkpoint_part *parts, unsigned int n)
{
	uint8_t *block = s.delta + DELTA_HEAD;
	size_t at = 0;
	int count = 0;

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *p = parts[i].data;

		for (size_t left = parts[i].len; left; at += BLOCK) {
			size_t len = left < BLOCK ? left : BLOCK;

			if (at >= s.base_len ||
			    memcmp(s.base + BASE_HEAD + at, p, len) != 0) {
				if (count == MAX_BLOCKS)
					return -1;
				put16(s.delta + 16 + 2 * count++, at / BLOCK);
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

	put64(s.delta, s.base_generation);
	put32(s.delta + 8, len);
	put32(s.delta + 12, count);
	r = put(delta_region(!s.delta_slot), !s.delta_slot, s.delta,
		DELTA_HEAD + count * BLOCK, err);
	if (!r)
		s.delta_slot = !s.delta_slot;
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
	count = s.base_len ? compose_delta(parts, n) : -1;
	r = count < 0 ? write_base(parts, n, len, err)
		      : write_delta(count, len, err);
	OPENSSL_cleanse(s.delta, sizeof(s.delta));
	return r;
}

/* --- reading --------------------------------------------------------------- */

static void record_free(struct record *rec)
{
	if (rec->text)
		OPENSSL_cleanse(rec->text, rec->len);
	free(rec->text);
	rec->text = NULL;
}

static int open_record(mapped_region region, unsigned int slot,
		       struct record *out)
{
	const uint8_t *body = mapped_memory(region);
	struct nvram_frame f;
	int r;

	if (!body || frame_decode(body, &f) || f.slot != slot ||
	    f.length < BASE_HEAD ||
	    NVRAM_BODY_LEN(f.length) > region_size(region))
		return -EBADMSG;
	out->text = malloc(f.length);
	if (!out->text)
		return -ENOMEM;
	out->len = f.length;
	r = seal_open(s.seal, &s.id, &f, body, out->text);
	if (r)
		record_free(out);
	else
		out->generation = f.generation;
	return r;
}

/*
 * None in a place that was never used, or where a kill came in between: that
 * one is made as if never used, so that nothing need explain it later.
 */
static int read_slot(mapped_region region, unsigned int slot,
		     struct record *out, struct error *err)
{
	uint8_t *body = mapped_memory(region);
	int r;

	if (!region || (body && all_zero(body, NVRAM_FRAME_LEN)))
		return 0;
	r = open_record(region, slot, out);
	if (r == -EBADMSG && body && mapped_first_page()->writing == region) {
		memset(body, 0, NVRAM_FRAME_LEN);
		mapped_end();
		return 0;
	}
	if (r == -EBADMSG)
		return error_set(err, r, VTPM_ERR_CORRUPT,
				 CHECKPOINT_FILE " is damaged");
	if (r)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 CHECKPOINT_FILE ": cannot decrypt");
	if (out->generation > s.generation)
		s.generation = out->generation;
	return 0;
}

/* What @delta makes of @base, in new memory; or NULL. */
static uint8_t *apply(const struct record *base, const struct record *delta,
		      uint32_t *len)
{
	size_t size = base->len - BASE_HEAD, count = 0;
	uint8_t *state;

	*len = size;
	if (delta->text) {
		*len = get32(delta->text + 8);
		count = get32(delta->text + 12);
		if (*len > NVRAM_MAX_STATE || *len % BLOCK ||
		    count > MAX_BLOCKS ||
		    delta->len != DELTA_HEAD + count * BLOCK)
			return NULL;
	}
	state = calloc(1, *len > size ? *len : size);
	if (!state)
		return NULL;
	memcpy(state, base->text + BASE_HEAD, size);
	for (size_t i = 0; i < count; i++) {
		size_t at = get16(delta->text + 16 + 2 * i) * (size_t)BLOCK;

		if (at < *len)
			memcpy(state + at, delta->text + DELTA_HEAD + i * BLOCK,
			       BLOCK);
	}
	/* Who has it wipes no more than @len bytes. */
	if (*len < size)
		OPENSSL_cleanse(state + *len, size - *len);
	return state;
}

static bool is_delta_of(const struct record *d, uint64_t base)
{
	return d->text && d->len >= DELTA_HEAD && get64(d->text) == base;
}

/* The newest base, and the newest delta of that. */
static int choose(struct record *base, struct record *delta, uint8_t **state,
		  uint32_t *len, struct error *err)
{
	const struct record none = { 0 }, *newest = &none;

	s.base_slot = base[1].generation > base[0].generation;
	s.base_generation = base[s.base_slot].generation;
	if (!base[s.base_slot].text)
		return error_set(err, -ENODATA, VTPM_ERR_CORRUPT,
				 CHECKPOINT_FILE " holds no state");
	for (int i = 0; i < SLOTS_DELTAS; i++) {
		if (is_delta_of(&delta[i], s.base_generation) &&
		    delta[i].generation > newest->generation)
			newest = &delta[i];
	}
	*state = apply(&base[s.base_slot], newest, len);
	if (!*state)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 CHECKPOINT_FILE ": its state does not fit");
	return 0;
}

int slots_read(uint8_t **state, uint32_t *len, struct error *err)
{
	struct record base[MAPPED_BASES] = { 0 }, delta[SLOTS_DELTAS] = { 0 };
	int r = 0;

	for (int i = 0; !r && i < MAPPED_BASES; i++)
		r = read_slot(mapped_first_page()->base[i], i, &base[i], err);
	for (int i = 0; !r && i < SLOTS_DELTAS; i++)
		r = read_slot(delta_region(i), i, &delta[i], err);
	if (!r)
		r = choose(base, delta, state, len, err);
	for (int i = 0; i < MAPPED_BASES; i++)
		record_free(&base[i]);
	for (int i = 0; i < SLOTS_DELTAS; i++)
		record_free(&delta[i]);
	return r;
}
