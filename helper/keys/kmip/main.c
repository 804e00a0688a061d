// SPDX-License-Identifier: GPL-2.0-or-later
/* vtpm-key-kmip: the operations of the contract on a KMIP server. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "keys/kmip/check.h"
#include "keys/kmip/wrap.h"

typedef int (*session_fn)(const struct request *r, struct kmip *k,
			  json_t *reply, struct error *err);

/*
 * The first server that can be had does it. Only a lost connection is a reason
 * to ask the next: what a server refuses, it refuses. A key that was made
 * before the connection was lost stays unused.
 */
static int with_server(const struct request *r, json_t *reply, session_fn fn,
		       struct error *err)
{
	struct kmip_config c;
	struct error all = { 0 };
	SSL_CTX *ctx = NULL;
	bool lost = true;
	int e = kmip_config_read(r, &c, err);

	if (!e)
		e = tls_context_new(&c, &ctx, err);
	if (e)
		return e;
	for (size_t i = 0; lost && i < c.servers; i++) {
		struct error one = { 0 };
		struct kmip k;

		e = kmip_open(&k, ctx, &c, &c.server[i], &one);
		if (!e)
			e = fn(r, &k, reply, &one);
		lost = e && k.lost;
		kmip_close(&k);
		if (e && all.text[0])
			error_prefix(&one, "%s; then", all.text);
		if (e)
			all = one;
	}
	SSL_CTX_free(ctx);
	return e ? error_set(err, e, all.code, "%s", all.text) : 0;
}

/* Backing the server up is its owner's, so every key counts as backed up. */
static json_t *describe(const struct kmip_key *key, bool active)
{
	char when[sizeof("YYYY-MM-DDTHH:MM:SSZ")];
	const char *t = key->time;

	snprintf(when, sizeof(when),
		 "%.4s-%.2s-%.2s"
		 "T"
		 "%.2s:%.2s:%.2sZ",
		 t, t + 4, t + 6, t + 9, t + 11, t + 13);
	return json_pack("{s:s,s:s,s:b,s:b}", "key-id", key->id, "created",
			 when, "active", active, "backed-up", 1);
}

static int no_key(const struct request *r, struct error *err)
{
	return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
			 "provider %s has no active key on the server; check "
			 "\"label\" in its configuration, or add the provider "
			 "anew",
			 r->provider);
}

/* The newest that the server lets be used; NULL if there is none. */
static const struct kmip_key *newest(const struct kmip_key *keys, size_t n)
{
	while (n--) {
		if (keys[n].state == KMIP_ACTIVE)
			return &keys[n];
	}
	return NULL;
}

static int session_info(const struct request *r, struct kmip *k, json_t *reply,
			struct error *err)
{
	_cleanup_free_ struct kmip_key *keys = NULL;
	const struct kmip_key *active;
	struct error why = { 0 };
	json_t *list;
	size_t n = 0;
	int e = kmip_list(k, &keys, &n, err);

	if (e)
		return e;
	active = newest(keys, n);
	list = json_array();
	if (json_object_set_new(reply, "keys", list) ||
	    json_object_set_new(reply, "usable", json_boolean(active)))
		return provider_out_of_memory(err);
	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(
			    list, describe(&keys[i], &keys[i] == active)))
			return provider_out_of_memory(err);
	}
	if (active)
		return 0;
	no_key(r, &why);
	return provider_put_text(reply, "reason", why.text, err);
}

static int session_new_key(const struct request *r, struct kmip *k,
			   json_t *reply, struct error *err)
{
	char id[PROVIDER_MAX_KEY_ID + 1];
	int e = kmip_create(k, id, err);

	(void)r;
	return e ? e : provider_put_text(reply, "key-id", id, err);
}

static int pick_key(const struct request *r, struct kmip *k,
		    struct kmip_key *out, struct error *err)
{
	_cleanup_free_ struct kmip_key *keys = NULL;
	const struct kmip_key *active;
	size_t n = 0;
	int e;

	if (r->key_id) {
		e = kmip_find(k, r->key_id, out, err);
		if (!e && out->state != KMIP_ACTIVE)
			e = error_set(err, -EACCES, VTPM_ERR_PROVIDER,
				      "key %s is not active at the server; "
				      "make a new one",
				      r->key_id);
		return e;
	}
	e = kmip_list(k, &keys, &n, err);
	if (e)
		return e;
	active = newest(keys, n);
	if (!active)
		return no_key(r, err);
	*out = *active;
	return 0;
}

static int session_wrap(const struct request *r, struct kmip *k, json_t *reply,
			struct error *err)
{
	uint8_t wrapped[PROVIDER_MAX_DATA_KEY + KMIP_WRAP_OVERHEAD];
	_cleanup_free_ char *text = NULL;
	struct kmip_key key;
	size_t len;
	int e = pick_key(r, k, &key, err);

	if (!e)
		e = kmip_wrap(k, key.id, r->context, r->secret, wrapped, &len,
			      err);
	if (e)
		return e;
	text = base64_encode(wrapped, len);
	if (!text)
		return provider_out_of_memory(err);
	e = provider_put_text(reply, "wrapped", text, err);
	return e ? e : provider_put_text(reply, "key-id", key.id, err);
}

static int session_unwrap(const struct request *r, struct kmip *k,
			  json_t *reply, struct error *err)
{
	_cleanup_(secret) struct secret *plain = NULL;
	struct kmip_key key;
	int e = kmip_find(k, r->key_id, &key, err);

	(void)reply;
	if (!e)
		e = kmip_unwrap(k, r->key_id, r->context, r->wrapped,
				r->wrapped_len, &plain, err);
	return e ? e : provider_send(plain->data, plain->len, err);
}

static int session_destroy_key(const struct request *r, struct kmip *k,
			       json_t *reply, struct error *err)
{
	struct kmip_key key;
	int e = kmip_find(k, r->key_id, &key, err);

	(void)reply;
	/* Whatever the server lets us: keys of others are not ours to destroy. */
	if (!e && !key.time[0])
		e = error_set(err, -EPERM, VTPM_ERR_PROVIDER,
			      "key %s at %s has not the name of a key of "
			      "provider %s; it was not destroyed",
			      r->key_id, k->tls.server->name, r->provider);
	return e ? e : kmip_destroy(k, r->key_id, err);
}

static int op_info(const struct request *r, json_t *reply, struct error *err)
{
	return with_server(r, reply, session_info, err);
}

static int op_new_key(const struct request *r, json_t *reply, struct error *err)
{
	return with_server(r, reply, session_new_key, err);
}

static int op_wrap(const struct request *r, json_t *reply, struct error *err)
{
	return with_server(r, reply, session_wrap, err);
}

static int op_unwrap(const struct request *r, json_t *reply, struct error *err)
{
	return with_server(r, reply, session_unwrap, err);
}

static int op_destroy_key(const struct request *r, json_t *reply,
			  struct error *err)
{
	return with_server(r, reply, session_destroy_key, err);
}

int main(int argc, char **argv)
{
	static const struct provider kmip = {
		.program = "vtpm-key-kmip",
		.about = "Key provider with AES keys on a KMIP server.",
		.op =
			{
				[OP_INFO] = op_info,
				[OP_NEW_KEY] = op_new_key,
				[OP_WRAP] = op_wrap,
				[OP_UNWRAP] = op_unwrap,
				[OP_CHECK] = kmip_check,
				[OP_DESTROY_KEY] = op_destroy_key,
			},
	};

	/* A server that hangs up is an error to report. */
	signal(SIGPIPE, SIG_IGN);
	return provider_main(&kmip, argc, argv);
}
