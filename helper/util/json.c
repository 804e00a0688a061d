// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "util/io.h"
#include "util/json.h"
#include "util/text.h"

/* To begin with; what is read is mostly shorter. */
#define FIRST_SIZE 16384

int json_read_object(int fd, size_t max, json_t **out)
{
	_cleanup_(json) json_t *json = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size = 0, n = 0;

	for (;;) {
		ssize_t got;

		if (n == size) {
			char *more;

			size = size ? 2 * size : FIRST_SIZE;
			if (size > max + 1)
				size = max + 1;
			more = realloc(text, size);
			if (!more)
				return -ENOMEM;
			text = more;
		}
		got = read(fd, text + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += got;
		if (n > max)
			return -E2BIG;
	}
	json = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(json))
		return -EBADMSG;
	*out = TAKE_PTR(json);
	return 0;
}

int json_write_line(int fd, const json_t *json)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);
	int r = text ? write_full(fd, text, strlen(text)) : -ENOMEM;

	return r ? r : write_full(fd, "\n", 1);
}

int json_memfd(const json_t *json, int *out)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);
	_cleanup_close_ int fd = memfd_create("request", MFD_CLOEXEC);
	int r;

	if (!text)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	r = write_full(fd, text, strlen(text));
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	*out = TAKE_FD(fd);
	return 0;
}

const char *json_member(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? s : "";
}

int json_get_bytes(const json_t *object, const char *name, size_t max,
		   uint8_t **out, size_t *len)
{
	const char *text = json_member(object, name);
	_cleanup_free_ uint8_t *data = NULL;
	size_t n;
	int r;

	if (strlen(text) > (max + 2) / 3 * 4)
		return -EINVAL;
	r = base64_decode(text, &data, &n);
	if (r)
		return r;
	if (!n || n > max)
		return -EINVAL;
	*out = TAKE_PTR(data);
	*len = n;
	return 0;
}

json_t *json_bytes(const void *data, size_t len)
{
	_cleanup_free_ char *text = base64_encode(data, len);

	return text ? json_string(text) : NULL;
}
