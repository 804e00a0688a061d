// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "util/log.h"
#include "vtpmd/data-key.h"
#include "vtpmd/registry.h"

int data_key_unwrap_one(const struct config *cfg, const uint8_t uuid[UUID_LEN],
			const struct nvram_wrap *w, struct secret **key,
			struct error *err)
{
	struct provider_ref p = { 0 };
	int r = registry_load_provider(cfg, w->provider, &p, NULL, err);

	if (r == -ENOENT)
		error_set(err, r, VTPM_ERR_KEY_MISSING,
			  "there is no such provider on this host; bring it "
			  "with: vtpmctl provider restore TYPE %s FILE",
			  w->provider);
	if (!r)
		r = provider_unwrap(cfg, &p, uuid, w, key, err);
	provider_ref_deinit(&p);
	return r;
}

/* What may yet come right counts more than what will not. */
static int hope(const struct error *err)
{
	if (!strcmp(err->code, VTPM_ERR_KEY_DESTROYED))
		return 0;
	if (!strcmp(err->code, VTPM_ERR_KEY_MISSING))
		return 3;
	if (!strcmp(err->code, VTPM_ERR_PROVIDER))
		return 2;
	return 1;
}

/* Several failed: the best code, and all that they said. */
static void add_error(struct error *all, const struct error *one,
		      const struct nvram_wrap *w)
{
	size_t used = strlen(all->text);

	if (hope(one) > hope(all)) {
		all->code = one->code;
		all->errnum = one->errnum;
	}
	snprintf(all->text + used, sizeof(all->text) - used,
		 "; or key %s of provider %s: %s", w->key_id, w->provider,
		 one->text);
}

int data_key_unwrap(const struct config *cfg, const char *name,
		    const struct nvram_info *info, struct secret **key,
		    struct error *err)
{
	struct error all = { 0 };

	for (uint32_t i = 0; i < info->n_wraps; i++) {
		const struct nvram_wrap *w = &info->wrap[i];
		struct error one = { 0 };

		if (!data_key_unwrap_one(cfg, info->uuid, w, key, &one)) {
			if (i)
				log_warning("vTPM %s: opened by provider %s: "
					    "%s",
					    name, w->provider, all.text);
			return 0;
		}
		if (i) {
			add_error(&all, &one, w);
			continue;
		}
		all = one;
		error_prefix(&all, "vTPM %s needs key %s of provider %s", name,
			     w->key_id, w->provider);
	}
	if (!info->n_wraps)
		error_set(&all, -ENOKEY, VTPM_ERR_KEY_WRONG,
			  "vTPM %s: no provider has its data key", name);
	if (!strcmp(all.code, VTPM_ERR_KEY_DESTROYED))
		error_prefix(
			&all,
			"a key of vTPM %s was destroyed on purpose, so its "
			"state can never be opened again: it is "
			"crypto-shredded; remove it with: vtpmctl delete "
			"%s",
			name, name);
	*err = all;
	return all.errnum;
}

static int open_again(const struct config *cfg, const struct provider_ref *p,
		      const struct secret *key, const uint8_t uuid[UUID_LEN],
		      const struct nvram_wrap *w, struct error *err)
{
	_cleanup_(secret) struct secret *back = NULL;
	int r = provider_unwrap(cfg, p, uuid, w, &back, err);

	if (r < 0)
		return error_prefix(err, "the new wrap does not open");
	if (back->len == key->len &&
	    !CRYPTO_memcmp(back->data, key->data, key->len))
		return 0;
	return error_set(err, -EPROTO, VTPM_ERR_PROVIDER,
			 "provider %s: what it wrapped opens as another key; "
			 "nothing was changed",
			 p->name);
}

int data_key_wrap(const struct config *cfg, const char *provider,
		  const struct secret *key, const uint8_t uuid[UUID_LEN],
		  struct nvram_wrap *out, struct error *err)
{
	struct provider_ref p = { 0 };
	struct nvram_wrap w = { 0 };
	int r = registry_load_provider(cfg, provider, &p, NULL, err);

	if (!r)
		r = provider_wrap(cfg, &p, key, uuid, &w, err);
	if (!r)
		r = open_again(cfg, &p, key, uuid, &w, err);
	if (!r)
		*out = w;
	provider_ref_deinit(&p);
	return r;
}
