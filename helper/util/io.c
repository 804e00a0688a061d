// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/io.h"

#define MAX_FDS 16 /* no fewer than CHILD_MAX_FDS */

/* One step of a transfer; @off is -1 for a stream. */
enum direction { DIR_READ, DIR_WRITE };

static ssize_t transfer(enum direction dir, int fd, char *buf, size_t len,
			off_t off)
{
	if (dir == DIR_READ)
		return off < 0 ? read(fd, buf, len) : pread(fd, buf, len, off);
	return off < 0 ? write(fd, buf, len) : pwrite(fd, buf, len, off);
}

static int transfer_full(enum direction dir, int fd, char *buf, size_t len,
			 off_t off)
{
	while (len) {
		ssize_t r = transfer(dir, fd, buf, len, off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			return dir == DIR_READ ? -ENODATA : -EIO;
		buf += r;
		len -= r;
		if (off >= 0)
			off += r;
	}
	return 0;
}

int read_full(int fd, void *buf, size_t len)
{
	return transfer_full(DIR_READ, fd, buf, len, -1);
}

int write_full(int fd, const void *buf, size_t len)
{
	return transfer_full(DIR_WRITE, fd, (char *)buf, len, -1);
}

int pread_full(int fd, void *buf, size_t len, off_t off)
{
	return transfer_full(DIR_READ, fd, buf, len, off);
}

int pwrite_full(int fd, const void *buf, size_t len, off_t off)
{
	return transfer_full(DIR_WRITE, fd, (char *)buf, len, off);
}

ssize_t send_with_fds(int sock, const void *buf, size_t len, const int *fds,
		      size_t n_fds, int flags)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * MAX_FDS)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t r;

	if (n_fds > MAX_FDS)
		return -E2BIG;
	if (n_fds) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do {
		r = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static void take_fds(const struct cmsghdr *c, int *fds, size_t max, size_t *got)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		if (*got < max)
			fds[(*got)++] = fd;
		else
			close(fd);
	}
}

ssize_t recv_with_fds(int sock, void *buf, size_t len, int *fds, size_t *n_fds,
		      int flags)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * MAX_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	size_t got = 0;
	ssize_t r;

	do {
		r = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c;
	     c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(c, fds, n_fds ? *n_fds : 0, &got);
	}
	if (n_fds)
		*n_fds = got;
	return r;
}
