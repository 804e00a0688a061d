// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Other wraps for a vTPM, and other data keys. The engine has the file and
 * writes it. Where none runs, one without a TPM is started for that: it has
 * the rights for it and no more, and a state that nobody asked for is not
 * changed by a TPM2_Startup.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "vtpmd/data-key.h"
#include "vtpmd/operation.h"
#include "vtpmd/rekey.h"

static int keep_wrap(const struct operation *op, const char *provider,
		     struct nvram_wrap *out)
{
	for (uint32_t i = 0; i < op->info.n_wraps; i++) {
		if (!strcmp(op->info.wrap[i].provider, provider)) {
			*out = op->info.wrap[i];
			return 0;
		}
	}
	return -ENOENT;
}

/* The list of wraps of @key, as planned. */
static int make_wraps(struct operation *op, struct job *job,
		      const struct secret *key, struct nvram_wrap *wraps,
		      struct error *err)
{
	const struct rekey_plan *plan = op->plan;
	char text[NAME_MAX_LEN + 64];
	int r = 0;

	for (uint32_t i = 0; !r && i < plan->n; i++) {
		const char *provider = plan->entry[i].provider;

		if (!plan->entry[i].anew && !keep_wrap(op, provider, &wraps[i]))
			continue;
		snprintf(text, sizeof(text), "%s: provider %s wraps the %skey",
			 op->name, provider, plan->deep ? "new " : "");
		job_progress(job, text);
		r = data_key_wrap(op->cfg, provider, key, op->info.uuid,
				  &wraps[i], err);
	}
	return r;
}

/* By the engine that runs, which goes on with its TPM. */
static int tell_engine(struct operation *op, const struct secret *key,
		       const struct nvram_wrap *wraps, struct error *err)
{
	_cleanup_close_ int sock = engine_connect(op->cfg, op->name);

	if (sock < 0)
		return error_set(err, sock, VTPM_ERR_ENGINE,
				 "the engine of vTPM %s does not answer: %s; "
				 "nothing was changed",
				 op->name, strerror(-sock));
	return engine_rekey(sock, op->name, op->plan->deep, key, wraps,
			    op->plan->n, err);
}

/* By an engine without a TPM; @old opens the file. */
static int start_and_tell(struct operation *op, int fd,
			  const struct secret *old, const struct secret *key,
			  const struct nvram_wrap *wraps, struct error *err)
{
	const struct engine_args args = {
		.name = op->name, .nvram_fd = fd, .key = old, .offline = true
	};
	struct engine_status status;
	struct error second = { 0 };
	int r = engine_start(op->cfg, &args, &op->engine, &status, err);

	if (r < 0)
		return r;
	r = tell_engine(op, key, wraps, err);
	if (engine_stop(op->cfg, op->name, &op->engine, &second) < 0 && !r) {
		*err = second;
		r = second.errnum;
	}
	return r;
}

static int find_key(struct operation *op, struct job *job, struct secret **old,
		    struct secret **key, struct error *err)
{
	int r = 0;

	/* A running vTPM's key is not needed where it is replaced. */
	if (!op->start || !op->plan->deep) {
		job_progress(job, "asking the key provider for the key");
		r = data_key_unwrap(op->cfg, op->name, &op->info, old, err);
	}
	if (r < 0 && op->start)
		error_prefix(err, "without its key a vTPM that runs can only "
				  "be given another, with: vtpmctl rekey "
				  "--deep");
	if (r < 0)
		return r;
	*key = op->plan->deep ? secret_random(NVRAM_KEY_LEN)
			      : secret_new(NVRAM_KEY_LEN);
	if (!*key)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "no memory for the data key");
	if (!op->plan->deep)
		memcpy((*key)->data, (*old)->data, NVRAM_KEY_LEN);
	return 0;
}

