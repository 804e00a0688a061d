// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vtpmd/api.h"
#include "vtpmd/provider-change.h"
#include "vtpmd/provider-show.h"
#include "vtpmd/provider.h"
#include "vtpmd/registry.h"
#include "vtpmd/server.h"

json_t *provider_users(struct manager *m, const char *provider)
{
	json_t *users = json_array();
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!v->new &&vtpm_uses_provider(v, provider))
			json_array_append_new(users, json_string(v->name));
	}
	return users;
}

json_t *provider_describe(const struct config *cfg, const char *name)
{
	struct provider_ref ref = { 0 };
	struct error err = { 0 };
	json_t *out;

	if (registry_load_provider(cfg, name, &ref, NULL, &err) < 0)
		out = json_pack("{s:[], s:b, s:o}", "keys", "usable", 0,
				"reason", json_text(err.text));
	else
		out = provider_info(cfg, &ref);
	json_object_set_new(out, "name", json_string(name));
	json_object_set_new(out, "type", json_string(ref.type));
	provider_ref_deinit(&ref);
	return out;
}

void provider_complete(struct manager *m, json_t *info)
{
	const char *name = json_string_value(json_object_get(info, "name"));
	const struct provider *p = name ? manager_find_provider(m, name) : NULL;

	json_object_set_new(
		info, "isDefault",
		json_boolean(p && p == manager_default_provider(m)));
	json_object_set_new(info, "users", provider_users(m, name ? name : ""));
}

/* One or all of them, asked one after the other. */
struct query {
	struct manager *m;
	struct call *call;
	const struct config *cfg;
	bool all;
	json_t *list;
	size_t n;
	char names[][NAME_MAX_LEN + 1];
};

static int query_run(struct job *job, void *arg, struct error *err)
{
	struct query *q = arg;

	(void)job;
	(void)err;
	for (size_t i = 0; i < q->n; i++)
		json_array_append_new(q->list,
				      provider_describe(q->cfg, q->names[i]));
	return 0;
}

static void query_done(void *arg, const struct error *err)
{
	struct query *q = arg;
	json_t *info;
	size_t i;

	json_array_foreach(q->list, i, info)
		provider_complete(q->m, info);
	if (err)
		call_error(q->call, err);
	else if (q->all)
		call_reply(q->call, json_pack("{s:O}", "providers", q->list));
	else
		call_reply(q->call, json_pack("{s:O}", "provider",
					      json_array_get(q->list, 0)));
	json_decref(q->list);
	free(q);
}

static const struct job_ops query_ops = {
	.name = "provider show",
	.run = query_run,
	.done = query_done,
	.read_only = true,
};

/* @only or, if that is NULL, all. */
static int query(struct manager *m, struct call *call,
		 const struct provider *only, struct error *err)
{
	struct provider *p;
	struct query *q;
	size_t n = 0;
	int r;

	TAILQ_FOREACH(p, &m->providers, link)
		n++;
	q = calloc(1, sizeof(*q) + n * sizeof(q->names[0]));
	if (!q)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	q->m = m;
	q->call = call;
	q->cfg = &m->config;
	q->all = !only;
	q->list = json_array();
	TAILQ_FOREACH(p, &m->providers, link) {
		if (p->new || (only && p != only))
			continue;
		snprintf(q->names[q->n++], sizeof(q->names[0]), "%s", p->name);
	}
	r = job_start(m->jobs, &query_ops, q, err);
	if (r < 0) {
		json_decref(q->list);
		free(q);
	}
	return r;
}

int api_provider_list(struct manager *m, struct call *call,
		      const struct param_values *in, struct error *err)
{
	(void)in;
	return query(m, call, NULL, err);
}

int api_provider_show(struct manager *m, struct call *call,
		      const struct param_values *in, struct error *err)
{
	struct provider *p = provider_find(m, param_string(in, 0), err);

	return p ? query(m, call, p, err) : err->errnum;
}
