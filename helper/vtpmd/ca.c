// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/json.h"
#include "util/log.h"
#include "vtpmd/ca-program.h"
#include "vtpmd/ca-state.h"
#include "vtpmd/ca.h"
#include "vtpmd/data-key.h"
#include "vtpmd/identity.h"

/* Each keeps its key for its list of what is revoked. */
#define MAX_GENERATIONS 32
/* vtpm-ca takes no more. */
#define MAX_REVOKED 1000

void ca_close(struct ca *ca)
{
	json_decref(ca->state);
	secret_free(ca->key);
	*ca = CA_NONE;
}

static void cleanup_ca(struct ca *ca)
{
	ca_close(ca);
}

/* Everything of a new CA but its certificates. */
static json_t *new_state(const struct ca_options *o, const uint8_t *uuid,
			 const struct nvram_wrap *w)
{
	char text[UUID_TEXT_LEN], name[32];
	json_t *state;

	uuid_format(uuid, text);
	snprintf(name, sizeof(name), "vtpm %.8s", text);
	state = json_pack("{s:i, s:s, s:s, s:s, s:[]}", "version", 1, "uuid",
			  text, "algorithm",
			  o->algorithm ? o->algorithm : "p384", "name",
			  o->name ? o->name : name, "revoked");
	if (!state || ca_set_wrap(state, w)) {
		json_decref(state);
		return NULL;
	}
	if (o->aia)
		json_object_set_new(state, "aia", json_string(o->aia));
	if (o->crl)
		json_object_set_new(state, "crl", json_string(o->crl));
	return state;
}

/* With the lock held. */
static int make(const struct config *cfg, const struct ca_options *o,
		struct ca *out, struct error *err)
{
	_cleanup_(ca) struct ca ca = { .key = secret_random(NVRAM_KEY_LEN) };
	_cleanup_(json) json_t *reply = NULL;
	struct nvram_wrap w = { 0 };
	uint8_t uuid[UUID_LEN];
	int r;

	if (!ca.key)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "no memory for the key of the CA");
	uuid_new(uuid);
	r = data_key_wrap(cfg, o->provider, ca.key, uuid, &w, err);
	if (r < 0)
		return r;
	ca.state = new_state(o, uuid, &w);
	if (!ca.state)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "the name or a URL of the CA is no text");
	r = ca_program(cfg, &ca, "new", NULL, &reply, err);
	if (r < 0)
		return r;
	if (json_object_set(ca.state, "root", json_object_get(reply, "root")) ||
	    json_object_set_new(
		    ca.state, "issuing",
		    json_pack("[O]", json_object_get(reply, "issuing"))))
		return error_set(err, -EPROTO, VTPM_ERR_IDENTITY,
				 "vtpm-ca made no CA");
	r = ca_save(cfg, ca.state, err);
	if (r < 0)
		return r;
	log_notice("there is a CA now, %s; its key is wrapped by provider %s",
		   json_member(ca.state, "name"), o->provider);
	*out = ca;
	ca = CA_NONE;
	return 0;
}

int ca_init(const struct config *cfg, const struct ca_options *o,
	    struct error *err)
{
	_cleanup_(ca) struct ca ca = CA_NONE;
	_cleanup_close_ int lock = -1;
	int r = ca_lock(cfg, &lock, err);

	if (r < 0)
		return r;
	r = ca_load(cfg, &ca.state, err);
	if (!r)
		return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
				 "there is a CA already; see: vtpmctl ca show. "
				 "A new issuing certificate is made with: "
				 "vtpmctl ca renew");
	return r == -ENOENT ? make(cfg, o, &ca, err) : r;
}

/* The data key of a CA that is there. */
static int unlock(const struct config *cfg, struct ca *ca, struct error *err)
{
	uint8_t uuid[UUID_LEN];
	struct nvram_wrap w;
	int r = ca_get_uuid(ca->state, uuid, err);

	if (!r)
		r = ca_get_wrap(ca->state, &w, err);
	if (r < 0)
		return r;
	r = data_key_unwrap_one(cfg, uuid, &w, &ca->key, err);
	return r < 0 ? error_prefix(err, "the CA needs key %s of provider %s",
				    w.key_id, w.provider)
		     : 0;
}

int ca_open(const struct config *cfg, const struct ca_options *o,
	    struct ca *out, struct error *err)
{
	_cleanup_(ca) struct ca ca = CA_NONE;
	_cleanup_close_ int lock = -1;
	int r = ca_load(cfg, &ca.state, err);

	if (r == -ENOENT) {
		r = ca_lock(cfg, &lock, err);
		/* Somebody else may have made it meanwhile. */
		if (!r)
			r = ca_load(cfg, &ca.state, err);
		if (r == -ENOENT)
			return make(cfg, o, out, err);
	}
	if (!r)
		r = unlock(cfg, &ca, err);
	if (r < 0)
		return r;
	*out = ca;
	ca = CA_NONE;
	return 0;
}

/* Its state, locked against others, and its data key. */
static int open_to_change(const struct config *cfg, struct ca *ca, int *lock,
			  struct error *err)
{
	int r = ca_lock(cfg, lock, err);

	if (!r)
		r = ca_load(cfg, &ca->state, err);
	return r < 0 ? r : unlock(cfg, ca, err);
}

