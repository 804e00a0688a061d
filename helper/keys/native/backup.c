// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Backup as PKCS#12 (RFC 7292): a secret bag per key, the active one first;
 * friendlyName is the key's id, signingTime when it was made. "openssl pkcs12
 * -info" shows it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>

#include "keys/native/native.h"

/*
 * Whoever has the document can try passwords at leisure; OWASP's number for
 * PBKDF2 with HMAC-SHA256. A document that asks for more than the second is
 * not worked on.
 */
#define ITERATIONS 600000
#define MAX_ITERATIONS 20000000
#define SALT_LEN 16
#define TIME_LEN 15 /* YYYYMMDDHHMMSSZ */

static int add_attributes(PKCS12_SAFEBAG *bag, const struct native_key *key)
{
	char id[UUID_TEXT_LEN], when[TIME_LEN + 1];
	time_t t = key->created;
	struct tm tm;

	uuid_format(key->id, id);
	if (!gmtime_r(&t, &tm) ||
	    strftime(when, sizeof(when), "%Y%m%d%H%M%SZ", &tm) != TIME_LEN)
		return 0;
	return PKCS12_add_friendlyname_asc(bag, id, -1) == 1 &&
	       PKCS12_add1_attr_by_NID(bag, NID_pkcs9_signingTime,
				       V_ASN1_GENERALIZEDTIME,
				       (const uint8_t *)when, TIME_LEN) == 1;
}

static int add_key(STACK_OF(PKCS12_SAFEBAG) * bags,
		   const struct native_key *key)
{
	PKCS12_SAFEBAG *bag = PKCS12_SAFEBAG_create_secret(
		NID_pkcs7_data, V_ASN1_OCTET_STRING, key->secret->data,
		key->secret->len);

	if (bag && add_attributes(bag, key) &&
	    sk_PKCS12_SAFEBAG_push(bags, bag))
		return 1;
	PKCS12_SAFEBAG_free(bag);
	return 0;
}

static int add_keys(STACK_OF(PKCS12_SAFEBAG) * bags,
		    const struct native_keys *k)
{
	for (int active = 1; active >= 0; active--) {
		for (size_t i = 0; i < k->count; i++) {
			if (k->key[i].active == !!active &&
			    !add_key(bags, &k->key[i]))
				return 0;
		}
	}
	return 1;
}

static PKCS12 *build(const struct native_keys *k, const char *password, int len)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = sk_PKCS12_SAFEBAG_new_null();
	STACK_OF(PKCS7) *safes = sk_PKCS7_new_null();
	PKCS12 *p12 = NULL;
	PKCS7 *p7 = NULL;

	/* A cipher rather than a PBE of PKCS#12 means PBES2 (RFC 8018). */
	if (bags && safes && add_keys(bags, k))
		p7 = PKCS12_pack_p7encdata(NID_aes_256_cbc, password, len, NULL,
					   SALT_LEN, ITERATIONS, bags);
	if (p7 && sk_PKCS7_push(safes, p7)) {
		p7 = NULL;
		p12 = PKCS12_add_safes(safes, 0);
	}
	if (p12 && PKCS12_set_mac(p12, password, len, NULL, SALT_LEN,
				  ITERATIONS, EVP_sha256()) != 1) {
		PKCS12_free(p12);
		p12 = NULL;
	}
	PKCS7_free(p7);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return p12;
}

static int check_password(const struct secret *p, struct error *err)
{
	if (p->len < NATIVE_MIN_PASSWORD)
		return error_set(
			err, -EINVAL, VTPM_ERR_INVALID,
			"the password is too short; use %d characters or more",
			NATIVE_MIN_PASSWORD);
	/* OpenSSL's programs could not be given it. */
	if (memchr(p->data, '\0', p->len))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "the password contains a NUL");
	return 0;
}

int native_export(const struct native_keys *k, const struct secret *password,
		  uint8_t **out, size_t *len, struct error *err)
{
	uint8_t *der = NULL;
	PKCS12 *p12;
	int n, r = check_password(password, err);

	if (r)
		return r;
	if (!k->count)
		return error_set(err, -ENOENT, VTPM_ERR_KEY_MISSING,
				 "there is no key to export");
	p12 = build(k, (const char *)password->data, password->len);
	n = p12 ? i2d_PKCS12(p12, &der) : -1;
	PKCS12_free(p12);
	if (n > 0) {
		*out = malloc(n);
		if (*out)
			memcpy(*out, der, n);
		else
			n = -1;
	}
	OPENSSL_free(der);
	if (n <= 0)
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot make the PKCS#12 document");
	*len = n;
	return 0;
}

