// SPDX-License-Identifier: GPL-2.0-or-later
/* Certificates of endorsement keys, and what somebody else's CA needs. */
#include <errno.h>
#include <string.h>

#include <openssl/pem.h>

#include "ca/authority.h"
#include "ca/profile.h"
#include "util/json.h"

struct issuer {
	X509 *cert;
	EVP_PKEY *key;
};

/* Add the extensions of profile_config() to @cert; 0 or -EIO. */
static int add_profile(X509 *cert, X509 *issuer, const char *config)
{
	_cleanup_(bio) BIO *bio = BIO_new_mem_buf(config, -1);
	CONF *conf = NCONF_new(NULL);
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf);
	ok = bio && conf && NCONF_load_bio(conf, bio, NULL) == 1 &&
	     X509V3_EXT_add_nconf(conf, &ctx, PROFILE_SECTION, cert) == 1;
	NCONF_free(conf);
	return ok ? 0 : -EIO;
}

static int issue_one(const struct ca_request *r, const struct issuer *by,
		     const struct ca_public *p, json_t *list, struct error *err)
{
	const struct ek_type *type = &ek_types[p->type];
	_cleanup_free_ char *config =
		profile_config(&r->tpm, type, r->aia, r->crl);
	_cleanup_(pkey) EVP_PKEY *public = NULL;
	_cleanup_(x509) X509 *cert = NULL;
	_cleanup_(json) json_t *json = NULL;
	int e = profile_public(p, &public, err);

	if (e)
		return e;
	cert = certificate_new(public, by->cert);
	if (!config || !cert || add_profile(cert, by->cert, config) ||
	    certificate_sign(cert, by->key))
		return openssl_failed(err, "certificate of the key");
	json = certificate_to_json(cert);
	if (!json ||
	    json_object_set_new(json, "type", json_string(type->name)) ||
	    json_array_append(list, json))
		return openssl_failed(err, "certificate of the key");
	return 0;
}

int ca_issue(const struct ca_request *r, const struct secret *key,
	     json_t *reply, struct error *err)
{
	json_t *list = json_array();
	_cleanup_(x509) X509 *cert = NULL;
	_cleanup_(pkey) EVP_PKEY *private = NULL;
	int e = authority_open(r, &r->issuing, r->generation, key, &cert,
			       &private, err);
	const struct issuer by = { cert, private };

	for (size_t i = 0; !e && i < r->n_keys; i++)
		e = issue_one(r, &by, &r->keys[i], list, err);
	json_object_set_new(reply, "certificates", list);
	return e;
}

int ca_request_text(const struct ca_request *r, const struct secret *key,
		    json_t *reply, struct error *err)
{
	const struct ek_type *type = &ek_types[r->keys[0].type];
	_cleanup_free_ char *config =
		profile_config(&r->tpm, type, r->aia, r->crl);
	_cleanup_(bio) BIO *bio = BIO_new(BIO_s_mem());
	_cleanup_(pkey) EVP_PKEY *public = NULL;
	char *pem = NULL;
	long n;
	int e = profile_public(&r->keys[0], &public, err);

	(void)key;
	if (e)
		return e;
	if (!config || !bio || PEM_write_bio_PUBKEY(bio, public) != 1)
		return openssl_failed(err, "public key");
	n = BIO_get_mem_data(bio, &pem);
	json_object_set_new(reply, "publicKey", json_stringn(pem, n));
	json_object_set_new(reply, "config", json_string(config));
	return 0;
}
