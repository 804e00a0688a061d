// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verifying a file with its key, and mending it. Opening it does both; so an
 * engine without a TPM opens it, for a check a copy in memory.
 */
#include <errno.h>
#include <string.h>

#include "util/cleanup.h"
#include "vtpmd/data-key.h"
#include "vtpmd/operation.h"

int operation_try_file(struct operation *op, struct job *job, int fd,
		       struct error *err)
{
	_cleanup_(secret) struct secret *key = NULL;
	struct engine_args args = { .name = op->name,
				    .nvram_fd = fd,
				    .offline = true };
	struct engine_status status;
	int r;

	job_progress(job, "asking the key provider for the key");
	r = data_key_unwrap(op->cfg, op->name, &op->info, &key, err);
	if (r < 0)
		return r;
	job_progress(job, "opening the file");
	args.key = key;
	r = engine_start(op->cfg, &args, &op->engine, &status, err);
	return r < 0 ? r : engine_stop(op->cfg, op->name, &op->engine, err);
}

static int check_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_close_ int fd = -1, copy = -1;
	int r = operation_open_header(op, &fd, err);

	if (r < 0)
		return r;
	if (op->start)
		return operation_try_file(op, job, fd, err);
	r = operation_copy(op, fd, &copy, err);
	return r < 0 ? r : operation_try_file(op, job, copy, err);
}

static void check_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;

	v->busy--;
	if (!err && op->start && v->state == VTPM_DAMAGED)
		vtpm_set_state(v, VTPM_STOPPED, NULL);
	operation_end(op, err);
}

static const struct job_ops check_ops = {
	.name = "check",
	.run = check_run,
	.done = check_done,
	.progress = operation_progress,
};

int vtpm_check_file(struct vtpm *v, bool repair, struct call *call,
		    struct error *err)
{
	const struct operation op = { .engine = ENGINE_NONE, .start = repair };
	int r = vtpm_check(v, OP_CHECK, err);

	return r < 0 ? r : operation_start(v, &check_ops, &op, call, err);
}
