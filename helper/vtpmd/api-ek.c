// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods of endorsement keys and of certificates from elsewhere. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/json.h"
#include "vtpmd/api.h"
#include "vtpmd/ca-program.h"
#include "vtpmd/identity.h"
#include "vtpmd/manager.h"
#include "vtpmd/server.h"

/* Bytes of PEM; vtpm-ca takes no more. */
#define MAX_PEM (64 * 1024)

static int no_facts(const struct vtpm *v, struct error *err)
{
	return error_set(
		err, -ENOENT, VTPM_ERR_NOT_FOUND,
		"it is not known yet what endorsement keys vTPM %s has: its "
		"file came from elsewhere; it is asked when it is started, "
		"with: vtpmctl start %s",
		v->name, v->name);
}

int api_ek_show(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err)
{
	const struct vtpm *v = manager_find(m, param_string(in, 0), err);

	if (!v)
		return err->errnum;
	if (!v->facts)
		return no_facts(v, err);
	call_reply(call, json_pack("{s:o}", "identity",
				   facts_to_json(v->facts, v->name)));
	return 0;
}

int api_ek_list(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err)
{
	json_t *list = json_array();
	struct vtpm *v;

	(void)in;
	(void)err;
	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!v->new && v->facts)
			json_array_append_new(
				list,
				json_pack("{s:s, s:o}", "name", v->name, "keys",
					  facts_summary(v->facts)));
	}
	call_reply(call, json_pack("{s:o}", "identities", list));
	return 0;
}

static int find_type(const char *name, struct error *err)
{
	int type = ek_type_find(name);

	if (type >= 0)
		return type;
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "the types of endorsement keys are rsa2048, p256 and "
			 "p384");
}

struct ek_request {
	struct call *call;
	const struct config *cfg;
	int type;
	json_t *facts, *members, *reply;
};

static void request_free(struct ek_request *r)
{
	json_decref(r->facts);
	json_decref(r->members);
	json_decref(r->reply);
	free(r);
}

static int request_run(struct job *job, void *arg, struct error *err)
{
	struct ek_request *r = arg;

	(void)job;
	return ca_program_for_key(r->cfg, "request", r->type, r->facts,
				  TAKE_PTR(r->members), &r->reply, err);
}

static void request_done(void *arg, const struct error *err)
{
	struct ek_request *r = arg;
	const json_t *key = facts_key(r->facts, r->type);

	if (err) {
		call_error(r->call, err);
	} else {
		json_object_set_new(r->reply, "tpmName",
				    json_string(json_member(key, "name")));
		call_reply(r->call, TAKE_PTR(r->reply));
	}
	request_free(r);
}

static const struct job_ops request_ops = {
	.name = "ek request",
	.run = request_run,
	.done = request_done,
	.read_only = true,
};

static int start_request(struct manager *m, struct call *call,
			 const struct vtpm *v, int type,
			 const struct param_values *in, struct error *err)
{
	struct ek_request *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	r->call = call;
	r->cfg = &m->config;
	r->type = type;
	/* A copy: references are not to be shared between threads. */
	r->facts = json_deep_copy(v->facts);
	r->members = json_object();
	if (in->v[2])
		json_object_set_new(r->members, "aia",
				    json_deep_copy(in->v[2]));
	if (in->v[3])
		json_object_set_new(r->members, "crl",
				    json_deep_copy(in->v[3]));
	e = job_start(m->jobs, &request_ops, r, err);
	if (e < 0)
		request_free(r);
	return e;
}

int api_ek_request(struct manager *m, struct call *call,
		   const struct param_values *in, struct error *err)
{
	const struct vtpm *v = manager_find(m, param_string(in, 0), err);
	int type;

	if (!v)
		return err->errnum;
	type = find_type(param_string(in, 1), err);
	if (type < 0)
		return type;
	if (!v->facts)
		return no_facts(v, err);
	if (!facts_key(v->facts, type))
		return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
				 "vTPM %s has no endorsement key of type %s; "
				 "see: vtpmctl ek show %s",
				 v->name, ek_types[type].name, v->name);
	return start_request(m, call, v, type, in, err);
}

int api_ek_import(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err)
{
	struct vtpm *v = manager_find(m, param_string(in, 0), err);
	struct import_options o = { 0 };
	const char *chain = param_string(in, 3);

	if (!v)
		return err->errnum;
	o.type = find_type(param_string(in, 1), err);
	if (o.type < 0)
		return o.type;
	if (strlen(param_string(in, 2)) > MAX_PEM ||
	    (chain && strlen(chain) > MAX_PEM))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "that is longer than any certificate");
	o.arguments =
		json_pack("{s:s, s:s}", "certificate", param_string(in, 2),
			  "chain", chain ? chain : "");
	return vtpm_import(v, &o, call, err);
}
