/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that a test runs in place of another. */
#ifndef VTPM_UTIL_TESTING_SCRIPT_H
#define VTPM_UTIL_TESTING_SCRIPT_H

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The new file @path, which anybody may run. 0, or -1 with errno set. */
static inline int script_make(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t len = strlen(text);
	int r;

	if (fd < 0)
		return -1;
	/* Whatever the umask is. */
	r = write(fd, text, len) != len || fchmod(fd, 0755);
	close(fd);
	return r ? -1 : 0;
}

#endif
