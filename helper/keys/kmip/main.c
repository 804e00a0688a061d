// SPDX-License-Identifier: GPL-2.0-or-later
/* vtpm-key-kmip: the operations of the contract on a KMIP server. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "keys/kmip/check.h"
#include "keys/kmip/servers.h"
#include "keys/kmip/wrap.h"

typedef int (*session_fn)(const struct request *r, struct kmip *k,
			  json_t *reply, struct error *err);

struct exchange {
	const struct request *r;
	json_t *reply;
	session_fn fn;
};

static int run_exchange(struct kmip *k, void *arg, struct error *err)
{
	struct exchange *x = arg;

	return x->fn(x->r, k, x->reply, err);
}

static int with_server(const struct request *r, json_t *reply, session_fn fn,
		       struct error *err)
{
	struct exchange x = { r, reply, fn };
	struct kmip_servers s;
	int e = kmip_servers_open(r, &s, err);

	if (e)
		return e;
	e = kmip_servers_do(&s, run_exchange, &x, err);
	kmip_servers_close(&s);
	return e;
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

struct unwrapping {
	const struct wrapped_item *item;
	struct secret **out;
};

static int unwrap_item(struct kmip *k, void *arg, struct error *err)
{
	const struct unwrapping *u = arg;
	const struct wrapped_item *i = u->item;
	int e = kmip_check_key(k, i->key_id, err);

	return e ? e
		 : kmip_unwrap(k, i->key_id, i->context, i->wrapped,
			       i->wrapped_len, u->out, err);
}

static int unwrap_begin(const struct request *r, void **session,
			struct error *err)
{
	struct kmip_servers *s = malloc(sizeof(*s));
	int e = s ? kmip_servers_open(r, s, err) : provider_out_of_memory(err);

	if (e)
		free(s);
	else
		*session = s;
	return e;
}

static int unwrap_open(void *session, const struct request *r,
		       const struct wrapped_item *item, struct secret **out,
		       struct error *err)
{
	struct unwrapping u = { item, out };

	(void)r;
	return kmip_servers_do(session, unwrap_item, &u, err);
}

static void unwrap_end(void *session)
{
	kmip_servers_close(session);
	free(session);
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
				[OP_CHECK] = kmip_check,
				[OP_DESTROY_KEY] = op_destroy_key,
			},
		.unwrapper = { unwrap_begin, unwrap_open, unwrap_end },
	};

	/* A server that hangs up is an error to report. */
	signal(SIGPIPE, SIG_IGN);
	return provider_main(&kmip, argc, argv);
}
