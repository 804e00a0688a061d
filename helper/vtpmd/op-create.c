// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making a vTPM. Its file gets its name when the endorsement keys are in it, and
 * only then there is a device: see new-file.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/ca.h"
#include "vtpmd/checkpoint.h"
#include "vtpmd/create.h"
#include "vtpmd/identity.h"
#include "vtpmd/new-file.h"
#include "vtpmd/operation.h"
#include "vtpmd/pool.h"
#include "vtpmd/provider-change.h"

static int open_ca(struct operation *op, struct ca *ca, struct error *err)
{
	const struct ca_options o = { .provider = op->ca_provider };
	int r = ca_open(op->cfg, &o, ca, err);
	size_t n = r < 0 && err ? strlen(err->text) : 0;

	if (n)
		snprintf(err->text + n, sizeof(err->text) - n,
			 "; or make %s without certificates, for those of "
			 "another CA, with --no-certificate",
			 op->name);
	return r;
}

static int certify(struct operation *op, struct job *job, const struct ca *ca,
		   struct error *err)
{
	int r;

	job_progress(job, "making their certificates");
	r = ca_issue(op->cfg, ca, op->facts, err);
	return r < 0 ? r
		     : identity_write(op->cfg, op->name, op->ek_types,
				      op->facts, err);
}

static int take_keys(struct operation *op, struct job *job, struct error *err)
{
	if (op->keys == KEYS_KEEP)
		return 0;
	if (op->keys == KEYS_FIND) {
		job_progress(job, "asking the TPM for its endorsement keys");
		return identity_find(op->cfg, op->name, &op->facts, err);
	}
	job_progress(job, "making the endorsement keys");
	json_decref(op->facts);
	op->facts = NULL;
	return op->keys == KEYS_MAKE
		       ? identity_make(op->cfg, op->name, op->ek_types,
				       &op->facts, err)
		       : identity_replace(op->cfg, op->name, op->ek_types,
					  &op->facts, err);
}

/* The first power cycle, and a second one where PCR banks are to change. */
static int power_on(struct operation *op, struct job *job,
		    struct engine_args *args, struct error *err)
{
	struct engine_status status;
	int r;

	job_progress(job, "making the TPM");
	r = engine_start(op->cfg, args, &op->engine, &status, err);
	if (r < 0 || !op->pcr_banks)
		return r;
	r = identity_allocate(op->cfg, op->name, op->pcr_banks, err);
	if (!r)
		r = engine_stop(op->cfg, op->name, &op->engine, err);
	if (r < 0)
		return r;
	checkpoint_remove(op->cfg, op->name);
	args->manufacture = false;
	args->profile = NULL;
	args->from = NULL;
	args->from_secret = NULL;
	return engine_start(op->cfg, args, &op->engine, &status, err);
}

/* A TPM in a new file, with its keys; its engine runs. */
static int make_tpm(struct operation *op, struct job *job, int *fd,
		    struct ca *ca, struct error *err)
{
	struct engine_args args = { .name = op->name,
				    .family = ENGINE_NO_FAMILY,
				    .manufacture = !op->from,
				    .profile =
					    *op->profile ? op->profile : NULL,
				    .from = op->from,
				    .from_fd = op->from_fd,
				    .from_secret = op->from_secret };
	int r = op->start ? kernel_family(&args.family, err) : 0;

	if (r < 0)
		return r;
	r = new_file_key(op, job, err);
	/* Before there is anything to be undone. */
	if (!r && op->certify)
		r = open_ca(op, ca, err);
	if (!r)
		r = new_file_make(op, fd, err);
	if (r < 0)
		return r;
	args.nvram_fd = *fd;
	args.key = op->key;
	r = power_on(op, job, &args, err);
	if (r < 0)
		return r;
	r = take_keys(op, job, err);
	return r < 0 || !op->certify ? r : certify(op, job, ca, err);
}

/* One of the pool gets the name; its engine runs. */
static int use_blank(struct operation *op, int fd, struct error *err)
{
	struct engine_args args = { .name = op->name,
				    .family = ENGINE_NO_FAMILY,
				    .nvram_fd = fd,
				    .key = op->key,
				    .set_name = true };
	struct engine_status status;
	int r = op->start ? kernel_family(&args.family, err) : 0;

	return r < 0 ? r
		     : engine_start(op->cfg, &args, &op->engine, &status, err);
}

static int use_new(struct operation *op, struct job *job, int *fd,
		   struct error *err)
{
	struct ca ca = CA_NONE;
	int r;

	new_file_identify(op);
	r = op->prepare ? op->prepare(op, job, err) : 0;
	if (!r)
		r = make_tpm(op, job, fd, &ca, err);
	ca_close(&ca);
	return r;
}

