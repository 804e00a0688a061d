// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/child.h"

#define LISTEN_BACKLOG 8

int child_ends_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -1;
	errno = ECHILD;
	return getppid() == parent ? 0 : -1;
}

int child_listen(int fd)
{
	if (fd < 0)
		return 0;
	if (listen(fd, LISTEN_BACKLOG) < 0)
		return -1;
	return prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

int child_place_fds(const int *fds, size_t n)
{
	int moved[CHILD_MAX_FDS];

	errno = E2BIG;
	if (n > CHILD_MAX_FDS)
		return -1;
	/* Out of the way of one another first. */
	for (size_t i = 0; i < n; i++) {
		moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, CHILD_SAFE_FD);
		if (moved[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (dup2(moved[i], i) < 0 || close(moved[i]) < 0)
			return -1;
	}
	return 0;
}
