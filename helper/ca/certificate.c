// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ca/certificate.h"
#include "util/json.h"

#define SERIAL_BITS 128
/* RFC 5280, 4.1.2.5: "has no well-defined expiration date". */
#define NO_END "99991231235959Z"

static int set_serial(X509 *cert)
{
	uint8_t bytes[SERIAL_BITS / 8];
	_cleanup_(bn) BIGNUM *n = NULL;

	/* Positive whatever the first bit is: DER puts a zero before it. */
	do {
		random_bytes(bytes, sizeof(bytes));
		BN_free(n);
		n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	} while (n && BN_is_zero(n));
	return n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) ? 0
								       : -EIO;
}

X509 *certificate_new(EVP_PKEY *key, X509 *issuer)
{
	_cleanup_(x509) X509 *cert = X509_new();

	if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 ||
	    set_serial(cert) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), 0) ||
	    ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), NO_END) != 1 ||
	    X509_set_pubkey(cert, key) != 1)
		return NULL;
	if (issuer &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1)
		return NULL;
	return TAKE_PTR(cert);
}

int certificate_add(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx(&ctx, issuer ? issuer : cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok ? 0 : -EIO;
}

int certificate_add_der(X509 *cert, const char *oid, bool critical,
			const uint8_t *der, size_t len)
{
	_cleanup_(octets) ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	X509_EXTENSION *ext = NULL;
	int ok;

	if (data && object && ASN1_OCTET_STRING_set(data, der, (int)len) == 1)
		ext = X509_EXTENSION_create_by_OBJ(NULL, object, critical,
						   data);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	ASN1_OBJECT_free(object);
	return ok ? 0 : -EIO;
}

int certificate_sign(X509 *cert, EVP_PKEY *key)
{
	return X509_sign(cert, key, EVP_sha384()) > 0 ? 0 : -EIO;
}

X509 *certificate_from_der(const uint8_t *der, size_t len)
{
	const unsigned char *p = der;
	_cleanup_(x509) X509 *cert = d2i_X509(NULL, &p, (long)len);

	return cert && p == der + len ? TAKE_PTR(cert) : NULL;
}

static json_t *name_json(const X509_NAME *name)
{
	char *text = NULL;
	_cleanup_(bio) BIO *bio = BIO_new(BIO_s_mem());
	json_t *out = NULL;
	long n;

	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
		return NULL;
	n = BIO_get_mem_data(bio, &text);
	/* RFC 2253 escapes what is not ASCII. */
	if (n >= 0)
		out = json_stringn(n ? text : "", n);
	return out;
}

static json_t *time_json(const ASN1_TIME *time)
{
	struct tm tm;
	char text[32];

	if (ASN1_TIME_to_tm(time, &tm) != 1 ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return json_string(text);
}

static json_t *serial_json(const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	char hex[2 * CA_SERIAL_LEN + 3];

	if (!serial || serial->length < 1 || serial->length > CA_SERIAL_LEN + 1)
		return json_string("");
	hex_format(serial->data, serial->length, hex);
	return json_string(hex);
}

json_t *certificate_to_json(X509 *cert)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);
	json_t *out = NULL;

	if (n > 0)
		out = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "certificate",
				json_bytes(der, n), "subject",
				name_json(X509_get_subject_name(cert)),
				"issuer", name_json(X509_get_issuer_name(cert)),
				"serial", serial_json(cert), "notBefore",
				time_json(X509_get0_notBefore(cert)),
				"notAfter",
				time_json(X509_get0_notAfter(cert)));
	OPENSSL_free(der);
	return out;
}
