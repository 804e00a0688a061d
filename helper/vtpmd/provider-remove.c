// SPDX-License-Identifier: GPL-2.0-or-later
/* Take a key provider off the list; its keys are not ours to destroy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "vtpmd/api.h"
#include "vtpmd/ca.h"
#include "vtpmd/provider-change.h"
#include "vtpmd/provider-show.h"
#include "vtpmd/provider.h"
#include "vtpmd/registry.h"
#include "vtpmd/server.h"

struct removal {
	struct manager *m;
	struct call *call;
	struct provider *p;
	const struct config *cfg;
	char name[NAME_MAX_LEN + 1];
	bool keys_left;
};

static int remove_run(struct job *job, void *arg, struct error *err)
{
	struct removal *w = arg;
	int r = registry_remove_provider(w->cfg, w->name, err);

	(void)job;
	/*
	 * With what is in the directory copies and backups of vTPMs open, and a
	 * provider added under the name has it again.
	 */
	if (!r)
		w->keys_left = provider_remove_dir(w->cfg, w->name) < 0;
	return r;
}

static void remove_done(void *arg, const struct error *err)
{
	struct removal *w = arg;
	char left[PATH_MAX];

	if (err) {
		w->p->busy = false;
		w->p->new = false;
		call_error(w->call, err);
		free(w);
		return;
	}
	manager_free_provider(w->m, w->p);
	log_notice("provider %s was removed", w->name);
	monitor_event(w->m, "provider", w->name, NULL, NULL, NULL);
	snprintf(left, sizeof(left), "%s/keys/%s", w->cfg->state_dir, w->name);
	call_reply(w->call,
		   w->keys_left ? json_pack("{s:s}", "keysLeft", left) : NULL);
	free(w);
}

static const struct job_ops remove_ops = {
	.name = "provider remove",
	.run = remove_run,
	.done = remove_done,
};

int provider_check_at_work(struct manager *m, struct error *err)
{
	struct vtpm *v;

	TAILQ_FOREACH(v, &m->vtpms, link) {
		/* A blank that is being made will be thrown away. */
		if (!v->blank && (v->new || v->busy))
			return error_set(err, -EBUSY, VTPM_ERR_BUSY,
					 "an operation works on vTPM %s; wait "
					 "for it and try again",
					 v->name);
	}
	return 0;
}

void provider_join_users(const json_t *users, char *out, size_t size)
{
	const json_t *user;
	size_t i, n = 0;

	*out = '\0';
	json_array_foreach(users, i, user) {
		const char *text = json_string_value(user);

		if (n + strlen(text) + sizeof(", , ...") > size) {
			snprintf(out + n, size - n, ", ...");
			break;
		}
		n += snprintf(out + n, size - n, "%s%s", i ? ", " : "", text);
	}
}

static int check_users(struct manager *m, const char *name, struct error *err)
{
	json_t *users = provider_users(m, name);
	size_t n = json_array_size(users);
	char names[300];

	provider_join_users(users, names, sizeof(names));
	json_decref(users);
	if (!n)
		return 0;
	return error_set(err, -EBUSY, VTPM_ERR_IN_USE,
			 "vTPMs have wraps of provider %s: %s; take them out, "
			 "where another provider is attached, with: vtpmctl "
			 "provider forget %s; else: vtpmctl rekey --provider "
			 "%s --to OTHER",
			 name, names, name, name);
}

int provider_check_ca(struct manager *m, const char *name, const char *key_id,
		      struct error *err)
{
	if (!ca_uses_provider(&m->config, name, key_id))
		return 0;
	return error_set(err, -EBUSY, VTPM_ERR_IN_USE,
			 "the CA's key is wrapped by provider %s; wrap it anew "
			 "with: vtpmctl ca rekey, or by another with --to "
			 "OTHER, or give the CA up with: vtpmctl ca remove",
			 name);
}

static int check_default(struct manager *m, const struct provider *p,
			 struct error *err)
{
	struct provider *other;

	if (p != manager_default_provider(m))
		return 0;
	TAILQ_FOREACH(other, &m->providers, link) {
		if (other != p && !other->new)
			return error_set(
				err, -EINVAL, VTPM_ERR_STATE,
				"provider %s is the default one; first make "
				"another that with: vtpmctl provider default "
				"%s",
				p->name, other->name);
	}
	return 0;
}

int api_provider_remove(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err)
{
	struct removal *w;
	struct provider *p = provider_find_idle(m, param_string(in, 0), err);
	int r;

	if (!p)
		return err->errnum;
	r = check_users(m, p->name, err);
	if (!r)
		r = provider_check_ca(m, p->name, NULL, err);
	if (!r)
		r = check_default(m, p, err);
	if (!r)
		r = provider_check_at_work(m, err);
	if (r < 0)
		return r;
	w = calloc(1, sizeof(*w));
	if (!w)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	*w = (struct removal){
		.m = m, .call = call, .p = p, .cfg = &m->config
	};
	snprintf(w->name, sizeof(w->name), "%s", p->name);
	r = job_start(m->jobs, &remove_ops, w, err);
	if (r < 0) {
		free(w);
		return r;
	}
	/* From now on nobody finds it. */
	p->busy = true;
	p->new = true;
	return 0;
}
