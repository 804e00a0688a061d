// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "swtpm/blob.h"
#include "swtpm/state.h"

static uint32_t get_be(const uint8_t *p, int n)
{
	uint32_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static uint8_t *put_be(uint8_t *p, uint32_t v, int n)
{
	for (int i = n - 1; i >= 0; i--, v >>= 8)
		p[i] = v & 255;
	return p + n;
}

static int not_whole(struct error *err, const char *what)
{
	return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
			 "the swtpm state is damaged: %s; take another copy of "
			 "tpm2-00.permall",
			 what);
}

static int check_version(const uint8_t *file, struct error *err)
{
	if (file[1] > SWTPM_VERSION)
		return error_set(err, -EPROTONOSUPPORT, VTPM_ERR_VERSION,
				 "the swtpm state is in format %u of a newer "
				 "swtpm than is known here; export it with the "
				 "vtpm of a newer release",
				 file[1]);
	if (file[0] < SWTPM_VERSION)
		return error_set(err, -EPROTONOSUPPORT, VTPM_ERR_VERSION,
				 "the swtpm state is in format %u of an swtpm "
				 "before 0.1; run it once with swtpm 0.7 or "
				 "newer and shut it down",
				 file[0]);
	return 0;
}

static int parse_header(const uint8_t *file, size_t len, struct swtpm_blob *out,
			struct error *err)
{
	int r;

	/* The lengths say whose file it is: they have no magic number. */
	if (len < SWTPM_HEADER_LEN || !file[0] || !file[1] ||
	    get_be(file + 2, 2) != SWTPM_HEADER_LEN)
		return error_set(
			err, -EBADMSG, VTPM_ERR_CORRUPT,
			"this is no state of swtpm; give the directory "
			"that has its tpm2-00.permall");
	if (get_be(file + 6, 4) != len)
		return not_whole(err, "it is cut short or too long");
	r = check_version(file, err);
	if (r < 0)
		return r;
	out->flags = get_be(file + 4, 2);
	if (out->flags &
	    (SWTPM_FLAG_MIGRATION_ENCRYPTED | SWTPM_FLAG_MIGRATION_DATA))
		return error_set(err, -EPROTONOSUPPORT, VTPM_ERR_VERSION,
				 "this is what swtpm sends when it migrates, "
				 "not a state file; let swtpm load it, shut it "
				 "down, and give its tpm2-00.permall");
	return 0;
}

static struct swtpm_field *field_of(struct swtpm_blob *b, uint32_t tag)
{
	switch (tag) {
	case SWTPM_TAG_DATA:
		return &b->data;
	case SWTPM_TAG_ENCRYPTED_DATA:
		return &b->encrypted;
	case SWTPM_TAG_HMAC:
		return &b->hmac;
	case SWTPM_TAG_IVEC:
		return &b->ivec;
	default:
		return NULL;
	}
}

int swtpm_blob_parse(const uint8_t *file, size_t len, struct swtpm_blob *out,
		     struct error *err)
{
	struct swtpm_blob b = { 0 };
	size_t at = SWTPM_HEADER_LEN;
	int r = len > SWTPM_MAX_FILE
			? error_set(
				  err, -EFBIG, VTPM_ERR_CORRUPT,
				  "the file is larger than any state of swtpm")
			: parse_header(file, len, &b, err);

	if (r < 0)
		return r;
	while (at < len) {
		struct swtpm_field *f;
		size_t n;

		if (len - at < SWTPM_FIELD_LEN)
			return not_whole(err, "a field is cut short");
		f = field_of(&b, get_be(file + at, 2));
		n = get_be(file + at + 2, 4);
		at += SWTPM_FIELD_LEN;
		if (n > len - at)
			return not_whole(err,
					 "a field is longer than the file");
		/* swtpm would take the first, another reader the last. */
		if (f && f->data)
			return not_whole(err, "a field is there twice");
		/* Of those that are not known swtpm has gone past, too. */
		if (f)
			*f = (struct swtpm_field){ file + at, n };
		at += n;
	}
	*out = b;
	return 0;
}

/* In the order in which swtpm writes them. */
static const uint16_t order[] = { SWTPM_TAG_DATA, SWTPM_TAG_ENCRYPTED_DATA,
				  SWTPM_TAG_HMAC, SWTPM_TAG_IVEC };
#define N_FIELDS (sizeof(order) / sizeof(order[0]))

size_t swtpm_blob_size(const struct swtpm_blob *b)
{
	size_t n = SWTPM_HEADER_LEN;

	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct swtpm_field *f =
			field_of((struct swtpm_blob *)b, order[i]);

		n += f->data ? SWTPM_FIELD_LEN + f->len : 0;
	}
	return n;
}

void swtpm_blob_build(const struct swtpm_blob *b, uint8_t *out)
{
	size_t size = swtpm_blob_size(b);

	*out++ = SWTPM_VERSION;
	*out++ = 1; /* what a reader has to know at least, says swtpm */
	out = put_be(out, SWTPM_HEADER_LEN, 2);
	out = put_be(out, b->flags, 2);
	out = put_be(out, size, 4);
	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct swtpm_field *f =
			field_of((struct swtpm_blob *)b, order[i]);

		if (!f->data)
			continue;
		out = put_be(out, order[i], 2);
		out = put_be(out, f->len, 4);
		memcpy(out, f->data, f->len);
		out += f->len;
	}
}
