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
	H_WRAPPED_LEN = 60,
	H_NAME = 64,
	H_PROVIDER = 128,
	H_KEY_ID = 192,
	H_PROFILE = 320,
	H_SLOTS = 384,
	H_RESERVED = 416,
	H_WRAPPED = 512,
	H_RESERVED2 = H_WRAPPED + NVRAM_MAX_WRAPPED,
	H_MAC = NVRAM_HEADER_MACED,
	H_CHECKSUM = H_MAC + NVRAM_MAC_LEN,
};

#define CHECKSUM_LEN 32
_Static_assert(H_RESERVED2 < H_MAC, "the wrapped key fits");
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

/* It goes into messages, so no control characters. */
static bool printable(const void *text, size_t len)
{
	const uint8_t *p = text;

	for (size_t i = 0; i < len; i++) {
		if (p[i] < 0x20 || p[i] == 0x7f)
			return false;
	}
	return true;
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

int header_encode(const struct nvram_header *h, uint8_t page[NVRAM_PAGE])
{
	const struct nvram_info *i = &h->info;

	memset(page, 0, NVRAM_PAGE);
	if (i->wrapped_len > NVRAM_MAX_WRAPPED || check_regions(h->slot) ||
	    put_text(page + H_NAME, NAME_MAX_LEN, i->name) ||
	    put_text(page + H_PROVIDER, NAME_MAX_LEN, i->provider) ||
	    put_text(page + H_KEY_ID, NVRAM_MAX_KEY_ID, i->key_id) ||
	    put_text(page + H_PROFILE, sizeof(i->profile) - 1, i->profile))
		return -EINVAL;
	memcpy(page + H_MAGIC, header_magic, sizeof(header_magic));
	put32(page + H_VERSION, NVRAM_VERSION);
	put32(page + H_LENGTH, NVRAM_PAGE);
	put64(page + H_GENERATION, h->header_generation);
	put32(page + H_FLAGS, h->flags);
	put32(page + H_CIPHER, h->cipher);
	memcpy(page + H_UUID, i->uuid, UUID_LEN);
	put64(page + H_CREATED, i->created);
	put32(page + H_LIBRARY, i->library_version);
	put32(page + H_WRAPPED_LEN, i->wrapped_len);
	for (int s = 0; s < NVRAM_SLOTS; s++) {
		put64(page + H_SLOTS + 16 * s, h->slot[s].offset);
		put64(page + H_SLOTS + 16 * s + 8, h->slot[s].capacity);
	}
	memcpy(page + H_WRAPPED, i->wrapped, i->wrapped_len);
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
	i->wrapped_len = get32(page + H_WRAPPED_LEN);
	if (i->wrapped_len > NVRAM_MAX_WRAPPED ||
	    !all_zero(page + H_WRAPPED + i->wrapped_len,
		      NVRAM_MAX_WRAPPED - i->wrapped_len) ||
	    get_text(page + H_NAME, 64, i->name, NAME_MAX_LEN) ||
	    get_text(page + H_PROVIDER, 64, i->provider, NAME_MAX_LEN) ||
	    get_text(page + H_KEY_ID, 128, i->key_id, NVRAM_MAX_KEY_ID) ||
	    get_text(page + H_PROFILE, 64, i->profile, sizeof(i->profile) - 1))
		return -EBADMSG;
	memcpy(i->wrapped, page + H_WRAPPED, i->wrapped_len);
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
	if (get32(page + H_VERSION) != NVRAM_VERSION ||
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
	    !all_zero(page + H_RESERVED2, H_MAC - H_RESERVED2) ||
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
	put32(out + 8, NVRAM_VERSION);
	put32(out + 12, h->cipher);
	memcpy(out + 16, h->info.uuid, UUID_LEN);
}
