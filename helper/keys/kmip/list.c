// SPDX-License-Identifier: GPL-2.0-or-later
/* Looking keys up. */
#include <errno.h>
#include <string.h>

#include "keys/kmip/attribute.h"

static bool is_destroyed(const struct kmip_key *key)
{
	return key->state == KMIP_DESTROYED ||
	       key->state == KMIP_DESTROYED_COMPROMISED;
}

int kmip_find(struct kmip *k, const char *id, struct kmip_key *out,
	      struct error *err)
{
	int e = kmip_attributes(k, id, out, err);

	if (!e && is_destroyed(out))
		return error_set(
			err, -EKEYREVOKED, VTPM_ERR_KEY_DESTROYED,
			"key %s was destroyed at %s; " KMIP_DESTROYED_MEANS, id,
			k->tls.server->name);
	return e;
}

static int fetch_nothing(void *arg, const char *id, struct secret **out,
			 struct error *err)
{
	struct kmip_key key;

	(void)out;
	return kmip_find(arg, id, &key, err);
}

int kmip_check_key(struct kmip *k, const char *id, struct error *err)
{
	return key_cache_get(&k->found, id, fetch_nothing, k, NULL, err);
}

static int locate(struct kmip *k, struct kmip_key *keys, size_t *count,
		  struct error *err)
{
	struct kmip_request r;
	struct ttlv payload, item;
	struct ttlv_reader at;
	int e;

	*count = 0;
	kmip_begin(k, DO_LOCATE, &r);
	if (k->version.major >= 2)
		ttlv_open(&r.w, TAG_ATTRIBUTES);
	kmip_put_group(k, &r);
	e = kmip_call(k, &r, &payload, err);
	if (e)
		return e;
	at = ttlv_children(&payload);
	while (ttlv_next(&at, &item) > 0) {
		if (item.tag != TAG_ID)
			continue;
		if (*count == KMIP_MAX_KEYS)
			return error_set(
				err, -E2BIG, VTPM_ERR_PROVIDER,
				"the server has more than %d keys with "
				"that \"label\"",
				KMIP_MAX_KEYS);
		if (kmip_take_id(&item, keys[*count].id))
			return kmip_malformed(k, err);
		++*count;
	}
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct kmip_key *x = a, *y = b;
	int r = strcmp(x->time, y->time);

	return r ? r : strcmp(x->id, y->id);
}

int kmip_list(struct kmip *k, struct kmip_key **out, size_t *count,
	      struct error *err)
{
	_cleanup_free_ struct kmip_key *keys =
		calloc(KMIP_MAX_KEYS, sizeof(*keys));
	size_t found, n = 0;
	int e;

	if (!keys)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	e = locate(k, keys, &found, err);
	for (size_t i = 0; !e && i < found; i++) {
		struct kmip_key key;

		e = kmip_attributes(k, keys[i].id, &key, err);
		/* Destroyed since we asked for them. */
		if (e == -ENOKEY || e == -EKEYREVOKED) {
			e = 0;
			continue;
		}
		if (!e && key.time[0] && !is_destroyed(&key))
			keys[n++] = key;
	}
	if (e)
		return e;
	qsort(keys, n, sizeof(*keys), by_age);
	*out = TAKE_PTR(keys);
	*count = n;
	return 0;
}
