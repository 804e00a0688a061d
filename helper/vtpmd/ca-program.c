// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/json.h"
#include "vtpmd/ca-program.h"
#include "vtpmd/ca-state.h"
#include "vtpmd/identity.h"
#include "vtpmd/run-helper.h"
#include "vtpmd/spawn.h"

/* An RSA key of the CA may take its time in a guest. */
#define TIMEOUT_MS 120000

static int run(const struct config *cfg, json_t *request, int fd,
	       const char *what, json_t **reply, struct error *err)
{
	char *argv[] = { "vtpm-ca", NULL };

	return helper_run(cfg,
			  &(struct helper_run){ .argv = argv,
						.user = &cfg->ca_user,
						.request = request,
						.fd = fd,
						.timeout_ms = TIMEOUT_MS,
						.what = what },
			  reply, err);
}

/* Certificate and sealed key, and no more of what stands there. */
static json_t *authority(const json_t *from)
{
	return json_pack("{s:s, s:s}", "certificate",
			 json_member(from, "certificate"), "key",
			 json_member(from, "key"));
}

static json_t *public_keys(const json_t *facts)
{
	json_t *out = json_array(), *key;
	size_t i;

	json_array_foreach(json_object_get(facts, "keys"), i, key)
		json_array_append_new(
			out, json_pack("{s:s, s:s}", "type",
				       json_member(key, "type"), "public",
				       json_member(key, "public")));
	return out;
}

/* "{n}" in it is the number of the issuing certificate. */
static void add_url(json_t *request, const json_t *state, const char *name,
		    size_t generation)
{
	const char *url = json_member(state, name), *at = strstr(url, "{n}");
	char text[512];

	if (!*url)
		return;
	if (at)
		snprintf(text, sizeof(text), "%.*s%zu%s", (int)(at - url), url,
			 generation, at + 3);
	else
		snprintf(text, sizeof(text), "%s", url);
	json_object_set_new(request, name, json_string(text));
}

static void add_generation(json_t *request, const json_t *state,
			   size_t generation)
{
	const json_t *all = json_object_get(state, "issuing");

	json_object_set_new(request, "generation", json_integer(generation));
	json_object_set_new(request, "issuing",
			    authority(json_array_get(all, generation - 1)));
}

static void add_issue(json_t *request, const json_t *state, const json_t *facts)
{
	size_t newest = ca_generations(state);

	add_generation(request, state, newest);
	add_url(request, state, "aia", newest);
	add_url(request, state, "crl", newest);
	json_object_set(request, "tpm", json_object_get(facts, "tpm"));
	json_object_set_new(request, "keys", public_keys(facts));
}

static void add_renew(json_t *request, const json_t *state, const json_t *args)
{
	(void)args;
	json_object_set_new(request, "root",
			    authority(json_object_get(state, "root")));
	json_object_set_new(request, "generation",
			    json_integer(ca_generations(state) + 1));
}

static void add_crl(json_t *request, const json_t *state, const json_t *args)
{
	const json_t *n = json_object_get(args, "generation");

	json_object_update(request, (json_t *)args);
	add_generation(request, state, json_integer_value(n));
	json_object_set(request, "revoked", json_object_get(state, "revoked"));
}

static void add_nothing(json_t *request, const json_t *state,
			const json_t *args)
{
	(void)request;
	(void)state;
	(void)args;
}

int ca_program(const struct config *cfg, const struct ca *ca,
	       const char *operation, const json_t *args, json_t **reply,
	       struct error *err)
{
	static const struct {
		const char *name;
		void (*add)(json_t *request, const json_t *state,
			    const json_t *args);
	} operations[] = {
		{ "new", add_nothing },
		{ "renew", add_renew },
		{ "issue", add_issue },
		{ "crl", add_crl },
	};
	_cleanup_close_ int fd = -1;
	json_t *request;
	int r = secret_pipe(ca->key, &fd);

	if (r < 0)
		return error_set(err, r, VTPM_ERR_INTERNAL, "key pipe: %s",
				 strerror(-r));
	request = json_pack("{s:s, s:s, s:s, s:s}", "operation", operation,
			    "uuid", json_member(ca->state, "uuid"), "algorithm",
			    json_member(ca->state, "algorithm"), "name",
			    json_member(ca->state, "name"));
	for (size_t i = 0;
	     request && i < sizeof(operations) / sizeof(*operations); i++) {
		if (!strcmp(operations[i].name, operation))
			operations[i].add(request, ca->state, args);
	}
	return run(cfg, request, fd, "the CA", reply, err);
}

int ca_program_for_key(const struct config *cfg, const char *operation,
		       int type, const json_t *facts, json_t *members,
		       json_t **reply, struct error *err)
{
	const json_t *key = facts_key(facts, type);
	json_t *request = json_pack(
		"{s:s, s:O?, s:[{s:s, s:s}]}", "operation", operation, "tpm",
		json_object_get(facts, "tpm"), "keys", "type",
		json_member(key, "type"), "public", json_member(key, "public"));

	if (request)
		json_object_update_missing(request, members);
	json_decref(members);
	return run(cfg, request, -1, ek_types[type].name, reply, err);
}
