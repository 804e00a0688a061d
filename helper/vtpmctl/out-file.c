// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file that is written beside the one of its name and takes that when it is
 * whole: what was there before survives a failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vtpmctl/vtpmctl.h"

static int complain(const char *file)
{
	fprintf(stderr, "vtpmctl: %s: %s%s\n", file, strerror(errno),
		errno == EEXIST ? "; say --force to replace it" : "");
	return errno == EEXIST ? CTL_CONFLICT : CTL_STORAGE;
}

int out_file_open(struct out_file *out, const char *file, bool force)
{
	*out = (struct out_file){ .file = file, .force = force, .fd = -1 };
	if (!force && !access(file, F_OK)) {
		errno = EEXIST;
		return complain(file);
	}
	if (snprintf(out->tmp, sizeof(out->tmp), "%s.XXXXXX", file) >=
	    (int)sizeof(out->tmp)) {
		errno = ENAMETOOLONG;
		return complain(file);
	}
	out->fd = mkostemp(out->tmp, O_CLOEXEC); /* mode 0600 */
	return out->fd < 0 ? complain(file) : 0;
}

/* So that the name is there, too, when the power goes. */
static int sync_folder(const char *file)
{
	char path[sizeof(((struct out_file *)0)->tmp)];
	int fd, r;

	snprintf(path, sizeof(path), "%s", file);
	fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

int out_file_close(struct out_file *out, int status)
{
	if (!status && (fsync(out->fd) < 0 ||
			renameat2(AT_FDCWD, out->tmp, AT_FDCWD, out->file,
				  out->force ? 0 : RENAME_NOREPLACE) < 0 ||
			sync_folder(out->file) < 0))
		status = complain(out->file);
	if (status)
		unlink(out->tmp);
	close(out->fd);
	return status;
}
