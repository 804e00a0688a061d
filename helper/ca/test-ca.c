// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests, sealed keys, and a whole CA at work, in process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ca/authority.h"
#include "ca/profile.h"
#include "util/json.h"

#define UUID "00112233-4455-4677-8899-aabbccddeeff"
#define TPM                                                               \
	"\"tpm\": {\"manufacturer\": \"id:49424D00\", \"model\": \"m\", " \
	"\"version\": \"id:1\", \"family\": \"2.0\", \"level\": 0, "      \
	"\"revision\": 164}"

static struct secret *data_key;

static int set_up(void **state)
{
	(void)state;
	data_key = secret_random(32);
	return data_key ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	secret_free(data_key);
	return 0;
}

static void bad_requests(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"operation\": \"nothing\"}",
		"{\"operation\": \"new\"}",
		"{\"operation\": \"new\", \"uuid\": \"x\"}",
		"{\"operation\": \"new\", \"uuid\": \"" UUID "\"}",
		"{\"operation\": \"new\", \"uuid\": \"" UUID
		"\", \"algorithm\": \"p384\"}",
		"{\"operation\": \"new\", \"uuid\": \"" UUID
		"\", \"algorithm\": \"rsa1024\", \"name\": \"x\"}",
		"{\"operation\": \"new\", \"uuid\": \"" UUID
		"\", \"algorithm\": \"p384\", \"name\": \"a\\nb\"}",
		"{\"operation\": \"new\", \"uuid\": \"" UUID
		"\", \"algorithm\": \"p384\", \"name\": \"n\", "
		"\"aia\": \"http://a,URI:http://b\"}",
		"{\"operation\": \"request\", " TPM "}",
		"{\"operation\": \"request\", " TPM ", \"keys\": []}",
		"{\"operation\": \"request\", " TPM
		", \"keys\": [{\"type\": \"rsa4096\", \"public\": \"AA==\"}]}",
		"{\"operation\": \"request\", " TPM
		", \"keys\": [{\"type\": \"p256\", \"public\": \"?\"}]}",
		"{\"operation\": \"crl\", \"uuid\": \"" UUID
		"\", \"generation\": 0}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = { 0 };
		struct ca_request r;

		assert_int_equal(
			ca_request_parse(bad[i], strlen(bad[i]), &r, &err),
			-EINVAL);
		assert_string_equal(err.code, VTPM_ERR_INVALID);
		ca_request_clear(&r);
	}
}

/* What means something in a configuration of OpenSSL. */
static void plain_names(void **state)
{
	static const char *const bad[] = { "a\\nb",  "$HOME", "a#b",
					   "a=b",    "[x]",   " a",
					   "a\\\\b", "",      "\xc3\xa4" };
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = { 0 };
		struct ca_request r;

		snprintf(text, sizeof(text),
			 "{\"operation\": \"request\", \"tpm\": "
			 "{\"manufacturer\": \"id:49424D00\", \"model\": "
			 "\"%s\", \"version\": \"1\", \"family\": \"2.0\", "
			 "\"level\": 0, \"revision\": 1}, \"keys\": "
			 "[{\"type\": \"p256\", \"public\": \"AA==\"}]}",
			 bad[i]);
		assert_int_equal(ca_request_parse(text, strlen(text), &r, &err),
				 -EINVAL);
		assert_non_null(strstr(err.text, "model"));
		ca_request_clear(&r);
	}
}

static void sealed_keys(void **state)
{
	uint8_t uuid[UUID_LEN] = { 1 }, other[UUID_LEN] = { 2 };
	const struct key_place at = { data_key, uuid, 1 };
	struct key_place wrong[] = { { data_key, uuid, 0 },
				     { data_key, other, 1 },
				     { NULL, uuid, 1 } };
	EVP_PKEY *key = key_generate(CA_P384), *back = NULL;
	uint8_t *sealed = NULL;
	struct error err = { 0 };
	size_t len;

	(void)state;
	wrong[2].data_key = secret_random(32);
	assert_int_equal(key_seal(&at, key, &sealed, &len, NULL), 0);
	assert_int_equal(key_open(&at, sealed, len, &back, NULL), 0);
	assert_int_equal(EVP_PKEY_eq(key, back), 1);
	EVP_PKEY_free(back);
	back = NULL;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(key_open(&wrong[i], sealed, len, &back, &err),
				 -EKEYREJECTED);
		assert_string_equal(err.code, VTPM_ERR_KEY_WRONG);
	}
	for (size_t i = 0; i < len; i += 7) {
		sealed[i] ^= 1;
		assert_int_equal(key_open(&at, sealed, len, &back, NULL),
				 -EKEYREJECTED);
		sealed[i] ^= 1;
	}
	for (size_t i = 0; i < len; i += 11)
		assert_true(key_open(&at, sealed, i, &back, NULL) < 0);
	assert_null(back);
	secret_free((struct secret *)wrong[2].data_key);
	free(sealed);
	EVP_PKEY_free(key);
}

