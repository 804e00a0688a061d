// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations on keys; Encrypt and Decrypt are in cipher.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "keys/kmip/protocol.h"

#define NAME_LEN (KMIP_MAX_LABEL + 1 + KMIP_TIME_LEN)

static const struct kmip_version versions[] = {
	{ 2, 0 },
	{ 1, 4 },
	{ 1, 3 },
	{ 1, 2 },
};
#define N_VERSIONS (sizeof(versions) / sizeof(versions[0]))

static bool same(const struct kmip_version *a, const struct kmip_version *b)
{
	return a->major == b->major && a->minor == b->minor;
}

static bool offers(const struct ttlv *payload, const struct kmip_version *want)
{
	struct ttlv_reader r = ttlv_children(payload);
	struct kmip_version v;
	struct ttlv item;

	while (ttlv_next(&r, &item) > 0) {
		if (item.tag == TAG_VERSION && item.type == TTLV_STRUCTURE &&
		    !ttlv_find_u32(&item, TAG_MAJOR, TTLV_INTEGER, &v.major) &&
		    !ttlv_find_u32(&item, TAG_MINOR, TTLV_INTEGER, &v.minor) &&
		    same(&v, want))
			return true;
	}
	return false;
}

static int agree_on_version(struct kmip *k, struct error *err)
{
	struct kmip_request r;
	struct ttlv payload;
	int e;

	k->version = versions[N_VERSIONS - 1];
	kmip_begin(k, DO_DISCOVER_VERSIONS, &r);
	for (size_t i = 0; i < N_VERSIONS; i++) {
		ttlv_open(&r.w, TAG_VERSION);
		ttlv_u32(&r.w, TAG_MAJOR, TTLV_INTEGER, versions[i].major);
		ttlv_u32(&r.w, TAG_MINOR, TTLV_INTEGER, versions[i].minor);
		ttlv_close(&r.w);
	}
	e = kmip_call(k, &r, &payload, err);
	if (e)
		return e;
	for (size_t i = 0; i < N_VERSIONS; i++) {
		if (offers(&payload, &versions[i])) {
			k->version = versions[i];
			return 0;
		}
	}
	return error_set(err, -EPROTONOSUPPORT, VTPM_ERR_PROVIDER,
			 "%s:%s speaks no version of KMIP from 1.2 to 2.0; use "
			 "another server",
			 k->tls.server->host, k->tls.server->port);
}

int kmip_open(struct kmip *k, SSL_CTX *ctx, const struct kmip_config *c,
	      const struct kmip_server *server, struct error *err)
{
	int e;

	*k = (struct kmip){ .config = c, .version = c->version };
	e = tls_connect(ctx, server, c->timeout, &k->tls, err);
	if (e)
		k->lost = true;
	return e || k->version.major ? e : agree_on_version(k, err);
}

void kmip_close(struct kmip *k)
{
	tls_close(&k->tls);
	secret_free(k->answer);
	k->answer = NULL;
}

/*
 * One attribute; what the caller writes between the two is its value, with
 * the tag that open_attribute() returns. KMIP 2.0 has done away with names.
 */
static uint32_t open_attribute(const struct kmip *k, struct kmip_request *r,
			       const char *name, uint32_t tag)
{
	if (k->version.major >= 2)
		return tag;
	ttlv_open(&r->w, TAG_ATTRIBUTE);
	ttlv_text(&r->w, TAG_ATTRIBUTE_NAME, name);
	return TAG_ATTRIBUTE_VALUE;
}

static void close_attribute(const struct kmip *k, struct kmip_request *r)
{
	if (k->version.major < 2)
		ttlv_close(&r->w);
}

static void put_u32(const struct kmip *k, struct kmip_request *r,
		    const char *name, uint32_t tag, enum ttlv_type type,
		    uint32_t value)
{
	ttlv_u32(&r->w, open_attribute(k, r, name, tag), type, value);
	close_attribute(k, r);
}

static void put_group(const struct kmip *k, struct kmip_request *r)
{
	ttlv_text(&r->w, open_attribute(k, r, "Object Group", TAG_OBJECT_GROUP),
		  k->config->label);
	close_attribute(k, r);
}

