// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of revoked certificates of one issuing certificate. It names all
 * serials that were ever revoked: they are random, so one that another
 * issuing certificate has given out does no harm.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "ca/authority.h"
#include "util/json.h"

DEFINE_CLEANUP(crl, X509_CRL *, X509_CRL_free)
DEFINE_CLEANUP(time, ASN1_TIME *, ASN1_TIME_free)
DEFINE_CLEANUP(revoked, X509_REVOKED *, X509_REVOKED_free)

static int add_revoked(X509_CRL *crl, const struct ca_revoked *item)
{
	_cleanup_(bn) BIGNUM *n = BN_bin2bn(item->serial, (int)item->len, NULL);
	_cleanup_(integer) ASN1_INTEGER *serial =
		n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	_cleanup_(time) ASN1_TIME *when = ASN1_TIME_set(NULL, item->time);
	_cleanup_(revoked) X509_REVOKED *entry = X509_REVOKED_new();

	if (!serial || !when || !entry ||
	    X509_REVOKED_set_serialNumber(entry, serial) != 1 ||
	    X509_REVOKED_set_revocationDate(entry, when) != 1 ||
	    X509_CRL_add0_revoked(crl, entry) != 1)
		return -EIO;
	/* It is the list's now. */
	entry = NULL;
	return 0;
}

static int add_extensions(X509_CRL *crl, X509 *issuer, uint32_t number)
{
	_cleanup_(integer) ASN1_INTEGER *n = ASN1_INTEGER_new();
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ok;

	if (!n || ASN1_INTEGER_set(n, number) != 1 ||
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) != 1)
		return -EIO;
	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	ext = X509V3_EXT_nconf_nid(NULL, &ctx, NID_authority_key_identifier,
				   "keyid:always");
	ok = ext && X509_CRL_add_ext(crl, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok ? 0 : -EIO;
}

static int fill(X509_CRL *crl, X509 *issuer, const struct ca_request *r)
{
	time_t now = time(NULL);
	_cleanup_(time) ASN1_TIME *last = ASN1_TIME_set(NULL, now);
	_cleanup_(time) ASN1_TIME *next =
		ASN1_TIME_adj(NULL, now, (int)r->days, 0);
	int e = 0;

	if (!last || !next ||
	    X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) != 1 ||
	    X509_CRL_set1_lastUpdate(crl, last) != 1 ||
	    X509_CRL_set1_nextUpdate(crl, next) != 1)
		return -EIO;
	for (size_t i = 0; !e && i < r->n_revoked; i++)
		e = add_revoked(crl, &r->revoked[i]);
	return e ? e : add_extensions(crl, issuer, r->number);
}

int ca_crl(const struct ca_request *r, const struct secret *key, json_t *reply,
	   struct error *err)
{
	_cleanup_(x509) X509 *issuer = NULL;
	_cleanup_(pkey) EVP_PKEY *private = NULL;
	_cleanup_(crl) X509_CRL *crl = X509_CRL_new();
	unsigned char *der = NULL;
	int n, e = authority_open(r, &r->issuing, r->generation, key, &issuer,
				  &private, err);

	if (e)
		return e;
	if (!crl || fill(crl, issuer, r) || X509_CRL_sort(crl) != 1 ||
	    X509_CRL_sign(crl, private, EVP_sha384()) <= 0)
		return openssl_failed(err, "list of revoked certificates");
	n = i2d_X509_CRL(crl, &der);
	if (n <= 0)
		return openssl_failed(err, "list of revoked certificates");
	json_object_set_new(reply, "crl", json_bytes(der, n));
	OPENSSL_free(der);
	return 0;
}
