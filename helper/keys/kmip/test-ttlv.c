// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TTLV: each way in which a length, a type or a nest can be wrong, and that
 * what is written is read again. Buffers are on the heap without a byte to
 * spare, for the sanitizer to watch.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keys/kmip/ttlv.h"

#define TAG 0x420001
#define OTHER 0x420002
#define HEAD(tag, type, length) \
	0x42, 0x00, (tag)&0xff, (type), 0, 0, 0, (length)

static int parse(const void *data, size_t len, struct ttlv *out)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct ttlv item;
	int r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	/* With no byte, a pointer just past the end. */
	r = ttlv_parse(len ? copy : copy + 1, len, out ? out : &item);
	free(copy);
	return r;
}

static void refused(const void *data, size_t len)
{
	struct ttlv item = { .tag = 77 };

	assert_int_equal(parse(data, len, &item), -EBADMSG);
	/* Out-parameters stay as they were. */
	assert_int_equal(item.tag, 77);
}

static void too_short(void **state)
{
	static const uint8_t integer[] = {
		HEAD(1, TTLV_INTEGER, 4), 1, 2, 3, 4, 0, 0, 0, 0
	};

	(void)state;
	for (size_t n = 0; n < sizeof(integer); n++)
		refused(integer, n);
	assert_int_equal(parse(integer, sizeof(integer), NULL), 0);
}

/* Of one item, and of one in another that is long enough. */
static void past_the_end(void **state)
{
	uint8_t one[] = { HEAD(1, TTLV_BYTES, 8), 0, 0, 0, 0, 0, 0, 0, 0 };
	uint8_t nest[] = { HEAD(1, TTLV_STRUCTURE, 16),
			   HEAD(2, TTLV_BYTES, 8),
			   0,
			   0,
			   0,
			   0,
			   0,
			   0,
			   0,
			   0 };

	(void)state;
	assert_int_equal(parse(one, sizeof(one), NULL), 0);
	assert_int_equal(parse(nest, sizeof(nest), NULL), 0);
	one[7] = nest[15] = 9;
	refused(one, sizeof(one));
	refused(nest, sizeof(nest));
	/* A head that is cut off by the end of its structure. */
	nest[7] = 8;
	refused(nest, sizeof(nest));
	nest[7] = 4;
	refused(nest, sizeof(nest));
}

static void overflow(void **state)
{
	static const uint8_t tops[] = { 0xff, 0xf8, 0xf7, 0xf9, 0 };
	uint8_t item[16] = { HEAD(1, TTLV_BYTES, 0) };

	(void)state;
	for (size_t i = 0; i < sizeof(tops); i++) {
		memset(item + 4, 0xff, 3);
		item[7] = tops[i];
		refused(item, sizeof(item));
	}
	item[7] = 0xff;
	assert_true(ttlv_size(item) == (UINT64_C(1) << 32) + 8);
	item[7] = 0xf8;
	assert_true(ttlv_size(item) == UINT64_C(1) << 32);
	/* The sign bit alone. */
	memcpy(item + 4, (uint8_t[]){ 0x80, 0, 0, 0 }, 4);
	refused(item, sizeof(item));
	assert_true(ttlv_size(item) == (UINT64_C(1) << 31) + 8);
}

static void padding(void **state)
{
	uint8_t text[24] = { HEAD(1, TTLV_TEXT, 9), 'a' };
	struct ttlv item;

	(void)state;
	assert_int_equal(parse(text, 24, &item), 0);
	assert_int_equal(item.len, 9);
	assert_true(ttlv_size(text) == 24);
	for (size_t n = 17; n < 24; n++)
		refused(text, n);
	/* Not one item, but one and something. */
	text[7] = 8;
	refused(text, 24);
	assert_true(ttlv_size(text) == 16);
	text[7] = 1;
	assert_true(ttlv_size(text) == 16);
}

