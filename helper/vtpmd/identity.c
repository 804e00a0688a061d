// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/json.h"
#include "vtpmd/engine.h"
#include "vtpmd/identity.h"
#include "vtpmd/run-helper.h"

/* Finding the primes of an RSA key takes its time, and more of it in a guest.
 */
#define TIMEOUT_MS 300000

unsigned int identity_default_types(void)
{
	unsigned int types = 0;

	for (int i = 0; i < EK_TYPES; i++)
		types |= ek_types[i].by_default ? EK_BIT(i) : 0;
	return types;
}

int identity_ask(const struct config *cfg, const char *name, json_t *request,
		 json_t **reply, struct error *err)
{
	char *argv[] = { "vtpm-identity", "--tcti-fd", "3", NULL };
	_cleanup_close_ int sock = engine_connect(cfg, name);
	char what[NAME_MAX_LEN + 32];

	if (sock < 0) {
		json_decref(request);
		return error_set(err, sock, VTPM_ERR_IDENTITY,
				 "control socket of engine %s: %s", name,
				 strerror(-sock));
	}
	snprintf(what, sizeof(what), "endorsement keys of %s", name);
	return helper_run(cfg,
			  &(struct helper_run){ .argv = argv,
						.user = &cfg->engine_user,
						.request = request,
						.fd = sock,
						.timeout_ms = TIMEOUT_MS,
						.what = what },
			  reply, err);
}

static json_t *type_names(unsigned int types)
{
	json_t *out = json_array();

	for (int i = 0; i < EK_TYPES; i++) {
		if (types & EK_BIT(i))
			json_array_append_new(out,
					      json_string(ek_types[i].name));
	}
	return out;
}

/* Is every key that was asked for in it? */
static bool is_complete(const json_t *facts, unsigned int types)
{
	for (int i = 0; i < EK_TYPES; i++) {
		const json_t *key = facts_key(facts, i);

		if (types & EK_BIT(i) && !*json_member(key, "public"))
			return false;
	}
	return json_is_object(json_object_get(facts, "tpm"));
}

static int get_keys(const struct config *cfg, const char *name,
		    const char *operation, unsigned int types, json_t **facts,
		    struct error *err)
{
	_cleanup_(json) json_t *reply = NULL;
	int r = identity_ask(cfg, name,
			     json_pack("{s:s, s:o}", "operation", operation,
				       "types", type_names(types)),
			     &reply, err);

	if (r < 0)
		return r;
	if (!is_complete(reply, types))
		return error_set(err, -EPROTO, VTPM_ERR_IDENTITY,
				 "endorsement keys of %s: the reply has not "
				 "all of them",
				 name);
	*facts = TAKE_PTR(reply);
	return 0;
}

int identity_make(const struct config *cfg, const char *name,
		  unsigned int types, json_t **facts, struct error *err)
{
	return get_keys(cfg, name, "make", types, facts, err);
}

int identity_allocate(const struct config *cfg, const char *name,
		      const json_t *banks, struct error *err)
{
	_cleanup_(json) json_t *reply = NULL;

	return identity_ask(cfg, name,
			    json_pack("{s:s, s:O}", "operation", "allocate",
				      "banks", banks),
			    &reply, err);
}

int identity_replace(const struct config *cfg, const char *name,
		     unsigned int types, json_t **facts, struct error *err)
{
	return get_keys(cfg, name, "replace", types, facts, err);
}

int identity_read(const struct config *cfg, const char *name,
		  unsigned int types, json_t **facts, struct error *err)
{
	return get_keys(cfg, name, "read", types, facts, err);
}

/* Certificates one after the other, as base64; NULL if they do not fit. */
static json_t *join_chain(const json_t *chain)
{
	_cleanup_free_ uint8_t *all = malloc(EK_MAX_CHAIN);
	size_t used = 0, i;
	json_t *item;

	json_array_foreach((json_t *)chain, i, item) {
		_cleanup_(json) json_t *one = json_pack("{s:O}", "der", item);
		_cleanup_free_ uint8_t *der = NULL;
		size_t n;

		if (!all ||
		    json_get_bytes(one, "der", EK_MAX_CHAIN - used, &der, &n))
			return NULL;
		memcpy(all + used, der, n);
		used += n;
	}
	return used ? json_bytes(all, used) : NULL;
}

int identity_write(const struct config *cfg, const char *name,
		   unsigned int types, const json_t *facts, struct error *err)
{
	json_t *chain = join_chain(json_object_get(facts, "chain"));
	_cleanup_(json) json_t *reply = NULL;
	json_t *certs = json_array();

	if (!chain) {
		json_decref(certs);
		return error_set(err, -E2BIG, VTPM_ERR_CERTIFICATE,
				 "the chains of all certificates of %s are "
				 "longer than the %u bytes that there are for "
				 "them",
				 name, EK_MAX_CHAIN);
	}
	for (int i = 0; i < EK_TYPES; i++) {
		const json_t *key = facts_key(facts, i);

		if (types & EK_BIT(i) && *json_member(key, "certificate"))
			json_array_append_new(
				certs,
				json_pack("{s:s, s:s}", "type",
					  ek_types[i].name, "certificate",
					  json_member(key, "certificate")));
	}
	return identity_ask(cfg, name,
			    json_pack("{s:s, s:o, s:o}", "operation", "write",
				      "certificates", certs, "chain", chain),
			    &reply, err);
}
