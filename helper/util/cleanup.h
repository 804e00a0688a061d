/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scope-bound cleanup. A function uses these or one goto ladder, not both.
 */
#ifndef VTPM_UTIL_CLEANUP_H
#define VTPM_UTIL_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_ __attribute__((cleanup(cleanup_freep)))
#define _cleanup_close_ __attribute__((cleanup(cleanup_closep)))

/* Defines cleanup_NAME() for use with _cleanup_(NAME) on a TYPE variable. */
#define DEFINE_CLEANUP(name, type, call)                       \
	static inline void cleanup_##name(__typeof__(type) *p) \
	{                                                      \
		if (*p)                                        \
			call(*p);                              \
	}
#define _cleanup_(name) __attribute__((cleanup(cleanup_##name)))

/* Hand the value over to the caller and leave nothing for the cleanup. */
#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})
#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

#endif
