// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "keys/provider.h"

enum {
	TAKES_KEY_ID = 1, /* may be there */
	NEEDS_KEY_ID = 2,
	NEEDS_CONTEXT = 4,
	NEEDS_DOCUMENT = 8,
	IS_ITEM = 16,	  /* key-id, context and wrapped */
	NEEDS_ITEMS = 32, /* a list of these */
};

/* The table of the contract; Documentation/key-providers.rst. */
static const struct {
	const char *name;
	unsigned int members;
	size_t max_secret; /* 0: descriptor 3 is not read */
} operations[OP_COUNT] = {
	[OP_INFO] = { "info", 0, 0 },
	[OP_NEW_KEY] = { "new-key", 0, 0 },
	[OP_WRAP] = { "wrap", TAKES_KEY_ID | NEEDS_CONTEXT,
		      PROVIDER_MAX_DATA_KEY },
	[OP_UNWRAP] = { "unwrap", IS_ITEM, 0 },
	[OP_UNWRAP_MANY] = { "unwrap-many", NEEDS_ITEMS, 0 },
	[OP_EXPORT] = { "export", 0, PROVIDER_MAX_PASSWORD },
	[OP_IMPORT] = { "import", NEEDS_DOCUMENT, PROVIDER_MAX_PASSWORD },
	[OP_CHECK] = { "check", 0, 0 },
	[OP_DESTROY_KEY] = { "destroy-key", NEEDS_KEY_ID, 0 },
};

static int bad_member(struct error *err, const char *name, const char *what)
{
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "the request's member \"%s\" is not %s", name, what);
}

static int get_text(const json_t *json, const char *name, size_t max,
		    const char **out, struct error *err)
{
	const json_t *v = json_object_get(json, name);

	if (!json_is_string(v) || !json_string_length(v) ||
	    json_string_length(v) > max)
		return bad_member(err, name, "text of the right length");
	*out = json_string_value(v);
	return 0;
}

static int get_bytes(const json_t *json, const char *name, size_t max,
		     uint8_t **out, size_t *len, struct error *err)
{
	const char *text;
	int r = get_text(json, name, (max + 2) / 3 * 4, &text, err);

	if (r)
		return r;
	r = base64_decode(text, out, len);
	if (r == -ENOMEM)
		return error_set(err, r, VTPM_ERR_PROVIDER, "out of memory");
	if (r || !*len || *len > max)
		return bad_member(err, name, "base64 of the right length");
	return 0;
}

static int get_operation(struct request *r, struct error *err)
{
	const json_t *version = json_object_get(r->json, "version");
	const char *name;
	int e;

	if (!json_is_integer(version) ||
	    json_integer_value(version) != PROVIDER_CONTRACT_VERSION)
		return bad_member(err, "version", "1");
	e = get_text(r->json, "operation", NAME_MAX_LEN, &name, err);
	if (e)
		return e;
	for (int i = 0; i < OP_COUNT; i++) {
		if (!strcmp(operations[i].name, name)) {
			r->operation = i;
			return 0;
		}
	}
	return error_set(
		err, -EOPNOTSUPP, VTPM_ERR_NOT_SUPPORTED,
		"a provider has no such operation as the one asked for");
}

static int get_common(struct request *r, struct error *err)
{
	int e = get_text(r->json, "provider", NAME_MAX_LEN, &r->provider, err);

	if (!e && !name_valid(r->provider))
		e = bad_member(err, "provider", "a name");
	if (e)
		return e;
	r->config = json_object_get(r->json, "config");
	return json_is_object(r->config)
		       ? 0
		       : bad_member(err, "config", "an object");
}

static int get_context(const json_t *json, uint8_t out[UUID_LEN],
		       struct error *err)
{
	const char *uuid;
	int e = get_text(json, "context", UUID_TEXT_LEN - 1, &uuid, err);

	if (!e && uuid_parse(uuid, out))
		e = bad_member(err, "context", "a UUID");
	return e;
}

static int get_item(const json_t *json, struct request *r, struct error *err)
{
	struct wrapped_item *item = &r->items[r->n_items++];
	int e = get_text(json, "key-id", PROVIDER_MAX_KEY_ID, &item->key_id,
			 err);

	if (!e)
		e = get_context(json, item->context, err);
	return e ? e
		 : get_bytes(json, "wrapped", PROVIDER_MAX_WRAPPED,
			     &item->wrapped, &item->wrapped_len, err);
}

/* @list, or the one item that is the request itself. */
static int get_items(const json_t *list, struct request *r, struct error *err)
{
	size_t n = list ? json_array_size(list) : 1;
	int e = 0;

	r->items = calloc(n, sizeof(*r->items));
	if (!r->items)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	if (!list)
		return get_item(r->json, r, err);
	for (size_t i = 0; !e && i < n; i++)
		e = get_item(json_array_get(list, i), r, err);
	return e;
}

static int get_list(struct request *r, struct error *err)
{
	const json_t *list = json_object_get(r->json, "items");
	size_t n = json_array_size(list);

	/* Of what is no list the size is 0. */
	if (!n || n > PROVIDER_MAX_ITEMS)
		return bad_member(err, "items", "a list of 1 to 256 objects");
	return get_items(list, r, err);
}

static int get_members(struct request *r, struct error *err)
{
	unsigned int members = operations[r->operation].members;
	bool named = json_object_get(r->json, "key-id");
	int e = 0;

	if (members & IS_ITEM)
		return get_items(NULL, r, err);
	if (members & NEEDS_ITEMS)
		return get_list(r, err);
	if (members & NEEDS_KEY_ID || (members & TAKES_KEY_ID && named))
		e = get_text(r->json, "key-id", PROVIDER_MAX_KEY_ID, &r->key_id,
			     err);
	if (!e && members & NEEDS_CONTEXT)
		e = get_context(r->json, r->context, err);
	if (!e && members & NEEDS_DOCUMENT)
		e = get_bytes(r->json, "document", PROVIDER_MAX_REQUEST / 2,
			      &r->document, &r->document_len, err);
	return e;
}

int request_parse(const char *text, size_t len, struct request *out,
		  struct error *err)
{
	int r;

	memset(out, 0, sizeof(*out));
	if (len > PROVIDER_MAX_REQUEST)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "the request is too long");
	/* A second member of a name could mean two things to two parsers. */
	out->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(out->json))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "the request is not one JSON object");
	r = get_operation(out, err);
	if (!r)
		r = get_common(out, err);
	if (!r)
		r = get_members(out, err);
	return r;
}

int request_read_secret(struct request *r, int fd, struct error *err)
{
	size_t max = operations[r->operation].max_secret;
	int e;

	if (!max)
		return 0;
	e = secret_read_fd(fd, max, &r->secret);
	if (e == -E2BIG || e == -ENODATA)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "the secret on descriptor %d is %s", fd,
				 e == -E2BIG ? "too long" : "missing");
	if (e)
		return error_set(err, e, VTPM_ERR_PROVIDER,
				 "cannot read the secret on descriptor %d: %s",
				 fd, strerror(-e));
	return 0;
}

void request_clear(struct request *r)
{
	secret_free(r->secret);
	for (size_t i = 0; i < r->n_items; i++)
		free(r->items[i].wrapped);
	free(r->items);
	free(r->document);
	json_decref(r->json);
	memset(r, 0, sizeof(*r));
}
