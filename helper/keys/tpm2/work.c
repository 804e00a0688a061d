// SPDX-License-Identifier: GPL-2.0-or-later
/* From a request to a key that is open, once or for many items. */
#include <errno.h>

#include "keys/key-cache.h"
#include "keys/key-dir.h"
#include "keys/tpm2/work.h"

int work_begin(const struct request *r, struct work *w, struct error *err)
{
	int e = tpm2_config_parse(r->config, &w->config, err);

	if (!e)
		e = key_dir_open(&w->dir, err);
	/* A TPM has room for few sessions and objects: one at a time. */
	return e ? e : key_dir_lock(w->dir, err);
}

void work_end(struct work *w)
{
	tpm_close(&w->tpm);
	if (w->dir >= 0)
		close(w->dir);
	w->dir = -1;
}

int work_no_key(const struct request *r, struct error *err)
{
	return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
			 "provider %s has no key; add it anew with: vtpmctl "
			 "provider add tpm2 NAME",
			 r->provider);
}

/* The key @key_id, or the newest if that is NULL. */
static int pick_key(const struct request *r, int dir, const char *key_id,
		    struct sealed_key *out, struct error *err)
{
	_cleanup_(sealed_keys) struct sealed_keys *k = NULL;
	uint8_t id[UUID_LEN];
	int e;

	if (key_id) {
		e = key_dir_check_destroyed(dir, r->provider, key_id, err);
		if (e)
			return e;
		if (!uuid_parse(key_id, id))
			return sealed_load(dir, id, out, err);
		return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
				 "provider %s has no key %s", r->provider,
				 key_id);
	}
	e = sealed_load_all(dir, &k, err);
	if (!e && !k->count)
		e = work_no_key(r, err);
	if (!e)
		*out = k->key[k->count - 1];
	return e;
}

/* The TPM has room for few objects: not for a storage key of each key. */
static void flush_parent(struct tpm *t)
{
	if (!t->parent_handle)
		tpm_flush(t, &t->parent);
}

int work_unseal(const struct request *r, struct work *w, const char *key_id,
		struct sealed_key *key, struct secret **out, struct error *err)
{
	int e = pick_key(r, w->dir, key_id, key, err);

	if (!e && !w->tpm.esys)
		e = tpm_open(&w->config, &w->tpm, err);
	if (e)
		return e;
	flush_parent(&w->tpm);
	e = seal_check(&w->tpm, key, err);
	return e ? e : seal_open(&w->tpm, key, out, err);
}

struct salted_wrap work_salted(const uint8_t id[UUID_LEN],
			       const uint8_t context[UUID_LEN],
			       const struct secret *secret)
{
	return (struct salted_wrap){
		.magic = "VTKT",
		.label = "vtpm tpm2 wrap v1",
		.key = secret,
		.id = id,
		.context = context,
	};
}

/* Each key is unsealed once, or found to be none that opens. */
struct unwrap_session {
	const struct request *r;
	struct work work;
	struct key_cache keys;
};

static int fetch(void *arg, const char *id, struct secret **out,
		 struct error *err)
{
	struct unwrap_session *s = arg;
	struct sealed_key key;

	return work_unseal(s->r, &s->work, id, &key, out, err);
}

void tpm2_unwrap_end(void *session)
{
	struct unwrap_session *s = session;

	key_cache_clear(&s->keys);
	work_end(&s->work);
	free(s);
}

int tpm2_unwrap_begin(const struct request *r, void **session,
		      struct error *err)
{
	struct unwrap_session *s = malloc(sizeof(*s));
	int e;

	if (!s)
		return provider_out_of_memory(err);
	*s = (struct unwrap_session){ .r = r, .work = WORK_INIT };
	e = work_begin(r, &s->work, err);
	if (e)
		tpm2_unwrap_end(s);
	else
		*session = s;
	return e;
}

int tpm2_unwrap_open(void *session, const struct request *r,
		     const struct wrapped_item *item, struct secret **out,
		     struct error *err)
{
	struct unwrap_session *s = session;
	const struct secret *secret;
	struct salted_wrap w;
	uint8_t id[UUID_LEN];
	int e = key_cache_get(&s->keys, item->key_id, fetch, s, &secret, err);

	(void)r;
	/* It has been found by it, so it is one. */
	if (e || uuid_parse(item->key_id, id))
		return e;
	w = work_salted(id, item->context, secret);
	return salted_unwrap(&w, item->wrapped, item->wrapped_len, out, err);
}
