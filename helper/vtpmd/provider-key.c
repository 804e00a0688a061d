// SPDX-License-Identifier: GPL-2.0-or-later
/* One key of a provider: make another, destroy one for good. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/log.h"
#include "vtpmd/api.h"
#include "vtpmd/provider-change.h"
#include "vtpmd/provider-show.h"
#include "vtpmd/provider.h"
#include "vtpmd/registry.h"
#include "vtpmd/server.h"

struct key_work {
	struct manager *m;
	struct call *call;
	struct provider *p;
	const struct config *cfg;
	char name[NAME_MAX_LEN + 1];
	char key_id[PROVIDER_KEY_ID_SIZE];
	json_t *users; /* of the key to destroy */
	json_t *info;
};

static void key_done(struct key_work *w, const struct error *err, json_t *reply)
{
	w->p->busy = false;
	if (err) {
		call_error(w->call, err);
		json_decref(reply);
	} else {
		monitor_event(w->m, "provider", w->name, NULL, NULL, NULL);
		call_reply(w->call, reply);
	}
	json_decref(w->users);
	json_decref(w->info);
	free(w);
}

/* The provider's program is asked by @fn. */
static int with_provider(struct key_work *w,
			 int (*fn)(struct key_work *w,
				   const struct provider_ref *p,
				   struct error *err),
			 struct error *err)
{
	struct provider_ref ref = { 0 };
	int r = registry_load_provider(w->cfg, w->name, &ref, NULL, err);

	if (!r)
		r = fn(w, &ref, err);
	provider_ref_deinit(&ref);
	if (!r)
		w->info = provider_describe(w->cfg, w->name);
	return r;
}

static int make(struct key_work *w, const struct provider_ref *p,
		struct error *err)
{
	return provider_new_key(w->cfg, p, w->key_id, err);
}

static int new_run(struct job *job, void *arg, struct error *err)
{
	(void)job;
	return with_provider(arg, make, err);
}

static void new_done(void *arg, const struct error *err)
{
	struct key_work *w = arg;
	json_t *reply = NULL;

	if (!err) {
		log_notice("provider %s made key %s", w->name, w->key_id);
		provider_complete(w->m, w->info);
		reply = json_pack("{s:s, s:O}", "keyId", w->key_id, "provider",
				  w->info);
	}
	key_done(w, err, reply);
}

static const struct job_ops new_ops = {
	.name = "provider new-key",
	.run = new_run,
	.done = new_done,
};

static int destroy(struct key_work *w, const struct provider_ref *p,
		   struct error *err)
{
	return provider_destroy_key(w->cfg, p, w->key_id, err);
}

static int destroy_run(struct job *job, void *arg, struct error *err)
{
	(void)job;
	return with_provider(arg, destroy, err);
}

static void destroy_done(void *arg, const struct error *err)
{
	struct key_work *w = arg;
	json_t *reply = NULL;

	ask_ahead_drop(w->m, w->name);
	if (!err) {
		log_notice("key %s of provider %s was destroyed; %zu vTPMs had "
			   "a wrap of it",
			   w->key_id, w->name, json_array_size(w->users));
		provider_complete(w->m, w->info);
		reply = json_pack("{s:O, s:O}", "users", w->users, "provider",
				  w->info);
	}
	key_done(w, err, reply);
}

static const struct job_ops destroy_ops = {
	.name = "provider destroy-key",
	.run = destroy_run,
	.done = destroy_done,
};

static int start(struct manager *m, struct call *call, struct provider *p,
		 const char *key_id, json_t *users, const struct job_ops *ops,
		 struct error *err)
{
	struct key_work *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	*w = (struct key_work){
		.m = m, .call = call, .p = p, .cfg = &m->config
	};
	snprintf(w->name, sizeof(w->name), "%s", p->name);
	snprintf(w->key_id, sizeof(w->key_id), "%s", key_id);
	r = job_start(m->jobs, ops, w, err);
	if (r < 0) {
		free(w);
		return r;
	}
	w->users = json_incref(users);
	p->busy = true;
	return 0;
}

int api_provider_new_key(struct manager *m, struct call *call,
			 const struct param_values *in, struct error *err)
{
	struct provider *p = provider_find_idle(m, param_string(in, 0), err);

	return p ? start(m, call, p, "", NULL, &new_ops, err) : err->errnum;
}

/*
 * Whatever case it is written in: providers take a UUID in any. One whose file
 * cannot be read may have it.
 */
static bool has_key(const struct vtpm *v, const char *provider, const char *id)
{
	if (!v->have_info)
		return true;
	for (uint32_t i = 0; i < v->info.n_wraps; i++) {
		if (!strcmp(v->info.wrap[i].provider, provider) &&
		    !strcasecmp(v->info.wrap[i].key_id, id))
			return true;
	}
	return false;
}

static json_t *key_users(struct manager *m, const char *provider,
			 const char *id)
{
	json_t *users = json_array();
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		if (!v->new &&has_key(v, provider, id))
			json_array_append_new(users, json_string(v->name));
	}
	return users;
}

static int check_key_unused(json_t *users, const char *provider, const char *id,
			    struct error *err)
{
	char names[200];

	if (!json_array_size(users))
		return 0;
	provider_join_users(users, names, sizeof(names));
	return error_set(
		err, -EBUSY, VTPM_ERR_IN_USE,
		"vTPMs have a wrap by key %s: %s; give them another "
		"with: vtpmctl provider new-key %s, and: vtpmctl rekey "
		"--provider %s; to destroy what they hold, add "
		"--shred",
		id, names, provider, provider);
}

int api_provider_destroy_key(struct manager *m, struct call *call,
			     const struct param_values *in, struct error *err)
{
	struct provider *p = provider_find_idle(m, param_string(in, 0), err);
	const char *id = param_string(in, 1);
	json_t *users;
	int r;

	if (!p)
		return err->errnum;
	if (!provider_key_id_valid(id))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "that is no id of a key; see: vtpmctl "
				 "provider show %s",
				 p->name);
	r = provider_check_at_work(m, err);
	if (r < 0)
		return r;
	users = key_users(m, p->name, id);
	if (!param_bool(in, 2, false))
		r = check_key_unused(users, p->name, id, err);
	if (!r)
		r = provider_check_ca(m, p->name, id, err);
	if (!r)
		r = start(m, call, p, id, users, &destroy_ops, err);
	/* What was had with it before; and in the end, what was had meanwhile. */
	if (!r)
		ask_ahead_drop(m, p->name);
	json_decref(users);
	return r;
}