static void lengths_of_types(void **state)
{
	/* Bit n: a length of n bytes is right. */
	static const uint32_t right[16] = {
		[TTLV_STRUCTURE] = 1 << 0,
		[TTLV_INTEGER] = 1 << 4,
		[TTLV_LONG] = 1 << 8,
		[TTLV_BIG] = 1 << 0 | 1 << 8 | 1 << 16,
		[TTLV_ENUM] = 1 << 4,
		[TTLV_BOOLEAN] = 1 << 8,
		[TTLV_TEXT] = 0x1ffff,
		[TTLV_BYTES] = 0x1ffff,
		[TTLV_DATE] = 1 << 8,
		[TTLV_INTERVAL] = 1 << 4,
		[TTLV_DATE_EXT] = 1 << 8,
	};
	uint8_t buf[24];

	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		for (unsigned int len = 0; len <= 16; len++) {
			bool ok = type < 16 && right[type] & 1U << len;

			memset(buf, 0, sizeof(buf));
			memcpy(buf, (uint8_t[]){ HEAD(1, type, len) }, 8);
			if (ok)
				assert_int_equal(
					parse(buf, ttlv_size(buf), NULL), 0);
			else
				refused(buf, ttlv_size(buf));
		}
	}
}

static void zero_length(void **state)
{
	static const uint8_t empty[] = { HEAD(1, TTLV_STRUCTURE, 0) };
	static const uint8_t text[] = { HEAD(1, TTLV_STRUCTURE, 8),
					HEAD(2, TTLV_TEXT, 0) };
	struct ttlv all, item;
	struct ttlv_reader r;

	(void)state;
	refused("", 0);
	assert_int_equal(ttlv_parse(empty, sizeof(empty), &all), 0);
	r = ttlv_children(&all);
	assert_int_equal(ttlv_next(&r, &item), 0);
	assert_int_equal(ttlv_find(&all, OTHER, TTLV_TEXT, &item), -ENOENT);
	assert_int_equal(ttlv_parse(text, sizeof(text), &all), 0);
	assert_int_equal(ttlv_find(&all, OTHER, TTLV_TEXT, &item), 0);
	assert_int_equal(item.len, 0);
	/* As kmip_call() gives for an answer without payload. */
	all = (struct ttlv){ .type = TTLV_STRUCTURE };
	assert_int_equal(ttlv_find(&all, OTHER, TTLV_TEXT, &item), -ENOENT);
}

/* @depth structures, one in the other. */
static size_t nest(uint8_t *buf, unsigned int depth)
{
	for (unsigned int i = 0; i < depth; i++) {
		unsigned int inside = 8 * (depth - 1 - i);
		uint8_t head[] = { HEAD(1, TTLV_STRUCTURE, inside & 0xff) };

		head[6] = inside >> 8;
		memcpy(buf + 8 * i, head, 8);
	}
	return (size_t)8 * depth;
}

static void depth(void **state)
{
	uint8_t *buf = malloc(8 * 8000);

	(void)state;
	assert_non_null(buf);
	assert_int_equal(parse(buf, nest(buf, TTLV_MAX_DEPTH), NULL), 0);
	refused(buf, nest(buf, TTLV_MAX_DEPTH + 1));
	refused(buf, nest(buf, 8000));
	free(buf);
}

static void wrong_tag_or_type(void **state)
{
	static const uint8_t data[] = {
		HEAD(1, TTLV_STRUCTURE, 48),
		HEAD(2, TTLV_INTEGER, 4),
		0,
		0,
		1,
		2,
		0,
		0,
		0,
		0,
		HEAD(3, TTLV_BYTES, 4),
		0,
		0,
		0,
		9,
		0,
		0,
		0,
		0,
		HEAD(2, TTLV_ENUM, 4),
		0,
		0,
		0,
		7,
		0,
		0,
		0,
		0,
	};
	struct ttlv all, item;
	uint32_t v = 5;

	(void)state;
	assert_int_equal(ttlv_parse(data, sizeof(data), &all), 0);
	assert_int_equal(ttlv_find(&all, 0x420009, TTLV_INTEGER, &item),
			 -ENOENT);
	/* The first of a tag counts, even where a later one would fit. */
	assert_int_equal(ttlv_find(&all, OTHER, TTLV_ENUM, &item), -EBADMSG);
	assert_int_equal(ttlv_find_u32(&all, OTHER, TTLV_ENUM, &v), -EBADMSG);
	/* Four bytes are no number if they are no Integer. */
	assert_int_equal(ttlv_find_u32(&all, 0x420003, TTLV_BYTES, &v),
			 -EBADMSG);
	assert_int_equal(ttlv_find_u32(&all, 0x420003, TTLV_INTEGER, &v),
			 -EBADMSG);
	assert_int_equal(ttlv_get_u32(&all, TTLV_INTEGER, &v), -EBADMSG);
	assert_int_equal(ttlv_get_u32(&all, TTLV_STRUCTURE, &v), -EBADMSG);
	assert_int_equal(v, 5);
	assert_int_equal(ttlv_find_u32(&all, OTHER, TTLV_INTEGER, &v), 0);
	assert_int_equal(v, 0x102);
}

