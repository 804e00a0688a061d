// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Other wraps, and other data keys. What makes a deep rekey safe to cut:
 * Documentation/nvram-format.rst, "Rekeying".
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "nvram/internal.h"

static int take_wraps(struct nvram_header *h, const char *file,
		      const struct nvram_wrap *wraps, uint32_t count,
		      struct error *err)
{
	uint8_t area[NVRAM_WRAPS_LEN];
	int r = nvram_encode_wraps(wraps, count, area);

	if (r == -ENOSPC)
		return error_set(err, r, VTPM_ERR_INVALID,
				 "%s: the header has no room for these %u "
				 "wraps; detach a provider first",
				 file, count);
	if (r || !count)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "%s: a wrapped key or its id is none, too "
				 "long or not printable",
				 file);
	/* From here on older programs have to keep off. */
	if (h->info.version < NVRAM_VERSION_2)
		h->info.version = NVRAM_VERSION_2;
	memset(h->info.wrap, 0, sizeof(h->info.wrap));
	memcpy(h->info.wrap, wraps, count * sizeof(*wraps));
	h->info.n_wraps = count;
	return 0;
}

int nvram_set_wraps(struct nvram *n, const struct secret *key,
		    const struct nvram_wrap *wraps, uint32_t count,
		    struct error *err)
{
	struct nvram_header h = n->header;
	int r;

	if (!seal_has_key(n->seal, key))
		return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
				 "%s: these are wraps of another data key",
				 n->file);
	r = take_wraps(&h, n->file, wraps, count, err);
	if (!r)
		r = headers_settle(n, err);
	return r ? r : headers_write(n, &h, err);
}

static bool overlaps(const struct nvram_region *r, uint64_t offset,
		     uint64_t len)
{
	return r->offset < offset + len && offset < r->offset + r->capacity;
}

/* The first place for @len bytes that none of the slots is in. */
static uint64_t find_room(const struct nvram_header *h, uint64_t len)
{
	uint64_t best = UINT64_MAX, at = NVRAM_SLOT_START;

	for (int i = 0; i <= NVRAM_SLOTS; i++) {
		if (!overlaps(&h->slot[0], at, len) &&
		    !overlaps(&h->slot[1], at, len) && at < best)
			best = at;
		if (i < NVRAM_SLOTS)
			at = h->slot[i].offset + h->slot[i].capacity;
	}
	return best;
}

/* Where the slots of the new data key are: apart from those of the old one. */
static void place_slots(struct nvram_header *h, size_t record)
{
	uint64_t capacity = h->slot[0].capacity, at;

	if (capacity < h->slot[1].capacity)
		capacity = h->slot[1].capacity;
	while (capacity < record)
		capacity *= 2;
	at = find_room(h, NVRAM_SLOTS * capacity);
	for (int i = 0; i < NVRAM_SLOTS; i++)
		h->slot[i] =
			(struct nvram_region){ at + i * capacity, capacity };
}

/* The other data key and what is sealed with it, until it is the only one. */
struct rekey {
	struct nvram_header header;
	struct seal *seal;
	struct nvram_sealed sealed[NVRAM_SLOTS];
};

static void rekey_clear(struct rekey *k)
{
	seal_free(k->seal);
	for (int i = 0; i < NVRAM_SLOTS; i++)
		free(k->sealed[i].body);
}

/* The last state in both slots, by the other key. */
static int seal_anew(struct nvram *n, struct rekey *k, struct error *err)
{
	uint32_t len = n->last.frame.length;
	uint8_t *state = NULL;
	int r = last_state(n, &state, err);

	for (unsigned int i = 0; !r && i < NVRAM_SLOTS; i++) {
		struct nvram_sealed *s = &k->sealed[i];

		s->frame.flags = i == n->current ? 0 : NVRAM_MIRROR;
		s->frame.slot = i;
		s->frame.length = len;
		s->frame.generation = n->next_generation;
		s->body = malloc(NVRAM_BODY_LEN(len));
		r = s->body ? seal_record(k->seal, &k->header, &s->frame, state,
					  s->body)
			    : -ENOMEM;
		if (r)
			error_set(err, r, VTPM_ERR_INTERNAL,
				  "%s: cannot encrypt", n->file);
	}
	if (state)
		OPENSSL_cleanse(state, len);
	free(state);
	/* Used up, whatever becomes of it. */
	n->next_generation++;
	return r;
}

