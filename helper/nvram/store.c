// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing states to an open file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "nvram/internal.h"
#include "util/io.h"

static ssize_t system_read(int fd, void *buf, size_t len, off_t off)
{
	ssize_t r;

	do {
		r = pread(fd, buf, len, off);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int system_sync(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

static void system_punch(int fd, off_t off, off_t len)
{
	/* Not every file system can; then the space stays used. */
	(void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
			 len);
}

const struct nvram_ops nvram_system_ops = {
	.read = system_read,
	.write = pwrite_full,
	.sync = system_sync,
	.punch = system_punch,
	.random = random_bytes,
};

/* Where the next record of @slot goes: its region, or a larger one. */
static struct nvram_region place_record(const struct nvram_header *h,
					unsigned int slot, size_t size)
{
	struct nvram_region r = h->slot[slot];

	if (size <= r.capacity)
		return r;
	while (r.capacity < size)
		r.capacity *= 2;
	r.offset = 0;
	for (int i = 0; i < NVRAM_SLOTS; i++) {
		uint64_t end = h->slot[i].offset + h->slot[i].capacity;

		if (end > r.offset)
			r.offset = end;
	}
	return r;
}

static int write_record(struct nvram *n, const struct nvram_region *place,
			const struct nvram_sealed *s, struct error *err)
{
	const struct nvram_frame *f = &s->frame;
	uint32_t seed = sector_seed(n->header.info.uuid, f->slot);
	bool is_new = place->offset != n->header.slot[f->slot].offset;
	size_t size = record_size(f->length);
	size_t len = is_new ? place->capacity : size;
	_cleanup_free_ uint8_t *buf = malloc(len);
	int r;

	if (!buf)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "%s: out of memory", n->file);
	record_pack(s->body, f, seed, buf);
	if (len > size)
		slot_blank(buf + size, len - size, seed, size / NVRAM_SECTOR);
	r = n->ops->write(n->fd, buf, len, place->offset);
	if (!r)
		r = n->ops->sync(n->fd);
	return r ? storage_error(err, r, n->file, "state") : 0;
}

/*
 * Make the headers say what a record of @slot at @place needs them to: last,
 * so that whichever copy survives a cut names a place with a whole record.
 */
static int commit_headers(struct nvram *n, unsigned int slot,
			  const struct nvram_region *place, struct error *err)
{
	const struct nvram_region old = n->header.slot[slot];
	struct nvram_header h = n->header;
	int r;

	h.slot[slot] = *place;
	h.flags |= NVRAM_HAS_STATE;
	if (old.offset == place->offset && h.flags == n->header.flags &&
	    headers_settled(n))
		return 0;
	r = headers_write(n, &h, err);
	if (r)
		return r;
	if (old.offset != place->offset)
		n->ops->punch(n->fd, old.offset, old.capacity);
	return 0;
}

/* Seal @state by @s->frame and make it durable in the frame's slot. */
static int write_state(struct nvram *n, struct nvram_sealed *s,
		       const void *state, struct error *err)
{
	struct nvram_frame *f = &s->frame;
	struct nvram_region place =
		place_record(&n->header, f->slot, record_size(f->length));
	int r;

	s->body = malloc(NVRAM_BODY_LEN(f->length));
	if (!s->body)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "%s: out of memory", n->file);
	r = seal_record(n->seal, &n->header, f, state, s->body);
	if (r)
		r = error_set(err, r, VTPM_ERR_INTERNAL, "%s: cannot encrypt",
			      n->file);
	if (!r)
		r = write_record(n, &place, s, err);
	if (!r)
		r = commit_headers(n, f->slot, &place, err);
	if (r) {
		free(s->body);
		s->body = NULL;
	}
	return r;
}

int nvram_commit(struct nvram *n, const void *state, uint32_t len,
		 struct error *err)
{
	struct nvram_sealed s = { 0 };
	int r;

	if (!len || len > NVRAM_MAX_STATE)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "%s: a state of %u bytes cannot be kept",
				 n->file, len);
	r = headers_settle(n, err);
	if (r)
		return r;
	s.frame.slot = n->last.body ? !n->current : 0;
	s.frame.length = len;
	/* Used up even by a failed write, which may be on disk after all. */
	s.frame.generation = n->next_generation++;
	/* From here on the other slot may hold anything. */
	n->mirrored = false;
	r = write_state(n, &s, state, err);
	if (r)
		return r;
	free(n->last.body);
	n->last = s;
	n->current = s.frame.slot;
	n->header.info.generation = s.frame.generation;
	return 0;
}

int last_state(struct nvram *n, uint8_t **out, struct error *err)
{
	uint32_t len = n->last.frame.length;
	uint8_t *state = malloc(len);
	int r;

	if (!state)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "%s: out of memory", n->file);
	r = seal_open(n->seal, &n->header, &n->last.frame, n->last.body, state);
	if (r) {
		free(state);
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "%s: cannot decrypt the last state", n->file);
	}
	*out = state;
	return 0;
}

int nvram_mirror(struct nvram *n, struct error *err)
{
	struct nvram_sealed s = { 0 };
	uint32_t len = n->last.frame.length;
	uint8_t *state;
	int r;

	if (!n->last.body || n->mirrored)
		return 0;
	r = headers_settle(n, err);
	if (!r)
		r = last_state(n, &state, err);
	if (r)
		return r;
	s.frame.flags = NVRAM_MIRROR;
	s.frame.slot = !n->current;
	s.frame.length = len;
	s.frame.generation = n->last.frame.generation;
	r = write_state(n, &s, state, err);
	OPENSSL_cleanse(state, len);
	free(state);
	free(s.body);
	n->mirrored = !r;
	return r;
}

int nvram_set_library(struct nvram *n, uint32_t version, const char *profile,
		      struct error *err)
{
	struct nvram_header h = n->header;

	if (version == h.info.library_version &&
	    !strcmp(profile, h.info.profile))
		return 0;
	if (strlen(profile) >= sizeof(h.info.profile))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "%s: the profile's name is too long", n->file);
	h.info.library_version = version;
	snprintf(h.info.profile, sizeof(h.info.profile), "%s", profile);
	return headers_write(n, &h, err);
}

int nvram_set_name(struct nvram *n, const char *name, struct error *err)
{
	struct nvram_header h = n->header;

	if (strlen(name) > NAME_MAX_LEN)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "%s: the name is too long", n->file);
	snprintf(h.info.name, sizeof(h.info.name), "%s", name);
	return headers_write(n, &h, err);
}

const void *nvram_state(const struct nvram *n, uint32_t *len)
{
	*len = n->state_len;
	return n->state;
}

void nvram_forget_state(struct nvram *n)
{
	if (n->state)
		OPENSSL_cleanse(n->state, n->state_len);
	free(n->state);
	n->state = NULL;
	n->state_len = 0;
}

uint64_t nvram_generation(const struct nvram *n)
{
	return n->header.info.generation;
}

const struct nvram_info *nvram_get_info(const struct nvram *n)
{
	return &n->header.info;
}

void nvram_close(struct nvram *n)
{
	if (!n)
		return;
	nvram_forget_state(n);
	free(n->last.body);
	seal_free(n->seal);
	free(n->file);
	free(n);
}
