// SPDX-License-Identifier: GPL-2.0-or-later
/* vtpm-key-pkcs11: the operations of the contract on a PKCS#11 token. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keys/key-dir.h"
#include "keys/pkcs11/wrap.h"

/* Backing a token up is its owner's, so every key counts as backed up. */
static json_t *describe(const struct token_key *key, bool active)
{
	char id[UUID_TEXT_LEN], when[sizeof("YYYY-MM-DDTHH:MM:SSZ")];
	const char *t = key->time;

	uuid_format(key->id, id);
	snprintf(when, sizeof(when),
		 "%.4s-%.2s-%.2s"
		 "T"
		 "%.2s:%.2s:%.2sZ",
		 t, t + 4, t + 6, t + 9, t + 11, t + 13);
	return json_pack("{s:s,s:s,s:b,s:b}", "key-id", id, "created", when,
			 "active", active, "backed-up", 1);
}

static int no_key(const struct request *r, struct error *err)
{
	return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
			 "provider %s has no key on the token; check \"label\" "
			 "in its configuration, or add the provider anew",
			 r->provider);
}

static int op_info(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_free_ struct token_key *keys = NULL;
	json_t *list = json_array();
	struct error why = { 0 };
	struct token t = { .lock = -1 };
	size_t n = 0;
	int e = json_object_set_new(reply, "keys", list)
			? provider_out_of_memory(err)
			: 0;

	if (!e)
		e = token_open(r, NULL, &t, err);
	if (!e)
		e = token_list(&t, &keys, &n, err);
	token_close(&t);
	for (size_t i = 0; !e && i < n; i++) {
		if (json_array_append_new(list, describe(&keys[i], i == n - 1)))
			e = provider_out_of_memory(err);
	}
	if (e)
		return e;
	if (!n)
		no_key(r, &why);
	if (json_object_set_new(reply, "usable", json_boolean(n)) ||
	    (!n && json_object_set_new(reply, "reason", json_string(why.text))))
		return provider_out_of_memory(err);
	return 0;
}

static int op_new_key(const struct request *r, json_t *reply, struct error *err)
{
	uint8_t id[UUID_LEN];
	struct token t = { .lock = -1 };
	int e = token_open(r, NULL, &t, err);

	if (!e)
		e = token_generate(&t, id, err);
	token_close(&t);
	return e ? e : provider_put_key_id(reply, id, err);
}

/* A text that is no UUID is the id of no key of ours. */
static int parse_id(const struct request *r, const char *key_id,
		    uint8_t id[UUID_LEN], struct error *err)
{
	return uuid_parse(key_id, id)
		       ? error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
				   "provider %s has no key %s", r->provider,
				   key_id)
		       : 0;
}

/* The token keeps no trace of a key that was destroyed, but we do. */
static int find_key(const struct request *r, const struct token *t,
		    const char *key_id, const uint8_t id[UUID_LEN],
		    CK_OBJECT_HANDLE *key, struct error *err)
{
	int e = token_find(t, id, key, err);

	if (e == -ENOKEY && key_dir_is_marked(t->lock, id))
		key_dir_check_destroyed(t->lock, r->provider, key_id, err);
	return e;
}

/* The key that the request names, on its token, which is to be closed. */
static int open_key(const struct request *r, struct token *t,
		    uint8_t id[UUID_LEN], CK_OBJECT_HANDLE *key,
		    struct error *err)
{
	int e = parse_id(r, r->key_id, id, err);

	if (!e)
		e = token_open(r, NULL, t, err);
	return e ? e : find_key(r, t, r->key_id, id, key, err);
}

/* The key to wrap with: the one named, else the active one. */
static int pick_key(const struct request *r, const struct token *t,
		    uint8_t id[UUID_LEN], CK_OBJECT_HANDLE *key,
		    struct error *err)
{
	_cleanup_free_ struct token_key *keys = NULL;
	size_t n = 0;
	int e;

	if (r->key_id)
		return find_key(r, t, r->key_id, id, key, err);
	e = token_list(t, &keys, &n, err);
	if (e)
		return e;
	if (!n)
		return no_key(r, err);
	memcpy(id, keys[n - 1].id, UUID_LEN);
	*key = keys[n - 1].object;
	return 0;
}

static int op_wrap(const struct request *r, json_t *reply, struct error *err)
{
	uint8_t wrapped[PROVIDER_MAX_DATA_KEY + PKCS11_WRAP_OVERHEAD];
	_cleanup_free_ char *text = NULL;
	uint8_t id[UUID_LEN] = { 0 };
	CK_OBJECT_HANDLE key;
	struct token t = { .lock = -1 };
	int e = r->key_id ? parse_id(r, r->key_id, id, err) : 0;

	if (!e)
		e = token_open(r, NULL, &t, err);
	if (!e)
		e = pick_key(r, &t, id, &key, err);
	if (!e)
		e = pkcs11_wrap(&t, key, id, r->context, r->secret, wrapped,
				err);
	token_close(&t);
	if (e)
		return e;
	text = base64_encode(wrapped, r->secret->len + PKCS11_WRAP_OVERHEAD);
	if (!text || json_object_set_new(reply, "wrapped", json_string(text)))
		return provider_out_of_memory(err);
	return provider_put_key_id(reply, id, err);
}

/* A session is a token that is logged into. */
static int unwrap_begin(const struct request *r, void **session,
			struct error *err)
{
	struct token *t = malloc(sizeof(*t));
	int e;

	if (!t)
		return provider_out_of_memory(err);
	e = token_open(r, NULL, t, err);
	if (e)
		free(t);
	else
		*session = t;
	return e;
}

static int unwrap_open(void *session, const struct request *r,
		       const struct wrapped_item *item, struct secret **out,
		       struct error *err)
{
	const struct token *t = session;
	CK_OBJECT_HANDLE key;
	uint8_t id[UUID_LEN];
	int e = parse_id(r, item->key_id, id, err);

	if (!e)
		e = find_key(r, t, item->key_id, id, &key, err);
	return e ? e
		 : pkcs11_unwrap(t, key, id, item->context, item->wrapped,
				 item->wrapped_len, out, err);
}

static void unwrap_end(void *session)
{
	token_close(session);
	free(session);
}

static int op_destroy_key(const struct request *r, json_t *reply,
			  struct error *err)
{
	uint8_t id[UUID_LEN];
	CK_OBJECT_HANDLE key;
	struct token t = { .lock = -1 };
	int e = open_key(r, &t, id, &key, err);

	(void)reply;
	/* First: a key that is gone must not look like one that is missing. */
	if (!e)
		e = key_dir_mark(t.lock, id, err);
	if (!e) {
		e = token_destroy(&t, key, err);
		if (e)
			key_dir_unmark(t.lock, id, NULL);
	}
	token_close(&t);
	return e;
}

int main(int argc, char **argv)
{
	static const struct provider pkcs11 = {
		.program = "vtpm-key-pkcs11",
		.about = "Key provider with AES keys on a PKCS#11 token.",
		.op =
			{
				[OP_INFO] = op_info,
				[OP_NEW_KEY] = op_new_key,
				[OP_WRAP] = op_wrap,
				[OP_CHECK] = pkcs11_check,
				[OP_DESTROY_KEY] = op_destroy_key,
			},
		.unwrapper = { unwrap_begin, unwrap_open, unwrap_end },
	};

	return provider_main(&pkcs11, argc, argv);
}
