// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/err.h>

#include "ca/key.h"
#include "util/hkdf-gcm.h"

#define OVERHEAD (HKDF_GCM_SALT_LEN + HKDF_GCM_TAG_LEN)

static const char label[] = "vtpm ca private key v1";

/* What a sealed key is bound to. */
struct binding {
	uint8_t info[sizeof(label) - 1 + UUID_LEN + 4];
};

int openssl_failed(struct error *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return error_set(err, -EIO, VTPM_ERR_IDENTITY, "%s: %s", what,
			 reason ? reason : "OpenSSL gives no reason");
}

EVP_PKEY *key_generate(enum ca_algorithm algorithm)
{
	if (algorithm == CA_RSA3072)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072);
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
}

static struct hkdf_gcm bind_to(const struct key_place *at, const uint8_t *salt,
			       struct binding *b)
{
	uint8_t *p = b->info + sizeof(label) - 1;

	memcpy(b->info, label, sizeof(label) - 1);
	memcpy(p, at->uuid, UUID_LEN);
	p[UUID_LEN] = at->number >> 24;
	p[UUID_LEN + 1] = at->number >> 16;
	p[UUID_LEN + 2] = at->number >> 8;
	p[UUID_LEN + 3] = at->number;
	return (struct hkdf_gcm){
		.key = at->data_key,
		.salt = salt,
		.info = b->info,
		.info_len = sizeof(b->info),
		.aad = b->info,
		.aad_len = sizeof(b->info),
	};
}

/* In the secure heap; OpenSSL wipes its own copies. */
static struct secret *to_pkcs8(EVP_PKEY *key)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
	struct secret *s = n > 0 ? secret_new(n) : NULL;
	unsigned char *p = s ? s->data : NULL;

	if (s && i2d_PKCS8_PRIV_KEY_INFO(info, &p) != n) {
		secret_free(s);
		s = NULL;
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	return s;
}

int key_seal(const struct key_place *at, EVP_PKEY *key, uint8_t **out,
	     size_t *len, struct error *err)
{
	_cleanup_(secret) struct secret *plain = to_pkcs8(key);
	_cleanup_free_ uint8_t *sealed = NULL;
	struct binding b;
	struct hkdf_gcm p;

	if (!plain)
		return openssl_failed(err, "private key of the CA");
	sealed = malloc(plain->len + OVERHEAD);
	if (!sealed)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	random_bytes(sealed, HKDF_GCM_SALT_LEN);
	p = bind_to(at, sealed, &b);
	if (hkdf_gcm_seal(&p, plain->data, plain->len,
			  sealed + HKDF_GCM_SALT_LEN))
		return openssl_failed(err, "sealing the key of the CA");
	*len = plain->len + OVERHEAD;
	*out = TAKE_PTR(sealed);
	return 0;
}

static EVP_PKEY *from_pkcs8(const struct secret *s)
{
	const unsigned char *p = s->data;
	PKCS8_PRIV_KEY_INFO *info =
		d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)s->len);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

int key_open(const struct key_place *at, const uint8_t *sealed, size_t len,
	     EVP_PKEY **out, struct error *err)
{
	_cleanup_(secret) struct secret *plain = NULL;
	struct binding b;
	struct hkdf_gcm p = bind_to(at, sealed, &b);

	if (len <= OVERHEAD)
		return error_set(err, -EINVAL, VTPM_ERR_CORRUPT,
				 "the sealed key of the CA is cut off");
	plain = secret_new(len - OVERHEAD);
	if (!plain)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	if (hkdf_gcm_open(&p, sealed + HKDF_GCM_SALT_LEN, plain->len,
			  plain->data))
		return error_set(
			err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
			"the CA's private key was changed, or is another "
			"CA's; put back a copy of the ca directory");
	*out = from_pkcs8(plain);
	return *out ? 0 : openssl_failed(err, "private key of the CA");
}
