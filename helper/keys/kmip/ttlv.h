/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TTLV, the encoding of KMIP (KMIP 1.2 specification, section 9.1): bytes
 * only, no I/O and no allocation.
 */
#ifndef VTPM_KEYS_KMIP_TTLV_H
#define VTPM_KEYS_KMIP_TTLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TTLV_HEAD_LEN 8
#define TTLV_MAX_DEPTH 12

enum ttlv_type {
	TTLV_STRUCTURE = 1,
	TTLV_INTEGER = 2,
	TTLV_LONG = 3,
	TTLV_BIG = 4,
	TTLV_ENUM = 5,
	TTLV_BOOLEAN = 6,
	TTLV_TEXT = 7,
	TTLV_BYTES = 8,
	TTLV_DATE = 9,
	TTLV_INTERVAL = 10,
	TTLV_DATE_EXT = 11, /* KMIP 2.0 */
};

/* One item; the value is in the buffer that was parsed. */
struct ttlv {
	uint32_t tag;
	uint8_t type;
	const uint8_t *value;
	size_t len; /* without padding */
};

/* What is left of a structure's value. */
struct ttlv_reader {
	const uint8_t *at;
	size_t left;
};

/*
 * How many bytes the item takes whose first TTLV_HEAD_LEN bytes are @head,
 * padding included; at most 2^32 + 14.
 */
uint64_t ttlv_size(const uint8_t head[TTLV_HEAD_LEN]);

/*
 * @buf is one item and nothing else, and all items within it have a length
 * that fits their type and place. 0 or -EBADMSG; @out on success.
 */
int ttlv_parse(const uint8_t *buf, size_t len, struct ttlv *out);

struct ttlv_reader ttlv_children(const struct ttlv *structure);
/* 1, 0 at the end, or -EBADMSG. */
int ttlv_next(struct ttlv_reader *r, struct ttlv *out);
/* The first child of that tag; 0, -ENOENT, or -EBADMSG for another type. */
int ttlv_find(const struct ttlv *structure, uint32_t tag, enum ttlv_type type,
	      struct ttlv *out);
/* The value of an Integer or an Enumeration; -EBADMSG for another type. */
int ttlv_get_u32(const struct ttlv *item, enum ttlv_type type, uint32_t *out);
/* The value of a child that is an Integer or an Enumeration, the same way. */
int ttlv_find_u32(const struct ttlv *structure, uint32_t tag,
		  enum ttlv_type type, uint32_t *out);

/* Zero it but for buf and size. Errors stick; ttlv_end() tells. */
struct ttlv_writer {
	uint8_t *buf;
	size_t size;
	size_t len;
	bool failed;
	unsigned int depth;
	size_t open[TTLV_MAX_DEPTH];
};

void ttlv_open(struct ttlv_writer *w, uint32_t tag);
void ttlv_close(struct ttlv_writer *w);
void ttlv_u32(struct ttlv_writer *w, uint32_t tag, enum ttlv_type type,
	      uint32_t value);
void ttlv_boolean(struct ttlv_writer *w, uint32_t tag, bool value);
void ttlv_bytes(struct ttlv_writer *w, uint32_t tag, const void *data,
		size_t len);
void ttlv_text(struct ttlv_writer *w, uint32_t tag, const char *text);
/* Close what is open; 0, or -EMSGSIZE if it did not fit. */
int ttlv_end(struct ttlv_writer *w);

#endif
