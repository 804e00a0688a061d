// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/data-key.h"
#include "vtpmd/new-file.h"
#include "vtpmd/state-copy.h"

void new_file_identify(struct operation *op)
{
	struct nvram_info *info = &op->info;

	uuid_new(info->uuid);
	snprintf(info->name, sizeof(info->name), "%s", op->name);
	info->created = time(NULL);
}

int new_file_key(struct operation *op, struct job *job, struct error *err)
{
	int r;

	op->key = secret_random(NVRAM_KEY_LEN);
	if (!op->key)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "no memory for the data key");
	job_progress(job, "asking the key provider for a key");
	r = data_key_wrap(op->cfg, op->provider, op->key, op->info.uuid,
			  op->info.wrap, err);
	op->info.n_wraps = 1;
	return r;
}

/* "Ephemeral" says that no disk ever sees it. */
static int check_in_memory(struct folder folder, struct error *err)
{
	struct statfs fs;

	if (fstatfs(folder.fd, &fs) < 0)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s: %s",
				 folder.path, strerror(errno));
	if (fs.f_type == TMPFS_MAGIC)
		return 0;
	return error_set(err, -EINVAL, VTPM_ERR_STORAGE,
			 "%s is not on a tmpfs, so a vTPM in it would be on a "
			 "disk; run vtpmd with a --run-dir that is",
			 folder.path);
}

static int file_error(struct error *err, int errnum, const char *path)
{
	return error_set(err, errnum,
			 errnum == -ENOSPC ? VTPM_ERR_NO_SPACE
					   : VTPM_ERR_STORAGE,
			 "%s: %s", path, strerror(-errnum));
}

/* Empty, locked, and with the name for those in the making. */
static int open_new(struct operation *op, char path[PATH_MAX], int *fd,
		    struct error *err)
{
	struct folder folder = registry_folder(op->cfg, op->ephemeral);
	char file[FILE_NAME_LEN];
	int r = op->ephemeral ? check_in_memory(folder, err) : 0;

	if (r < 0)
		return r;
	registry_file(op->name, SUFFIX_NEW, file);
	snprintf(path, PATH_MAX, "%s/%s", folder.path, file);
	*fd = openat(folder.fd, file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
		     0600);
	return *fd < 0 ? file_error(err, -errno, path)
		       : registry_lock(*fd, op->name, err);
}

int new_file_make(struct operation *op, int *fd, struct error *err)
{
	char path[PATH_MAX];
	int r = open_new(op, path, fd, err);

	return r < 0 ? r : nvram_create(*fd, path, &op->info, op->key, err);
}

int new_file_copy(struct operation *op, int from, int *fd, struct error *err)
{
	char path[PATH_MAX];
	int r = open_new(op, path, fd, err);

	if (r < 0)
		return r;
	r = state_copy_write(from, *fd);
	return r < 0 ? file_error(err, r, path) : 0;
}

int new_file_replace(struct operation *op, struct error *err)
{
	struct folder folder = registry_folder(op->cfg, op->ephemeral);
	char new[FILE_NAME_LEN], file[FILE_NAME_LEN];

	registry_file(op->name, SUFFIX_NEW, new);
	registry_file(op->name, NULL, file);
	if (renameat(folder.fd, new, folder.fd, file) < 0)
		return file_error(err, -errno, file);
	return registry_sync(folder, err);
}

void new_file_discard(struct operation *op)
{
	char file[FILE_NAME_LEN];

	registry_file(op->name, SUFFIX_NEW, file);
	unlinkat(registry_folder(op->cfg, op->ephemeral).fd, file, 0);
}

int new_file_publish(struct operation *op, struct error *err)
{
	char new[FILE_NAME_LEN], file[FILE_NAME_LEN];
	struct folder folder = registry_folder(op->cfg, op->ephemeral);
	int r = registry_save_settings(op->cfg, op->name, &op->settings, err);

	if (!r && op->facts)
		r = registry_save_facts(op->cfg, op->name, op->ephemeral,
					op->info.uuid, op->facts, err);
	if (r < 0)
		return r;
	registry_file(op->name, SUFFIX_NEW, new);
	registry_file(op->name, NULL, file);
	return registry_rename(folder, new, file, err);
}

void new_file_remove(struct operation *op, int fd)
{
	static const char *const suffixes[] = { SUFFIX_NEW, NULL };
	struct folder folder = registry_folder(op->cfg, op->ephemeral);
	char file[FILE_NAME_LEN];
	struct error err = { 0 };
	struct stat ours, there;

	if (fd < 0 || fstat(fd, &ours) < 0)
		return;
	for (size_t i = 0; i < 2; i++) {
		registry_file(op->name, suffixes[i], file);
		if (!fstatat(folder.fd, file, &there, AT_SYMLINK_NOFOLLOW) &&
		    there.st_ino == ours.st_ino &&
		    there.st_dev == ours.st_dev &&
		    registry_shred(folder, fd, file, &err) < 0)
			log_warning("%s", err.text);
	}
	/* Not if the name turned out to be another vTPM's. */
	registry_file(op->name, NULL, file);
	if (fstatat(folder.fd, file, &there, AT_SYMLINK_NOFOLLOW) < 0)
		registry_remove_notes(op->cfg, op->name, op->ephemeral);
}