static void serials(void **state)
{
	EVP_PKEY *key = key_generate(CA_P384);
	char seen[64][2 * CA_SERIAL_LEN + 3];

	(void)state;
	for (int i = 0; i < 64; i++) {
		X509 *cert = certificate_new(key, NULL);
		const ASN1_INTEGER *n = X509_get0_serialNumber(cert);

		/* Positive, and not short in all of them. */
		assert_int_equal(ASN1_STRING_type((ASN1_STRING *)n),
				 V_ASN1_INTEGER);
		assert_in_range(n->length, 12, 16);
		hex_format(n->data, n->length, seen[i]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(seen[i], seen[j]);
		X509_free(cert);
	}
	EVP_PKEY_free(key);
}

static json_t *call(ca_operation_fn fn, json_t *request, int expected,
		    const char *reason)
{
	json_t *reply = json_object();
	struct ca_request r;
	struct error err = { 0 };
	int e = ca_request_take(request, &r, &err);

	if (!e)
		e = fn(&r, data_key, reply, &err);
	if (e != expected)
		print_error("%s\n", err.text);
	assert_int_equal(e, expected);
	if (reason)
		assert_non_null(strstr(err.text, reason));
	ca_request_clear(&r);
	json_decref(request);
	return reply;
}

static json_t *public_of(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	json_t *out = json_bytes(der, n);

	OPENSSL_free(der);
	return out;
}

static json_t *tpm(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "manufacturer",
			 "id:49424D00", "model", "SW   TPM", "version",
			 "id:00000001", "family", "2.0", "level", 0, "revision",
			 164);
}

/* Base64 of some DER as PEM on one line, which OpenSSL does not mind. */
static char *pem(const char *base64)
{
	char *out;

	assert_true(asprintf(&out,
			     "-----BEGIN CERTIFICATE-----\n%s\n"
			     "-----END CERTIFICATE-----\n",
			     base64) > 0);
	return out;
}

static json_t *issue_request(const json_t *ca, const char *type, EVP_PKEY *key)
{
	return json_pack("{s:s, s:s, s:i, s:O, s:o, s:[{s:s, s:o}]}",
			 "operation", "issue", "uuid", UUID, "generation", 1,
			 "issuing", json_object_get(ca, "issuing"), "tpm",
			 tpm(), "keys", "type", type, "public", public_of(key));
}

static json_t *check_request(const char *type, EVP_PKEY *key, const char *cert,
			     const char *chain)
{
	return json_pack("{s:s, s:o, s:[{s:s, s:o}], s:s, s:s}", "operation",
			 "check", "tpm", tpm(), "keys", "type", type, "public",
			 public_of(key), "certificate", cert, "chain", chain);
}

static void issue_and_check(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	json_t *ca, *reply;
	char *cert, *issuing, *root, *chain;

	(void)state;
	ca = call(ca_new,
		  json_pack("{s:s, s:s, s:s, s:s}", "operation", "new", "uuid",
			    UUID, "algorithm", "p384", "name", "Test"),
		  0, NULL);
	json_decref(call(ca_issue, issue_request(ca, "p384", key), -EINVAL,
			 "no key of type p384"));
	json_decref(call(ca_issue, issue_request(ca, "rsa2048", key), -EINVAL,
			 "no key of type rsa2048"));
	reply = call(ca_issue, issue_request(ca, "p256", key), 0, NULL);
	cert = pem(json_member(
		json_array_get(json_object_get(reply, "certificates"), 0),
		"certificate"));
	issuing =
		pem(json_member(json_object_get(ca, "issuing"), "certificate"));
	root = pem(json_member(json_object_get(ca, "root"), "certificate"));
	assert_true(asprintf(&chain, "%s%s", issuing, root) > 0);
	json_decref(reply);

	reply = call(ca_check, check_request("p256", key, cert, chain), 0,
		     NULL);
	assert_int_equal(json_array_size(json_object_get(reply, "chain")), 2);
	json_decref(reply);
	/* Whoever has made it; but of this key. */
	reply = call(ca_describe, check_request("p256", key, cert, ""), 0,
		     NULL);
	assert_string_equal(json_member(reply, "type"), "p256");
	assert_non_null(strstr(json_member(reply, "issuer"), "Test"));
	json_decref(reply);
	json_decref(call(ca_describe, check_request("p256", other, cert, ""),
			 -EINVAL, "another key"));
	json_decref(call(ca_describe, check_request("p256", key, chain, ""),
			 -EINVAL, "not one certificate"));
	json_decref(call(ca_check, check_request("p256", other, cert, chain),
			 -EINVAL, "another key"));
	json_decref(call(ca_check, check_request("p256", key, cert, issuing),
			 -EINVAL, "no root"));
	json_decref(call(ca_check, check_request("p256", key, cert, root),
			 -EINVAL, "does not verify"));
	json_decref(call(ca_check, check_request("p256", key, chain, root),
			 -EINVAL, "not one certificate"));
	free(cert);
	free(issuing);
	free(root);
	free(chain);
	json_decref(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(plain_names),
		cmocka_unit_test(sealed_keys),
		cmocka_unit_test(serials),
		cmocka_unit_test(issue_and_check),
	};

	if (secret_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests_name("ca", tests, set_up, tear_down);
}
