// SPDX-License-Identifier: GPL-2.0-or-later
/* What is in the folders: the names, and what was left of operations. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/registry.h"

DEFINE_CLEANUP(dir, DIR *, closedir)

/* Cut @suffix off @file; false if it does not end so or is no name then. */
static bool strip(const char *file, const char *suffix,
		  char name[NAME_MAX_LEN + 1])
{
	size_t n = strlen(file), s = strlen(suffix);

	if (n <= s || n - s > NAME_MAX_LEN || strcmp(file + n - s, suffix))
		return false;
	memcpy(name, file, n - s);
	name[n - s] = '\0';
	return name_valid(name);
}

static int scan(int dir_fd, const char *suffix, const char *where,
		int (*fn)(const char *name, void *arg), void *arg,
		struct error *err)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	_cleanup_(dir) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	char name[NAME_MAX_LEN + 1];
	struct dirent *de;

	if (!d)
		return error_set(err, -errno, VTPM_ERR_STORAGE, "%s: %s", where,
				 strerror(errno));
	while ((de = readdir(d))) {
		if (!strip(de->d_name, suffix, name))
			continue;
		r = fn(name, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

int registry_scan(const struct config *cfg,
		  int (*fn)(const char *name, void *arg), void *arg,
		  struct error *err)
{
	int r = scan(cfg->state_fd, NVRAM_SUFFIX, cfg->state_dir, fn, arg, err);

	return r < 0 ? r
		     : scan(cfg->ephemeral_fd, NVRAM_SUFFIX, cfg->ephemeral_dir,
			    fn, arg, err);
}

int registry_scan_providers(const struct config *cfg,
			    int (*fn)(const char *name, void *arg), void *arg,
			    struct error *err)
{
	return scan(cfg->providers_fd, JSON_SUFFIX, "providers", fn, arg, err);
}

static void clean_one(struct folder folder, const char *file)
{
	struct error err = { 0 };
	_cleanup_close_ int fd =
		openat(folder.fd, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	/* Another manager may share the directory and be at work on it. */
	if (fd >= 0 && registry_lock(fd, file, NULL) < 0)
		return;
	log_notice("%s/%s: left by an operation that was cut off; removed",
		   folder.path, file);
	if (registry_shred(folder, fd, file, &err) < 0)
		log_warning("%s", err.text);
}

static void clean(struct folder folder)
{
	static const char *const suffixes[] = { NVRAM_SUFFIX SUFFIX_NEW,
						NVRAM_SUFFIX SUFFIX_OLD };
	int fd = openat(folder.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(dir) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	char name[NAME_MAX_LEN + 1];
	struct dirent *de;

	while (d && (de = readdir(d))) {
		for (size_t i = 0; i < 2 && de->d_name[0] == '.'; i++) {
			if (strip(de->d_name + 1, suffixes[i], name))
				clean_one(folder, de->d_name);
		}
	}
}

void registry_clean(const struct config *cfg)
{
	clean(registry_folder(cfg, false));
	clean(registry_folder(cfg, true));
}