static void fill_slot(const struct nvram_sealed *s, uint8_t *out, size_t len,
		      uint32_t seed)
{
	size_t used = s->body ? record_size(s->frame.length) : 0;

	if (used)
		record_pack(s->body, &s->frame, seed, out);
	slot_blank(out + used, len - used, seed, used / NVRAM_SECTOR);
}

/* Both slots at once: they lie side by side. */
static int write_slots(struct nvram *n, const struct rekey *k,
		       struct error *err)
{
	const struct nvram_region *slot = k->header.slot;
	size_t len = slot->capacity;
	_cleanup_free_ uint8_t *buf = malloc(NVRAM_SLOTS * len);
	int r;

	if (!buf)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "%s: out of memory", n->file);
	for (unsigned int i = 0; i < NVRAM_SLOTS; i++)
		fill_slot(&k->sealed[i], buf + i * len, len,
			  sector_seed(n->header.info.uuid, i));
	r = n->ops->write(n->fd, buf, NVRAM_SLOTS * len, slot->offset);
	if (!r)
		r = n->ops->sync(n->fd);
	if (!r)
		return 0;
	n->ops->punch(n->fd, slot->offset, NVRAM_SLOTS * len);
	return storage_error(err, r, n->file, "state");
}

/*
 * As far as the storage lets us: what was sealed with the old key opens with
 * any copy of the old header.
 */
static void scrub(struct nvram *n, const struct nvram_region *r)
{
	_cleanup_free_ uint8_t *zeroes = calloc(1, r->capacity);

	if (zeroes && !n->ops->write(n->fd, zeroes, r->capacity, r->offset))
		n->ops->sync(n->fd);
	n->ops->punch(n->fd, r->offset, r->capacity);
}

/* The headers decide which of the two keys it is. */
static int switch_over(struct nvram *n, struct rekey *k, struct error *err)
{
	const struct nvram_header old = n->header;
	struct seal *old_seal = n->seal;
	int r;

	n->seal = k->seal;
	r = headers_write(n, &k->header, err);
	if (r) {
		n->seal = old_seal;
		/* Best effort; else before the next write to a slot. */
		headers_settle(n, NULL);
		return r;
	}
	k->seal = old_seal;
	if (n->last.body) {
		free(n->last.body);
		n->last = k->sealed[n->current];
		k->sealed[n->current].body = NULL;
		n->mirrored = true;
		n->header.info.generation = n->last.frame.generation;
	}
	for (int i = 0; i < NVRAM_SLOTS; i++)
		scrub(n, &old.slot[i]);
	return 0;
}

static int prepare(struct nvram *n, struct rekey *k, const struct secret *key,
		   struct error *err)
{
	uint8_t salt[NVRAM_SALT_LEN];
	int r;

	if (seal_has_key(n->seal, key) || k->header.info.data_key == UINT32_MAX)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "%s: that is no new data key", n->file);
	n->ops->random(salt, sizeof(salt));
	r = seal_new(key, n->header.info.uuid, salt, &k->seal);
	if (r)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "%s: cannot set up the data key", n->file);
	k->header.info.data_key++;
	place_slots(&k->header,
		    n->last.body ? record_size(n->last.frame.length) : 0);
	return n->last.body ? seal_anew(n, k, err) : 0;
}

int nvram_rekey(struct nvram *n, const struct secret *key,
		const struct nvram_wrap *wraps, uint32_t count,
		struct error *err)
{
	struct rekey k = { .header = n->header };
	int r = take_wraps(&k.header, n->file, wraps, count, err);

	/* The room that is free is so only if no copy names it. */
	n->must_settle |= !headers_settled(n);
	if (!r)
		r = headers_settle(n, err);
	if (!r)
		r = prepare(n, &k, key, err);
	if (!r)
		r = write_slots(n, &k, err);
	if (!r)
		r = switch_over(n, &k, err);
	rekey_clear(&k);
	return r;
}
