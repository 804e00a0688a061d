/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the analyzers of tools/style.sh cannot know by themselves; they include
 * this before every file. No program is built with it.
 */
#define VTPM_VERSION "0"

#ifdef CPPCHECK
/* It reads no system headers, and a macro that looks like code ends a file. */
#define TAILQ_HEAD(name, type)      \
	struct name {               \
		struct type *first; \
	}
#define TAILQ_ENTRY(type)          \
	struct {                   \
		struct type *next; \
	}
#define TAILQ_FOREACH(v, head, link) \
	for ((v) = (head)->first; (v); (v) = (v)->link.next)
#define json_array_foreach(array, i, value) \
	for (i = 0; (value = json_array_get(array, i)); i++)
#define json_object_foreach(object, key, value)     \
	for (void *it_ = json_object_iter(object);  \
	     (key = json_object_iter_key(it_)) &&   \
	     (value = json_object_iter_value(it_)); \
	     it_ = json_object_iter_next(object, it_))
#endif

#if defined(__clang_analyzer__) || defined(GCC_ANALYZER)
#include <errno.h>
#include "util/error.h"

/* A call that failed left a positive errno, so -errno is no success. */
int any_number(void);
static inline int *failed_errno(void)
{
	static int n;

	n = EIO;
	switch (any_number()) {
	case 0:
		n = EINTR;
		break;
	case 1:
		n = EAGAIN;
		break;
	case 2:
		n = ENOENT;
		break;
	case 3:
		n = EEXIST;
		break;
	default:
		n = EIO;
	}
	return &n;
}
#undef errno
#define errno (*failed_errno())

/* The number that goes in comes out. */
#define error_set(err, errnum, ...) \
	(error_set(err, errnum, __VA_ARGS__), (errnum))
#endif
