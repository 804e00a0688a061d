// SPDX-License-Identifier: GPL-2.0-or-later
/* vtpm-key-tpm2: the operations of the contract on keys sealed to a TPM. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "keys/key-dir.h"
#include "keys/provider.h"
#include "keys/salted-wrap.h"
#include "keys/tpm2/check.h"
#include "keys/tpm2/seal.h"

/* What an operation works with; zero but for the two, then work_end(). */
struct work {
	struct tpm2_config config;
	int dir;
	struct tpm tpm;
};
#define WORK_INIT                                      \
	{                                              \
		.dir = -1, .tpm.parent = ESYS_TR_NONE, \
	}

static int work_begin(const struct request *r, struct work *w,
		      struct error *err)
{
	int e = tpm2_config_parse(r->config, &w->config, err);

	if (!e)
		e = key_dir_open(&w->dir, err);
	/* A TPM has room for few sessions and objects: one at a time. */
	return e ? e : key_dir_lock(w->dir, err);
}

static void work_end(struct work *w)
{
	tpm_close(&w->tpm);
	if (w->dir >= 0)
		close(w->dir);
	w->dir = -1;
}

/* A sealed key has no backup: it opens on this host or not at all. */
static json_t *describe(const struct sealed_key *key, bool active)
{
	char id[UUID_TEXT_LEN], when[32];
	time_t t = key->created / 1000000;
	struct tm tm;

	uuid_format(key->id, id);
	if (!gmtime_r(&t, &tm) ||
	    !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return json_pack("{s:s,s:s,s:b,s:b}", "key-id", id, "created", when,
			 "active", active, "backed-up", 0);
}

static int no_key(const struct request *r, struct error *err)
{
	return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
			 "provider %s has no key; add it anew with: vtpmctl "
			 "provider add tpm2 NAME",
			 r->provider);
}

/* 0 if the newest key could be used now. */
static int check_usable(const struct request *r, struct work *w,
			const struct sealed_keys *k, struct error *err)
{
	int e;

	if (!k->count)
		return no_key(r, err);
	e = tpm_open(&w->config, &w->tpm, err);
	return e ? e : seal_check(&w->tpm, &k->key[k->count - 1], err);
}

static int op_info(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_(sealed_keys) struct sealed_keys *k = NULL;
	struct work w = WORK_INIT;
	json_t *list = json_array();
	struct error why = { 0 };
	int e = json_object_set_new(reply, "keys", list)
			? provider_out_of_memory(err)
			: work_begin(r, &w, err);

	if (!e)
		e = sealed_load_all(w.dir, &k, err);
	for (size_t i = 0; !e && i < k->count; i++) {
		if (json_array_append_new(
			    list, describe(&k->key[i], i == k->count - 1)))
			e = provider_out_of_memory(err);
	}
	if (!e)
		check_usable(r, &w, k, &why);
	work_end(&w);
	if (e)
		return e;
	if (json_object_set_new(reply, "usable", json_boolean(!why.code)))
		return provider_out_of_memory(err);
	return why.code ? provider_put_text(reply, "reason", why.text, err) : 0;
}

static int now_us(uint64_t *out)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return -errno;
	*out = ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
	return 0;
}

static int make_key(struct work *w, const struct sealed_keys *k,
		    struct sealed_key *out, struct error *err)
{
	_cleanup_(secret) struct secret *secret = secret_random(SEAL_KEY_LEN);
	int e = secret ? tpm_open(&w->config, &w->tpm, err)
		       : provider_out_of_memory(err);

	if (!e)
		e = tpm_use_parent(&w->tpm, err);
	if (!e)
		e = seal_key(&w->tpm, secret, out, err);
	if (e)
		return e;
	uuid_new(out->id);
	e = now_us(&out->created);
	if (e)
		return error_set(err, e, VTPM_ERR_PROVIDER, "no clock: %s",
				 strerror(-e));
	/* The newest is the active one, whatever the clock does. */
	if (k->count && out->created <= k->key[k->count - 1].created)
		out->created = k->key[k->count - 1].created + 1;
	return sealed_store(w->dir, out, err);
}