/* "LABEL TIME"; when it was made is nowhere else as exact. */
static int put_name(const struct kmip *k, struct kmip_request *r)
{
	char name[NAME_LEN + 1];
	struct timeval tv;
	struct tm tm;
	size_t n;

	gettimeofday(&tv, NULL);
	n = snprintf(name, sizeof(name), "%s ", k->config->label);
	if (!gmtime_r(&tv.tv_sec, &tm) ||
	    strftime(name + n, sizeof(name) - n, "%Y%m%dT%H%M%S", &tm) != 15)
		return -EINVAL;
	snprintf(name + n + 15, sizeof(name) - n - 15, ".%06uZ",
		 (unsigned int)tv.tv_usec % 1000000);
	ttlv_open(&r->w, open_attribute(k, r, "Name", TAG_NAME));
	ttlv_text(&r->w, TAG_NAME_VALUE, name);
	ttlv_u32(&r->w, TAG_NAME_TYPE, TTLV_ENUM, 1);
	ttlv_close(&r->w);
	close_attribute(k, r);
	return 0;
}

/* -EBADMSG if it is no text that can be kept as an id. */
static int copy_id(const struct ttlv *item, char id[PROVIDER_MAX_KEY_ID + 1])
{
	if (item->type != TTLV_TEXT || !item->len ||
	    item->len > PROVIDER_MAX_KEY_ID)
		return -EBADMSG;
	for (size_t i = 0; i < item->len; i++) {
		if (item->value[i] <= ' ' || item->value[i] > '~')
			return -EBADMSG;
	}
	memcpy(id, item->value, item->len);
	id[item->len] = '\0';
	return 0;
}

static int activate(struct kmip *k, const char *id, struct error *err)
{
	struct kmip_request r;
	struct ttlv payload;

	kmip_begin(k, DO_ACTIVATE, &r);
	ttlv_text(&r.w, TAG_ID, id);
	return kmip_call(k, &r, &payload, err);
}

int kmip_create(struct kmip *k, char id[PROVIDER_MAX_KEY_ID + 1],
		struct error *err)
{
	char made[PROVIDER_MAX_KEY_ID + 1];
	struct kmip_request r;
	struct ttlv payload, item;
	int e;

	kmip_begin(k, DO_CREATE, &r);
	ttlv_u32(&r.w, TAG_OBJECT_TYPE, TTLV_ENUM, 2); /* symmetric key */
	ttlv_open(&r.w, k->version.major >= 2 ? TAG_ATTRIBUTES : TAG_TEMPLATE);
	put_u32(k, &r, "Cryptographic Algorithm", TAG_ALGORITHM, TTLV_ENUM, 3);
	put_u32(k, &r, "Cryptographic Length", TAG_LENGTH, TTLV_INTEGER,
		8 * KMIP_KEY_LEN);
	/* Encrypt, decrypt. */
	put_u32(k, &r, "Cryptographic Usage Mask", TAG_USAGE_MASK, TTLV_INTEGER,
		0x4 | 0x8);
	if (put_name(k, &r)) {
		secret_free(r.buf);
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "the clock has no usable time; set it");
	}
	put_group(k, &r);
	e = kmip_call(k, &r, &payload, err);
	if (e)
		return e;
	if (ttlv_find(&payload, TAG_ID, TTLV_TEXT, &item) ||
	    copy_id(&item, made))
		return kmip_malformed(k, err);
	e = activate(k, made, err);
	if (!e)
		memcpy(id, made, sizeof(made));
	return e;
}

static void take_name(const struct kmip *k, const struct ttlv *name,
		      struct kmip_key *out)
{
	size_t n = strlen(k->config->label);
	struct ttlv v;

	if (name->type != TTLV_STRUCTURE ||
	    ttlv_find(name, TAG_NAME_VALUE, TTLV_TEXT, &v) ||
	    v.len != n + 1 + KMIP_TIME_LEN ||
	    memcmp(v.value, k->config->label, n) || v.value[n] != ' ')
		return;
	for (size_t i = n + 1; i < v.len; i++) {
		if (!strchr("0123456789T.Z", v.value[i]) || !v.value[i])
			return;
	}
	memcpy(out->time, v.value + n + 1, KMIP_TIME_LEN);
	out->time[KMIP_TIME_LEN] = '\0';
}

