// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Wrapped key: "VTKW", version (u32 LE), salt (32), ciphertext, tag (16).
 * Documentation/key-providers.rst, "The native provider".
 */
#include <errno.h>
#include <string.h>

#include "keys/native/native.h"
#include "util/hkdf-gcm.h"

#define HEAD_LEN 8
#define AAD_LEN (HEAD_LEN + 2 * UUID_LEN)
#define MAX_PLAIN 64

_Static_assert(NATIVE_WRAP_OVERHEAD ==
		       HEAD_LEN + HKDF_GCM_SALT_LEN + HKDF_GCM_TAG_LEN,
	       "");

static const uint8_t head[HEAD_LEN] = { 'V', 'T', 'K', 'W', 1, 0, 0, 0 };
static const char label[] = "vtpm native wrap v1";

/* What a wrap is bound to, in bytes. */
struct binding {
	uint8_t info[sizeof(label) - 1 + UUID_LEN];
	uint8_t aad[AAD_LEN];
};

static struct hkdf_gcm bind_to(const struct native_key *key,
			       const uint8_t context[UUID_LEN],
			       const uint8_t salt[HKDF_GCM_SALT_LEN],
			       struct binding *b)
{
	memcpy(b->info, label, sizeof(label) - 1);
	memcpy(b->info + sizeof(label) - 1, context, UUID_LEN);
	memcpy(b->aad, head, HEAD_LEN);
	memcpy(b->aad + HEAD_LEN, key->id, UUID_LEN);
	memcpy(b->aad + HEAD_LEN + UUID_LEN, context, UUID_LEN);
	return (struct hkdf_gcm){
		.key = key->secret,
		.salt = salt,
		.info = b->info,
		.info_len = sizeof(b->info),
		.aad = b->aad,
		.aad_len = sizeof(b->aad),
	};
}

int native_wrap(const struct native_key *key, const uint8_t context[UUID_LEN],
		const struct secret *plain, uint8_t *out, struct error *err)
{
	uint8_t *salt = out + HEAD_LEN, *text = salt + HKDF_GCM_SALT_LEN;
	struct binding b;
	struct hkdf_gcm p = bind_to(key, context, salt, &b);

	if (!plain->len || plain->len > MAX_PLAIN)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "a data key of %zu bytes cannot be wrapped",
				 plain->len);
	memcpy(out, head, HEAD_LEN);
	random_bytes(salt, HKDF_GCM_SALT_LEN);
	if (hkdf_gcm_seal(&p, plain->data, plain->len, text))
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot encrypt");
	return 0;
}

int native_unwrap(const struct native_key *key, const uint8_t context[UUID_LEN],
		  const uint8_t *wrapped, size_t len, struct secret **out,
		  struct error *err)
{
	const uint8_t *salt = wrapped + HEAD_LEN;
	_cleanup_(secret) struct secret *plain = NULL;
	struct binding b;
	struct hkdf_gcm p = bind_to(key, context, salt, &b);
	int r = -EKEYREJECTED;

	if (len > NATIVE_WRAP_OVERHEAD &&
	    len <= NATIVE_WRAP_OVERHEAD + MAX_PLAIN &&
	    !memcmp(wrapped, head, HEAD_LEN)) {
		len -= NATIVE_WRAP_OVERHEAD;
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
