/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, UUIDs, numbers, hexadecimal and base64. */
#ifndef VTPM_UTIL_TEXT_H
#define VTPM_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest name of a vTPM or a provider in bytes, as in the uapi header. */
#define NAME_MAX_LEN 63
#define UUID_LEN 16
/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and a NUL. */
#define UUID_TEXT_LEN 37

/*
 * 1 to NAME_MAX_LEN of letters, digits, dot, underscore and hyphen, not
 * starting with a dot or a hyphen: safe as a file name, a device name and an
 * argument.
 */
bool name_valid(const char *name);

/* RFC 9562 version 4. */
void uuid_new(uint8_t uuid[UUID_LEN]);
void uuid_format(const uint8_t uuid[UUID_LEN], char out[UUID_TEXT_LEN]);
/* 0 or -EINVAL. */
int uuid_parse(const char *text, uint8_t uuid[UUID_LEN]);

/* @out takes 2 * len + 1 bytes. */
void hex_format(const void *data, size_t len, char *out);

/* Decimal digits alone, of a number from @min to @max; 0 or -EINVAL. */
int number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *out);

/* A new NUL-terminated string without line breaks; the caller frees it. */
char *base64_encode(const void *data, size_t len);
/*
 * The bytes of @text in a new buffer that the caller frees. Returns 0, -EINVAL
 * for anything that is not plain padded base64, or -ENOMEM.
 */
int base64_decode(const char *text, uint8_t **out, size_t *len);

#endif
