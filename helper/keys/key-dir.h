/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key files of a provider: UUID.key in its directory, one for each key. They
 * have mode 0600 and are whole or not there, whenever the power is cut.
 */
#ifndef VTPM_KEYS_KEY_DIR_H
#define VTPM_KEYS_KEY_DIR_H

#include <stdbool.h>

#include "util/error.h"
#include "util/secret.h"
#include "util/text.h"

#define KEY_FILE_SUFFIX ".key"
/* "UUID.key" and a NUL. */
#define KEY_FILE_NAME_LEN (UUID_TEXT_LEN + sizeof(KEY_FILE_SUFFIX) - 1)

/* Open the working directory; the caller closes *dir. */
int key_dir_open(int *dir, struct error *err);
/*
 * Take turns with other instances, until @dir is closed. What a write that was
 * cut has left is removed.
 */
int key_dir_lock(int dir, struct error *err);

/* "cannot WHAT FILE in the provider's directory: ..."; returns @errnum. */
int key_dir_error(struct error *err, int errnum, const char *what,
		  const char *file);
void key_file_name(const uint8_t id[UUID_LEN], char out[KEY_FILE_NAME_LEN]);

/*
 * Write @file, whole and durable or not at all, while the lock is held. The
 * file that was there is replaced.
 */
int key_dir_replace(int dir, const char *file, const void *data, size_t len,
		    struct error *err);
/*
 * Read 1 to @max bytes; the caller frees *out. 0, -E2BIG, -ENODATA, -ENOENT or
 * another negative errno.
 */
int key_dir_read(int dir, const char *file, size_t max, struct secret **out);

/*
 * Destroy the key @id for good: its file is overwritten and removed, and
 * UUID.destroyed says that it was on purpose. VTPM_ERR_KEY_MISSING or
 * VTPM_ERR_KEY_DESTROYED if it is not there. Cut by a power failure it counts
 * as destroyed or is untouched.
 */
int key_dir_destroy(int dir, const char *provider, const char *key_id,
		    struct error *err);
/* 0, or VTPM_ERR_KEY_DESTROYED if key_dir_destroy() had @key_id. */
int key_dir_check_destroyed(int dir, const char *provider, const char *key_id,
			    struct error *err);
/* The same without words. */
bool key_dir_is_marked(int dir, const uint8_t id[UUID_LEN]);
/* Note that the key @id was destroyed, or that it is there again. */
int key_dir_mark(int dir, const uint8_t id[UUID_LEN], struct error *err);
int key_dir_unmark(int dir, const uint8_t id[UUID_LEN], struct error *err);

/* 0 to go on, or what key_dir_each() is to return. */
typedef int (*key_file_fn)(int dir, const char *file,
			   const uint8_t id[UUID_LEN], void *arg,
			   struct error *err);
/*
 * For each key file, in no order. A file of another name is left alone, one of
 * a key that was destroyed counts as gone.
 */
int key_dir_each(int dir, key_file_fn fn, void *arg, struct error *err);

#endif
