// SPDX-License-Identifier: GPL-2.0-or-later
/* What is public of the endorsement keys of a TPM that somebody else has made. */
#include <errno.h>
#include <string.h>

#include "util/json.h"
#include "util/log.h"
#include "vtpmd/ca-program.h"
#include "vtpmd/ca-state.h"
#include "vtpmd/identity.h"

/* The certificate of a key: what it says, if it is for that key. */
static int describe(const struct config *cfg, int type, json_t *facts,
		    const char *der, struct error *err)
{
	_cleanup_free_ char *pem = pem_append(NULL, "CERTIFICATE", der);
	_cleanup_(json) json_t *reply = NULL;
	int r = ca_program_for_key(
		cfg, "describe", type, facts,
		json_pack("{s:s}", "certificate", pem ? pem : ""), &reply, err);

	return r < 0 ? r : facts_add_certificate(facts, reply, NULL, "import");
}

/* False if it turned out to be none. */
static bool complete(const struct config *cfg, const char *name, int type,
		     json_t *facts)
{
	json_t *key = facts_key(facts, type);
	bool persistent = json_is_true(json_object_get(key, "persistent"));
	_cleanup_free_ char *der = strdup(json_member(key, "certificate"));
	struct error err = { .text = "out of memory" };
	int r = 0;

	json_object_del(key, "persistent");
	json_object_del(key, "certificate");
	if (!der || *der)
		r = der ? describe(cfg, type, facts, der, &err) : -ENOMEM;
	if (r < 0)
		log_warning("vTPM %s: what NV index 0x%08x has is not shown as "
			    "the certificate of its key %s: %s",
			    name, ek_types[type].nv_index, ek_types[type].name,
			    err.text);
	return !r || persistent;
}

int identity_find(const struct config *cfg, const char *name, json_t **facts,
		  struct error *err)
{
	_cleanup_(json) json_t *found = NULL;
	int r = identity_ask(cfg, name, json_pack("{s:s}", "operation", "find"),
			     &found, err);
	json_t *keys = json_object_get(found, "keys"), *key;
	size_t i = 0;

	if (r < 0)
		return r;
	if (!json_is_object(json_object_get(found, "tpm")))
		return error_set(err, -EPROTO, VTPM_ERR_IDENTITY,
				 "endorsement keys of %s: the reply does not "
				 "say what TPM it is",
				 name);
	while ((key = json_array_get(keys, i))) {
		int type = ek_type_find(json_member(key, "type"));

		if (type >= 0 && *json_member(key, "public") &&
		    complete(cfg, name, type, found))
			i++;
		else
			json_array_remove(keys, i);
	}
	*facts = TAKE_PTR(found);
	return 0;
}
