// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TPM that swtpm has becomes a vTPM, and the other way round: swtpm.rst. Files
 * and key come as descriptors with the call; what is in the files only the
 * engine sees.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/create.h"
#include "vtpmd/data-key.h"

#define MAX_KEY_LEN 32
#define STATE_TEXT "a state of swtpm"

/* What an engine writes is not to be mixed with what is there. */
static int check_empty(int fd, struct error *err)
{
	struct stat st;

	if (!fstat(fd, &st) && !st.st_size)
		return 0;
	return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
			 "the file for swtpm is not empty; give a new one");
}

/* The call's, which nobody writes to any more; none of it is waited for. */
static int take_key(int fd, struct secret **key, struct error *err)
{
	struct stat st;
	int r = -EINVAL;

	if (!fstat(fd, &st) && S_ISFIFO(st.st_mode) &&
	    fcntl(fd, F_SETFL, O_RDONLY | O_NONBLOCK) >= 0)
		r = secret_read_fd(fd, MAX_KEY_LEN, key);
	if (!r && ((*key)->len == 16 || (*key)->len == 32))
		return 0;
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "the key of swtpm has to be in a pipe that is closed "
			 "at its other end, and have 16 or 32 bytes");
}

static int prepare_import(struct operation *op, struct job *job,
			  struct error *err)
{
	int r = operation_check_file(op, STATE_TEXT, err);

	(void)job;
	if (!r && op->key_fd >= 0)
		r = take_key(op->key_fd, &op->from_secret, err);
	if (r < 0)
		return r;
	op->from_fd = fcntl(op->file_fd, F_DUPFD_CLOEXEC, 3);
	if (op->from_fd < 0)
		return error_set(err, -errno, VTPM_ERR_INTERNAL,
				 "descriptor: %s", strerror(errno));
	op->from = "swtpm";
	log_notice("vTPM %s is made of a TPM of swtpm and has its identity",
		   op->name);
	return 0;
}

int vtpm_import_swtpm(struct manager *m, const struct create_options *o,
		      struct call *call, struct error *err)
{
	const struct operation op = {
		.file_fd = call_fd(call, 0),
		.key_fd = call_fd(call, 1),
		.keys = KEYS_FIND,
		.prepare = prepare_import,
	};

	return op.file_fd < 0 ? operation_no_file(err)
			      : create_by(m, o, &op, call, err);
}

/* Have an engine without a TPM write what is in the copy @fd. */
static int write_state(struct operation *op, int fd, const struct secret *to,
		       struct error *err)
{
	_cleanup_(secret) struct secret *key = NULL;
	struct engine_args args = { .name = op->name,
				    .nvram_fd = fd,
				    .offline = true,
				    .to = "swtpm",
				    .to_fd = op->file_fd,
				    .to_secret = to };
	struct engine_status status;
	int r = data_key_unwrap(op->cfg, op->name, &op->info, &key, err);

	args.key = key;
	if (!r)
		r = engine_start(op->cfg, &args, &op->engine, &status, err);
	return r < 0 ? r : engine_stop(op->cfg, op->name, &op->engine, err);
}

static int export_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	_cleanup_(secret) struct secret *to = NULL;
	_cleanup_close_ int fd = -1, copy = -1;
	int r = operation_check_file(op, STATE_TEXT, err);

	if (!r)
		r = check_empty(op->file_fd, err);
	if (!r && op->key_fd >= 0)
		r = take_key(op->key_fd, &to, err);
	if (!r)
		r = operation_open_header(op, &fd, err);
	if (!r)
		r = operation_check_rollback(op, op->settings.generation, err);
	if (r < 0)
		return r;
	/* Its own file stays as it is, whatever an engine would mend. */
	r = operation_copy(op, fd, &copy, err);
	if (r < 0)
		return r;
	job_progress(job, "writing the state for swtpm");
	return write_state(op, copy, to, err);
}

static void export_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;

	v->busy--;
	if (!err) {
		log_notice("vTPM %s was exported for swtpm by uid %u, %s: two "
			   "TPMs with one identity exist from now on",
			   v->name, call_uid(op->call),
			   op->key_fd < 0 ? "not encrypted" : "encrypted");
		monitor_event(v->m, "exported", v->name, NULL, NULL, NULL);
	}
	operation_end(op, err);
}

static const struct job_ops export_ops = {
	.name = "export",
	.run = export_run,
	.done = export_done,
	.progress = operation_progress,
};

int vtpm_export_swtpm(struct vtpm *v, bool plain, struct call *call,
		      struct error *err)
{
	const struct operation op = { .engine = ENGINE_NONE,
				      .ephemeral = v->ephemeral,
				      .settings = v->settings,
				      .file_fd = call_fd(call, 0),
				      .key_fd = call_fd(call, 1) };
	int r = vtpm_check(v, OP_EXPORT, err);

	if (r < 0)
		return r;
	if (op.file_fd < 0)
		return operation_no_file(err);
	if (plain == (op.key_fd >= 0))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "a key has to come with the call, or it has "
				 "to say that the state is to be plain");
	return operation_start(v, &export_ops, &op, call, err);
}
