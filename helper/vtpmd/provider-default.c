// SPDX-License-Identifier: GPL-2.0-or-later
/* The provider for vTPMs that are created without naming one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vtpmd/api.h"
#include "vtpmd/provider-change.h"
#include "vtpmd/provider.h"
#include "vtpmd/registry.h"
#include "vtpmd/server.h"

/* The new one last, after all that are the default so far. */
struct choice {
	struct manager *m;
	struct call *call;
	const struct config *cfg;
	size_t n;
	struct {
		struct provider *p;
		char name[NAME_MAX_LEN + 1];
	} item[];
};

static int save(const struct config *cfg, const char *name, bool is_default,
		struct error *err)
{
	struct provider_ref ref = { 0 };
	int r = registry_load_provider(cfg, name, &ref, NULL, err);

	if (!r)
		r = registry_save_provider(cfg, &ref, is_default, err);
	provider_ref_deinit(&ref);
	return r;
}

/* Cut by a power failure there is no default, rather than two. */
static int choose_run(struct job *job, void *arg, struct error *err)
{
	struct choice *c = arg;
	int r = 0;

	(void)job;
	for (size_t i = 0; !r && i < c->n; i++)
		r = save(c->cfg, c->item[i].name, i == c->n - 1, err);
	return r;
}

static void choose_done(void *arg, const struct error *err)
{
	struct choice *c = arg;

	for (size_t i = 0; i < c->n; i++) {
		c->item[i].p->busy = false;
		if (!err)
			c->item[i].p->is_default = i == c->n - 1;
	}
	if (err) {
		call_error(c->call, err);
	} else {
		monitor_event(c->m, "provider", c->item[c->n - 1].name, NULL,
			      NULL, NULL);
		call_reply(c->call, NULL);
	}
	free(c);
}

static const struct job_ops choose_ops = {
	.name = "provider default",
	.run = choose_run,
	.done = choose_done,
};

static void add(struct choice *c, struct provider *p)
{
	c->item[c->n].p = p;
	snprintf(c->item[c->n].name, sizeof(c->item[0].name), "%s", p->name);
	c->n++;
}

int api_provider_set_default(struct manager *m, struct call *call,
			     const struct param_values *in, struct error *err)
{
	struct provider *p = provider_find_idle(m, param_string(in, 0), err);
	struct provider *other;
	struct choice *c;
	size_t n = 1;
	int r = 0;

	if (!p)
		return err->errnum;
	TAILQ_FOREACH(other, &m->providers, link) {
		n += other->is_default;
		if (!r && other->is_default)
			r = provider_check_idle(other, err);
	}
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c) + n * sizeof(c->item[0]));
	if (!c)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	c->m = m;
	c->call = call;
	c->cfg = &m->config;
	TAILQ_FOREACH(other, &m->providers, link) {
		if (other->is_default && other != p)
			add(c, other);
	}
	add(c, p);
	r = job_start(m->jobs, &choose_ops, c, err);
	if (r < 0) {
		free(c);
		return r;
	}
	for (size_t i = 0; i < c->n; i++)
		c->item[i].p->busy = true;
	return 0;
}

int api_provider_get_default(struct manager *m, struct call *call,
			     const struct param_values *in, struct error *err)
{
	const struct provider *p = manager_default_provider(m);

	(void)in;
	(void)err;
	call_reply(call, p ? json_pack("{s:s}", "name", p->name) : NULL);
	return 0;
}
