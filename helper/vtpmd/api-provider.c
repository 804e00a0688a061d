// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods on key providers; each but none is a job. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "vtpmd/api.h"
#include "vtpmd/manager.h"
#include "vtpmd/provider.h"
#include "vtpmd/registry.h"
#include "vtpmd/server.h"

#define MAX_PROVIDERS 64

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

static json_t *users_of(struct manager *m, const char *provider)
{
	json_t *users = json_array();
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!v->new &&vtpm_uses_provider(v, provider))
			json_array_append_new(users, json_string(v->name));
	}
	return users;
}

/* In a job: what the program and the file say of a provider. */
static json_t *describe(const struct config *cfg, const char *name)
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

/* In the main loop: what only the manager knows. */
static void complete(struct manager *m, json_t *info)
{
	const char *name = json_string_value(json_object_get(info, "name"));
	const struct provider *p = name ? manager_find_provider(m, name) : NULL;

	json_object_set_new(
		info, "isDefault",
		json_boolean(p && p == manager_default_provider(m)));
	json_object_set_new(info, "users", users_of(m, name ? name : ""));
}

/* vTPMs whose key was missing open by themselves when it is back. */
static void unlock(struct manager *m, const char *provider)
{
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (v->state == VTPM_LOCKED && vtpm_uses_provider(v, provider))
			v->want_start = true;
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
		complete(w->m, w->info);
	call_reply(w->call,
		   w->info ? json_pack("{s:O}", "provider", w->info) : NULL);
	work_free(w);
}

/* Register a provider once @operation has made its keys. */
static int register_new(struct work *w, struct error *err)
{
	int r = registry_save_provider(w->cfg, &w->ref, w->is_default, err);

	if (r < 0)
		registry_remove_provider(w->cfg, w->ref.name);
	return r;
}

static int add_run(struct job *job, void *arg, struct error *err)
{
	struct work *w = arg;
	int r = provider_make_dir(w->cfg, w->ref.name, err);

	(void)job;
	if (r < 0)
		return r;
	r = provider_new_key(w->cfg, &w->ref, err);
	if (!r)
		r = register_new(w, err);
	if (r < 0)
		provider_remove_dir(w->cfg, w->ref.name);
	else
		w->info = describe(w->cfg, w->ref.name);
	return r;
}

static const struct job_ops add_ops = {
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

static const struct job_ops backup_ops = {
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
		w->info = describe(w->cfg, w->ref.name);
	return r;
}

static const struct job_ops restore_ops = {
	.name = "provider restore",
	.run = restore_run,
	.done = change_done,
};

static struct provider *find_any(struct manager *m, const char *name)
{
	struct provider *p;

	TAILQ_FOREACH(p, &m->providers, link) {
		if (!strcmp(p->name, name))
			return p;
	}
	return NULL;
}

/* Start a job on @p, which is freed if it was made for that and this fails. */
static int change(struct manager *m, struct call *call,
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

static int check_idle(const struct provider *p, struct error *err)
{
	if (!p->busy)
		return 0;
	return error_set(err, -EBUSY, VTPM_ERR_BUSY,
			 "another operation works on provider %s; try again",
			 p->name);
}

static int check_room(struct manager *m, struct error *err)
{
	struct provider *p;
	unsigned int n = 0;

	TAILQ_FOREACH(p, &m->providers, link)
		n++;
	if (n < MAX_PROVIDERS)
		return 0;
	return error_set(err, -ENOSPC, VTPM_ERR_INVALID,
			 "there are %u key providers; that is the limit", n);
}

int api_provider_add(struct manager *m, struct call *call,
		     const struct param_values *in, struct error *err)
{
	const char *name = param_string(in, 0), *type = param_string(in, 1);
	struct provider *p;
	int r = name_check(name, err);

	if (!r)
		r = name_check(type, err);
	if (!r)
		r = provider_check_type(&m->config, type, err);
	if (!r)
		r = check_room(m, err);
	if (r < 0)
		return r;
	p = find_any(m, name);
	if (p && !p->new)
		return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
				 "there is a provider %s already; choose "
				 "another name",
				 name);
	if (p)
		return check_idle(p, err);
	return change(m, call, &add_ops, manager_add_provider(m, name), true,
		      type, in->v[2], err);
}

static int check_fds(const struct call *call, struct error *err)
{
	if (call_fd(call, 1) >= 0)
		return 0;
	return error_set(err, -EBADF, VTPM_ERR_INVALID,
			 "two descriptors have to come with the call: of the "
			 "password and of the document");
}

int api_provider_backup(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err)
{
	const char *name = param_string(in, 0);
	struct provider *p;
	int r = name_check(name, err);

	if (!r)
		r = check_fds(call, err);
	if (r < 0)
		return r;
	p = manager_find_provider(m, name);
	if (!p)
		return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
				 "there is no key provider %s; see: vtpmctl "
				 "provider list",
				 name);
	r = check_idle(p, err);
	return r < 0 ? r
		     : change(m, call, &backup_ops, p, false, "", NULL, err);
}

int api_provider_restore(struct manager *m, struct call *call,
			 const struct param_values *in, struct error *err)
{
	const char *name = param_string(in, 0), *type = param_string(in, 1);
	struct provider *p;
	int r = name_check(name, err);

	if (!r)
		r = name_check(type, err);
	if (!r)
		r = provider_check_type(&m->config, type, err);
	if (!r)
		r = check_fds(call, err);
	if (!r)
		r = check_room(m, err);
	if (r < 0)
		return r;
	p = find_any(m, name);
	if (p) {
		r = check_idle(p, err);
		return r < 0 ? r
			     : change(m, call, &restore_ops, p, false, type,
				      NULL, err);
	}
	return change(m, call, &restore_ops, manager_add_provider(m, name),
		      true, type, NULL, err);
}

/* One or all of them, asked one after the other. */
struct query {
	struct manager *m;
	struct call *call;
	const struct config *cfg;
	bool all;
	size_t n;
	char names[MAX_PROVIDERS][NAME_MAX_LEN + 1];
	json_t *list;
};

static int query_run(struct job *job, void *arg, struct error *err)
{
	struct query *q = arg;

	(void)job;
	(void)err;
	for (size_t i = 0; i < q->n; i++)
		json_array_append_new(q->list, describe(q->cfg, q->names[i]));
	return 0;
}

static void query_done(void *arg, const struct error *err)
{
	struct query *q = arg;
	json_t *info;
	size_t i;

	json_array_foreach(q->list, i, info)
		complete(q->m, info);
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
	struct query *q = calloc(1, sizeof(*q));
	struct provider *p;
	int r;

	if (!q)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	q->m = m;
	q->call = call;
	q->cfg = &m->config;
	q->all = !only;
	q->list = json_array();
	TAILQ_FOREACH(p, &m->providers, link) {
		if (p->new || (only && p != only) || q->n == MAX_PROVIDERS)
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
	const char *name = param_string(in, 0);
	struct provider *p;
	int r = name_check(name, err);

	if (r < 0)
		return r;
	p = manager_find_provider(m, name);
	if (!p)
		return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
				 "there is no key provider %s; see: vtpmctl "
				 "provider list",
				 name);
	return query(m, call, p, err);
}
