// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A certificate that is to be imported: two of DER, each after its length in
 * two bytes, the second being the chain. The endorsement key is taken to be the
 * one that the first is for, so that the rest of the check is reached.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/authority.h"
#include "ca/profile.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *pem(const uint8_t *der, size_t len)
{
	char *base64 = base64_encode(der, len), *out = NULL;

	if (base64 && asprintf(&out,
			       "-----BEGIN CERTIFICATE-----\n%s\n"
			       "-----END CERTIFICATE-----\n",
			       base64) < 0)
		out = NULL;
	free(base64);
	return out;
}

/* The first of what is left. */
static size_t take(const uint8_t **data, size_t *size, const uint8_t **out)
{
	size_t n;

	if (*size < 2)
		return 0;
	n = (size_t)(*data)[0] << 8 | (*data)[1];
	*data += 2;
	*size -= 2;
	if (n > *size)
		n = *size;
	*out = *data;
	*data += n;
	*size -= n;
	return n;
}

static void set_key(struct ca_request *r, const uint8_t *der, size_t len)
{
	X509 *cert = certificate_from_der(der, len);
	EVP_PKEY *key = cert ? X509_get0_pubkey(cert) : NULL;
	unsigned char *out = NULL;
	int n = key ? i2d_PUBKEY(key, &out) : -1;

	r->keys[0].type = key && EVP_PKEY_is_a(key, "RSA") ? 0 : 1;
	if (n > 0 && n <= EK_MAX_PUBLIC) {
		r->keys[0].der = malloc(n);
		if (!r->keys[0].der)
			abort();
		memcpy(r->keys[0].der, out, n);
		r->keys[0].len = n;
	}
	OPENSSL_free(out);
	X509_free(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cert = NULL, *chain = NULL;
	size_t cert_len = take(&data, &size, &cert);
	size_t chain_len = take(&data, &size, &chain);
	struct ca_request r = {
		.operation = CA_OP_CHECK,
		.tpm = { .manufacturer = "id:49424D00" },
		.n_keys = 1,
	};
	char *cert_pem = cert ? pem(cert, cert_len) : NULL;
	char *chain_pem = chain ? pem(chain, chain_len) : NULL;
	json_t *reply = json_object();
	struct error err = { 0 };
	int e;

	if (cert_pem) {
		set_key(&r, cert, cert_len);
		r.certificate = cert_pem;
		r.chain = chain_pem ? chain_pem : "";
		e = ca_check(&r, NULL, reply, &err);
		if (e ? !err.code || !*err.text
		      : !*json_member(reply, "certificate") || !chain_len)
			abort();
	}
	json_decref(reply);
	free(cert_pem);
	free(chain_pem);
	ca_request_clear(&r);
	return 0;
}
