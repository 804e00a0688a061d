// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/io.h"
#include "util/json.h"
#include "util/text.h"
#include "vtpmd/json-file.h"

/* ".FILE.new" */
#define TEMPORARY_LEN (NAME_MAX_LEN + 40)

int json_file_load(int dir_fd, const char *file, size_t max, const char *where,
		   json_t **out, struct error *err)
{
	_cleanup_close_ int fd =
		openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : json_read_object(fd, max, out);

	if (r == -EBADMSG || r == -E2BIG)
		return error_set(
			err, -EBADMSG, VTPM_ERR_CORRUPT,
			"%s/%s is not a JSON object; mend or remove it", where,
			file);
	if (r)
		return error_set(err, r, VTPM_ERR_STORAGE, "%s/%s: %s", where,
				 file, strerror(-r));
	return 0;
}

int text_file_save(int dir_fd, const char *file, const char *where,
		   const char *text, struct error *err)
{
	char temp[TEMPORARY_LEN];
	_cleanup_close_ int fd = -1;
	int r = -ENOMEM;

	snprintf(temp, sizeof(temp), ".%s.new", file);
	fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0600);
	if (text)
		r = fd < 0 ? -errno : write_full(fd, text, strlen(text));
	if (!r && (fsync(fd) < 0 || renameat(dir_fd, temp, dir_fd, file) < 0 ||
		   fsync(dir_fd) < 0))
		r = -errno;
	if (r < 0) {
		unlinkat(dir_fd, temp, 0);
		return error_set(err, r,
				 r == -ENOSPC ? VTPM_ERR_NO_SPACE
					      : VTPM_ERR_STORAGE,
				 "%s/%s: %s", where, file, strerror(-r));
	}
	return 0;
}

int json_file_save(int dir_fd, const char *file, const char *where,
		   const json_t *json, struct error *err)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_INDENT(2));

	return text_file_save(dir_fd, file, where, text, err);
}
