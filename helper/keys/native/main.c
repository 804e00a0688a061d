// SPDX-License-Identifier: GPL-2.0-or-later
/* vtpm-key-native: the operations of the contract on the keys of this host. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "keys/key-dir.h"
#include "keys/native/native.h"
#include "keys/provider.h"
#include "util/hkdf-gcm.h"

static json_t *describe(const struct native_key *key)
{
	char id[UUID_TEXT_LEN], when[32];
	time_t t = key->created;
	struct tm tm;

	uuid_format(key->id, id);
	if (!gmtime_r(&t, &tm) ||
	    !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return json_pack("{s:s,s:s,s:b,s:b}", "key-id", id, "created", when,
			 "active", key->active, "backed-up", key->backed_up);
}

/* Why @key, which may be NULL, is not to wrap with; NULL if it is. */
static int check_usable(const struct native_key *key, const char *provider,
			struct error *err)
{
	if (!key)
		return error_set(
			err, -ENOKEY, VTPM_ERR_KEY_MISSING,
			"provider %s has no active key; bring one with "
			"\"vtpmctl provider restore native %s FILE\", or "
			"make one with \"vtpmctl provider new-key %s\"",
			provider, provider, provider);
	if (!key->backed_up)
		return error_set(err, -EPERM, VTPM_ERR_NOT_BACKED_UP,
				 "provider %s is not backed up; run \"vtpmctl "
				 "provider backup %s FILE\" first",
				 provider, provider);
	return 0;
}

static int op_info(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_(native_keys) struct native_keys *k = NULL;
	_cleanup_close_ int dir = -1;
	json_t *list = json_array();
	struct error why = { 0 };
	int e = native_open(&dir, &k, err);

	for (size_t i = 0; !e && i < k->count; i++) {
		if (json_array_append_new(list, describe(&k->key[i])))
			e = provider_out_of_memory(err);
	}
	if (e) {
		json_decref(list);
		return e;
	}
	check_usable(native_active(k), r->provider, &why);
	if (json_object_set_new(reply, "keys", list) ||
	    json_object_set_new(reply, "usable", json_boolean(!why.code)) ||
	    (why.code &&
	     json_object_set_new(reply, "reason", json_string(why.text))))
		return provider_out_of_memory(err);
	return 0;
}

static int op_new_key(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_(native_keys) struct native_keys *k = NULL;
	_cleanup_close_ int dir = -1;
	struct native_key *key;
	int e = native_open(&dir, &k, err);

	if (e)
		return e;
	if (k->count == NATIVE_MAX_KEYS)
		return error_set(err, -ENOSPC, VTPM_ERR_PROVIDER,
				 "provider %s already has %d keys", r->provider,
				 NATIVE_MAX_KEYS);
	key = &k->key[k->count];
	key->secret = secret_random(NATIVE_KEY_LEN);
	if (!key->secret)
		return provider_out_of_memory(err);
	k->count++;
	uuid_new(key->id);
	key->created = time(NULL);
	e = native_store(dir, key, err);
	if (!e)
		e = native_set_active(dir, key->id, err);
	return e ? e : provider_put_key_id(reply, key->id, err);
}

static int op_wrap(const struct request *r, json_t *reply, struct error *err)
{
	uint8_t wrapped[PROVIDER_MAX_DATA_KEY + NATIVE_WRAP_OVERHEAD];
	_cleanup_(native_keys) struct native_keys *k = NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int dir = -1;
	const struct native_key *key;
	int e = native_open(&dir, &k, err);

	if (e)
		return e;
	if (r->key_id)
		e = key_dir_check_destroyed(dir, r->provider, r->key_id, err);
	if (e)
		return e;
	key = r->key_id ? native_find_text(k, r->key_id) : native_active(k);
	if (r->key_id && !key)
		return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
				 "provider %s has no key %s", r->provider,
				 r->key_id);
	e = check_usable(key, r->provider, err);
	if (!e)
		e = native_wrap(key, r->context, r->secret, wrapped, err);
	if (e)
		return e;
	text = base64_encode(wrapped, r->secret->len + NATIVE_WRAP_OVERHEAD);
	if (!text || json_object_set_new(reply, "wrapped", json_string(text)))
		return provider_out_of_memory(err);
	return provider_put_key_id(reply, key->id, err);
}

static int op_export(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_(native_keys) struct native_keys *k = NULL;
	_cleanup_free_ uint8_t *doc = NULL;
	_cleanup_close_ int dir = -1;
	size_t len;
	int e = native_open(&dir, &k, err);

	(void)reply;
	if (!e)
		e = native_export(k, r->secret, &doc, &len, err);
	/* Only what has left the program counts as backed up. */
	if (!e)
		e = provider_send(doc, len, err);
	for (size_t i = 0; !e && i < k->count; i++) {
		if (k->key[i].backed_up)
			continue;
		k->key[i].backed_up = true;
		e = native_store(dir, &k->key[i], err);
	}
	return e;
}

