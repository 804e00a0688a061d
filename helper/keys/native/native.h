/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The native provider: key derivation keys in files of this host, which are
 * not used before they have been backed up.
 */
#ifndef VTPM_KEYS_NATIVE_H
#define VTPM_KEYS_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "keys/provider.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/secret.h"
#include "util/text.h"

#define NATIVE_KEY_LEN 32
#define NATIVE_MAX_KEYS 256
#define NATIVE_MIN_PASSWORD 8 /* bytes */

struct native_key {
	uint8_t id[UUID_LEN];
	uint64_t created; /* seconds since the epoch */
	bool backed_up;
	bool active; /* not stored with the key */
	struct secret *secret;
};

/* All keys, oldest first. */
struct native_keys {
	size_t count;
	struct native_key key[NATIVE_MAX_KEYS];
};

void native_keys_free(struct native_keys *k);
DEFINE_CLEANUP(native_keys, struct native_keys *, native_keys_free)
struct native_key *native_find(struct native_keys *k,
			       const uint8_t id[UUID_LEN]);
/* By what the contract calls "key-id"; NULL if there is none. */
struct native_key *native_find_text(struct native_keys *k, const char *key_id);
struct native_key *native_active(struct native_keys *k);

/*
 * Lock the directory @dir against other instances and read the keys. The lock
 * holds until @dir is closed. Files of a write that was cut are removed.
 */
int native_load(int dir, struct native_keys **out, struct error *err);
/* The same of the working directory; the caller closes *dir. */
int native_open(int *dir, struct native_keys **k, struct error *err);
/* Write one key, whole and durable or not at all. */
int native_store(int dir, const struct native_key *key, struct error *err);
int native_set_active(int dir, const uint8_t id[UUID_LEN], struct error *err);

/* Bytes that a wrapped key is longer than the key. */
#define NATIVE_WRAP_OVERHEAD 56

/*
 * @out takes plain->len + NATIVE_WRAP_OVERHEAD bytes. @context, the UUID of
 * the vTPM, has to be the same for unwrapping.
 */
int native_wrap(const struct native_key *key, const uint8_t context[UUID_LEN],
		const struct secret *plain, uint8_t *out, struct error *err);
/* VTPM_ERR_KEY_WRONG for anything that native_wrap() did not make this way. */
int native_unwrap(const struct native_key *key, const uint8_t context[UUID_LEN],
		  const uint8_t *wrapped, size_t len, struct secret **out,
		  struct error *err);

/* As in struct unwrapper: all keys are read once, and the lock is held. */
int native_unwrap_begin(const struct request *r, void **session,
			struct error *err);
int native_unwrap_open(void *session, const struct request *r,
		       const struct wrapped_item *item, struct secret **out,
		       struct error *err);
void native_unwrap_end(void *session);

/* The operation "check". */
int native_check(const struct request *r, json_t *reply, struct error *err);

/* All keys as PKCS#12 under @password; the caller frees *out. */
int native_export(const struct native_keys *k, const struct secret *password,
		  uint8_t **out, size_t *len, struct error *err);
/* The keys in a document, counted as backed up; the active one is marked. */
int native_import(const uint8_t *doc, size_t len, const struct secret *password,
		  struct native_keys **out, struct error *err);

#endif
