/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and writes that are whole or fail, and descriptors over sockets. */
#ifndef VTPM_UTIL_IO_H
#define VTPM_UTIL_IO_H

#include <stddef.h>
#include <sys/types.h>

/* All @len bytes or a negative errno; -ENODATA for an early end of file. */
int read_full(int fd, void *buf, size_t len);
int write_full(int fd, const void *buf, size_t len);
int pread_full(int fd, void *buf, size_t len, off_t off);
int pwrite_full(int fd, const void *buf, size_t len, off_t off);

/*
 * Send @len bytes and @n_fds (at most 16) descriptors as one message.
 * Returns the bytes sent or a negative errno.
 */
ssize_t send_with_fds(int sock, const void *buf, size_t len, const int *fds,
		      size_t n_fds, int flags);
/*
 * Receive at most @len bytes and at most *n_fds descriptors (close-on-exec,
 * owned by the caller); descriptors past that are closed. Returns the bytes
 * received, 0 at the end, or a negative errno.
 */
ssize_t recv_with_fds(int sock, void *buf, size_t len, int *fds, size_t *n_fds,
		      int flags);

#endif
