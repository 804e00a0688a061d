// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "vtpmd/operation.h"

/*
 * The name goes first, so that a file whose overwriting was cut off is never
 * taken for a vTPM; the next start of the manager removes it.
 */
static int delete_run(struct job *job, void *arg, struct error *err)
{
	struct operation *op = arg;
	char file[FILE_NAME_LEN], old[FILE_NAME_LEN];
	_cleanup_close_ int fd = -1;
	struct folder folder = registry_folder_of(op->cfg, op->name);
	int r = operation_open(op, &fd, err);

	(void)job;
	if (r < 0)
		return r;
	registry_file(op->name, NULL, file);
	registry_file(op->name, SUFFIX_OLD, old);
	if (renameat(folder.fd, file, folder.fd, old) < 0)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s/%s: %s",
				 folder.path, file, strerror(errno));
	r = registry_sync(folder, err);
	if (r < 0)
		return r;
	/* By where it was: its name has no file any more. */
	registry_remove_notes(op->cfg, op->name,
			      folder.fd == op->cfg->ephemeral_fd);
	return registry_shred(folder, fd, old, err);
}

static void delete_done(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct vtpm *v = op->v;

	v->busy--;
	/* A file that vanished by itself is as good as deleted. */
	if (!err || err->errnum == -ENOENT) {
		monitor_event(v->m, "deleted", v->name, NULL, NULL, NULL);
		vtpm_free(v);
		op->v = NULL;
	}
	operation_end(op, err);
}

static const struct job_ops delete_ops = {
	.name = "delete",
	.run = delete_run,
	.done = delete_done,
};

int vtpm_delete(struct vtpm *v, struct call *call, struct error *err)
{
	const struct operation op = { .engine = ENGINE_NONE };
	int r = vtpm_check(v, OP_DELETE, err);

	return r < 0 ? r : operation_start(v, &delete_ops, &op, call, err);
}
