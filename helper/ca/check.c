// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A certificate that somebody else's CA has made for an EK. Whom to trust is
 * the caller's choice: the chain has to end in a root that comes with it.
 */
#include <errno.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "ca/authority.h"
#include "ca/profile.h"
#include "util/json.h"

#define MAX_CHAIN 8

static void stack_free(STACK_OF(X509) * s)
{
	sk_X509_pop_free(s, X509_free);
}
DEFINE_CLEANUP(stack, STACK_OF(X509) *, stack_free)
DEFINE_CLEANUP(store, X509_STORE *, X509_STORE_free)
DEFINE_CLEANUP(store_ctx, X509_STORE_CTX *, X509_STORE_CTX_free)

static int refuse(struct error *err, const char *why, const char *detail)
{
	return error_set(err, -EINVAL, VTPM_ERR_CERTIFICATE,
			 "the certificate is not taken: %s%s%s", why,
			 detail ? ": " : "", detail ? detail : "");
}

/* All certificates of a PEM text; NULL if one does not parse. */
static STACK_OF(X509) * read_pem(const char *text, int max)
{
	_cleanup_(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	_cleanup_(stack) STACK_OF(X509) *out = sk_X509_new_null();
	char *name, *header;
	unsigned char *data;
	long len;

	while (bio && out &&
	       PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
		X509 *cert = strcmp(name, PEM_STRING_X509)
				     ? NULL
				     : certificate_from_der(data, len);

		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(data);
		if (!cert || sk_X509_num(out) == max ||
		    !sk_X509_push(out, cert)) {
			X509_free(cert);
			return NULL;
		}
	}
	return TAKE_PTR(out);
}

static int check_time(X509 *cert, struct error *err)
{
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0)
		return refuse(err, "it is not valid yet", NULL);
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
		return refuse(err, "it has expired", NULL);
	return 0;
}

static int check_key(X509 *cert, const struct ca_public *p, struct error *err)
{
	_cleanup_(pkey) EVP_PKEY *ours = NULL;
	EVP_PKEY *theirs = X509_get0_pubkey(cert);
	int r = profile_public(p, &ours, err);

	if (r)
		return r;
	if (!theirs || EVP_PKEY_eq(ours, theirs) != 1)
		return refuse(err,
			      "it is for another key than this "
			      "endorsement key",
			      NULL);
	return 0;
}

/*
 * An extension that is critical and that OpenSSL does not know would make it
 * refuse; which ones may be there is looked at by profile_check().
 */
static int verify(X509 *cert, STACK_OF(X509) * chain, struct error *err)
{
	_cleanup_(store) X509_STORE *store = X509_STORE_new();
	_cleanup_(store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool have_root = false;
	int e;

	if (!store || !ctx)
		return openssl_failed(err, "certificate check");
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *c = sk_X509_value(chain, i);

		if (X509_get_extension_flags(c) & EXFLAG_SS &&
		    X509_STORE_add_cert(store, c) == 1)
			have_root = true;
	}
	if (!have_root)
		return refuse(err,
			      "there is no root certificate in the chain; "
			      "name the file that has it with --chain",
			      NULL);
	if (X509_STORE_CTX_init(ctx, store, cert, chain) != 1)
		return openssl_failed(err, "certificate check");
	if (X509_verify_cert(ctx) == 1)
		return 0;
	e = X509_STORE_CTX_get_error(ctx);
	return refuse(err, "its signature chain does not verify",
		      X509_verify_cert_error_string(e));
}

static int add_chain(json_t *reply, X509 *cert, STACK_OF(X509) * chain,
		     struct error *err)
{
	json_t *list = json_array();

	json_object_set_new(reply, "chain", list);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		_cleanup_(json) json_t *json =
			certificate_to_json(sk_X509_value(chain, i));

		if (!X509_cmp(cert, sk_X509_value(chain, i)))
			continue;
		if (!json ||
		    json_array_append(list,
				      json_object_get(json, "certificate")))
			return openssl_failed(err, "chain of certificates");
	}
	return 0;
}

static int add_certificate(json_t *reply, X509 *cert,
			   const struct ek_type *type, struct error *err)
{
	_cleanup_(json) json_t *json = certificate_to_json(cert);

	if (!json || json_object_set_new(json, "type", json_string(type->name)))
		return openssl_failed(err, "certificate");
	return json_object_update(reply, json) ? -ENOMEM : 0;
}

int ca_check(const struct ca_request *r, const struct secret *key,
	     json_t *reply, struct error *err)
{
	const struct ek_type *type = &ek_types[r->keys[0].type];
	_cleanup_(stack) STACK_OF(X509) *certs = read_pem(r->certificate, 1);
	_cleanup_(stack) STACK_OF(X509) *chain = read_pem(r->chain, MAX_CHAIN);
	X509 *cert = sk_X509_value(certs, 0);
	int e;

	(void)key;
	if (!cert)
		return refuse(err, "it is not one certificate in PEM or DER",
			      NULL);
	if (!chain)
		return refuse(err,
			      "the chain is not a list of at most eight "
			      "certificates in PEM",
			      NULL);
	if (i2d_X509(cert, NULL) > EK_MAX_CERTIFICATE)
		return refuse(err,
			      "it is longer than the 2048 bytes that an "
			      "NV index holds",
			      NULL);
	e = check_key(cert, &r->keys[0], err);
	if (!e)
		e = check_time(cert, err);
	if (!e)
		e = profile_check(cert, &r->tpm, type, err);
	if (!e)
		e = verify(cert, chain, err);
	if (!e)
		e = add_chain(reply, cert, chain, err);
	return e ? e : add_certificate(reply, cert, type, err);
}

/*
 * One that is in a TPM already, whoever has put it there: what it says, and
 * whether it is for this key. Whether it is to be trusted is the verifier's.
 */
int ca_describe(const struct ca_request *r, const struct secret *key,
		json_t *reply, struct error *err)
{
	_cleanup_(stack) STACK_OF(X509) *certs = read_pem(r->certificate, 1);
	X509 *cert = sk_X509_value(certs, 0);
	int e;

	(void)key;
	if (!cert)
		return refuse(err, "it is not one certificate", NULL);
	e = check_key(cert, &r->keys[0], err);
	return e ? e
		 : add_certificate(reply, cert, &ek_types[r->keys[0].type],
				   err);
}
