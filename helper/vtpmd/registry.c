// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/io.h"
#include "vtpmd/registry.h"

void registry_file(const char *name, const char *suffix,
		   char out[FILE_NAME_LEN])
{
	snprintf(out, FILE_NAME_LEN, "%s%s" NVRAM_SUFFIX "%s",
		 suffix ? "." : "", name, suffix ? suffix : "");
}

struct folder registry_folder(const struct config *cfg, bool ephemeral)
{
	if (ephemeral)
		return (struct folder){ cfg->ephemeral_fd, cfg->ephemeral_dir };
	return (struct folder){ cfg->state_fd, cfg->state_dir };
}

bool registry_is_ephemeral(const struct config *cfg, const char *name)
{
	static const char *const suffixes[] = { NULL, SUFFIX_NEW, SUFFIX_OLD };
	char file[FILE_NAME_LEN];

	for (size_t i = 0; i < 3; i++) {
		registry_file(name, suffixes[i], file);
		if (!faccessat(cfg->ephemeral_fd, file, F_OK,
			       AT_SYMLINK_NOFOLLOW))
			return true;
	}
	return false;
}

struct folder registry_folder_of(const struct config *cfg, const char *name)
{
	return registry_folder(cfg, registry_is_ephemeral(cfg, name));
}

void registry_path(const struct config *cfg, const char *name,
		   char path[PATH_MAX])
{
	char file[FILE_NAME_LEN];

	registry_file(name, NULL, file);
	snprintf(path, PATH_MAX, "%s/%s", registry_folder_of(cfg, name).path,
		 file);
}

int registry_open(const struct config *cfg, const char *name, int flags,
		  int *fd, struct error *err)
{
	struct folder folder = registry_folder_of(cfg, name);
	char file[FILE_NAME_LEN];

	registry_file(name, NULL, file);
	*fd = openat(folder.fd, file, flags | O_NOFOLLOW | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	if (errno == ENOENT)
		return error_set(err, -ENOENT, VTPM_ERR_NOT_FOUND,
				 "there is no vTPM %s; see: vtpmctl list",
				 name);
	return error_set(err, -errno, VTPM_ERR_STORAGE, "%s/%s: %s",
			 folder.path, file, strerror(errno));
}

int registry_lock(int fd, const char *name, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return error_set(err, -EBUSY, VTPM_ERR_IN_USE,
				 "the file of vTPM %s is in use by another "
				 "engine; stop that one first",
				 name);
	return error_set(err, -errno, VTPM_ERR_STORAGE, "lock of %s: %s", name,
			 strerror(errno));
}

int registry_read_header(const struct config *cfg, const char *name,
			 struct nvram_info *info, struct error *err)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r = registry_open(cfg, name, O_RDONLY, &fd, err);

	if (r < 0)
		return r;
	registry_path(cfg, name, path);
	return nvram_read_header(fd, path, info, err);
}

/* As far as the storage lets us: a copy-on-write one keeps the old blocks. */
static void overwrite(int fd)
{
	static const char zeros[4096];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	for (off_t off = 0; off < st.st_size; off += sizeof(zeros)) {
		size_t left = st.st_size - off;
		size_t n = left < sizeof(zeros) ? left : sizeof(zeros);

		if (pwrite_full(fd, zeros, n, off) < 0)
			break;
	}
	fdatasync(fd);
}

int registry_shred(struct folder folder, int fd, const char *file,
		   struct error *err)
{
	overwrite(fd);
	if (unlinkat(folder.fd, file, 0) < 0 && errno != ENOENT)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s/%s: %s",
				 folder.path, file, strerror(errno));
	return registry_sync(folder, err);
}

int registry_sync(struct folder folder, struct error *err)
{
	if (fsync(folder.fd) < 0)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s: %s",
				 folder.path, strerror(errno));
	return 0;
}

int registry_rename(struct folder folder, const char *from, const char *to,
		    struct error *err)
{
	if (renameat2(folder.fd, from, folder.fd, to, RENAME_NOREPLACE) < 0)
		return error_set(err, -errno,
				 errno == EEXIST ? VTPM_ERR_EXISTS
						 : VTPM_ERR_STORAGE,
				 "%s/%s: %s", folder.path, to, strerror(errno));
	return registry_sync(folder, err);
}
