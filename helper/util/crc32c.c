// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "util/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* reflected 0x1edc6f41 */

/*
 * Eight tables, so that eight bytes go in at a time ("slicing-by-8", Kounavis
 * and Berry, 2005): every commit of a state sums all of it.
 */
static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][i] = crc;
	}
	for (int t = 1; t < 8; t++) {
		for (int i = 0; i < 256; i++) {
			uint32_t below = table[t - 1][i];

			table[t][i] = below >> 8 ^ table[0][below & 0xff];
		}
	}
}

static uint32_t eight_bytes(uint32_t crc, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	v = le64toh(v) ^ crc;
	crc = 0;
	for (int i = 0; i < 8; i++)
		crc ^= table[7 - i][v >> 8 * i & 0xff];
	return crc;
}

uint32_t crc32c_tables(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	pthread_once(&table_once, make_table);
	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8)
		crc = eight_bytes(crc, p);
	while (len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
	return ~crc;
}

/* The processor has it since 2008, and then it is ten times as fast. */
#ifdef __x86_64__
static __attribute__((target("sse4.2"))) uint32_t
by_instruction(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t sum = ~crc, v;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, sizeof(v));
		sum = __builtin_ia32_crc32di(sum, v);
	}
	while (len--)
		sum = __builtin_ia32_crc32qi(sum, *p++);
	return ~(uint32_t)sum;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	if (__builtin_cpu_supports("sse4.2"))
		return by_instruction(crc, data, len);
	return crc32c_tables(crc, data, len);
}
#else
uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	return crc32c_tables(crc, data, len);
}
#endif
