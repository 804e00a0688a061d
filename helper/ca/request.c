// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "ca/request-member.h"
#include "ca/request.h"
#include "util/json.h"

enum {
	NEEDS_UUID = 1,
	NEEDS_ALGORITHM = 2, /* and the name in certificates */
	NEEDS_ROOT = 4,
	NEEDS_ISSUING = 8,
	NEEDS_TPM = 16, /* and keys */
	NEEDS_CRL = 32,
	NEEDS_CERTIFICATE = 64,
	NEEDS_GENERATION = 128,
	NEEDS_CHAIN = 256,
};

static const struct {
	const char *name;
	unsigned int members;
} operations[CA_OP_COUNT] = {
	[CA_OP_NEW] = { "new", NEEDS_UUID | NEEDS_ALGORITHM },
	[CA_OP_RENEW] = { "renew", NEEDS_UUID | NEEDS_ALGORITHM | NEEDS_ROOT |
					   NEEDS_GENERATION },
	[CA_OP_ISSUE] = { "issue", NEEDS_UUID | NEEDS_ISSUING | NEEDS_TPM |
					   NEEDS_GENERATION },
	[CA_OP_CRL] = { "crl", NEEDS_UUID | NEEDS_ISSUING | NEEDS_CRL |
				       NEEDS_GENERATION },
	[CA_OP_REQUEST] = { "request", NEEDS_TPM },
	[CA_OP_CHECK] = { "check",
			  NEEDS_TPM | NEEDS_CERTIFICATE | NEEDS_CHAIN },
	[CA_OP_DESCRIBE] = { "describe", NEEDS_TPM | NEEDS_CERTIFICATE },
};

static int get_authority(const json_t *json, const char *name,
			 struct ca_authority *out, struct error *err)
{
	const json_t *a = json_object_get(json, name);
	int r = member_bytes(a, "certificate", CA_MAX_DER, &out->certificate,
			     &out->certificate_len, err);

	return r ? r
		 : member_bytes(a, "key", CA_MAX_SEALED, &out->key,
				&out->key_len, err);
}

static int get_algorithm(struct ca_request *r, struct error *err)
{
	const char *text = json_member(r->json, "algorithm");

	if (!strcmp(text, "p384"))
		r->algorithm = CA_P384;
	else if (!strcmp(text, "rsa3072"))
		r->algorithm = CA_RSA3072;
	else
		return member_bad(err, "algorithm", "p384 or rsa3072");
	return member_text(r->json, "name", 40, &r->name, err);
}

static int get_tpm(struct ca_request *r, struct error *err)
{
	const json_t *tpm = json_object_get(r->json, "tpm");
	struct ca_tpm *t = &r->tpm;
	int e = member_text(tpm, "manufacturer", 11, &t->manufacturer, err);

	if (!e && (strlen(t->manufacturer) != 11 ||
		   strncmp(t->manufacturer, "id:", 3) ||
		   strspn(t->manufacturer + 3, "0123456789ABCDEF") != 8))
		e = member_bad(err, "manufacturer", "of the form id:XXXXXXXX");
	if (!e)
		e = member_plain(tpm, "model", 64, &t->model, err);
	if (!e)
		e = member_plain(tpm, "version", 64, &t->version, err);
	if (!e)
		e = member_plain(tpm, "family", 16, &t->family, err);
	if (!e)
		e = member_number(tpm, "level", 0, INT32_MAX, &t->level, err);
	if (!e)
		e = member_number(tpm, "revision", 0, INT32_MAX, &t->revision,
				  err);
	return e;
}

static int get_keys(struct ca_request *r, struct error *err)
{
	const json_t *keys = json_object_get(r->json, "keys"), *k;
	size_t n = json_array_size(keys), i;
	int e;

	if (!n || n > EK_TYPES)
		return member_bad(err, "keys", "a list of one to three");
	for (i = 0; i < n; i++) {
		struct ca_public *p = &r->keys[i];

		k = json_array_get(keys, i);
		p->type = ek_type_find(json_member(k, "type"));
		if (p->type < 0)
			return member_bad(err, "type", "of an endorsement key");
		r->n_keys = i + 1;
		e = member_bytes(k, "public", EK_MAX_PUBLIC, &p->der, &p->len,
				 err);
		if (e)
			return e;
	}
	return 0;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c);

	return c && at ? (int)(at - digits) : -1;
}

