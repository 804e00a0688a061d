// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening a file: which header, which state, and what may be mended. The rule
 * and its proof: Documentation/nvram-format.rst, "Recovery".
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "nvram/internal.h"

struct candidate {
	struct nvram_slot slot;
	struct nvram_sealed sealed;
	uint8_t *state; /* NULL: the slot does not open */
};

static void candidate_clear(struct candidate *c)
{
	if (c->state)
		OPENSSL_cleanse(c->state, c->sealed.frame.length);
	free(c->state);
	free(c->sealed.body);
	free((void *)c->slot.data);
}

/* 0 as well for a slot that does not open: c->state is NULL then. */
static int try_slot(struct nvram *n, struct candidate *c, struct error *err)
{
	struct nvram_frame *f = &c->sealed.frame;
	int r;

	if (record_check(&c->slot, f))
		return 0;
	c->sealed.body = malloc(NVRAM_BODY_LEN(f->length));
	c->state = malloc(f->length + 1);
	if (!c->sealed.body || !c->state)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "%s: out of memory", n->file);
	record_unpack(&c->slot, f, c->sealed.body);
	r = seal_open(n->seal, &n->header, f, c->sealed.body, c->state);
	if (!r)
		return 0;
	free(c->state);
	c->state = NULL;
	if (r == -EBADMSG)
		return 0;
	return error_set(err, r, VTPM_ERR_INTERNAL, "%s: cannot decrypt",
			 n->file);
}

static int slot_error(const struct nvram *n, int i, const char *what,
		      struct error *err)
{
	const struct nvram_region *region = &n->header.slot[i];

	return error_set(
		err, -EBADMSG, VTPM_ERR_CORRUPT,
		"%s: slot %d (bytes %llu to %llu) %s; restore the file from a "
		"backup",
		n->file, i, (unsigned long long)region->offset,
		(unsigned long long)(region->offset + region->capacity - 1),
		what);
}

/* Refuse unless slot @i, which does not open, held nothing newer. */
static int judge(const struct nvram *n, const struct candidate *c, int i,
		 uint64_t base, struct error *err)
{
	switch (slot_judge(&c[i].slot, base)) {
	case SLOT_OLDER:
	case SLOT_TORN:
		return 0;
	case SLOT_DAMAGED:
		return slot_error(n, i, "is damaged and held the newest state",
				  err);
	case SLOT_DESTROYED:
	default:
		return slot_error(
			n, i, "is destroyed and may have held the newest state",
			err);
	}
}

/* No slot opens. That is right only where none was ever committed. */
static int without_state(const struct nvram *n, const struct candidate *c,
			 struct error *err)
{
	int r = 0;

	if (n->header.flags & NVRAM_HAS_STATE)
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				 "%s: the state is damaged: neither slot 0 nor "
				 "slot 1 opens; restore the file from a backup",
				 n->file);
	for (int i = 0; !r && i < NVRAM_SLOTS; i++)
		r = judge(n, c, i, 0, err);
	return r;
}

/* Two records of one generation are one state, or two histories mixed. */
static int same_state(struct nvram *n, const struct candidate *c,
		      struct error *err)
{
	uint32_t len = c[0].sealed.frame.length;

	if (c[1].sealed.frame.length != len ||
	    CRYPTO_memcmp(c[0].state, c[1].state, len))
		return error_set(
			err, -EBADMSG, VTPM_ERR_CORRUPT,
			"%s: slot 0 and slot 1 come from two copies of the "
			"file that were both used; restore one of them",
			n->file);
	n->mirrored = true;
	return 0;
}

static int choose(struct nvram *n, struct candidate *c, struct error *err)
{
	const struct nvram_frame *a = &c[0].sealed.frame;
	const struct nvram_frame *b = &c[1].sealed.frame;
	int best, r = 0;

	if (!c[0].state && !c[1].state)
		return without_state(n, c, err);
	if (c[0].state && c[1].state)
		best = b->generation > a->generation;
	else
		best = c[0].state ? 0 : 1;
	if (!c[!best].state)
		r = judge(n, c, !best, c[best].sealed.frame.generation, err);
	else if (a->generation == b->generation)
		r = same_state(n, c, err);
	if (r)
		return r;
	n->current = best;
	n->other_spoilt = !c[!best].state && slot_highest(&c[!best].slot);
	n->state = TAKE_PTR(c[best].state);
	n->last = c[best].sealed;
	c[best].sealed.body = NULL;
	n->state_len = n->last.frame.length;
	n->header.info.generation = n->last.frame.generation;
	return 0;
}

