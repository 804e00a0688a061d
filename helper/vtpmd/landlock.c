// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "vtpmd/landlock.h"

/* As of version 6; the kernel takes a longer one if its end is zero. */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

#define FS_REFER (UINT64_C(1) << 13)	 /* version 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)	 /* version 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define NET_BIND_TCP UINT64_C(1)	 /* version 4 */
#define SCOPE_ABSTRACT_UNIX UINT64_C(1)	 /* version 6 */
#define SCOPE_SIGNAL UINT64_C(2)	 /* version 6 */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* No node of a device: that needs a capability in any case. */
#define FS_WRITE                                                         \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |  \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |    \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |    \
	 FS_REFER | FS_TRUNCATE)
#define FS_OF_FILES                                                     \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 LANDLOCK_ACCESS_FS_EXECUTE | FS_TRUNCATE | FS_IOCTL_DEV)

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* Every right of the file system that this version knows. */
static uint64_t handled_fs(int abi)
{
	uint64_t all = FS_REFER - 1;

	if (abi >= 2)
		all |= FS_REFER;
	if (abi >= 3)
		all |= FS_TRUNCATE;
	if (abi >= 5)
		all |= FS_IOCTL_DEV;
	return all;
}

int landlock_new(bool isolate, struct landlock *out)
{
	struct ruleset_attr attr = { 0 };
	int abi = landlock_abi();

	*out = (struct landlock){ .abi = abi, .fd = -1 };
	if (!abi)
		return 0;
	attr.handled_access_fs = handled_fs(abi);
	if (abi >= 4 && isolate)
		attr.handled_access_net = NET_BIND_TCP;
	if (abi >= 6)
		attr.scoped =
			SCOPE_SIGNAL | (isolate ? SCOPE_ABSTRACT_UNIX : 0);
	out->fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	return out->fd < 0 ? -errno : 0;
}

void landlock_close(struct landlock *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

int landlock_allow_fd(const struct landlock *l, int fd, unsigned int rights)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	uint64_t access = 0;
	struct statx st;

	if (l->fd < 0)
		return 0;
	/* Not by asking a file server, which might not answer. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) <
	    0)
		return -errno;
	if (rights & LANDLOCK_READ)
		access |= FS_READ;
	if (rights & LANDLOCK_EXECUTE)
		access |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (rights & LANDLOCK_WRITE)
		access |= FS_WRITE;
	if (rights & LANDLOCK_DEVICES)
		access |= FS_IOCTL_DEV;
	if (!S_ISDIR(st.stx_mode))
		access &= FS_OF_FILES;
	rule.allowed_access = access & handled_fs(l->abi);
	if (syscall(SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH,
		    &rule, 0) < 0)
		return -errno;
	return 0;
}

static int allow_at(const struct landlock *l, int at, const char *path,
		    int flags, unsigned int rights)
{
	_cleanup_close_ int fd = openat(at, path, O_PATH | O_CLOEXEC | flags);

	/* Without this right to pass, it is not there for the helper either. */
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : -errno;
	return landlock_allow_fd(l, fd, rights);
}

int landlock_allow(const struct landlock *l, int at, const char *path,
		   unsigned int rights)
{
	return allow_at(l, at, path, 0, rights);
}

/* Is @path one of @hidden (0), above one (1), or neither (-1)? */
static int place(const char *path, const char *const *hidden, unsigned int n)
{
	size_t len = strlen(path);
	int where = -1;

	for (unsigned int i = 0; i < n; i++) {
		if (strncmp(path, hidden[i], len))
			continue;
		if (!hidden[i][len])
			return 0;
		if (hidden[i][len] == '/')
			where = 1;
	}
	return where;
}

/* @path without a slash at its end, so that the root is "". */
static int allow_around(const struct landlock *l, const char *path,
			const char *const *hidden, unsigned int n)
{
	DIR *dir = opendir(*path ? path : "/");
	struct dirent *d;
	int r = 0;

	if (!dir)
		return -errno;
	while (!r && (d = readdir(dir))) {
		char name[PATH_MAX];

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
		    snprintf(name, sizeof(name), "%s/%s", path, d->d_name) >=
			    (int)sizeof(name))
			continue;
		switch (place(name, hidden, n)) {
		case 0:
			break;
		case 1:
			r = allow_around(l, name, hidden, n);
			break;
		default:
			/*
			 * What a link leads to has a place of its own. What
			 * cannot be had, as a dead mount, is not seen then.
			 */
			allow_at(l, dirfd(dir), d->d_name, O_NOFOLLOW,
				 LANDLOCK_READ | LANDLOCK_EXECUTE |
					 LANDLOCK_WRITE | LANDLOCK_DEVICES);
		}
	}
	closedir(dir);
	return r;
}

int landlock_allow_all_but(const struct landlock *l, const char *const *hidden,
			   unsigned int n)
{
	return l->fd < 0 ? 0 : allow_around(l, "", hidden, n);
}

int landlock_enter(const struct landlock *l)
{
	if (l->fd < 0)
		return 0;
	return syscall(SYS_landlock_restrict_self, l->fd, 0);
}
