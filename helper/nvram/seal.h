/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only code that encrypts state, and that authenticates headers. Keys and
 * nonces: Documentation/nvram-format.rst, "Cryptography".
 */
#ifndef VTPM_NVRAM_SEAL_H
#define VTPM_NVRAM_SEAL_H

#include "nvram/format.h"

/*
 * One session with one data key: a fresh salt, a counter that only rises, and
 * everything OpenSSL has to look up, so that nothing is after this call.
 */
struct seal;

/*
 * Takes a copy of @key. @salt must be new random bytes (a fixed one is for
 * test vectors only). Returns 0, -EINVAL for a key of a wrong length, or
 * -ENOMEM.
 */
int seal_new(const struct secret *key, const uint8_t uuid[UUID_LEN],
	     const uint8_t salt[NVRAM_SALT_LEN], struct seal **out);
void seal_free(struct seal *s);
/* Is @key the data key of this session? */
bool seal_has_key(const struct seal *s, const struct secret *key);
DEFINE_CLEANUP(seal, struct seal *, seal_free)

/* MAC of the first NVRAM_HEADER_MACED bytes of a header page. */
int seal_header_mac(struct seal *s, const uint8_t page[NVRAM_PAGE],
		    uint8_t mac[NVRAM_MAC_LEN]);
/* 0, -EBADMSG for a MAC of another key or page, or -EIO. */
int seal_header_verify(struct seal *s, const uint8_t page[NVRAM_PAGE],
		       const uint8_t mac[NVRAM_MAC_LEN]);

/*
 * Seal @state of f->length bytes into @body, NVRAM_BODY_LEN() bytes. Sets the
 * salt and counter of @f; no two calls ever use the same ones. -EIO for a
 * failure of OpenSSL, -EOVERFLOW when the counter is used up.
 */
int seal_record(struct seal *s, const struct nvram_header *h,
		struct nvram_frame *f, const void *state, uint8_t *body);
/*
 * Open @body, whose frame is @f, into @state of f->length bytes. 0, -EBADMSG
 * if it is not authentic (@state is wiped then), or -EIO.
 */
int seal_open(struct seal *s, const struct nvram_header *h,
	      const struct nvram_frame *f, const uint8_t *body, void *state);

#endif