int recover_state(struct nvram *n, struct error *err)
{
	struct candidate c[NVRAM_SLOTS] = { 0 };
	uint64_t highest = 0, seen;
	int r = 0;

	for (int i = 0; !r && i < NVRAM_SLOTS; i++) {
		r = slot_load(n->ops, n->fd, n->file, &n->header, i, &c[i].slot,
			      err);
		if (r)
			break;
		seen = slot_highest(&c[i].slot);
		if (seen > highest)
			highest = seen;
		r = try_slot(n, &c[i], err);
	}
	if (!r)
		r = choose(n, c, err);
	/* Records with numbers above the last one could not be read again. */
	if (!r && highest > NVRAM_GENERATION_MAX / 2)
		r = error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
			      "%s: a sector was forged to use up the numbers "
			      "of states; restore the file from a backup",
			      n->file);
	/* A write that was cut has used its number. */
	n->next_generation = highest + 1;
	for (int i = 0; i < NVRAM_SLOTS; i++)
		candidate_clear(&c[i]);
	return r;
}

static int check_macs(struct nvram *n, struct nvram_pages *p, int chosen,
		      struct error *err)
{
	int r[2];

	for (int i = 0; i < 2; i++) {
		r[i] = p->status[i] ? p->status[i]
				    : seal_header_verify(n->seal, p->page[i],
							 p->header[i].mac);
		if (r[i] && r[i] != -EBADMSG)
			return error_set(err, r[i], VTPM_ERR_INTERNAL,
					 "%s: cannot verify the header",
					 n->file);
		n->copy_generation[i] =
			r[i] ? 0 : p->header[i].header_generation;
	}
	if (!r[chosen])
		return 0;
	/* The newer copy was not made with this key, but the older one was. */
	if (!r[!chosen])
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				 "%s: header copy %c is not authentic; restore "
				 "the file from a backup",
				 n->file, 'A' + chosen);
	return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
			 "%s: the data key does not fit this file; its header "
			 "was changed or belongs to another vTPM",
			 n->file);
}

static int load(struct nvram *n, const struct secret *key, struct error *err)
{
	uint8_t salt[NVRAM_SALT_LEN];
	struct nvram_pages p;
	int chosen, r;

	r = headers_read(n->ops, n->fd, n->file, &p, err);
	if (r)
		return r;
	chosen = headers_choose(&p, n->file, err);
	if (chosen < 0)
		return chosen;
	n->header = p.header[chosen];
	n->ops->random(salt, sizeof(salt));
	r = seal_new(key, n->header.info.uuid, salt, &n->seal);
	if (r)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "%s: cannot set up the data key", n->file);
	r = check_macs(n, &p, chosen, err);
	if (!r)
		r = recover_state(n, err);
	return r;
}

/*
 * Best effort but for the first step: the state is known by now, and what stays
 * unmended is found again next time, or by a commit.
 */
static int mend(struct nvram *n, struct error *err)
{
	struct nvram_header h = n->header;
	int r = 0;

	if (n->last.body)
		h.flags |= NVRAM_HAS_STATE;
	if (!headers_settled(n))
		r = headers_write_again(n, err);
	if (r)
		return r;
	if (!headers_settled(n) || h.flags != n->header.flags)
		headers_write(n, &h, NULL);
	if (n->other_spoilt)
		nvram_mirror(n, NULL);
	return 0;
}

int nvram_open_with(const struct nvram_ops *ops, int fd, const char *file,
		    const struct secret *key, struct nvram **out,
		    struct error *err)
{
	_cleanup_(nvram) struct nvram *n = calloc(1, sizeof(*n));
	int r;

	if (n)
		n->file = strdup(file);
	if (!n || !n->file)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "%s: out of memory", file);
	n->fd = fd;
	n->ops = ops;
	r = load(n, key, err);
	if (r)
		return r;
	r = mend(n, err);
	if (r)
		return r;
	*out = TAKE_PTR(n);
	return 0;
}

int nvram_open(int fd, const char *file, const struct secret *key,
	       struct nvram **out, struct error *err)
{
	return nvram_open_with(&nvram_system_ops, fd, file, key, out, err);
}