static int same_key(const struct native_key *a, const struct native_key *b)
{
	return !CRYPTO_memcmp(a->secret->data, b->secret->data, NATIVE_KEY_LEN);
}

/* All or none: a conflict is found before anything is written. */
static int check_import(struct native_keys *have, const struct native_keys *new,
			struct error *err)
{
	size_t count = have->count;
	char id[UUID_TEXT_LEN];

	for (size_t i = 0; i < new->count; i++) {
		const struct native_key *old =
			native_find(have, new->key[i].id);

		count += !old;
		uuid_format(new->key[i].id, id);
		if (old && !same_key(old, &new->key[i]))
			return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
					 "there is another key with the id %s; "
					 "nothing was imported",
					 id);
	}
	if (count > NATIVE_MAX_KEYS)
		return error_set(err, -ENOSPC, VTPM_ERR_PROVIDER,
				 "there would be more than %d keys",
				 NATIVE_MAX_KEYS);
	return 0;
}

static int do_import(int dir, struct native_keys *have,
		     const struct native_keys *new, json_t *ids,
		     struct error *err)
{
	char id[UUID_TEXT_LEN];
	int e = check_import(have, new, err);

	for (size_t i = 0; !e && i < new->count; i++) {
		const struct native_key *old =
			native_find(have, new->key[i].id);

		if (!old || !old->backed_up)
			e = native_store(dir, &new->key[i], err);
		if (!e)
			e = key_dir_unmark(dir, new->key[i].id, err);
		uuid_format(new->key[i].id, id);
		if (!e && json_array_append_new(ids, json_string(id)))
			e = provider_out_of_memory(err);
	}
	/* A provider that has an active key keeps it. */
	for (size_t i = 0; !e && i < new->count && !native_active(have); i++) {
		if (new->key[i].active)
			e = native_set_active(dir, new->key[i].id, err);
	}
	return e;
}

static int op_import(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_(native_keys) struct native_keys *have = NULL;
	_cleanup_(native_keys) struct native_keys *new = NULL;
	_cleanup_close_ int dir = -1;
	json_t *ids = json_array();
	int e = ids ? 0 : provider_out_of_memory(err);

	if (!e && json_object_set_new(reply, "keys", ids))
		e = provider_out_of_memory(err);
	if (!e)
		e = native_import(r->document, r->document_len, r->secret, &new,
				  err);
	if (!e)
		e = native_open(&dir, &have, err);
	if (!e)
		e = do_import(dir, have, new, ids, err);
	return e;
}

static int op_destroy_key(const struct request *r, json_t *reply,
			  struct error *err)
{
	_cleanup_(native_keys) struct native_keys *k = NULL;
	_cleanup_close_ int dir = -1;
	const struct native_key *active, *next = NULL;
	int e = native_open(&dir, &k, err);

	(void)reply;
	if (e)
		return e;
	active = native_active(k);
	if (active && active == native_find_text(k, r->key_id)) {
		/* The newest of the others takes its place. */
		for (size_t i = 0; i < k->count; i++) {
			if (&k->key[i] != active)
				next = &k->key[i];
		}
	}
	if (next)
		e = native_set_active(dir, next->id, err);
	return e ? e : key_dir_destroy(dir, r->provider, r->key_id, err);
}

/*
 * What OpenSSL sets up for an unwrap takes longer than one: done while nobody
 * waits. No key that there is has a part in it.
 */
static void rehearse(void)
{
	static const uint8_t nothing[HKDF_GCM_SALT_LEN + HKDF_GCM_TAG_LEN];
	_cleanup_(secret) struct secret *key = secret_new(NATIVE_KEY_LEN);
	struct hkdf_gcm p = {
		.key = key, .salt = nothing, .info = nothing, .aad = nothing
	};
	uint8_t out[1];

	if (key)
		hkdf_gcm_open(&p, nothing, 0, out);
}

int main(int argc, char **argv)
{
	static const struct provider native = {
		.program = "vtpm-key-native",
		.about = "Key provider with key derivation keys of this host.",
		.op =
			{
				[OP_INFO] = op_info,
				[OP_NEW_KEY] = op_new_key,
				[OP_WRAP] = op_wrap,
				[OP_EXPORT] = op_export,
				[OP_IMPORT] = op_import,
				[OP_CHECK] = native_check,
				[OP_DESTROY_KEY] = op_destroy_key,
			},
		.unwrapper = { native_unwrap_begin, native_unwrap_open,
			       native_unwrap_end },
	};

#ifndef __SANITIZE_ADDRESS__
	/* What is tidied up at the end would go with the process. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
#endif
	if (argc == 2 && !strcmp(argv[1], "--ahead")) {
		if (!secret_init(NULL))
			rehearse();
		argc = 1;
	}
	return provider_main(&native, argc, argv);
}
