// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "keys/key-dir.h"
#include "util/io.h"

#define TEMPORARY ".new"

int key_dir_error(struct error *err, int errnum, const char *what,
		  const char *file)
{
	return error_set(err, errnum, VTPM_ERR_PROVIDER,
			 "cannot %s %s in the provider's directory: %s", what,
			 file, strerror(-errnum));
}

int key_dir_open(int *dir, struct error *err)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, -errno, VTPM_ERR_PROVIDER,
				 "cannot open the provider's directory: %s",
				 strerror(errno));
	*dir = fd;
	return 0;
}

int key_dir_lock(int dir, struct error *err)
{
	int r;

	do {
		r = flock(dir, LOCK_EX);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return key_dir_error(err, -errno, "lock", "the files");
	if (unlinkat(dir, TEMPORARY, 0) < 0 && errno != ENOENT)
		return key_dir_error(err, -errno, "remove", TEMPORARY);
	return 0;
}

static int write_temporary(int dir, const void *data, size_t len)
{
	_cleanup_close_ int fd = openat(
		dir, TEMPORARY,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_full(fd, data, len);
	if (!r && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* The lock on the directory keeps the one temporary name ours. */
int key_dir_replace(int dir, const char *file, const void *data, size_t len,
		    struct error *err)
{
	int r = write_temporary(dir, data, len);

	if (!r && renameat(dir, TEMPORARY, dir, file) < 0)
		r = -errno;
	if (r) {
		unlinkat(dir, TEMPORARY, 0);
		return key_dir_error(err, r, "write", file);
	}
	/* Or a key in use could be gone after a power cut. */
	if (fsync(dir) < 0)
		return key_dir_error(err, -errno, "sync", file);
	return 0;
}

int key_dir_read(int dir, const char *file, size_t max, struct secret **out)
{
	_cleanup_close_ int fd =
		openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : secret_read_fd(fd, max, out);
}

void key_file_name(const uint8_t id[UUID_LEN], char out[KEY_FILE_NAME_LEN])
{
	uuid_format(id, out);
	memcpy(out + UUID_TEXT_LEN - 1, KEY_FILE_SUFFIX,
	       sizeof(KEY_FILE_SUFFIX));
}

/* Is it just as key_file_name() writes it? */
static bool parse_file_name(const char *file, uint8_t id[UUID_LEN])
{
	char text[UUID_TEXT_LEN], canonical[KEY_FILE_NAME_LEN];

	if (strlen(file) != KEY_FILE_NAME_LEN - 1)
		return false;
	memcpy(text, file, UUID_TEXT_LEN - 1);
	text[UUID_TEXT_LEN - 1] = '\0';
	if (uuid_parse(text, id))
		return false;
	key_file_name(id, canonical);
	return !strcmp(file, canonical);
}

int key_dir_each(int dir, key_file_fn fn, void *arg, struct error *err)
{
	/* A descriptor of its own: closing the stream closes it. */
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint8_t id[UUID_LEN];
	int r = 0;

	if (!stream) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return key_dir_error(err, r, "read", "the list of keys");
	}
	while (!r && (errno = 0, entry = readdir(stream))) {
		if (parse_file_name(entry->d_name, id) &&
		    !key_dir_is_marked(dir, id))
			r = fn(dir, entry->d_name, id, arg, err);
	}
	if (!r && errno)
		r = key_dir_error(err, -errno, "read", "the list of keys");
	closedir(stream);
	return r;
}
