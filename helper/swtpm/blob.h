/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame of a state file of swtpm, bytes only: a header of ten bytes, then
 * fields of tag, length and value. Everything is big-endian.
 * Documentation/swtpm.rst has the layout.
 */
#ifndef VTPM_SWTPM_BLOB_H
#define VTPM_SWTPM_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define SWTPM_HEADER_LEN 10
#define SWTPM_FIELD_LEN 6 /* tag and length, before the value */
#define SWTPM_VERSION 2	  /* of the header; its fields came with it */

enum swtpm_flag {
	SWTPM_FLAG_ENCRYPTED = 0x01,
	SWTPM_FLAG_MIGRATION_ENCRYPTED = 0x02,
	SWTPM_FLAG_MIGRATION_DATA = 0x04,
	SWTPM_FLAG_256BIT_KEY = 0x08,
};

enum swtpm_tag {
	SWTPM_TAG_DATA = 1,
	SWTPM_TAG_ENCRYPTED_DATA = 2,
	SWTPM_TAG_HMAC = 3,
	SWTPM_TAG_IVEC = 6,
};

/* A part of a buffer; @data is NULL where there is none. */
struct swtpm_field {
	const uint8_t *data;
	size_t len;
};

struct swtpm_blob {
	uint16_t flags; /* of enum swtpm_flag */
	struct swtpm_field data, encrypted, hmac, ivec;
};

/*
 * Take @file apart; @out points into it. VTPM_ERR_CORRUPT for what swtpm has
 * not written or is not whole, VTPM_ERR_VERSION for what is not of the versions
 * that are known.
 */
int swtpm_blob_parse(const uint8_t *file, size_t len, struct swtpm_blob *out,
		     struct error *err);
/* Bytes of the file that @b makes. */
size_t swtpm_blob_size(const struct swtpm_blob *b);
/* Put it together at @out, which has room for swtpm_blob_size(). */
void swtpm_blob_build(const struct swtpm_blob *b, uint8_t *out);

#endif
