// SPDX-License-Identifier: GPL-2.0-or-later
/* vtpm-key-tpm2: the operations of the contract on keys sealed to a TPM. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "keys/key-dir.h"
#include "keys/tpm2/check.h"
#include "keys/tpm2/work.h"

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

/* 0 if the newest key could be used now. */
static int check_usable(const struct request *r, struct work *w,
			const struct sealed_keys *k, struct error *err)
{
	int e;

	if (!k->count)
		return work_no_key(r, err);
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

static int op_wrap(const struct request *r, json_t *reply, struct error *err)
{
	uint8_t wrapped[PROVIDER_MAX_DATA_KEY + SALTED_WRAP_OVERHEAD];
	_cleanup_(secret) struct secret *secret = NULL;
	_cleanup_free_ char *text = NULL;
	struct sealed_key key;
	struct work work = WORK_INIT;
	struct salted_wrap w;
	int e = work_begin(r, &work, err);

	if (!e)
		e = work_unseal(r, &work, r->key_id, &key, &secret, err);
	work_end(&work);
	if (e)
		return e;
	w = work_salted(key.id, r->context, secret);
	e = salted_wrap(&w, r->secret, wrapped, err);
	if (e)
		return e;
	text = base64_encode(wrapped, r->secret->len + SALTED_WRAP_OVERHEAD);
	e = provider_put_text(reply, "wrapped", text, err);
	return e ? e : provider_put_key_id(reply, key.id, err);
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
				[OP_CHECK] = tpm2_check,
				[OP_DESTROY_KEY] = op_destroy_key,
			},
		.unwrapper = { tpm2_unwrap_begin, tpm2_unwrap_open,
			       tpm2_unwrap_end },
	};

	/* tpm2-tss logs on its own; what went wrong is in the reply. */
	setenv("TSS2_LOG", "all+NONE", 0);
	return provider_main(&tpm2, argc, argv);
}
