// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

bool name_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t n = strlen(name);

	return n >= 1 && n <= NAME_MAX_LEN && name[0] != '.' &&
	       name[0] != '-' && strspn(name, allowed) == n;
}

void uuid_format(const uint8_t u[UUID_LEN], char out[UUID_TEXT_LEN])
{
	snprintf(
		out, UUID_TEXT_LEN,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
		u[10], u[11], u[12], u[13], u[14], u[15]);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uuid_parse(const char *text, uint8_t uuid[UUID_LEN])
{
	uint8_t out[UUID_LEN];
	size_t pos = 0;

	if (strlen(text) != UUID_TEXT_LEN - 1)
		return -EINVAL;
	for (size_t i = 0; i < UUID_LEN; i++) {
		int hi, lo;

		if ((i == 4 || i == 6 || i == 8 || i == 10) &&
		    text[pos++] != '-')
			return -EINVAL;
		hi = hex_digit(text[pos++]);
		lo = hex_digit(text[pos++]);
		if (hi < 0 || lo < 0)
			return -EINVAL;
		out[i] = hi << 4 | lo;
	}
	memcpy(uuid, out, sizeof(out));
	return 0;
}

void hex_format(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

int number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		n = n * 10 + (*text - '0');
		if (n > max)
			return -EINVAL;
	}
	if (n < min)
		return -EINVAL;
	*out = n;
	return 0;
}
