// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of wraps in a header of version 2. Each stands right behind the one
 * before it, so that a list has one form only.
 */
#include <errno.h>
#include <string.h>

#include "nvram/bytes.h"
#include "nvram/format.h"

/* What stands before the texts and the bytes of a wrap. */
enum {
	W_LEN = 0, /* 2 bytes: of the wrapped key */
	W_PROVIDER_LEN = 2,
	W_KEY_ID_LEN = 3,
	W_FIXED = 4,
};
_Static_assert(NVRAM_MAX_WRAPPED <= UINT16_MAX, "W_LEN");
_Static_assert(NVRAM_MAX_KEY_ID <= UINT8_MAX, "W_KEY_ID_LEN");

static bool wrap_valid(const struct nvram_wrap *w)
{
	size_t id = strnlen(w->key_id, sizeof(w->key_id));

	return name_valid(w->provider) && id && id <= NVRAM_MAX_KEY_ID &&
	       printable(w->key_id, id) && w->len &&
	       w->len <= NVRAM_MAX_WRAPPED;
}

static bool is_listed(const struct nvram_wrap *wraps, uint32_t n,
		      const char *provider)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!strcmp(wraps[i].provider, provider))
			return true;
	}
	return false;
}

int nvram_encode_wraps(const struct nvram_wrap *wraps, uint32_t n,
		       uint8_t out[NVRAM_WRAPS_LEN])
{
	size_t used = 0;

	if (n > NVRAM_MAX_WRAPS)
		return -ENOSPC;
	memset(out, 0, NVRAM_WRAPS_LEN);
	for (uint32_t i = 0; i < n; i++) {
		const struct nvram_wrap *w = &wraps[i];
		uint8_t *p = out + used;
		size_t provider, id;

		if (!wrap_valid(w) || is_listed(wraps, i, w->provider))
			return -EINVAL;
		provider = strlen(w->provider);
		id = strlen(w->key_id);
		used += W_FIXED + provider + id + w->len;
		if (used > NVRAM_WRAPS_LEN)
			return -ENOSPC;
		put16(p + W_LEN, w->len);
		p[W_PROVIDER_LEN] = provider;
		p[W_KEY_ID_LEN] = id;
		p += W_FIXED;
		memcpy(p, w->provider, provider);
		memcpy(p + provider, w->key_id, id);
		memcpy(p + provider + id, w->data, w->len);
	}
	return 0;
}

/* One wrap at @p of @left bytes; its length in there, or -EBADMSG. */
static int decode_one(const uint8_t *p, size_t left, struct nvram_wrap *w)
{
	size_t provider, id;

	if (left < W_FIXED)
		return -EBADMSG;
	w->len = get16(p + W_LEN);
	provider = p[W_PROVIDER_LEN];
	id = p[W_KEY_ID_LEN];
	if (provider > NAME_MAX_LEN || id > NVRAM_MAX_KEY_ID ||
	    w->len > NVRAM_MAX_WRAPPED ||
	    W_FIXED + provider + id + w->len > left)
		return -EBADMSG;
	p += W_FIXED;
	memcpy(w->provider, p, provider);
	memcpy(w->key_id, p + provider, id);
	memcpy(w->data, p + provider + id, w->len);
	/* A NUL inside would be two lengths for one text. */
	if (strlen(w->provider) != provider || strlen(w->key_id) != id ||
	    !wrap_valid(w))
		return -EBADMSG;
	return W_FIXED + provider + id + w->len;
}

int nvram_decode_wraps(const uint8_t in[NVRAM_WRAPS_LEN], uint32_t n,
		       struct nvram_wrap *wraps)
{
	size_t used = 0;

	if (n > NVRAM_MAX_WRAPS)
		return -EBADMSG;
	memset(wraps, 0, n * sizeof(*wraps));
	for (uint32_t i = 0; i < n; i++) {
		int r = decode_one(in + used, NVRAM_WRAPS_LEN - used,
				   &wraps[i]);

		if (r < 0 || is_listed(wraps, i, wraps[i].provider))
			return -EBADMSG;
		used += r;
	}
	return all_zero(in + used, NVRAM_WRAPS_LEN - used) ? 0 : -EBADMSG;
}
