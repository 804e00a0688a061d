// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes of TTLV that leave the lengths around right: a change of bytes at
 * random would seldom get past them. The input is two bytes and then items.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keys/kmip/ttlv.h"

#define FIRST 2

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);

struct input {
	uint8_t *data;
	size_t size, max;
	size_t parents[TTLV_MAX_DEPTH]; /* of the item at @at */
	unsigned int depth;
	size_t at;
};

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand() % n;
}

static uint32_t get_len(const uint8_t *item)
{
	return (uint32_t)item[4] << 24 | item[5] << 16 | item[6] << 8 | item[7];
}

static void put_len(uint8_t *item, uint32_t len)
{
	for (int i = 0; i < 4; i++)
		item[4 + i] = len >> (24 - 8 * i) & 0xff;
}

/* 0 if there is no whole item. */
static size_t size_at(const struct input *in, size_t at, size_t end)
{
	uint64_t n;

	if (end - at < TTLV_HEAD_LEN)
		return 0;
	n = ttlv_size(in->data + at);
	return n > end - at ? 0 : n;
}

/* Some item between @at and @end; false if there is none. */
static bool pick_item(struct input *in, size_t at, size_t end)
{
	unsigned int n = 0;

	for (size_t size; at < end && (size = size_at(in, at, end));
	     at += size) {
		if (!pick(++n))
			in->at = at;
	}
	return n;
}

static bool pick_place(struct input *in)
{
	if (!pick_item(in, FIRST, in->size))
		return false;
	while (in->data[in->at + 3] == TTLV_STRUCTURE && pick(10) &&
	       in->depth < TTLV_MAX_DEPTH) {
		size_t parent = in->at, start = parent + TTLV_HEAD_LEN;

		if (!pick_item(in, start, start + get_len(in->data + parent)))
			break;
		in->parents[in->depth++] = parent;
	}
	return true;
}

/* @old bytes at @pos become @new; what is new is "A". */
static bool resize(struct input *in, size_t pos, size_t old, size_t new)
{
	if (new > old &&new - old > in->max - in->size)
		return false;
	memmove(in->data + pos + new, in->data + pos + old,
		in->size - pos - old);
	if (new > old)
		memset(in->data + pos + old, 'A', new - old);
	in->size += new - old;
	for (unsigned int i = 0; i < in->depth; i++) {
		uint8_t *parent = in->data + in->parents[i];

		put_len(parent, get_len(parent) + (uint32_t)(new - old));
	}
	return true;
}

static void change_length(struct input *in)
{
	static const uint16_t lengths[] = { 0,	1,   4,	  7,   8,   9,	 12, 16,
					    24, 25,  31,  32,  33,  64,	 88, 89,
					    90, 127, 128, 129, 200, 1000 };
	uint32_t len = lengths[pick(sizeof(lengths) / sizeof(lengths[0]))];
	size_t value = in->at + TTLV_HEAD_LEN;
	size_t old = ttlv_size(in->data + in->at) - TTLV_HEAD_LEN;

	if (!resize(in, value, old, (len + 7) & ~7U))
		return;
	put_len(in->data + in->at, len);
	/* A text, where padding has become part of it. */
	if (pick(2))
		memset(in->data + value, 'A', len);
}

static void repeat(struct input *in)
{
	size_t size = ttlv_size(in->data + in->at);

	if (resize(in, in->at + size, 0, size))
		memcpy(in->data + in->at + size, in->data + in->at, size);
}

static void change_value(struct input *in)
{
	uint8_t *item = in->data + in->at;
	uint32_t len = get_len(item);

	if (len == 4)
		memcpy(item + TTLV_HEAD_LEN,
		       (uint8_t[]){ 0, 0, 0, (uint8_t)pick(64) }, 4);
	else if (len)
		LLVMFuzzerMutate(item + TTLV_HEAD_LEN, len, len);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	struct input in = { .data = data, .size = size, .max = max };

	srand(seed);
	if (size <= FIRST || !pick(4) || !pick_place(&in))
		return LLVMFuzzerMutate(data, size, max);
	switch (pick(6)) {
	case 0:
	case 1:
		change_length(&in);
		break;
	case 2:
		repeat(&in);
		break;
	case 3:
		resize(&in, in.at, ttlv_size(data + in.at), 0);
		break;
	case 4:
		data[in.at + 3] = pick(12);
		break;
	default:
		change_value(&in);
	}
	return in.size;
}
