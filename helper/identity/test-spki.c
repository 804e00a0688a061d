// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "identity/spki.h"

static void expect_same(const TPMT_PUBLIC *p, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	uint8_t out[EK_MAX_PUBLIC];
	size_t len = 0;
	int n = i2d_PUBKEY(key, &der);

	assert_int_equal(spki_encode(p, out, &len, NULL), 0);
	assert_int_equal(len, n);
	assert_memory_equal(out, der, n);
	OPENSSL_free(der);
}

static size_t get(EVP_PKEY *key, const char *name, uint8_t *out)
{
	BIGNUM *n = NULL;
	size_t len;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	/* As some TPMs give it: without zeros at its front. */
	len = BN_bn2bin(n, out);
	BN_free(n);
	return len;
}

static void ecc(void **state)
{
	static const struct {
		const char *name;
		TPMI_ECC_CURVE curve;
		size_t len;
	} curves[] = { { "P-256", TPM2_ECC_NIST_P256, 32 },
		       { "P-384", TPM2_ECC_NIST_P384, 48 } };
	unsigned int short_ones = 0;

	(void)state;
	/* One coordinate in 256 begins with a zero. */
	for (int i = 0; i < 64 || (!short_ones && i < 20000); i++) {
		EVP_PKEY *key =
			EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[i % 2].name);
		TPMT_PUBLIC p = { .type = TPM2_ALG_ECC };

		assert_non_null(key);
		p.parameters.eccDetail.curveID = curves[i % 2].curve;
		p.unique.ecc.x.size = get(key, OSSL_PKEY_PARAM_EC_PUB_X,
					  p.unique.ecc.x.buffer);
		p.unique.ecc.y.size = get(key, OSSL_PKEY_PARAM_EC_PUB_Y,
					  p.unique.ecc.y.buffer);
		short_ones += p.unique.ecc.x.size < curves[i % 2].len;
		short_ones += p.unique.ecc.y.size < curves[i % 2].len;
		expect_same(&p, key);
		EVP_PKEY_free(key);
	}
	assert_true(short_ones > 0);
}

static void rsa(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	TPMT_PUBLIC p = { .type = TPM2_ALG_RSA };

	(void)state;
	assert_non_null(key);
	p.unique.rsa.size =
		get(key, OSSL_PKEY_PARAM_RSA_N, p.unique.rsa.buffer);
	/* 0 stands for 65537. */
	expect_same(&p, key);
	p.parameters.rsaDetail.exponent = 65537;
	expect_same(&p, key);
	EVP_PKEY_free(key);
}

static void refused(void **state)
{
	TPMT_PUBLIC p = { .type = TPM2_ALG_ECC };
	struct error err = { 0 };
	uint8_t out[EK_MAX_PUBLIC];
	size_t len = 0;

	(void)state;
	p.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
	p.unique.ecc.x.size = 32;
	p.unique.ecc.x.buffer[31] = 1;
	p.unique.ecc.y = p.unique.ecc.x;
	/* No point of the curve. */
	assert_int_equal(spki_encode(&p, out, &len, &err), -EINVAL);
	assert_string_equal(err.code, VTPM_ERR_IDENTITY);
	p.unique.ecc.x.size = 33;
	assert_int_equal(spki_encode(&p, out, &len, &err), -EINVAL);
	p.parameters.eccDetail.curveID = TPM2_ECC_NIST_P521;
	assert_int_equal(spki_encode(&p, out, &len, &err), -EINVAL);
	p.type = TPM2_ALG_KEYEDHASH;
	assert_int_equal(spki_encode(&p, out, &len, &err), -EINVAL);
	p = (TPMT_PUBLIC){ .type = TPM2_ALG_RSA };
	p.unique.rsa.size = sizeof(p.unique.rsa.buffer) + 1;
	assert_int_equal(spki_encode(&p, out, &len, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ecc),
		cmocka_unit_test(rsa),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("spki", tests, NULL, NULL);
}
