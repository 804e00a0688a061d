// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "vtpmd/provider-change.h"
#include "vtpmd/provider-show.h"
#include "vtpmd/provider.h"
#include "vtpmd/registry.h"
#include "vtpmd/server.h"

/* Argument of a job; @p, @m and @call are for the main loop. */
struct work {
	struct manager *m;
	struct call *call;
	struct provider *p;
	const struct config *cfg;
	struct provider_ref ref;
	bool is_default, is_new;
	int password_fd, document_fd; /* the call's */
	json_t *info;		      /* the result */
};

static void work_free(struct work *w)
{
	provider_ref_deinit(&w->ref);
	json_decref(w->info);
	free(w);
}

/* vTPMs whose key was missing open by themselves when it is back. */
static void unlock(struct manager *m, const char *provider)
{
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (v->state == VTPM_LOCKED && vtpm_uses_provider(v, provider))
			ask_ahead_want(v);
	}
}

static void change_done(void *arg, const struct error *err)
{
	struct work *w = arg;

	w->p->busy = false;
	if (err) {
		log_warning("provider %s: %s: %s", w->ref.name, err->code,
			    err->text);
		if (w->is_new)
			manager_free_provider(w->m, w->p);
		call_error(w->call, err);
		work_free(w);
		return;
	}
	w->p->new = false;
	w->p->is_default = w->is_default;
	monitor_event(w->m, "provider", w->ref.name, NULL, NULL, NULL);
	unlock(w->m, w->ref.name);
	if (w->info)
		provider_complete(w->m, w->info);
	call_reply(w->call,
		   w->info ? json_pack("{s:O}", "provider", w->info) : NULL);
	work_free(w);
}

/* Register a provider once @operation has made its keys. */
static int register_new(struct work *w, struct error *err)
{
	int r = registry_save_provider(w->cfg, &w->ref, w->is_default, err);

	if (r < 0)
		registry_remove_provider(w->cfg, w->ref.name, NULL);
	return r;
}

static int add_run(struct job *job, void *arg, struct error *err)
{
	struct work *w = arg;
	int r = provider_make_dir(w->cfg, w->ref.name, err);

	(void)job;
	if (r < 0)
		return r;
	r = provider_new_key(w->cfg, &w->ref, NULL, err);
	if (!r)
		r = register_new(w, err);
	if (r < 0)
		provider_remove_dir(w->cfg, w->ref.name);
	else
		w->info = provider_describe(w->cfg, w->ref.name);
	return r;
}

const struct job_ops provider_add_ops = {
	.name = "provider add",
	.run = add_run,
	.done = change_done,
};

static int backup_run(struct job *job, void *arg, struct error *err)
{
	struct work *w = arg;
	int r = registry_load_provider(w->cfg, w->ref.name, &w->ref, NULL, err);

	(void)job;
	return r < 0 ? r
		     : provider_export(w->cfg, &w->ref, w->password_fd,
				       w->document_fd, err);
}

const struct job_ops provider_backup_ops = {
	.name = "provider backup",
	.run = backup_run,
	.done = change_done,
};

static int restore_run(struct job *job, void *arg, struct error *err)
{
	struct work *w = arg;
	char wanted[NAME_MAX_LEN + 1];
	int r = 0;

	(void)job;
	snprintf(wanted, sizeof(wanted), "%s", w->ref.type);
	if (!w->is_new)
		r = registry_load_provider(w->cfg, w->ref.name, &w->ref, NULL,
					   err);
	if (!r && strcmp(wanted, w->ref.type))
		r = error_set(err, -EEXIST, VTPM_ERR_EXISTS,
			      "provider %s is of type %s, not %s", w->ref.name,
			      w->ref.type, wanted);
	if (!r)
		r = provider_make_dir(w->cfg, w->ref.name, err);
	if (r < 0)
		return r;
	r = provider_import(w->cfg, &w->ref, w->password_fd, w->document_fd,
			    err);
	if (!r && w->is_new)
		r = register_new(w, err);
	if (r < 0 && w->is_new)
		provider_remove_dir(w->cfg, w->ref.name);
	if (!r)
		w->info = provider_describe(w->cfg, w->ref.name);
	return r;
}

const struct job_ops provider_restore_ops = {
	.name = "provider restore",
	.run = restore_run,
	.done = change_done,
};

struct provider *provider_find_any(struct manager *m, const char *name)
{
	struct provider *p;

	TAILQ_FOREACH(p, &m->providers, link) {
		if (!strcmp(p->name, name))
			return p;
	}
	return NULL;
}

int provider_change(struct manager *m, struct call *call,
		    const struct job_ops *ops, struct provider *p, bool is_new,
		    const char *type, json_t *config, struct error *err)
{
	struct work *w = calloc(1, sizeof(*w));
	int r;

	if (!w || !p) {
		free(w);
		r = error_set(err, -ENOMEM, VTPM_ERR_INTERNAL, "out of memory");
		goto fail;
	}
	w->m = m;
	w->call = call;
	w->p = p;
	w->cfg = &m->config;
	w->is_new = is_new;
	/* Not yet one that could be the default. */
	p->new = is_new;
	w->is_default = is_new ? !manager_default_provider(m) : p->is_default;
	w->password_fd = call_fd(call, 0);
	w->document_fd = call_fd(call, 1);
	snprintf(w->ref.name, sizeof(w->ref.name), "%s", p->name);
	snprintf(w->ref.type, sizeof(w->ref.type), "%s", type);
	w->ref.config = json_deep_copy(config);
	r = job_start(m->jobs, ops, w, err);
	if (r < 0) {
		work_free(w);
		goto fail;
	}
	p->busy = true;
	return 0;
fail:
	if (is_new && p)
		manager_free_provider(m, p);
	return r;
}

int provider_check_idle(const struct provider *p, struct error *err)
{
	if (!p->busy)
		return 0;
	return error_set(err, -EBUSY, VTPM_ERR_BUSY,
			 "another operation works on provider %s; try again",
			 p->name);
}

struct provider *provider_find(struct manager *m, const char *name,
			       struct error *err)
{
	struct provider *p;

	if (name_check(name, err) < 0)
		return NULL;
	p = manager_find_provider(m, name);
	if (!p)
		error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
			  "there is no key provider %s; see: vtpmctl provider "
			  "list",
			  name);
	return p;
}

struct provider *provider_find_idle(struct manager *m, const char *name,
				    struct error *err)
{
	struct provider *p = provider_find(m, name, err);

	return p && !provider_check_idle(p, err) ? p : NULL;
}
