// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keys/key-cache.h"

struct cached_key {
	struct cached_key *next;
	int result;
	struct error err;
	struct secret *secret;
	char id[];
};

static struct cached_key *find(const struct key_cache *c, const char *id)
{
	struct cached_key *k = c->first;

	while (k && strcmp(k->id, id))
		k = k->next;
	return k;
}

int key_cache_get(struct key_cache *c, const char *id, key_fetch_fn fetch,
		  void *arg, const struct secret **out, struct error *err)
{
	struct cached_key *k = find(c, id);

	if (!k) {
		size_t size = strlen(id) + 1;

		k = calloc(1, sizeof(*k) + size);
		if (!k)
			return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
					 "out of memory");
		memcpy(k->id, id, size);
		k->result = fetch(arg, id, &k->secret, &k->err);
		k->next = c->first;
		c->first = k;
	}
	if (k->result) {
		*err = k->err;
		return k->result;
	}
	if (out)
		*out = k->secret;
	return 0;
}

void key_cache_clear(struct key_cache *c)
{
	while (c->first) {
		struct cached_key *k = c->first;

		c->first = k->next;
		secret_free(k->secret);
		free(k);
	}
}
