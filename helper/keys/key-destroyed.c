// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys that were destroyed on purpose: UUID.destroyed says so. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/key-dir.h"
#include "util/io.h"

#define MARK_SUFFIX ".destroyed"
#define MARK_NAME_LEN (UUID_TEXT_LEN + sizeof(MARK_SUFFIX) - 1)

static void mark_name(const uint8_t id[UUID_LEN], char out[MARK_NAME_LEN])
{
	uuid_format(id, out);
	memcpy(out + UUID_TEXT_LEN - 1, MARK_SUFFIX, sizeof(MARK_SUFFIX));
}

bool key_dir_is_marked(int dir, const uint8_t id[UUID_LEN])
{
	char mark[MARK_NAME_LEN];

	mark_name(id, mark);
	/* If it cannot be told, the key is not to be used either. */
	return !faccessat(dir, mark, F_OK, AT_SYMLINK_NOFOLLOW) ||
	       errno != ENOENT;
}

int key_dir_mark(int dir, const uint8_t id[UUID_LEN], struct error *err)
{
	char mark[MARK_NAME_LEN];

	mark_name(id, mark);
	return key_dir_replace(dir, mark, "destroyed\n", 10, err);
}

int key_dir_unmark(int dir, const uint8_t id[UUID_LEN], struct error *err)
{
	char mark[MARK_NAME_LEN];

	mark_name(id, mark);
	if (unlinkat(dir, mark, 0) < 0)
		return errno == ENOENT
			       ? 0
			       : key_dir_error(err, -errno, "remove", mark);
	return fsync(dir) < 0 ? key_dir_error(err, -errno, "sync", mark) : 0;
}

int key_dir_check_destroyed(int dir, const char *provider, const char *key_id,
			    struct error *err)
{
	uint8_t id[UUID_LEN];

	if (uuid_parse(key_id, id) || !key_dir_is_marked(dir, id))
		return 0;
	return error_set(err, -EKEYREVOKED, VTPM_ERR_KEY_DESTROYED,
			 "key %s of provider %s was destroyed; what it wrapped "
			 "opens no more, but for another wrap in it or a "
			 "backup of the key",
			 key_id, provider);
}

/* A file system that writes elsewhere keeps the old blocks; see the manual. */
static int overwrite(int dir, const char *file)
{
	_cleanup_close_ int fd =
		openat(dir, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	static const char zeros[512];
	struct stat st;
	off_t at = 0;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	while (!r && at < st.st_size) {
		size_t n = st.st_size - at;

		n = n < sizeof(zeros) ? n : sizeof(zeros);
		r = write_full(fd, zeros, n);
		at += n;
	}
	if (!r && fdatasync(fd) < 0)
		r = -errno;
	return r;
}

int key_dir_destroy(int dir, const char *provider, const char *key_id,
		    struct error *err)
{
	char file[KEY_FILE_NAME_LEN];
	uint8_t id[UUID_LEN];
	int r;

	if (!uuid_parse(key_id, id)) {
		key_file_name(id, file);
		r = faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) ? -errno
								    : 0;
	} else {
		r = -ENOENT;
	}
	if (r == -ENOENT) {
		r = key_dir_check_destroyed(dir, provider, key_id, err);
		return r ? r
			 : error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
				     "provider %s has no key %s", provider,
				     key_id);
	}
	/* First: what is half gone must not look like a damaged key. */
	if (!r)
		r = key_dir_mark(dir, id, err);
	if (r)
		return r;
	r = overwrite(dir, file);
	if (!r && unlinkat(dir, file, 0) < 0)
		r = -errno;
	if (!r && fsync(dir) < 0)
		r = -errno;
	return r ? key_dir_error(err, r, "destroy", file) : 0;
}
