// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Wrapped key: "VTKK", version and form (u16 LE each), then by form
 * 0, wrapped here: salt (32), ciphertext, tag (16);
 * 1, by the server: nonce (12), ciphertext, tag (16).
 */
#include <errno.h>
#include <string.h>

#include "keys/kmip/wrap.h"
#include "util/hkdf-gcm.h"

#define HEAD_LEN 8
#define FORM_AT 6
#define SERVER_OVERHEAD (HEAD_LEN + KMIP_NONCE_LEN + KMIP_TAG_LEN)

_Static_assert(KMIP_WRAP_OVERHEAD ==
		       HEAD_LEN + HKDF_GCM_SALT_LEN + HKDF_GCM_TAG_LEN,
	       "");

enum form { FORM_LOCAL = 0, FORM_SERVER = 1 };

static const uint8_t head[HEAD_LEN] = { 'V', 'T', 'K', 'K', 1, 0, 0, 0 };
static const char label[] = "vtpm kmip wrap v1";

/* Both what HKDF and what GCM bind the data key to. */
struct binding {
	uint8_t info[sizeof(label) - 1 + UUID_LEN];
	uint8_t aad[HEAD_LEN + UUID_LEN + PROVIDER_MAX_KEY_ID];
	size_t aad_len;
};

static void bind_to(const char *id, const uint8_t context[UUID_LEN],
		    enum form form, struct binding *b)
{
	size_t n = strnlen(id, PROVIDER_MAX_KEY_ID);

	memcpy(b->info, label, sizeof(label) - 1);
	memcpy(b->info + sizeof(label) - 1, context, UUID_LEN);
	memcpy(b->aad, head, HEAD_LEN);
	b->aad[FORM_AT] = form;
	/* The id has no fixed length, so it comes last. */
	memcpy(b->aad + HEAD_LEN, context, UUID_LEN);
	memcpy(b->aad + HEAD_LEN + UUID_LEN, id, n);
	b->aad_len = HEAD_LEN + UUID_LEN + n;
}

static struct hkdf_gcm local(const struct secret *key, const uint8_t *salt,
			     const struct binding *b)
{
	return (struct hkdf_gcm){
		.key = key,
		.salt = salt,
		.info = b->info,
		.info_len = sizeof(b->info),
		.aad = b->aad,
		.aad_len = b->aad_len,
	};
}

static int wrap_here(struct kmip *k, const char *id,
		     const uint8_t context[UUID_LEN],
		     const struct secret *plain, uint8_t *out, size_t *len,
		     struct error *err)
{
	_cleanup_(secret) struct secret *key = NULL;
	uint8_t *salt = out + HEAD_LEN;
	struct hkdf_gcm p;
	struct binding b;
	int e = kmip_get(k, id, &key, err);

	if (e)
		return e;
	bind_to(id, context, FORM_LOCAL, &b);
	memcpy(out, b.aad, HEAD_LEN);
	random_bytes(salt, HKDF_GCM_SALT_LEN);
	p = local(key, salt, &b);
	if (hkdf_gcm_seal(&p, plain->data, plain->len,
			  salt + HKDF_GCM_SALT_LEN))
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot encrypt");
	*len = plain->len + KMIP_WRAP_OVERHEAD;
	return 0;
}

static int wrap_there(struct kmip *k, const char *id,
		      const uint8_t context[UUID_LEN],
		      const struct secret *plain, uint8_t *out, size_t *len,
		      struct error *err)
{
	uint8_t *nonce = out + HEAD_LEN;
	struct binding b;
	struct kmip_gcm p = { .id = id, .nonce = nonce, .aad = b.aad };
	int e;

	bind_to(id, context, FORM_SERVER, &b);
	p.aad_len = b.aad_len;
	memcpy(out, b.aad, HEAD_LEN);
	random_bytes(nonce, KMIP_NONCE_LEN);
	e = kmip_encrypt(k, &p, plain, nonce + KMIP_NONCE_LEN, err);
	if (!e)
		*len = plain->len + SERVER_OVERHEAD;
	return e;
}

int kmip_wrap(struct kmip *k, const char *id, const uint8_t context[UUID_LEN],
	      const struct secret *plain, uint8_t *out, size_t *len,
	      struct error *err)
{
	int e;

	if (k->config->mode == KMIP_GET)
		return wrap_here(k, id, context, plain, out, len, err);
	e = wrap_there(k, id, context, plain, out, len, err);
	if (e == -EOPNOTSUPP && k->config->mode == KMIP_AUTO)
		e = wrap_here(k, id, context, plain, out, len, err);
	return e;
}

static int forged(struct error *err)
{
	return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
			 "the wrapped key was changed, or belongs to another "
			 "vTPM");
}

static int fetch(void *arg, const char *id, struct secret **out,
		 struct error *err)
{
	return kmip_get(arg, id, out, err);
}

static int unwrap_here(struct kmip *k, const char *id, const struct binding *b,
		       const uint8_t *wrapped, size_t len, struct secret **out,
		       struct error *err)
{
	_cleanup_(secret) struct secret *plain = secret_new(len);
	const struct secret *key;
	const uint8_t *salt = wrapped + HEAD_LEN;
	struct hkdf_gcm p;
	int e;

	if (!plain)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	e = key_cache_get(&k->fetched, id, fetch, k, &key, err);
	if (e)
		return e;
	p = local(key, salt, b);
	e = hkdf_gcm_open(&p, salt + HKDF_GCM_SALT_LEN, len, plain->data);
	if (e == -EKEYREJECTED)
		return forged(err);
	if (e)
		return error_set(err, e, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot decrypt");
	*out = TAKE_PTR(plain);
	return 0;
}

int kmip_unwrap(struct kmip *k, const char *id, const uint8_t context[UUID_LEN],
		const uint8_t *wrapped, size_t len, struct secret **out,
		struct error *err)
{
	struct binding b;
	struct kmip_gcm p = { .id = id, .aad = b.aad };
	enum form form;
	size_t over;

	if (len < HEAD_LEN || wrapped[FORM_AT] > FORM_SERVER)
		return forged(err);
	form = wrapped[FORM_AT];
	bind_to(id, context, form, &b);
	over = form == FORM_LOCAL ? KMIP_WRAP_OVERHEAD : SERVER_OVERHEAD;
	if (memcmp(wrapped, b.aad, HEAD_LEN) || len <= over ||
	    len > over + PROVIDER_MAX_DATA_KEY)
		return forged(err);
	if (form == FORM_LOCAL)
		return unwrap_here(k, id, &b, wrapped, len - over, out, err);
	p.nonce = wrapped + HEAD_LEN;
	p.aad_len = b.aad_len;
	return kmip_decrypt(k, &p, p.nonce + KMIP_NONCE_LEN, len - over, out,
			    err);
}