int create_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	int r;

	r = operation_take_owner(op, err);
	if (!r)
		r = op->blank && !pool_claim(op, job, &fd)
			    ? use_blank(op, fd, err)
			    : use_new(op, job, &fd, err);
	if (!r && !op->start) {
		r = engine_stop(op->cfg, op->name, &op->engine, err);
		checkpoint_remove(op->cfg, op->name);
	}
	if (!r)
		r = new_file_publish(op, err);
	if (!r && op->start) {
		job_progress(job, "registering the TPM device");
		r = kernel_create(op->name, op->info.uuid, op->engine.port,
				  &op->settings, NULL, NULL, &op->instance,
				  err);
		engine_introduced(&op->engine);
		op->in_kernel = !r;
	}
	if (r < 0) {
		/* Without one of ours a socket of that name is another's. */
		if (op->engine.process.pidfd >= 0)
			engine_discard(op->cfg, op->name, &op->engine);
		checkpoint_remove(op->cfg, op->name);
		/* A device whose number came too late; its UUID is ours. */
		if (op->start)
			kernel_destroy_stale(op->name, op->info.uuid, NULL);
		new_file_remove(op, fd);
		if (op->blank && fd < 0)
			pool_remove(op->cfg, op->other);
		return r;
	}
	operation_path(op, path);
	/* The engine has filled in more; what we have will do without. */
	op->have_info = !nvram_read_header(fd, path, &op->info, NULL);
	return 0;
}

static void create_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;

	v->busy--;
	if (err) {
		vtpm_free(v);
		op->v = NULL;
		operation_end(op, err);
		return;
	}
	v->new = false;
	vtpm_take_info(v, &op->info);
	v->settings = op->settings;
	operation_take_facts(op);
	v->ephemeral = op->ephemeral;
	v->in_kernel = op->in_kernel;
	v->instance = op->instance;
	/* It has no state that anyone saw: stopped is what it comes from. */
	v->state = VTPM_STOPPED;
	monitor_event(v->m, "created", v->name, NULL, NULL, NULL);
	if (v->in_kernel) {
		operation_take_key(op);
		vtpm_set_state(v, VTPM_RUNNING, NULL);
		vtpm_attach(v, &op->engine);
	}
	operation_end(op, NULL);
}

static const struct job_ops create_ops = {
	.name = "create",
	.run = create_run,
	.done = create_done,
	.progress = operation_progress,
};

static int choose_provider(struct manager *m, const char *wanted,
			   struct operation *op, struct error *err)
{
	const struct provider *p = wanted ? provider_find(m, wanted, err)
					  : manager_default_provider(m);

	if (!p && wanted)
		return err->errnum;
	if (!p && TAILQ_EMPTY(&m->providers))
		return error_set(
			err, -ENOENT, VTPM_ERR_NOT_FOUND,
			"there is no key provider yet; make one with: "
			"vtpmctl provider add native default, and back "
			"it up with: vtpmctl provider backup default "
			"FILE");
	if (!p)
		return error_set(err, -ENOENT, VTPM_ERR_INVALID,
				 "no key provider is the default one; name one "
				 "with: vtpmctl create --provider NAME");
	snprintf(op->provider, sizeof(op->provider), "%s", p->name);
	/* The CA outlives this vTPM; should there be none yet. */
	if (manager_default_provider(m))
		p = manager_default_provider(m);
	snprintf(op->ca_provider, sizeof(op->ca_provider), "%s", p->name);
	return 0;
}

int create_start(struct manager *m, const char *name, const char *provider,
		 const struct operation *template, struct call *call,
		 struct error *err)
{
	struct operation op = *template;
	struct vtpm *v = NULL;
	int r = provider ? name_check(provider, err) : 0;

	if (!r)
		r = manager_reserve_name(m, name, &v, err);
	if (r < 0)
		return r;
	r = choose_provider(m, provider, &op, err);
	if (!r && op.from_pool)
		pool_take(m, &op);
	if (!r)
		r = operation_start(v, &create_ops, &op, call, err);
	if (r < 0)
		vtpm_free(v);
	if (r < 0 && op.blank) {
		pool_remove(&m->config, op.other);
		json_decref(op.facts);
	}
	return r;
}

int create_by(struct manager *m, const struct create_options *o,
	      const struct operation *template, struct call *call,
	      struct error *err)
{
	struct operation op = *template;
	int r;

	op.engine = ENGINE_NONE;
	op.start = o->start;
	op.ephemeral = o->ephemeral;
	op.certify = o->certify;
	op.ek_types = o->ek_types;
	op.settings = SETTINGS_DEFAULT;
	op.settings.autostart = o->autostart;
	if (o->profile && strlen(o->profile) >= sizeof(op.profile))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "the name of a profile has at most %zu bytes",
				 sizeof(op.profile) - 1);
	snprintf(op.profile, sizeof(op.profile), "%s",
		 o->profile ? o->profile : "");
	op.pcr_banks = json_deep_copy(o->pcr_banks);
	/* One that is cut short here is none that could be found. */
	snprintf(op.owner, sizeof(op.owner), "%s", o->owner ? o->owner : "");
	snprintf(op.mode, sizeof(op.mode), "%s", o->mode ? o->mode : "");
	r = create_start(m, o->name, o->provider, &op, call, err);
	if (r < 0)
		json_decref(op.pcr_banks);
	return r;
}

int vtpm_create(struct manager *m, const struct create_options *o,
		struct call *call, struct error *err)
{
	const struct operation op = {
		.keys = KEYS_MAKE,
		.from_pool = o->certify && !o->ephemeral && !o->pcr_banks &&
			     !o->profile &&
			     o->ek_types == identity_default_types(),
	};

	return create_by(m, o, &op, call, err);
}
