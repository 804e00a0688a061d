// SPDX-License-Identifier: GPL-2.0-or-later
/* Certificates of the CA itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ca/authority.h"
#include "util/json.h"

static int set_subject(X509 *cert, const char *name, const char *what,
		       uint32_t generation)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	char text[65];

	if (generation)
		snprintf(text, sizeof(text), "%s %s %u", name, what,
			 generation);
	else
		snprintf(text, sizeof(text), "%s %s", name, what);
	return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC,
					  (void *)text, -1, -1, 0) == 1
		       ? 0
		       : -EIO;
}

static int fill_root(X509 *cert, const char *name)
{
	int r = set_subject(cert, name, "root CA", 0);

	if (!r && X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1)
		r = -EIO;
	if (!r)
		r = certificate_add(cert, NULL, NID_basic_constraints,
				    "critical,CA:TRUE");
	if (!r)
		r = certificate_add(cert, NULL, NID_key_usage,
				    "critical,keyCertSign,cRLSign");
	return r ? r
		 : certificate_add(cert, NULL, NID_subject_key_identifier,
				   "hash");
}

static int fill_issuing(X509 *cert, X509 *root, const struct ca_request *r)
{
	int e = set_subject(cert, r->name, "issuing CA",
			    r->generation ? r->generation : 1);

	if (!e)
		e = certificate_add(cert, root, NID_basic_constraints,
				    "critical,CA:TRUE,pathlen:0");
	if (!e)
		e = certificate_add(cert, root, NID_key_usage,
				    "critical,keyCertSign,cRLSign");
	if (!e)
		e = certificate_add(cert, root, NID_subject_key_identifier,
				    "hash");
	return e ? e
		 : certificate_add(cert, root, NID_authority_key_identifier,
				   "keyid:always");
}

/* Put certificate and sealed key into @reply under @name. */
static int add_authority(json_t *reply, const char *name,
			 const struct key_place *at, X509 *cert, EVP_PKEY *key,
			 struct error *err)
{
	_cleanup_(json) json_t *json = certificate_to_json(cert);
	_cleanup_free_ uint8_t *sealed = NULL;
	size_t len;
	int r = key_seal(at, key, &sealed, &len, err);

	if (r)
		return r;
	if (!json ||
	    json_object_set_new(json, "key", json_bytes(sealed, len)) ||
	    json_object_set(reply, name, json))
		return openssl_failed(err, "certificate of the CA");
	return 0;
}

static int make_issuing(const struct ca_request *r, const struct secret *data,
			X509 *root, EVP_PKEY *root_key, json_t *reply,
			struct error *err)
{
	const struct key_place at = { data, r->uuid,
				      r->generation ? r->generation : 1 };
	_cleanup_(pkey) EVP_PKEY *key = key_generate(r->algorithm);
	_cleanup_(x509) X509 *cert = key ? certificate_new(key, root) : NULL;

	if (!cert || fill_issuing(cert, root, r) ||
	    certificate_sign(cert, root_key))
		return openssl_failed(err, "issuing certificate of the CA");
	return add_authority(reply, "issuing", &at, cert, key, err);
}

int ca_new(const struct ca_request *r, const struct secret *data, json_t *reply,
	   struct error *err)
{
	const struct key_place at = { data, r->uuid, 0 };
	_cleanup_(pkey) EVP_PKEY *key = key_generate(r->algorithm);
	_cleanup_(x509) X509 *cert = key ? certificate_new(key, NULL) : NULL;
	int e;

	if (!cert || fill_root(cert, r->name) || certificate_sign(cert, key))
		return openssl_failed(err, "root certificate of the CA");
	e = add_authority(reply, "root", &at, cert, key, err);
	return e ? e : make_issuing(r, data, cert, key, reply, err);
}

int authority_open(const struct ca_request *r, const struct ca_authority *a,
		   uint32_t number, const struct secret *data_key, X509 **cert,
		   EVP_PKEY **key, struct error *err)
{
	const struct key_place at = { data_key, r->uuid, number };
	_cleanup_(x509) X509 *c =
		certificate_from_der(a->certificate, a->certificate_len);
	_cleanup_(pkey) EVP_PKEY *k = NULL;
	int e;

	if (!c)
		return openssl_failed(err, "certificate of the CA");
	e = key_open(&at, a->key, a->key_len, &k, err);
	if (e)
		return e;
	if (X509_check_private_key(c, k) != 1)
		return error_set(err, -EINVAL, VTPM_ERR_CORRUPT,
				 "certificate and private key of the CA are "
				 "not one another's; put back a copy of the "
				 "ca directory");
	*cert = TAKE_PTR(c);
	*key = TAKE_PTR(k);
	return 0;
}

int ca_renew(const struct ca_request *r, const struct secret *data,
	     json_t *reply, struct error *err)
{
	_cleanup_(x509) X509 *root = NULL;
	_cleanup_(pkey) EVP_PKEY *key = NULL;
	int e = authority_open(r, &r->root, 0, data, &root, &key, err);

	return e ? e : make_issuing(r, data, root, key, reply, err);
}
