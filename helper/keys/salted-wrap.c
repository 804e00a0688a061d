// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "keys/salted-wrap.h"
#include "util/hkdf-gcm.h"

#define HEAD_LEN 8
#define AAD_LEN (HEAD_LEN + 2 * UUID_LEN)
#define MAX_PLAIN 64
#define MAX_LABEL 32

_Static_assert(SALTED_WRAP_OVERHEAD ==
		       HEAD_LEN + HKDF_GCM_SALT_LEN + HKDF_GCM_TAG_LEN,
	       "");

/* What a wrap is bound to, in bytes. */
struct binding {
	uint8_t info[MAX_LABEL + UUID_LEN];
	uint8_t aad[AAD_LEN];
};

static struct hkdf_gcm bind_to(const struct salted_wrap *w,
			       const uint8_t salt[HKDF_GCM_SALT_LEN],
			       struct binding *b)
{
	size_t label_len = strnlen(w->label, MAX_LABEL);

	memcpy(b->info, w->label, label_len);
	memcpy(b->info + label_len, w->context, UUID_LEN);
	memcpy(b->aad, w->magic, 4);
	memcpy(b->aad + 4, "\1\0\0\0", 4);
	memcpy(b->aad + HEAD_LEN, w->id, UUID_LEN);
	memcpy(b->aad + HEAD_LEN + UUID_LEN, w->context, UUID_LEN);
	return (struct hkdf_gcm){
		.key = w->key,
		.salt = salt,
		.info = b->info,
		.info_len = label_len + UUID_LEN,
		.aad = b->aad,
		.aad_len = sizeof(b->aad),
	};
}

int salted_wrap(const struct salted_wrap *w, const struct secret *plain,
		uint8_t *out, struct error *err)
{
	uint8_t *salt = out + HEAD_LEN, *text = salt + HKDF_GCM_SALT_LEN;
	struct binding b;
	struct hkdf_gcm p = bind_to(w, salt, &b);

	if (!plain->len || plain->len > MAX_PLAIN)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "a data key of %zu bytes cannot be wrapped",
				 plain->len);
	memcpy(out, b.aad, HEAD_LEN);
	random_bytes(salt, HKDF_GCM_SALT_LEN);
	if (hkdf_gcm_seal(&p, plain->data, plain->len, text))
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot encrypt");
	return 0;
}

int salted_unwrap(const struct salted_wrap *w, const uint8_t *wrapped,
		  size_t len, struct secret **out, struct error *err)
{
	const uint8_t *salt = wrapped + HEAD_LEN;
	_cleanup_(secret) struct secret *plain = NULL;
	struct binding b;
	struct hkdf_gcm p = bind_to(w, salt, &b);
	int r = -EKEYREJECTED;

	if (len > SALTED_WRAP_OVERHEAD &&
	    len <= SALTED_WRAP_OVERHEAD + MAX_PLAIN &&
	    !memcmp(wrapped, b.aad, HEAD_LEN)) {
		len -= SALTED_WRAP_OVERHEAD;
		plain = secret_new(len);
		r = plain ? hkdf_gcm_open(&p, salt + HKDF_GCM_SALT_LEN, len,
					  plain->data)
			  : -ENOMEM;
	}
	if (r && r != -EKEYREJECTED)
		return error_set(err, r, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot decrypt");
	if (r)
		return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
				 "the wrapped key was changed, or belongs to "
				 "another vTPM");
	*out = TAKE_PTR(plain);
	return 0;
}
