// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vtpmd/api.h"
#include "vtpmd/provider-change.h"
#include "vtpmd/provider.h"
#include "vtpmd/registry.h"
#include "vtpmd/server.h"

struct checkup {
	struct call *call;
	const struct config *cfg;
	char name[NAME_MAX_LEN + 1];
	json_t *result;
};

static int check_run(struct job *job, void *arg, struct error *err)
{
	struct checkup *c = arg;
	struct provider_ref ref = { 0 };
	int r = registry_load_provider(c->cfg, c->name, &ref, NULL, err);

	(void)job;
	if (!r) {
		c->result = provider_check(c->cfg, &ref);
		if (!c->result)
			r = error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				      "out of memory");
	}
	provider_ref_deinit(&ref);
	return r;
}

static void check_done(void *arg, const struct error *err)
{
	struct checkup *c = arg;

	if (err)
		call_error(c->call, err);
	else
		call_reply(c->call, json_incref(c->result));
	json_decref(c->result);
	free(c);
}

static const struct job_ops check_ops = {
	.name = "provider check",
	.run = check_run,
	.done = check_done,
	.read_only = true,
};

int api_provider_check(struct manager *m, struct call *call,
		       const struct param_values *in, struct error *err)
{
	const struct provider *p = provider_find(m, param_string(in, 0), err);
	struct checkup *c;
	int r;

	if (!p)
		return err->errnum;
	c = calloc(1, sizeof(*c));
	if (!c)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	c->call = call;
	c->cfg = &m->config;
	snprintf(c->name, sizeof(c->name), "%s", p->name);
	r = job_start(m->jobs, &check_ops, c, err);
	if (r < 0)
		free(c);
	return r;
}
