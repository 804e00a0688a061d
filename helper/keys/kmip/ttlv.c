// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "keys/kmip/ttlv.h"

static uint32_t get_be(const uint8_t *p, int n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static void put_be(uint8_t *p, uint32_t v, int n)
{
	while (n--) {
		p[n] = v & 0xff;
		v >>= 8;
	}
}

static uint64_t padded(uint64_t len)
{
	return (len + 7) & ~UINT64_C(7);
}

uint64_t ttlv_size(const uint8_t head[TTLV_HEAD_LEN])
{
	return TTLV_HEAD_LEN + padded(get_be(head + 4, 4));
}

static bool length_fits(uint8_t type, size_t len)
{
	switch (type) {
	case TTLV_INTEGER:
	case TTLV_ENUM:
	case TTLV_INTERVAL:
		return len == 4;
	case TTLV_LONG:
	case TTLV_BOOLEAN:
	case TTLV_DATE:
	case TTLV_DATE_EXT:
		return len == 8;
	case TTLV_STRUCTURE:
	case TTLV_BIG:
		return len % 8 == 0;
	case TTLV_TEXT:
	case TTLV_BYTES:
		return true;
	default:
		return false;
	}
}

int ttlv_next(struct ttlv_reader *r, struct ttlv *out)
{
	uint64_t size;
	size_t len;

	if (!r->left)
		return 0;
	if (r->left < TTLV_HEAD_LEN)
		return -EBADMSG;
	size = ttlv_size(r->at);
	len = get_be(r->at + 4, 4);
	if (size > r->left || !length_fits(r->at[3], len))
		return -EBADMSG;
	*out = (struct ttlv){
		.tag = get_be(r->at, 3),
		.type = r->at[3],
		.value = r->at + TTLV_HEAD_LEN,
		.len = len,
	};
	r->at += size;
	r->left -= size;
	return 1;
}

struct ttlv_reader ttlv_children(const struct ttlv *structure)
{
	return (struct ttlv_reader){ structure->value, structure->len };
}

/* Depth-limited, so that a nest of structures cannot use up the stack. */
static int check_children(const struct ttlv *structure, unsigned int depth)
{
	struct ttlv_reader r = ttlv_children(structure);
	struct ttlv item;
	int e;

	if (depth > TTLV_MAX_DEPTH)
		return -EBADMSG;
	while ((e = ttlv_next(&r, &item)) > 0) {
		if (item.type == TTLV_STRUCTURE) {
			e = check_children(&item, depth + 1);
			if (e)
				return e;
		}
	}
	return e;
}

int ttlv_parse(const uint8_t *buf, size_t len, struct ttlv *out)
{
	struct ttlv_reader r = { buf, len };
	struct ttlv item;

	if (ttlv_next(&r, &item) != 1 || r.left)
		return -EBADMSG;
	if (item.type == TTLV_STRUCTURE && check_children(&item, 1))
		return -EBADMSG;
	*out = item;
	return 0;
}

int ttlv_find(const struct ttlv *structure, uint32_t tag, enum ttlv_type type,
	      struct ttlv *out)
{
	struct ttlv_reader r = ttlv_children(structure);
	struct ttlv item;
	int e;

	while ((e = ttlv_next(&r, &item)) > 0) {
		if (item.tag != tag)
			continue;
		if (item.type != type)
			return -EBADMSG;
		*out = item;
		return 0;
	}
	return e ? e : -ENOENT;
}

int ttlv_get_u32(const struct ttlv *item, enum ttlv_type type, uint32_t *out)
{
	/* Of the types with four bytes. */
	if ((type != TTLV_INTEGER && type != TTLV_ENUM) || item->type != type)
		return -EBADMSG;
	*out = get_be(item->value, 4);
	return 0;
}

int ttlv_find_u32(const struct ttlv *structure, uint32_t tag,
		  enum ttlv_type type, uint32_t *out)
{
	struct ttlv item;
	int e = ttlv_find(structure, tag, type, &item);

	return e ? e : ttlv_get_u32(&item, type, out);
}

/* Room for an item of @len bytes, zeroed; NULL and failed if there is none. */
static uint8_t *add(struct ttlv_writer *w, uint32_t tag, enum ttlv_type type,
		    size_t len)
{
	uint8_t *p = w->buf + w->len;

	if (w->failed || len > w->size ||
	    padded(len) + TTLV_HEAD_LEN > w->size - w->len) {
		w->failed = true;
		return NULL;
	}
	put_be(p, tag, 3);
	p[3] = type;
	put_be(p + 4, len, 4);
	memset(p + TTLV_HEAD_LEN, 0, padded(len));
	w->len += TTLV_HEAD_LEN + padded(len);
	return p + TTLV_HEAD_LEN;
}

void ttlv_open(struct ttlv_writer *w, uint32_t tag)
{
	if (w->depth == TTLV_MAX_DEPTH)
		w->failed = true;
	if (add(w, tag, TTLV_STRUCTURE, 0))
		w->open[w->depth++] = w->len;
}

void ttlv_close(struct ttlv_writer *w)
{
	size_t start;

	if (w->failed || !w->depth) {
		w->failed = true;
		return;
	}
	start = w->open[--w->depth];
	put_be(w->buf + start - 4, w->len - start, 4);
}

void ttlv_u32(struct ttlv_writer *w, uint32_t tag, enum ttlv_type type,
	      uint32_t value)
{
	uint8_t *p = add(w, tag, type, 4);

	if (p)
		put_be(p, value, 4);
}

void ttlv_boolean(struct ttlv_writer *w, uint32_t tag, bool value)
{
	uint8_t *p = add(w, tag, TTLV_BOOLEAN, 8);

	if (p)
		p[7] = value;
}

static void add_data(struct ttlv_writer *w, uint32_t tag, enum ttlv_type type,
		     const void *data, size_t len)
{
	uint8_t *p = add(w, tag, type, len);

	if (p && len)
		memcpy(p, data, len);
}

void ttlv_bytes(struct ttlv_writer *w, uint32_t tag, const void *data,
		size_t len)
{
	add_data(w, tag, TTLV_BYTES, data, len);
}

void ttlv_text(struct ttlv_writer *w, uint32_t tag, const char *text)
{
	add_data(w, tag, TTLV_TEXT, text, strlen(text));
}

int ttlv_end(struct ttlv_writer *w)
{
	while (w->depth && !w->failed)
		ttlv_close(w);
	return w->failed ? -EMSGSIZE : 0;
}