static int op_new_key(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_(sealed_keys) struct sealed_keys *k = NULL;
	struct sealed_key key = { 0 };
	struct work w = WORK_INIT;
	int e = work_begin(r, &w, err);

	if (!e)
		e = sealed_load_all(w.dir, &k, err);
	if (!e && k->count == SEALED_MAX_KEYS)
		e = error_set(err, -ENOSPC, VTPM_ERR_PROVIDER,
			      "provider %s already has %d keys", r->provider,
			      SEALED_MAX_KEYS);
	if (!e)
		e = make_key(&w, k, &key, err);
	work_end(&w);
	return e ? e : provider_put_key_id(reply, key.id, err);
}

/* The key that the request names, else the newest. */
static int pick_key(const struct request *r, int dir, struct sealed_key *out,
		    struct error *err)
{
	_cleanup_(sealed_keys) struct sealed_keys *k = NULL;
	uint8_t id[UUID_LEN];
	int e;

	if (r->key_id) {
		e = key_dir_check_destroyed(dir, r->provider, r->key_id, err);
		if (e)
			return e;
		if (!uuid_parse(r->key_id, id))
			return sealed_load(dir, id, out, err);
		return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
				 "provider %s has no key %s", r->provider,
				 r->key_id);
	}
	e = sealed_load_all(dir, &k, err);
	if (!e && !k->count)
		e = no_key(r, err);
	if (!e)
		*out = k->key[k->count - 1];
	return e;
}

/* From the request to a key that is open. */
static int open_key(const struct request *r, struct sealed_key *key,
		    struct secret **out, struct error *err)
{
	struct work w = WORK_INIT;
	int e = work_begin(r, &w, err);

	if (!e)
		e = pick_key(r, w.dir, key, err);
	if (!e)
		e = tpm_open(&w.config, &w.tpm, err);
	if (!e)
		e = seal_check(&w.tpm, key, err);
	if (!e)
		e = seal_open(&w.tpm, key, out, err);
	work_end(&w);
	return e;
}

static struct salted_wrap with(const struct request *r,
			       const struct sealed_key *key,
			       const struct secret *secret)
{
	return (struct salted_wrap){
		.magic = "VTKT",
		.label = "vtpm tpm2 wrap v1",
		.key = secret,
		.id = key->id,
		.context = r->context,
	};
}

static int op_wrap(const struct request *r, json_t *reply, struct error *err)
{
	uint8_t wrapped[PROVIDER_MAX_DATA_KEY + SALTED_WRAP_OVERHEAD];
	_cleanup_(secret) struct secret *secret = NULL;
	_cleanup_free_ char *text = NULL;
	struct sealed_key key;
	struct salted_wrap w;
	int e = open_key(r, &key, &secret, err);

	if (e)
		return e;
	w = with(r, &key, secret);
	e = salted_wrap(&w, r->secret, wrapped, err);
	if (e)
		return e;
	text = base64_encode(wrapped, r->secret->len + SALTED_WRAP_OVERHEAD);
	e = provider_put_text(reply, "wrapped", text, err);
	return e ? e : provider_put_key_id(reply, key.id, err);
}

static int op_unwrap(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_(secret) struct secret *secret = NULL, *plain = NULL;
	struct sealed_key key;
	struct salted_wrap w;
	int e = open_key(r, &key, &secret, err);

	(void)reply;
	if (e)
		return e;
	w = with(r, &key, secret);
	e = salted_unwrap(&w, r->wrapped, r->wrapped_len, &plain, err);
	return e ? e : provider_send(plain->data, plain->len, err);
}

static int op_destroy_key(const struct request *r, json_t *reply,
			  struct error *err)
{
	struct work w = WORK_INIT;
	int e = work_begin(r, &w, err);

	(void)reply;
	if (!e)
		e = key_dir_destroy(w.dir, r->provider, r->key_id, err);
	work_end(&w);
	return e;
}

int main(int argc, char **argv)
{
	static const struct provider tpm2 = {
		.program = "vtpm-key-tpm2",
		.about = "Key provider with keys sealed to this host's TPM.",
		.op =
			{
				[OP_INFO] = op_info,
				[OP_NEW_KEY] = op_new_key,
				[OP_WRAP] = op_wrap,
				[OP_UNWRAP] = op_unwrap,
				[OP_CHECK] = tpm2_check,
				[OP_DESTROY_KEY] = op_destroy_key,
			},
	};

	/* tpm2-tss logs on its own; what went wrong is in the reply. */
	setenv("TSS2_LOG", "all+NONE", 0);
	return provider_main(&tpm2, argc, argv);
}
