// SPDX-License-Identifier: GPL-2.0-or-later
/* unwrap and unwrap-many: the same session, around one item or many. */
#include <errno.h>
#include <string.h>

#include "keys/provider.h"

/* What opened, one after the other: it leaves when all else is done. */
struct opened {
	struct secret *keys;
	size_t len; /* bytes of them that are used */
};

static int keep(struct opened *o, const struct secret *key, struct error *err)
{
	if (key->len > o->keys->len - o->len)
		return error_set(err, -EMSGSIZE, VTPM_ERR_PROVIDER,
				 "what was wrapped is no data key");
	memcpy(o->keys->data + o->len, key->data, key->len);
	o->len += key->len;
	return 0;
}

static int open_one(const struct unwrapper *u, void *session,
		    const struct request *r, const struct wrapped_item *item,
		    struct opened *o, struct error *err)
{
	_cleanup_(secret) struct secret *key = NULL;
	int e = u->open(session, r, item, &key, err);

	return e ? e : keep(o, key, err);
}

/* An item that does not open is a result like the others. */
static int open_all(const struct unwrapper *u, void *session,
		    const struct request *r, struct opened *o, json_t *results,
		    struct error *err)
{
	for (size_t i = 0; i < r->n_items; i++) {
		struct error one = { .code = VTPM_ERR_PROVIDER };
		size_t before = o->len;
		int e = open_one(u, session, r, &r->items[i], o, &one);
		json_t *result =
			e ? json_pack("{s:b,s:{s:s,s:s}}", "ok", 0, "error",
				      "code", one.code, "message", one.text)
			  : json_pack("{s:b,s:I}", "ok", 1, "length",
				      (json_int_t)(o->len - before));

		if (json_array_append_new(results, result))
			return provider_out_of_memory(err);
	}
	return 0;
}

static int in_session(const struct unwrapper *u, const struct request *r,
		      struct opened *o, json_t *reply, struct error *err)
{
	json_t *results = NULL;
	void *session = NULL;
	int e;

	if (r->operation == OP_UNWRAP_MANY) {
		results = json_array();
		if (json_object_set_new(reply, "results", results))
			return provider_out_of_memory(err);
	}
	e = u->begin(r, &session, err);
	if (e)
		return e;
	e = results ? open_all(u, session, r, o, results, err)
		    : open_one(u, session, r, &r->items[0], o, err);
	u->end(session);
	return e;
}

int unwrap_run(const struct unwrapper *u, const struct request *r,
	       json_t *reply, struct error *err)
{
	struct opened o = {
		.keys = secret_new(r->n_items * PROVIDER_MAX_DATA_KEY),
	};
	int e = o.keys ? in_session(u, r, &o, reply, err)
		       : provider_out_of_memory(err);

	if (!e && o.len)
		e = provider_send(o.keys->data, o.len, err);
	secret_free(o.keys);
	return e;
}
