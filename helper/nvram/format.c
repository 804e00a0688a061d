// SPDX-License-Identifier: GPL-2.0-or-later
/* The header page; sectors and records are in record.c. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>

#include "nvram/format.h"
#include "nvram/bytes.h"

/* Offsets in a header page; Documentation/nvram-format.rst has the table. */
enum {
	H_MAGIC = 0,
	H_VERSION = 8,
	H_LENGTH = 12,
	H_GENERATION = 16,
	H_FLAGS = 24,
	H_CIPHER = 28,
	H_UUID = 32,
	H_CREATED = 48,
	H_LIBRARY = 56,
	H_WRAPS = 60, /* their number; version 1: bytes of the only one */
	H_NAME = 64,
	H_PROVIDER = 128, /* version 1, as the next; reserved in version 2 */
	H_KEY_ID = 192,
	H_PROFILE = 320,
	H_SLOTS = 384,
	H_DATA_KEY = 416, /* reserved in version 1 */
	H_ORIGIN = 420,	  /* version 3; reserved before that, as the next */
	H_RESERVED = 436,
	H_WRAPPED = 512,
	H_MAC = NVRAM_HEADER_MACED,
	H_CHECKSUM = H_MAC + NVRAM_MAC_LEN,
};

#define CHECKSUM_LEN 32
_Static_assert(H_WRAPPED + NVRAM_WRAPS_LEN == H_MAC, "the wraps fit");
_Static_assert(NVRAM_MAX_WRAPPED < NVRAM_WRAPS_LEN, "so does the only one");
_Static_assert(H_CHECKSUM + CHECKSUM_LEN == NVRAM_PAGE, "a page is full");
_Static_assert(sizeof(((struct nvram_info *)0)->profile) == 64, "H_PROFILE");

static const uint8_t header_magic[8] = "VTPMNVRM";

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/*
 * The digest is fetched once: headers are also written under seccomp, where
 * OpenSSL must not go looking for providers.
 */
static bool checksum(const uint8_t page[NVRAM_PAGE], uint8_t out[CHECKSUM_LEN])
{
	pthread_once(&sha256_once, fetch_sha256);
	return sha256 &&
	       EVP_Digest(page, H_CHECKSUM, out, NULL, sha256, NULL) == 1;
}

/* Text in a field of @len bytes, filled up with NULs; it may fill the field. */
static int put_text(uint8_t *field, size_t len, const char *text)
{
	size_t n = strlen(text);

	if (n > len || !printable(text, n))
		return -EINVAL;
	strncpy((char *)field, text, len);
	return 0;
}

/* @out takes @max + 1 bytes. Nothing may follow the first NUL. */
static int get_text(const uint8_t *field, size_t len, char *out, size_t max)
{
	size_t n = strnlen((const char *)field, len);

	if (n > max || !all_zero(field + n, len - n) || !printable(field, n))
		return -EBADMSG;
	memcpy(out, field, n);
	out[n] = '\0';
	return 0;
}

static int check_region(const struct nvram_region *r)
{
	if (r->offset < NVRAM_SLOT_START || r->offset % NVRAM_PAGE ||
	    r->offset > INT64_MAX - NVRAM_SLOT_MAX)
		return -EBADMSG;
	if (!r->capacity || r->capacity % NVRAM_PAGE ||
	    r->capacity > NVRAM_SLOT_MAX)
		return -EBADMSG;
	return 0;
}

static int check_regions(const struct nvram_region r[NVRAM_SLOTS])
{
	if (check_region(&r[0]) || check_region(&r[1]))
		return -EBADMSG;
	if (r[0].offset + r[0].capacity > r[1].offset &&
	    r[1].offset + r[1].capacity > r[0].offset)
		return -EBADMSG;
	return 0;
}

/* A file of version 1 has one wrap, and the data key it was made with. */
static int put_wrap_v1(uint8_t *page, const struct nvram_info *i)
{
	const struct nvram_wrap *w = i->wrap;

	if (i->n_wraps != 1 || w->len > NVRAM_MAX_WRAPPED ||
	    put_text(page + H_PROVIDER, NAME_MAX_LEN, w->provider) ||
	    put_text(page + H_KEY_ID, NVRAM_MAX_KEY_ID, w->key_id))
		return -EINVAL;
	put32(page + H_WRAPS, w->len);
	memcpy(page + H_WRAPPED, w->data, w->len);
	return 0;
}

static int get_wrap_v1(const uint8_t *page, struct nvram_info *i)
{
	struct nvram_wrap *w = i->wrap;

	w->len = get32(page + H_WRAPS);
	if (w->len > NVRAM_MAX_WRAPPED ||
	    !all_zero(page + H_WRAPPED + w->len, NVRAM_WRAPS_LEN - w->len) ||
	    get32(page + H_DATA_KEY) ||
	    get_text(page + H_PROVIDER, 64, w->provider, NAME_MAX_LEN) ||
	    get_text(page + H_KEY_ID, 128, w->key_id, NVRAM_MAX_KEY_ID))
		return -EBADMSG;
	memcpy(w->data, page + H_WRAPPED, w->len);
	i->n_wraps = 1;
	i->data_key = 1;
	return 0;
}

static int put_wraps(uint8_t *page, const struct nvram_info *i)
{
	if (i->version == NVRAM_VERSION_1)
		return put_wrap_v1(page, i);
	if (i->version > NVRAM_VERSION || !i->data_key)
		return -EINVAL;
	put32(page + H_WRAPS, i->n_wraps);
	put32(page + H_DATA_KEY, i->data_key);
	return nvram_encode_wraps(i->wrap, i->n_wraps, page + H_WRAPPED);
}