static void written_is_read(void **state)
{
	struct ttlv_writer w = { .size = 80 };
	struct ttlv all, item;
	uint32_t v = 0;

	(void)state;
	w.buf = malloc(w.size);
	assert_non_null(w.buf);
	ttlv_open(&w, TAG);
	ttlv_u32(&w, OTHER, TTLV_ENUM, 0x80000001);
	ttlv_open(&w, 0x420003);
	ttlv_text(&w, 0x420004, "nine byte");
	ttlv_close(&w);
	ttlv_bytes(&w, 0x420005, NULL, 0);
	ttlv_boolean(&w, 0x420006, true);
	assert_int_equal(ttlv_end(&w), 0);
	assert_int_equal(w.len, 80);
	assert_int_equal(ttlv_parse(w.buf, w.len, &all), 0);
	assert_int_equal(ttlv_find_u32(&all, OTHER, TTLV_ENUM, &v), 0);
	assert_int_equal(v, 0x80000001);
	assert_int_equal(ttlv_find(&all, 0x420003, TTLV_STRUCTURE, &item), 0);
	assert_int_equal(ttlv_find(&item, 0x420004, TTLV_TEXT, &item), 0);
	assert_memory_equal(item.value, "nine byte", item.len);
	assert_int_equal(ttlv_find(&all, 0x420006, TTLV_BOOLEAN, &item), 0);
	assert_int_equal(item.value[7], 1);
	free(w.buf);
}

static void writer_is_full(void **state)
{
	uint8_t *data = calloc(1, 64);

	(void)state;
	assert_non_null(data);
	for (size_t size = 0; size < 32; size++) {
		struct ttlv_writer w = { .buf = malloc(size + 1),
					 .size = size };

		ttlv_open(&w, TAG);
		ttlv_bytes(&w, OTHER, data, 9);
		assert_int_equal(ttlv_end(&w), -EMSGSIZE);
		assert_true(w.len <= size);
		free(w.buf);
	}
	/* A length that would wrap round when it is padded. */
	struct ttlv_writer w = { .buf = data, .size = 64 };
	ttlv_bytes(&w, OTHER, data, SIZE_MAX - 3);
	assert_int_equal(ttlv_end(&w), -EMSGSIZE);
	/* One level too many, and one end too many. */
	w = (struct ttlv_writer){ .buf = data, .size = 64 };
	ttlv_close(&w);
	assert_int_equal(ttlv_end(&w), -EMSGSIZE);
	free(data);
	data = malloc(256);
	w = (struct ttlv_writer){ .buf = data, .size = 256 };
	for (int i = 0; i <= TTLV_MAX_DEPTH; i++)
		ttlv_open(&w, TAG);
	assert_int_equal(ttlv_end(&w), -EMSGSIZE);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_short),
		cmocka_unit_test(past_the_end),
		cmocka_unit_test(overflow),
		cmocka_unit_test(padding),
		cmocka_unit_test(lengths_of_types),
		cmocka_unit_test(zero_length),
		cmocka_unit_test(depth),
		cmocka_unit_test(wrong_tag_or_type),
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(writer_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
