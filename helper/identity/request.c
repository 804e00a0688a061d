// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "identity/banks.h"
#include "identity/ek.h"
#include "identity/nv.h"
#include "identity/properties.h"
#include "identity/request.h"
#include "identity/spki.h"
#include "util/json.h"
#include "util/text.h"

static int bad(struct error *err, const char *name)
{
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "the request's member \"%s\" is not usable", name);
}

static json_t *key_json(int type, const struct ek_public *ek,
			const uint8_t *spki, size_t len)
{
	const struct ek_type *t = &ek_types[type];
	char hex[2 * sizeof(TPMU_NAME) + 1], handle[11], index[11];

	hex_format(ek->name.name, ek->name.size, hex);
	snprintf(handle, sizeof(handle), "0x%08x", t->handle);
	snprintf(index, sizeof(index), "0x%08x", t->nv_index);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "type", t->name,
			 "template", t->template, "handle", handle, "nvIndex",
			 index, "name", hex, "public", json_bytes(spki, len));
}

/* All but the keys, which are to go into *list. */
static int begin(ESYS_CONTEXT *esys, json_t *reply, json_t **list,
		 struct error *err)
{
	json_t *tpm = NULL, *banks = NULL;
	int r = properties_read(esys, &tpm, err);

	*list = json_array();
	json_object_set_new(reply, "keys", *list);
	if (!r)
		r = banks_read(esys, &banks, err);
	json_object_set_new(reply, "tpm", tpm);
	json_object_set_new(reply, "pcrBanks", banks);
	return r;
}

/* "read" the keys of the types that are asked for, or make them. */
static int keys(ESYS_CONTEXT *esys, const json_t *request, json_t *reply,
		struct error *err)
{
	bool make = strcmp(json_member(request, "operation"), "read");
	const json_t *types = json_object_get(request, "types"), *item;
	json_t *list = NULL;
	size_t i;
	int r = begin(esys, reply, &list, err);

	if (r)
		return r;
	if (!json_array_size(types) || json_array_size(types) > EK_TYPES)
		return bad(err, "types");
	json_array_foreach((json_t *)types, i, item) {
		int type = ek_type_find(json_string_value(item));
		uint8_t spki[EK_MAX_PUBLIC];
		struct ek_public ek;
		size_t len = 0;

		if (type < 0)
			return bad(err, "types");
		r = make ? ek_make(esys, type, &ek, err)
			 : ek_read(esys, type, &ek, err);
		if (!r)
			r = spki_encode(&ek.public.publicArea, spki, &len, err);
		if (!r &&
		    json_array_append_new(list, key_json(type, &ek, spki, len)))
			r = error_set(err, -ENOMEM, VTPM_ERR_IDENTITY,
				      "out of memory");
		if (r)
			return r;
	}
	return 0;
}

static int allocate(ESYS_CONTEXT *esys, const json_t *request, json_t *reply,
		    struct error *err)
{
	(void)reply;
	return banks_allocate(esys, json_object_get(request, "banks"), err);
}

/* What the profiles of the TCG have for certificates of endorsement keys ... */
#define EK_FIRST_INDEX 0x01c00000
#define EK_LAST_INDEX 0x01c07fff
/* ... and of the platform, which name such a key. */
#define PLATFORM_CERTIFICATE 0x01c08000

/*
 * Those of before: their certificates, and templates that would make others than
 * ours of the seed, are of no use any more.
 */
static int replace(ESYS_CONTEXT *esys, const json_t *request, json_t *reply,
		   struct error *err)
{
	int r = ek_change_seed(esys, err);

	if (!r)
		r = nv_remove_range(esys, EK_FIRST_INDEX, EK_LAST_INDEX, err);
	if (!r)
		r = nv_remove(esys, PLATFORM_CERTIFICATE, err);
	return r ? r : keys(esys, request, reply, err);
}

