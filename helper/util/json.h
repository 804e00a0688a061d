/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON between our processes, and to and from files. */
#ifndef VTPM_UTIL_JSON_H
#define VTPM_UTIL_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "util/cleanup.h"
#include "util/varlink.h"

/*
 * The object that @fd holds from where it stands to its end. 0 and a new
 * reference, -E2BIG for more than @max bytes, -EBADMSG for anything but one
 * object without duplicate members, or another negative errno.
 */
int json_read_object(int fd, size_t max, json_t **out);
/* @json on one line. 0 or a negative errno. */
int json_write_line(int fd, const json_t *json);
/*
 * @json as a file in memory, to be read from its start: a pipe could fill up
 * and stop its writer. The caller closes *out. 0 or a negative errno.
 */
int json_memfd(const json_t *json, int *out);

/* "" where the member is not there or no text. */
const char *json_member(const json_t *object, const char *name);
/*
 * 1 to @max bytes that the member @name holds as base64; the caller frees
 * *out. 0, -EINVAL or -ENOMEM.
 */
int json_get_bytes(const json_t *object, const char *name, size_t max,
		   uint8_t **out, size_t *len);
/* A text of base64; NULL if there is no memory. */
json_t *json_bytes(const void *data, size_t len);

#endif
