// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "identity/spki.h"
#include "util/cleanup.h"

#define DEFAULT_EXPONENT 65537
/* An uncompressed point of P-384, the longest. */
#define MAX_POINT (1 + 2 * 48)

DEFINE_CLEANUP(bld, OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free)
DEFINE_CLEANUP(bn, BIGNUM *, BN_free)

static EVP_PKEY *from_data(const char *algorithm, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	EVP_PKEY *key = NULL;

	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *rsa_key(const TPMT_PUBLIC *p)
{
	const TPM2B_PUBLIC_KEY_RSA *n = &p->unique.rsa;
	uint32_t e = p->parameters.rsaDetail.exponent;
	_cleanup_(bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	_cleanup_(bn) BIGNUM *modulus = NULL;

	if (n->size > sizeof(n->buffer))
		return NULL;
	modulus = BN_bin2bn(n->buffer, n->size, NULL);
	if (!bld || !modulus ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
	    OSSL_PARAM_BLD_push_uint32(bld, OSSL_PKEY_PARAM_RSA_E,
				       e ? e : DEFAULT_EXPONENT) != 1)
		return NULL;
	return from_data("RSA", bld);
}

/* A TPM leaves zeros at the front of a coordinate out, or does not. */
static bool put_coordinate(const TPM2B_ECC_PARAMETER *c, uint8_t *out,
			   size_t len)
{
	if (c->size > len)
		return false;
	memset(out, 0, len - c->size);
	memcpy(out + len - c->size, c->buffer, c->size);
	return true;
}

static EVP_PKEY *ecc_key(const TPMT_PUBLIC *p)
{
	bool p256 = p->parameters.eccDetail.curveID == TPM2_ECC_NIST_P256;
	const char *group = p256 ? "P-256" : "P-384";
	size_t len = p256 ? 32 : 48;
	_cleanup_(bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	uint8_t point[MAX_POINT] = { POINT_CONVERSION_UNCOMPRESSED };

	if (!p256 && p->parameters.eccDetail.curveID != TPM2_ECC_NIST_P384)
		return NULL;
	if (!put_coordinate(&p->unique.ecc.x, point + 1, len) ||
	    !put_coordinate(&p->unique.ecc.y, point + 1 + len, len))
		return NULL;
	if (!bld ||
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
					    group, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
					     point, 1 + 2 * len) != 1)
		return NULL;
	return from_data("EC", bld);
}

int spki_encode(const TPMT_PUBLIC *public, uint8_t *out, size_t *len,
		struct error *err)
{
	EVP_PKEY *key = NULL;
	unsigned char *der = NULL;
	int n, r = 0;

	if (public->type == TPM2_ALG_RSA)
		key = rsa_key(public);
	else if (public->type == TPM2_ALG_ECC)
		key = ecc_key(public);
	n = key ? i2d_PUBKEY(key, &der) : -1;
	EVP_PKEY_free(key);
	if (n > 0 && n <= EK_MAX_PUBLIC) {
		memcpy(out, der, n);
		*len = n;
	} else {
		r = error_set(err, -EINVAL, VTPM_ERR_IDENTITY,
			      "the TPM's public key is not one");
	}
	OPENSSL_free(der);
	return r;
}