int ca_issue(const struct config *cfg, const struct ca *ca, json_t *facts,
	     struct error *err)
{
	const json_t *newest = ca_newest(ca->state);
	const json_t *root = json_object_get(ca->state, "root");
	_cleanup_(json) json_t *reply = NULL, *chain = NULL;
	json_t *cert;
	size_t i, n = 0;
	int r;

	chain = json_pack("[s, s]", json_member(newest, "certificate"),
			  json_member(root, "certificate"));
	r = ca_program(cfg, ca, "issue", facts, &reply, err);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(reply, "certificates"), i, cert) {
		if (!r)
			r = facts_add_certificate(facts, cert, chain, "ca");
		n++;
	}
	if (r || n != json_array_size(json_object_get(facts, "keys")))
		return error_set(err, -EPROTO, VTPM_ERR_IDENTITY,
				 "vtpm-ca did not make every certificate");
	return 0;
}

int ca_renew(const struct config *cfg, struct error *err)
{
	_cleanup_(ca) struct ca ca = CA_NONE;
	_cleanup_(json) json_t *reply = NULL;
	_cleanup_close_ int lock = -1;
	int r = open_to_change(cfg, &ca, &lock, err);

	if (!r && ca_generations(ca.state) >= MAX_GENERATIONS)
		r = error_set(err, -ENOSPC, VTPM_ERR_INVALID,
			      "the CA has %d issuing certificates; that is the "
			      "limit",
			      MAX_GENERATIONS);
	if (!r)
		r = ca_program(cfg, &ca, "renew", NULL, &reply, err);
	if (r < 0)
		return r;
	if (json_array_append(json_object_get(ca.state, "issuing"),
			      json_object_get(reply, "issuing")))
		return error_set(err, -EPROTO, VTPM_ERR_IDENTITY,
				 "vtpm-ca made no certificate");
	return ca_save(cfg, ca.state, err);
}

int ca_rekey(const struct config *cfg, const char *provider, struct error *err)
{
	_cleanup_(ca) struct ca ca = CA_NONE;
	_cleanup_close_ int lock = -1;
	struct nvram_wrap old, new = { 0 };
	uint8_t uuid[UUID_LEN];
	int r = open_to_change(cfg, &ca, &lock, err);

	if (!r)
		r = ca_get_uuid(ca.state, uuid, err);
	if (!r)
		r = ca_get_wrap(ca.state, &old, err);
	if (!r)
		r = data_key_wrap(cfg, provider ? provider : old.provider,
				  ca.key, uuid, &new, err);
	if (r < 0)
		return r;
	if (ca_set_wrap(ca.state, &new))
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	return ca_save(cfg, ca.state, err);
}

/* With the lock held. */
static int make_crls(const struct config *cfg, struct ca *ca, int days,
		     struct error *err)
{
	json_t *number = json_object_get(ca->state, "crlNumber"), *item;
	json_int_t next = json_integer_value(number) + 1;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(ca->state, "issuing"), i, item) {
		_cleanup_(json) json_t *reply = NULL, *args = NULL;

		if (r)
			break;
		args = json_pack("{s:I, s:i, s:I}", "number", next, "days",
				 days, "generation", (json_int_t)i + 1);
		r = ca_program(cfg, ca, "crl", args, &reply, err);
		if (!r &&
		    json_object_set(item, "crl", json_object_get(reply, "crl")))
			r = error_set(err, -EPROTO, VTPM_ERR_IDENTITY,
				      "vtpm-ca made no list");
	}
	if (r < 0)
		return r;
	json_object_set_new(ca->state, "crlNumber", json_integer(next));
	return ca_save(cfg, ca->state, err);
}

int ca_make_crls(const struct config *cfg, int days, struct error *err)
{
	_cleanup_(ca) struct ca ca = CA_NONE;
	_cleanup_close_ int lock = -1;
	int r = open_to_change(cfg, &ca, &lock, err);

	return r < 0 ? r : make_crls(cfg, &ca, days, err);
}

static bool is_revoked(const json_t *state, const char *serial)
{
	const json_t *list = json_object_get(state, "revoked");
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item) {
		if (!strcmp(json_member(item, "serial"), serial))
			return true;
	}
	return false;
}

int ca_revoke(const struct config *cfg, const json_t *serials,
	      struct error *err)
{
	_cleanup_(ca) struct ca ca = CA_NONE;
	_cleanup_close_ int lock = -1;
	json_t *list, *item;
	size_t i;
	int r = open_to_change(cfg, &ca, &lock, err);

	if (r < 0)
		return r;
	list = json_object_get(ca.state, "revoked");
	json_array_foreach((json_t *)serials, i, item) {
		if (is_revoked(ca.state, json_string_value(item)))
			continue;
		if (json_array_size(list) >= MAX_REVOKED)
			return error_set(err, -ENOSPC, VTPM_ERR_INVALID,
					 "%d certificates are revoked; that is "
					 "the limit",
					 MAX_REVOKED);
		json_array_append_new(list, json_pack("{s:O, s:I}", "serial",
						      item, "time",
						      (json_int_t)time(NULL)));
	}
	return make_crls(cfg, &ca, CA_CRL_DAYS, err);
}
