// SPDX-License-Identifier: GPL-2.0-or-later
/* What counts of that which another process has left in a checkpoint. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "nvram/bytes.h"
#include "nvram/checkpoint-file-slots.h"

#define BLOCK CHECKPOINT_BLOCK

void checkpoint_stored_clear(struct checkpoint_stored *c)
{
	if (c->state)
		OPENSSL_cleanse(c->state, c->len);
	if (c->log)
		OPENSSL_cleanse(c->log, c->log_len);
	free(c->state);
	free(c->log);
	*c = (struct checkpoint_stored){ 0 };
}

void record_free(struct record *rec)
{
	if (rec->text)
		OPENSSL_cleanse(rec->text, rec->len);
	free(rec->text);
	rec->text = NULL;
}

int record_open(const uint8_t *body, size_t size, unsigned int slot,
		struct record *out)
{
	struct nvram_frame f;
	int r;

	if (!body || size < NVRAM_FRAME_LEN || frame_decode(body, &f) ||
	    f.slot != slot || f.length < BASE_HEAD ||
	    NVRAM_BODY_LEN(f.length) > size)
		return -EBADMSG;
	out->text = malloc(f.length);
	if (!out->text)
		return -ENOMEM;
	out->len = f.length;
	r = seal_open(slots.seal, &slots.id, &f, body, out->text);
	if (r) {
		record_free(out);
		return r;
	}
	out->generation = f.generation;
	if (out->generation > slots.generation)
		slots.generation = out->generation;
	return 0;
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
	r = record_open(body, region_size(region), slot, out);
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
static int choose(struct record *base, struct record *delta,
		  struct checkpoint_stored *out, struct error *err)
{
	const struct record none = { 0 }, *newest = &none;
	uint64_t generation;

	slots.base_slot = base[1].generation > base[0].generation;
	slots.base_generation = base[slots.base_slot].generation;
	if (!base[slots.base_slot].text)
		return error_set(err, -ENODATA, VTPM_ERR_CORRUPT,
				 CHECKPOINT_FILE " holds no state");
	generation = slots.base_generation;
	for (int i = 0; i < SLOTS_DELTAS; i++) {
		if (is_delta_of(&delta[i], slots.base_generation) &&
		    delta[i].generation > newest->generation)
			newest = &delta[i];
	}
	if (newest->text)
		generation = newest->generation;
	out->state = apply(&base[slots.base_slot], newest, &out->len);
	if (!out->state)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 CHECKPOINT_FILE ": its state does not fit");
	return log_read(generation, out, err);
}

int slots_read(struct checkpoint_stored *out, struct error *err)
{
	struct record base[MAPPED_BASES] = { 0 }, delta[SLOTS_DELTAS] = { 0 };
	int r = 0;

	for (int i = 0; i < MAPPED_BASES; i++)
		slots.place[i] = mapped_first_page()->base[i];
	slots.log = mapped_first_page()->log;
	slots.log_used = mapped_first_page()->log_used;
	for (int i = 0; !r && i < MAPPED_BASES; i++)
		r = read_slot(slots.place[i], i, &base[i], err);
	for (int i = 0; !r && i < SLOTS_DELTAS; i++)
		r = read_slot(delta_region(i), i, &delta[i], err);
	if (!r)
		r = choose(base, delta, out, err);
	for (int i = 0; i < MAPPED_BASES; i++)
		record_free(&base[i]);
	for (int i = 0; i < SLOTS_DELTAS; i++)
		record_free(&delta[i]);
	if (r)
		checkpoint_stored_clear(out);
	return r;
}