static int get_serial(const json_t *json, struct ca_revoked *out,
		      struct error *err)
{
	const char *text = json_member(json, "serial");
	size_t n = strlen(text);

	if (!n || n % 2 || n > 2 * CA_SERIAL_LEN)
		return member_bad(err, "serial", "a serial number");
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return member_bad(err, "serial", "hexadecimal");
		out->serial[i / 2] = high << 4 | low;
	}
	out->len = n / 2;
	return 0;
}

static int get_crl(struct ca_request *r, struct error *err)
{
	const json_t *list = json_object_get(r->json, "revoked"), *item;
	size_t n = json_array_size(list);
	int e = member_number(r->json, "number", 1, INT32_MAX, &r->number, err);

	if (!e)
		e = member_number(r->json, "days", 1, 3660, &r->days, err);
	if (e)
		return e;
	if (!json_is_array(list) || n > CA_MAX_REVOKED)
		return member_bad(err, "revoked",
				  "a list of no more than 1000");
	r->revoked = calloc(n ? n : 1, sizeof(*r->revoked));
	if (!r->revoked)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	for (size_t i = 0; i < n; i++) {
		const json_t *t;

		item = json_array_get(list, i);
		e = get_serial(item, &r->revoked[i], err);
		if (e)
			return e;
		t = json_object_get(item, "time");
		if (!json_is_integer(t) || json_integer_value(t) < 0 ||
		    json_integer_value(t) > UINT32_MAX)
			return member_bad(err, "time", "one of this century");
		r->revoked[i].time = json_integer_value(t);
		r->n_revoked = i + 1;
	}
	return 0;
}

static int get_members(struct ca_request *r, unsigned int members,
		       struct error *err)
{
	const char *uuid = json_member(r->json, "uuid");
	int e = 0;

	if (members & NEEDS_UUID && uuid_parse(uuid, r->uuid))
		e = member_bad(err, "uuid", "a UUID");
	if (!e && members & NEEDS_GENERATION)
		e = member_number(r->json, "generation", 1, 10000,
				  &r->generation, err);
	if (!e && members & NEEDS_ALGORITHM)
		e = get_algorithm(r, err);
	if (!e && members & NEEDS_ROOT)
		e = get_authority(r->json, "root", &r->root, err);
	if (!e && members & NEEDS_ISSUING)
		e = get_authority(r->json, "issuing", &r->issuing, err);
	if (!e && members & NEEDS_TPM)
		e = get_tpm(r, err);
	if (!e && members & NEEDS_TPM)
		e = get_keys(r, err);
	if (!e && members & NEEDS_CRL)
		e = get_crl(r, err);
	if (!e && members & NEEDS_CERTIFICATE)
		e = member_pem(r->json, "certificate", &r->certificate, err);
	if (!e && members & NEEDS_CHAIN)
		e = member_pem(r->json, "chain", &r->chain, err);
	if (!e)
		e = member_url(r->json, "aia", &r->aia, err);
	return e ? e : member_url(r->json, "crl", &r->crl, err);
}

int ca_request_take(json_t *json, struct ca_request *out, struct error *err)
{
	const char *name = json_member(json, "operation");

	*out = (struct ca_request){ .json = json_incref(json) };
	for (int i = 0; i < CA_OP_COUNT; i++) {
		if (strcmp(operations[i].name, name))
			continue;
		out->operation = i;
		return get_members(out, operations[i].members, err);
	}
	return member_bad(err, "operation", "one that vtpm-ca knows");
}

int ca_request_parse(const char *text, size_t len, struct ca_request *out,
		     struct error *err)
{
	_cleanup_(json) json_t *json =
		json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	*out = (struct ca_request){ 0 };
	if (!json_is_object(json))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "the request is not one JSON object");
	return ca_request_take(json, out, err);
}

bool ca_request_has_secret(const struct ca_request *r)
{
	return operations[r->operation].members & NEEDS_UUID;
}

void ca_request_clear(struct ca_request *r)
{
	free(r->root.certificate);
	free(r->root.key);
	free(r->issuing.certificate);
	free(r->issuing.key);
	for (size_t i = 0; i < r->n_keys; i++)
		free(r->keys[i].der);
	free(r->revoked);
	json_decref(r->json);
	*r = (struct ca_request){ 0 };
}