static bool named(const struct ttlv *attribute, const char *name)
{
	struct ttlv v;

	return !ttlv_find(attribute, TAG_ATTRIBUTE_NAME, TTLV_TEXT, &v) &&
	       v.len == strlen(name) && !memcmp(v.value, name, v.len);
}

static void take_attribute(const struct kmip *k, const struct ttlv *item,
			   struct kmip_key *out)
{
	struct ttlv v;

	if (item->type != TTLV_STRUCTURE)
		return;
	if (named(item, "Name") &&
	    !ttlv_find(item, TAG_ATTRIBUTE_VALUE, TTLV_STRUCTURE, &v))
		take_name(k, &v, out);
	if (named(item, "State"))
		ttlv_find_u32(item, TAG_ATTRIBUTE_VALUE, TTLV_ENUM,
			      &out->state);
}

static int attributes(struct kmip *k, const char *id, struct kmip_key *out,
		      struct error *err)
{
	struct kmip_request r;
	struct ttlv payload, item;
	struct ttlv_reader at;
	int e;

	memset(out, 0, sizeof(*out));
	snprintf(out->id, sizeof(out->id), "%s", id);
	kmip_begin(k, DO_GET_ATTRIBUTES, &r);
	ttlv_text(&r.w, TAG_ID, id);
	e = kmip_call(k, &r, &payload, err);
	if (e)
		return e;
	if (!ttlv_find(&payload, TAG_ATTRIBUTES, TTLV_STRUCTURE, &item)) {
		ttlv_find_u32(&item, TAG_STATE, TTLV_ENUM, &out->state);
		payload = item;
	}
	at = ttlv_children(&payload);
	while (ttlv_next(&at, &item) > 0) {
		if (item.tag == TAG_ATTRIBUTE)
			take_attribute(k, &item, out);
		else if (item.tag == TAG_NAME)
			take_name(k, &item, out);
	}
	return out->state ? 0 : kmip_malformed(k, err);
}

static bool is_destroyed(const struct kmip_key *key)
{
	return key->state == KMIP_DESTROYED ||
	       key->state == KMIP_DESTROYED_COMPROMISED;
}

int kmip_find(struct kmip *k, const char *id, struct kmip_key *out,
	      struct error *err)
{
	int e = attributes(k, id, out, err);

	if (!e && is_destroyed(out))
		return error_set(err, -EKEYREVOKED, VTPM_ERR_KEY_DESTROYED,
				 "key %s was destroyed at %s:%s", id,
				 k->tls.server->host, k->tls.server->port);
	return e;
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
	put_group(k, &r);
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
		if (copy_id(&item, keys[*count].id))
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

		e = attributes(k, keys[i].id, &key, err);
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

int kmip_get(struct kmip *k, const char *id, struct secret **out,
	     struct error *err)
{
	struct ttlv payload, object, block, value, material;
	struct kmip_request r;
	uint32_t algorithm;
	int e;

	kmip_begin(k, DO_GET, &r);
	ttlv_text(&r.w, TAG_ID, id);
	ttlv_u32(&r.w, TAG_KEY_FORMAT, TTLV_ENUM, 1); /* raw */
	e = kmip_call(k, &r, &payload, err);
	if (e)
		return e;
	if (ttlv_find(&payload, TAG_SYMMETRIC_KEY, TTLV_STRUCTURE, &object) ||
	    ttlv_find(&object, TAG_KEY_BLOCK, TTLV_STRUCTURE, &block) ||
	    ttlv_find_u32(&block, TAG_ALGORITHM, TTLV_ENUM, &algorithm) ||
	    ttlv_find(&block, TAG_KEY_VALUE, TTLV_STRUCTURE, &value) ||
	    ttlv_find(&value, TAG_KEY_MATERIAL, TTLV_BYTES, &material) ||
	    algorithm != 3 || material.len != KMIP_KEY_LEN)
		return kmip_malformed(k, err);
	*out = secret_new(KMIP_KEY_LEN);
	if (!*out)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	memcpy((*out)->data, material.value, KMIP_KEY_LEN);
	return 0;
}