static int rekey_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_(secret) struct secret *old = NULL, *key = NULL;
	_cleanup_free_ struct nvram_wrap *wraps =
		calloc(NVRAM_MAX_WRAPS, sizeof(*wraps));
	_cleanup_close_ int fd = -1;
	int r = wraps ? 0 : -ENOMEM;

	/* The lock of one that runs is its engine's. */
	if (!r && !op->start)
		r = operation_open(op, &fd, err);
	if (!r)
		r = registry_read_header(op->cfg, op->name, &op->info, err);
	if (!r)
		r = rekey_plan(op, err);
	if (!r)
		r = find_key(op, job, &old, &key, err);
	if (!r)
		r = make_wraps(op, job, key, wraps, err);
	if (r < 0)
		return r;
	job_progress(job, op->plan->deep ? "sealing the state with a new key"
					 : "writing the header");
	r = op->start ? tell_engine(op, key, wraps, err)
		      : start_and_tell(op, fd, old, key, wraps, err);
	if (!r && op->start)
		op->key = TAKE_PTR(key);
	/* After an error as well: it may have been on the way back. */
	op->have_info =
		!registry_read_header(op->cfg, op->name, &op->info, NULL);
	return r;
}

static void rekey_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;

	v->busy--;
	operation_take_info(op);
	/* After an error the one that is kept may not be it; see resume.c. */
	if (!err && op->key)
		operation_take_key(op);
	if (!err)
		monitor_event(v->m, "rekeyed", v->name, NULL, NULL, NULL);
	if (op->plan->of_all)
		rekey_all_result(v->m, v->name, err);
	free(op->plan);
	operation_end(op, err);
}

static const struct job_ops rekey_ops = {
	.name = "rekey",
	.run = rekey_run,
	.done = rekey_done,
	.progress = operation_progress,
};

static int start(struct vtpm *v, const struct rekey_plan *plan,
		 struct call *call, struct error *err)
{
	struct operation op = { .engine = ENGINE_NONE,
				.start = v->state == VTPM_RUNNING };
	int r = vtpm_check(v, OP_REKEY, err);

	if (r < 0)
		return r;
	op.plan = malloc(sizeof(*plan));
	if (!op.plan)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	*op.plan = *plan;
	r = operation_start(v, &rekey_ops, &op, call, err);
	if (r < 0)
		free(op.plan);
	return r;
}

static int check_provider(struct manager *m, const char *name,
			  struct error *err)
{
	int r = name_check(name, err);

	if (r < 0 || manager_find_provider(m, name))
		return r;
	return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
			 "there is no key provider %s; see: vtpmctl provider "
			 "list",
			 name);
}

int vtpm_rekey(struct vtpm *v, const struct rekey_options *o, struct call *call,
	       struct error *err)
{
	struct rekey_plan plan = { .kind = o->forget ? REKEY_DETACH
						     : REKEY_ANEW,
				   .deep = o->deep,
				   .of_all = o->of_all };
	int r = o->to ? check_provider(v->m, o->to, err) : 0;

	/* The other one may be gone: that can be why. */
	if (!r && o->provider)
		r = name_check(o->provider, err);
	if (r < 0)
		return r;
	snprintf(plan.provider, sizeof(plan.provider), "%s",
		 o->provider ? o->provider : "");
	snprintf(plan.to, sizeof(plan.to), "%s", o->to ? o->to : "");
	return start(v, &plan, call, err);
}

int vtpm_attach_provider(struct vtpm *v, const char *provider,
			 struct call *call, struct error *err)
{
	struct rekey_plan plan = { .kind = REKEY_ATTACH };
	int r = check_provider(v->m, provider, err);

	if (r < 0)
		return r;
	snprintf(plan.to, sizeof(plan.to), "%s", provider);
	return start(v, &plan, call, err);
}

int vtpm_detach_provider(struct vtpm *v, const char *provider,
			 struct call *call, struct error *err)
{
	struct rekey_plan plan = { .kind = REKEY_DETACH };
	int r = name_check(provider, err);

	if (r < 0)
		return r;
	snprintf(plan.provider, sizeof(plan.provider), "%s", provider);
	return start(v, &plan, call, err);
}
