// SPDX-License-Identifier: GPL-2.0-or-later
/* One connection, and what both ends of it can do. */
#include <errno.h>

#include "keys/kmip/protocol.h"

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

/* Ask with @header as the version of the request itself. */
static int discover_versions(struct kmip *k, const struct kmip_version *header,
			     struct ttlv *payload, struct error *err)
{
	struct kmip_request r;

	k->version = *header;
	kmip_begin(k, DO_DISCOVER_VERSIONS, &r);
	for (size_t i = 0; i < N_VERSIONS; i++) {
		ttlv_open(&r.w, TAG_VERSION);
		ttlv_u32(&r.w, TAG_MAJOR, TTLV_INTEGER, versions[i].major);
		ttlv_u32(&r.w, TAG_MINOR, TTLV_INTEGER, versions[i].minor);
		ttlv_close(&r.w);
	}
	return kmip_call(k, &r, payload, err);
}

/* Nothing but the version of the request can be what it does not like. */
static bool dislikes_header(const struct kmip *k)
{
	return k->reason == INVALID_MESSAGE || k->reason == UNSUPPORTED_VERSION;
}

static int no_version(const struct kmip *k, struct error *err)
{
	return error_set(err, -EPROTONOSUPPORT, VTPM_ERR_PROVIDER,
			 "%s speaks no version of KMIP from 1.2 to 2.0; use "
			 "another server",
			 k->tls.server->name);
}

static int agree_on_version(struct kmip *k, struct error *err)
{
	struct error one = { 0 };
	struct ttlv payload;
	int e = -EPROTONOSUPPORT;

	/*
	 * The oldest first, which most have. A server may refuse the question
	 * itself if it does not speak the version in which it is put.
	 */
	for (size_t i = N_VERSIONS; e && i--;) {
		e = discover_versions(k, &versions[i], &payload, &one);
		if (e && (k->lost || !dislikes_header(k)))
			return error_set(err, e, one.code, "%s", one.text);
	}
	if (e)
		return no_version(k, err);
	for (size_t i = 0; i < N_VERSIONS; i++) {
		if (offers(&payload, &versions[i])) {
			k->version = versions[i];
			return 0;
		}
	}
	return no_version(k, err);
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
	key_cache_clear(&k->found);
	key_cache_clear(&k->fetched);
}