/* A key that is there or can be made again, and its certificate. */
static int find_one(ESYS_CONTEXT *esys, int type, json_t *list,
		    struct error *err)
{
	uint8_t spki[EK_MAX_PUBLIC], der[EK_MAX_CERTIFICATE];
	struct error evicted = { 0 };
	size_t len = 0, n;
	struct ek_public ek;
	bool there;
	json_t *key;
	int r = ek_find(esys, type, &ek, &there, err);

	if (!r)
		r = nv_read(esys, ek_types[type].nv_index, der, &n, err);
	/* With a certificate it was one; the certificate tells whether it is. */
	if (r || (!there && (!n || ek_read(esys, type, &ek, &evicted))))
		return r;
	/* What the owner has put in its place may be no key of that kind. */
	r = spki_encode(&ek.public.publicArea, spki, &len,
			there ? err : &evicted);
	if (r)
		return there ? r : 0;
	key = key_json(type, &ek, spki, len);
	json_object_set_new(key, "persistent", json_boolean(there));
	if (n)
		json_object_set_new(key, "certificate", json_bytes(der, n));
	return json_array_append_new(list, key)
		       ? error_set(err, -ENOMEM, VTPM_ERR_IDENTITY,
				   "out of memory")
		       : 0;
}

static int find(ESYS_CONTEXT *esys, const json_t *request, json_t *reply,
		struct error *err)
{
	json_t *list;
	int r = begin(esys, reply, &list, err);

	(void)request;
	for (int type = 0; !r && type < EK_TYPES; type++)
		r = find_one(esys, type, list, err);
	return r;
}

static int write_certificate(ESYS_CONTEXT *esys, const json_t *item,
			     struct error *err)
{
	int type = ek_type_find(json_member(item, "type"));
	_cleanup_free_ uint8_t *der = NULL;
	size_t len;

	if (type < 0 ||
	    json_get_bytes(item, "certificate", EK_MAX_CERTIFICATE, &der, &len))
		return bad(err, "certificates");
	return nv_write(esys, ek_types[type].nv_index, der, len, err);
}

/* Spread over as many indices as it takes; those behind it are removed. */
static int write_chain(ESYS_CONTEXT *esys, const uint8_t *data, size_t len,
		       struct error *err)
{
	size_t off = 0;
	int r = 0;

	for (uint32_t i = 0; !r && i < EK_CHAIN_INDICES; i++) {
		size_t n = len - off;

		if (n > EK_MAX_CERTIFICATE)
			n = EK_MAX_CERTIFICATE;
		r = n ? nv_write(esys, EK_CHAIN_INDEX + i, data + off, n, err)
		      : nv_remove(esys, EK_CHAIN_INDEX + i, err);
		off += n;
	}
	return r;
}

static int write_all(ESYS_CONTEXT *esys, const json_t *request, json_t *reply,
		     struct error *err)
{
	const json_t *certs = json_object_get(request, "certificates"), *item;
	_cleanup_free_ uint8_t *chain = NULL;
	size_t i, len;
	int r;

	(void)reply;
	if (json_array_size(certs) > EK_TYPES ||
	    json_get_bytes(request, "chain", EK_MAX_CHAIN, &chain, &len))
		return bad(err, "chain");
	r = write_chain(esys, chain, len, err);
	json_array_foreach((json_t *)certs, i, item) {
		if (!r)
			r = write_certificate(esys, item, err);
	}
	return r;
}

int request_run(ESYS_CONTEXT *esys, const json_t *request, json_t *reply,
		struct error *err)
{
	static const struct {
		const char *name;
		int (*fn)(ESYS_CONTEXT *esys, const json_t *request,
			  json_t *reply, struct error *err);
	} operations[] = {
		{ "make", keys },	{ "read", keys },
		{ "replace", replace }, { "allocate", allocate },
		{ "find", find },	{ "write", write_all },
	};
	const char *name = json_member(request, "operation");

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]);
	     i++) {
		if (!strcmp(operations[i].name, name))
			return operations[i].fn(esys, request, reply, err);
	}
	return bad(err, "operation");
}