static int get_wraps(const uint8_t *page, struct nvram_info *i)
{
	if (i->version == NVRAM_VERSION_1)
		return get_wrap_v1(page, i);
	i->n_wraps = get32(page + H_WRAPS);
	i->data_key = get32(page + H_DATA_KEY);
	if (!i->data_key ||
	    !all_zero(page + H_PROVIDER, H_PROFILE - H_PROVIDER))
		return -EBADMSG;
	return nvram_decode_wraps(page + H_WRAPPED, i->n_wraps, i->wrap);
}

/* Older programs would let a copy run beside what it is of. */
static int put_origin(uint8_t *page, const struct nvram_info *i)
{
	bool none = all_zero(i->origin, UUID_LEN);

	if (none != (i->version < NVRAM_VERSION))
		return -EINVAL;
	memcpy(page + H_ORIGIN, i->origin, UUID_LEN);
	return 0;
}

static int get_origin(const uint8_t *page, struct nvram_info *i)
{
	bool none = all_zero(page + H_ORIGIN, UUID_LEN);

	if (none != (i->version < NVRAM_VERSION))
		return -EBADMSG;
	memcpy(i->origin, page + H_ORIGIN, UUID_LEN);
	return 0;
}

int header_encode(const struct nvram_header *h, uint8_t page[NVRAM_PAGE])
{
	const struct nvram_info *i = &h->info;
	int r;

	memset(page, 0, NVRAM_PAGE);
	if (check_regions(h->slot) || put_origin(page, i) ||
	    put_text(page + H_NAME, NAME_MAX_LEN, i->name) ||
	    put_text(page + H_PROFILE, sizeof(i->profile) - 1, i->profile))
		return -EINVAL;
	r = put_wraps(page, i);
	if (r)
		return r;
	memcpy(page + H_MAGIC, header_magic, sizeof(header_magic));
	put32(page + H_VERSION, i->version);
	put32(page + H_LENGTH, NVRAM_PAGE);
	put64(page + H_GENERATION, h->header_generation);
	put32(page + H_FLAGS, h->flags);
	put32(page + H_CIPHER, h->cipher);
	memcpy(page + H_UUID, i->uuid, UUID_LEN);
	put64(page + H_CREATED, i->created);
	put32(page + H_LIBRARY, i->library_version);
	for (int s = 0; s < NVRAM_SLOTS; s++) {
		put64(page + H_SLOTS + 16 * s, h->slot[s].offset);
		put64(page + H_SLOTS + 16 * s + 8, h->slot[s].capacity);
	}
	return 0;
}

void header_finish(uint8_t page[NVRAM_PAGE], const uint8_t mac[NVRAM_MAC_LEN])
{
	memcpy(page + H_MAC, mac, NVRAM_MAC_LEN);
	/* Without a digest the page stays invalid, and nobody takes it. */
	if (!checksum(page, page + H_CHECKSUM))
		memset(page, 0, NVRAM_PAGE);
}

static int decode_info(const uint8_t *page, struct nvram_info *i)
{
	if (get_wraps(page, i) || get_origin(page, i) ||
	    get_text(page + H_NAME, 64, i->name, NAME_MAX_LEN) ||
	    get_text(page + H_PROFILE, 64, i->profile, sizeof(i->profile) - 1))
		return -EBADMSG;
	memcpy(i->uuid, page + H_UUID, UUID_LEN);
	i->created = get64(page + H_CREATED);
	i->library_version = get32(page + H_LIBRARY);
	return 0;
}

int header_decode(const uint8_t page[NVRAM_PAGE], struct nvram_header *h)
{
	struct nvram_header out = { 0 };
	uint8_t sum[CHECKSUM_LEN];

	if (memcmp(page + H_MAGIC, header_magic, sizeof(header_magic)) ||
	    !checksum(page, sum) || memcmp(page + H_CHECKSUM, sum, sizeof(sum)))
		return -EBADMSG;
	/* Magic, version, cipher and checksum stay where they are for ever. */
	out.cipher = get32(page + H_CIPHER);
	out.info.version = get32(page + H_VERSION);
	if (out.info.version < NVRAM_VERSION_1 ||
	    out.info.version > NVRAM_VERSION ||
	    out.cipher != NVRAM_CIPHER_AES256_GCM)
		return -ENOTSUP;
	out.flags = get32(page + H_FLAGS);
	out.header_generation = get64(page + H_GENERATION);
	for (int s = 0; s < NVRAM_SLOTS; s++) {
		out.slot[s].offset = get64(page + H_SLOTS + 16 * s);
		out.slot[s].capacity = get64(page + H_SLOTS + 16 * s + 8);
	}
	if (get32(page + H_LENGTH) != NVRAM_PAGE ||
	    out.flags & ~NVRAM_HAS_STATE || check_regions(out.slot) ||
	    !all_zero(page + H_RESERVED, H_WRAPPED - H_RESERVED) ||
	    decode_info(page, &out.info))
		return -EBADMSG;
	memcpy(out.mac, page + H_MAC, NVRAM_MAC_LEN);
	*h = out;
	return 0;
}

void header_identity(const struct nvram_header *h,
		     uint8_t out[NVRAM_IDENTITY_LEN])
{
	memcpy(out, header_magic, sizeof(header_magic));
	put32(out + 8, NVRAM_RECORD_VERSION);
	put32(out + 12, h->cipher);
	memcpy(out + 16, h->info.uuid, UUID_LEN);
}
