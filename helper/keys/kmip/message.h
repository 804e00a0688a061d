/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests and responses of KMIP 1.2 to 2.0, one operation in each. */
#ifndef VTPM_KEYS_KMIP_MESSAGE_H
#define VTPM_KEYS_KMIP_MESSAGE_H

#include "keys/key-cache.h"
#include "keys/kmip/tls.h"
#include "keys/kmip/ttlv.h"

#define KMIP_MAX_KEYS 256
/* YYYYMMDDTHHMMSS.uuuuuuZ, so that the order of texts is that of times. */
#define KMIP_TIME_LEN 23
#define KMIP_KEY_LEN 32
#define KMIP_NONCE_LEN 12
#define KMIP_TAG_LEN 16

enum kmip_state {
	KMIP_PRE_ACTIVE = 1,
	KMIP_ACTIVE = 2,
	KMIP_DESTROYED = 5,
	KMIP_DESTROYED_COMPROMISED = 6,
};

/* A server that is connected; the answer last had is in @answer. */
struct kmip {
	const struct kmip_config *config;
	struct tls tls;
	struct kmip_version version;
	struct secret *answer;
	uint32_t reason; /* why the server refused last; 0: it did not */
	bool lost;	 /* the connection is of no use any more */
	/* By kmip_check_key(), without secrets, and by kmip_unwrap(). */
	struct key_cache found, fetched;
};

struct kmip_key {
	char id[PROVIDER_MAX_KEY_ID + 1];
	char time[KMIP_TIME_LEN + 1]; /* empty: without our label */
	uint32_t state;
};

/* What Encrypt and Decrypt need besides the data. */
struct kmip_gcm {
	const char *id;
	const uint8_t *nonce;
	const void *aad;
	size_t aad_len;
};

/* Connect and agree on a version. @k is to be closed in any case. */
int kmip_open(struct kmip *k, SSL_CTX *ctx, const struct kmip_config *c,
	      const struct kmip_server *server, struct error *err);
void kmip_close(struct kmip *k);

/* Make and activate an AES-256 key; one that cannot be activated is destroyed. */
int kmip_create(struct kmip *k, char id[PROVIDER_MAX_KEY_ID + 1],
		struct error *err);
/* All keys with our label that are not destroyed, oldest first. */
int kmip_list(struct kmip *k, struct kmip_key **out, size_t *count,
	      struct error *err);
/* VTPM_ERR_KEY_MISSING or VTPM_ERR_KEY_DESTROYED if it cannot be had. */
int kmip_find(struct kmip *k, const char *id, struct kmip_key *out,
	      struct error *err);
/* The same, asked of the server once for each connection. */
int kmip_check_key(struct kmip *k, const char *id, struct error *err);
int kmip_get(struct kmip *k, const char *id, struct secret **out,
	     struct error *err);
/*
 * Destroy a key, after revoking one that is active: what it wrapped never
 * opens again.
 */
int kmip_destroy(struct kmip *k, const char *id, struct error *err);
/* 0 unless the server says that it has no Encrypt or Decrypt: -EOPNOTSUPP. */
int kmip_query_cipher(struct kmip *k, struct error *err);
/* -EOPNOTSUPP where the server does not do it. */
int kmip_encrypt(struct kmip *k, const struct kmip_gcm *p,
		 const struct secret *plain, uint8_t *out, struct error *err);
/* @in is @len bytes of ciphertext and the tag. */
int kmip_decrypt(struct kmip *k, const struct kmip_gcm *p, const uint8_t *in,
		 size_t len, struct secret **out, struct error *err);

#endif
