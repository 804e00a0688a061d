/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What became of the keys of one session: each is fetched once, however many
 * items it wraps. That one cannot be had is kept as well.
 */
#ifndef VTPM_KEYS_KEY_CACHE_H
#define VTPM_KEYS_KEY_CACHE_H

#include "util/error.h"
#include "util/secret.h"

struct key_cache {
	struct cached_key *first; /* NULL: empty */
};

/* *out is the cache's from then on; it may stay NULL. */
typedef int (*key_fetch_fn)(void *arg, const char *id, struct secret **out,
			    struct error *err);

/*
 * The key @id, by @fetch the first time. *out, which may be NULL, stays the
 * cache's. Returns what @fetch did, or -ENOMEM.
 */
int key_cache_get(struct key_cache *c, const char *id, key_fetch_fn fetch,
		  void *arg, const struct secret **out, struct error *err);
/* Forget and wipe all of them. */
void key_cache_clear(struct key_cache *c);

#endif
