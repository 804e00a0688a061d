// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vtpmctl/swtpm.h"

static int complain(const struct swtpm_dir *d, const char *file)
{
	fprintf(stderr, "vtpmctl: %s%s%s: %s\n", d->path, *file ? "/" : "",
		file, strerror(errno));
	return errno == ENOENT ? CTL_NOT_FOUND : CTL_STORAGE;
}

/* One that we make has to be of use to the swtpm that runs there some day. */
static int open_lock(int dir)
{
	const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(dir, ".lock", flags | O_CREAT | O_EXCL, 0660);
	struct stat st;

	if (fd < 0)
		return errno == EEXIST ? openat(dir, ".lock", flags) : -1;
	if (!fstat(dir, &st) && fchown(fd, st.st_uid, st.st_gid) < 0 &&
	    errno != EPERM) {
		close(fd);
		return -1;
	}
	return fd;
}

/* As swtpm takes it, so that neither runs while the other is at work. */
static int take_lock(struct swtpm_dir *d)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	d->lock = open_lock(d->fd);
	/* Where nobody can write no swtpm runs. */
	if (d->lock < 0 && errno == EROFS)
		return CTL_OK;
	if (d->lock < 0)
		return complain(d, ".lock");
	if (!fcntl(d->lock, F_SETLK, &lock))
		return CTL_OK;
	if (errno != EAGAIN && errno != EACCES)
		return complain(d, ".lock");
	fprintf(stderr,
		"vtpmctl: swtpm runs on %s; shut down its machine, or swtpm itself, first\n",
		d->path);
	return CTL_CONFLICT;
}

int swtpm_dir_open(const char *path, struct swtpm_dir *out)
{
	struct swtpm_dir d = { .path = path, .lock = -1 };
	int status;

	d.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.fd < 0 && errno == ENOTDIR) {
		fprintf(stderr,
			"vtpmctl: %s is not a directory; states that swtpm keeps in a file or a device (backend-uri=file://) cannot be read\n",
			path);
		return CTL_USAGE;
	}
	if (d.fd < 0)
		return complain(&d, "");
	status = take_lock(&d);
	if (status)
		swtpm_dir_close(&d);
	else
		*out = d;
	return status;
}

void swtpm_dir_close(struct swtpm_dir *d)
{
	if (d->lock >= 0)
		close(d->lock);
	close(d->fd);
}

bool swtpm_dir_has(const struct swtpm_dir *d, const char *file)
{
	struct stat st;

	return !fstatat(d->fd, file, &st, AT_SYMLINK_NOFOLLOW);
}