static int bad_document(struct error *err, const char *what)
{
	return error_set(
		err, -EINVAL, VTPM_ERR_INVALID,
		"the document %s; use one that the native provider exported",
		what);
}

/* YYYYMMDDHHMMSSZ */
static int read_time(const ASN1_TYPE *v, uint64_t *out)
{
	struct tm tm;
	time_t t;

	if (!v || v->type != V_ASN1_GENERALIZEDTIME ||
	    ASN1_TIME_to_tm(v->value.generalizedtime, &tm) != 1)
		return -EINVAL;
	t = timegm(&tm);
	if (t < 0)
		return -EINVAL;
	*out = t;
	return 0;
}

static int read_bag(const PKCS12_SAFEBAG *bag, struct native_keys *k,
		    struct error *err)
{
	const ASN1_TYPE *v = PKCS12_SAFEBAG_get0_bag_obj(bag);
	struct native_key *key = &k->key[k->count];
	uint8_t id[UUID_LEN];
	char *name;
	int bad;

	if (!v || v->type != V_ASN1_OCTET_STRING ||
	    ASN1_STRING_length(v->value.octet_string) != NATIVE_KEY_LEN)
		return bad_document(err, "holds a key of a wrong size");
	name = PKCS12_get_friendlyname((PKCS12_SAFEBAG *)bag);
	bad = !name || uuid_parse(name, id);
	OPENSSL_free(name);
	if (bad)
		return bad_document(err, "holds a key without its id");
	if (read_time(PKCS12_SAFEBAG_get0_attr(bag, NID_pkcs9_signingTime),
		      &key->created))
		return bad_document(err, "holds a key without its date");
	if (native_find(k, id))
		return bad_document(err, "holds a key twice");
	key->secret = secret_new(NATIVE_KEY_LEN);
	if (!key->secret)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	memcpy(key->secret->data, ASN1_STRING_get0_data(v->value.octet_string),
	       NATIVE_KEY_LEN);
	memcpy(key->id, id, UUID_LEN);
	key->backed_up = true;
	key->active = !k->count;
	k->count++;
	return 0;
}

static int read_safe(PKCS7 *p7, const char *password, int len,
		     struct native_keys *k, struct error *err)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	int r = 0;

	/* A key in a safe without encryption never was a backup of ours. */
	if (PKCS7_type_is_encrypted(p7))
		bags = PKCS12_unpack_p7encdata(p7, password, len);
	if (!bags)
		return bad_document(err, "has a part that does not open");
	for (int i = 0; !r && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);

		if (PKCS12_SAFEBAG_get_nid(bag) != NID_secretBag)
			continue;
		r = k->count < NATIVE_MAX_KEYS
			    ? read_bag(bag, k, err)
			    : bad_document(err, "holds too many keys");
	}
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return r;
}

/* Before any key is derived: iteration counts are the document's to choose. */
static bool reasonable(const PKCS12 *p12)
{
	const ASN1_INTEGER *iterations = NULL;
	int64_t n = 1;

	PKCS12_get0_mac(NULL, NULL, NULL, &iterations, p12);
	return !iterations || (ASN1_INTEGER_get_int64(&n, iterations) == 1 &&
			       n >= 1 && n <= MAX_ITERATIONS);
}

static int read_document(PKCS12 *p12, const char *password, int len,
			 struct native_keys *k, struct error *err)
{
	STACK_OF(PKCS7) * safes;
	int r = 0;

	if (!PKCS12_mac_present(p12) || !reasonable(p12))
		return bad_document(err, "has no usable check of its password");
	if (PKCS12_verify_mac(p12, password, len) != 1)
		return error_set(err, -EACCES, VTPM_ERR_PASSWORD,
				 "the password does not fit the document");
	safes = PKCS12_unpack_authsafes(p12);
	for (int i = 0; !r && safes && i < sk_PKCS7_num(safes); i++)
		r = read_safe(sk_PKCS7_value(safes, i), password, len, k, err);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	if (!r && !k->count)
		r = bad_document(err, "holds no key");
	return r;
}

int native_import(const uint8_t *doc, size_t len, const struct secret *password,
		  struct native_keys **out, struct error *err)
{
	_cleanup_(native_keys) struct native_keys *k = calloc(1, sizeof(*k));
	const uint8_t *p = doc;
	PKCS12 *p12;
	int r;

	if (!k)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	p12 = d2i_PKCS12(NULL, &p, len);
	if (!p12 || p != doc + len)
		r = bad_document(err, "is not PKCS#12");
	else
		r = read_document(p12, (const char *)password->data,
				  password->len, k, err);
	PKCS12_free(p12);
	/* OpenSSL's queue may name things; nobody is to print it. */
	ERR_clear_error();
	if (!r)
		*out = TAKE_PTR(k);
	return r;
}
