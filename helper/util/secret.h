/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for keys and passwords: OpenSSL's secure heap, which is locked out of
 * swap and of core dumps and wiped on free.
 */
#ifndef VTPM_UTIL_SECRET_H
#define VTPM_UTIL_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct secret {
	size_t len; /* bytes */
	unsigned char data[];
};

/*
 * Set up the secure heap and make the process undumpable with no core file.
 * Call once, first thing in main(). Returns 0 or a negative errno. A heap
 * that could not be locked (RLIMIT_MEMLOCK) is not an error; *locked, which
 * may be NULL, says whether it is.
 */
int secret_init(int *locked);
/* The same with room for @keys data keys, for who keeps those of many vTPMs. */
int secret_init_for(size_t keys, int *locked);

/* The half of secret_init() that a process inherits: no dump, no core file. */
int secret_no_dump(void);

/* All-zero memory of @len bytes; NULL where there is none. */
struct secret *secret_new(size_t len);
/* As secret_new(), filled from the random generator; aborts if that fails. */
struct secret *secret_random(size_t len);
/* Wipes and frees; NULL is fine. */
void secret_free(struct secret *s);
DEFINE_CLEANUP(secret, struct secret *, secret_free)

/*
 * Read a secret of 1 to @max bytes from @fd up to end of file. Returns 0,
 * -E2BIG if there is more, -ENODATA if there is nothing, or another negative
 * errno. The caller frees *out.
 */
int secret_read_fd(int fd, size_t max, struct secret **out);
/* Write all of @s to @fd. Returns 0 or a negative errno. */
int secret_write_fd(int fd, const struct secret *s);

/*
 * A pipe whose read end holds @s; the write end is closed. The secret must fit
 * into the pipe's buffer.
 */
int secret_pipe(const struct secret *s, int *out);

/* Fill @buf with @len random bytes; aborts the process if that fails. */
void random_bytes(void *buf, size_t len);

#endif
