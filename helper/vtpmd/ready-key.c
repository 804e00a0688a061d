// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "vtpmd/ready-key.h"

static bool is_of(const struct ready_key *k, const struct nvram_info *info)
{
	const struct nvram_wrap *a = &k->wrap, *b = &info->wrap[0];

	return info->n_wraps && !memcmp(k->uuid, info->uuid, UUID_LEN) &&
	       !strcmp(a->provider, b->provider) &&
	       !strcmp(a->key_id, b->key_id) && a->len == b->len &&
	       !memcmp(a->data, b->data, a->len);
}

struct secret *ready_key_take(struct ready_key *k,
			      const struct nvram_info *info)
{
	if (!k)
		return NULL;
	if (!is_of(k, info)) {
		secret_free(k->key);
		k->key = NULL;
	}
	return TAKE_PTR(k->key);
}

void ready_key_free(struct ready_key *k)
{
	if (k)
		secret_free(k->key);
	free(k);
}
