// SPDX-License-Identifier: GPL-2.0-or-later
/* What is public of the endorsement keys of a vTPM, as JSON. */
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "util/json.h"
#include "util/text.h"
#include "vtpmd/identity.h"

/* Members of a key that come from its certificate. */
static const char *const of_certificate[] = { "certificate", "subject",
					      "issuer",	     "serial",
					      "notBefore",   "notAfter" };

json_t *facts_key(const json_t *facts, int type)
{
	const json_t *keys = json_object_get(facts, "keys");
	json_t *key;
	size_t i;

	json_array_foreach((json_t *)keys, i, key) {
		if (ek_type_find(json_member(key, "type")) == type)
			return key;
	}
	return NULL;
}

static bool has(const json_t *list, const json_t *value)
{
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item) {
		if (json_equal(item, value))
			return true;
	}
	return false;
}

int facts_add_certificate(json_t *facts, const json_t *certificate,
			  const json_t *chain, const char *issued_by)
{
	int type = ek_type_find(json_member(certificate, "type"));
	json_t *key = type < 0 ? NULL : facts_key(facts, type);
	json_t *all = json_object_get(facts, "chain"), *item;
	size_t i;
	int r = 0;

	if (!key || !*json_member(certificate, "certificate"))
		return -EINVAL;
	if (!all) {
		all = json_array();
		r = json_object_set_new(facts, "chain", all);
	}
	for (i = 0; !r && i < sizeof(of_certificate) / sizeof(char *); i++)
		r = json_object_set_new(
			key, of_certificate[i],
			json_string(
				json_member(certificate, of_certificate[i])));
	if (!r)
		r = json_object_set_new(key, "issuedBy",
					json_string(issued_by));
	json_array_foreach((json_t *)chain, i, item) {
		if (!r && !has(all, item))
			r = json_array_append(all, item);
	}
	return r ? -ENOMEM : 0;
}

/* SHA-256 of the DER of the SubjectPublicKeyInfo, in hexadecimal. */
static json_t *digest(const json_t *key)
{
	_cleanup_free_ uint8_t *der = NULL;
	unsigned char md[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned int n;
	size_t len;

	if (json_get_bytes(key, "public", EK_MAX_PUBLIC, &der, &len) ||
	    EVP_Digest(der, len, md, &n, EVP_sha256(), NULL) != 1)
		return json_string("");
	hex_format(md, n, hex);
	return json_string(hex);
}

static json_t *key_to_json(const json_t *key)
{
	static const char *const members[] = {
		"type", "template", "handle", "nvIndex", "name", "public"
	};
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(char *); i++)
		json_object_set_new(out, members[i],
				    json_string(json_member(key, members[i])));
	json_object_set_new(out, "digest", digest(key));
	if (!*json_member(key, "certificate"))
		return out;
	for (size_t i = 0; i < sizeof(of_certificate) / sizeof(char *); i++)
		json_object_set_new(
			out, of_certificate[i],
			json_string(json_member(key, of_certificate[i])));
	json_object_set_new(out, "issuedBy",
			    json_string(json_member(key, "issuedBy")));
	return out;
}

json_t *facts_to_json(const json_t *facts, const char *name)
{
	const json_t *from = json_object_get(facts, "keys");
	json_t *keys = json_array(), *key;
	json_t *chain = json_object_get(facts, "chain");
	size_t i;

	json_array_foreach((json_t *)from, i, key)
		json_array_append_new(keys, key_to_json(key));
	return json_pack("{s:s, s:o, s:o}", "name", name, "keys", keys, "chain",
			 chain ? json_deep_copy(chain) : json_array());
}

json_t *facts_summary(const json_t *facts)
{
	const json_t *from = json_object_get(facts, "keys");
	json_t *keys = json_array(), *key;
	size_t i;

	json_array_foreach((json_t *)from, i, key) {
		bool certified = *json_member(key, "certificate");
		json_t *one = json_pack("{s:s, s:o, s:b}", "type",
					json_member(key, "type"), "digest",
					digest(key), "certified", certified);

		if (certified)
			json_object_set_new(
				one, "notAfter",
				json_string(json_member(key, "notAfter")));
		json_array_append_new(keys, one);
	}
	return keys;
}
