// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "util/secret.h"

/* Room for some hundred keys; one data key takes 64 bytes of it. */
#define SECURE_HEAP_SIZE (64 * 1024UL)
#define DATA_KEY_SIZE 64
#define SECURE_HEAP_MIN 32

int secret_no_dump(void)
{
	const struct rlimit no_core = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &no_core) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int secret_init(int *locked)
{
	return secret_init_for(0, locked);
}

int secret_init_for(size_t keys, int *locked)
{
	size_t size = SECURE_HEAP_SIZE;
	int r = secret_no_dump();

	/* A power of two. Pages are locked, and count, when they are used. */
	while (size < SECURE_HEAP_SIZE + keys * DATA_KEY_SIZE)
		size *= 2;

	if (r < 0)
		return r;
	/* 1: locked and guarded; 2: usable, but not locked; 0: none. */
	r = CRYPTO_secure_malloc_init(size, SECURE_HEAP_MIN);
	if (!r && !CRYPTO_secure_malloc_initialized())
		return -ENOMEM;
	if (locked)
		*locked = r == 1;
	return 0;
}

struct secret *secret_new(size_t len)
{
	struct secret *s;

	if (len > SECURE_HEAP_SIZE / 2)
		return NULL;
	s = OPENSSL_secure_zalloc(sizeof(*s) + len);
	if (s)
		s->len = len;
	return s;
}

struct secret *secret_random(size_t len)
{
	struct secret *s = secret_new(len);

	if (s)
		random_bytes(s->data, len);
	return s;
}

void secret_free(struct secret *s)
{
	if (s)
		OPENSSL_secure_clear_free(s, sizeof(*s) + s->len);
}

int secret_read_fd(int fd, size_t max, struct secret **out)
{
	_cleanup_(secret) struct secret *buf = secret_new(max + 1);
	size_t n = 0;

	if (!buf)
		return -ENOMEM;
	while (n < buf->len) {
		ssize_t r = read(fd, buf->data + n, buf->len - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		n += r;
	}
	if (n > max)
		return -E2BIG;
	if (!n)
		return -ENODATA;
	*out = secret_new(n);
	if (!*out)
		return -ENOMEM;
	memcpy((*out)->data, buf->data, n);
	return 0;
}

int secret_write_fd(int fd, const struct secret *s)
{
	size_t n = 0;

	while (n < s->len) {
		ssize_t r = write(fd, s->data + n, s->len - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		n += r;
	}
	return 0;
}

int secret_pipe(const struct secret *s, int *out)
{
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	r = secret_write_fd(p[1], s);
	close(p[1]);
	if (r < 0)
		close(p[0]);
	else
		*out = p[0];
	return r;
}
