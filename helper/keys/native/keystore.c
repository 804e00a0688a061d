// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys in a directory: UUID.key, one per key, and the file "active" with the
 * id of the active one. All 0600, replaced by rename.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "keys/native/native.h"
#include "nvram/bytes.h"
#include "util/io.h"

/* Offsets in a key file; integers are little-endian. */
enum {
	K_MAGIC = 0,
	K_FLAGS = 8,
	K_CREATED = 16,
	K_ID = 24,
	K_KEY = 40,
	K_CHECKSUM = K_KEY + NATIVE_KEY_LEN, /* SHA-256 of the above */
	K_LEN = K_CHECKSUM + 32,
};

#define FLAG_BACKED_UP 1u
#define SUFFIX ".key"
#define FILE_NAME_LEN (UUID_TEXT_LEN + sizeof(SUFFIX) - 1)
#define TEMPORARY ".new"

static const uint8_t key_magic[8] = "VTPMKEY1";

void native_keys_free(struct native_keys *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->count; i++)
		secret_free(k->key[i].secret);
	free(k);
}

struct native_key *native_find(struct native_keys *k,
			       const uint8_t id[UUID_LEN])
{
	for (size_t i = 0; i < k->count; i++) {
		if (!memcmp(k->key[i].id, id, UUID_LEN))
			return &k->key[i];
	}
	return NULL;
}

struct native_key *native_active(struct native_keys *k)
{
	for (size_t i = 0; i < k->count; i++) {
		if (k->key[i].active)
			return &k->key[i];
	}
	return NULL;
}

static int file_error(struct error *err, int errnum, const char *what,
		      const char *file)
{
	return error_set(err, errnum, VTPM_ERR_PROVIDER,
			 "cannot %s %s in the provider's directory: %s", what,
			 file, strerror(-errnum));
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
static int replace_file(int dir, const char *file, const void *data, size_t len,
			struct error *err)
{
	int r = write_temporary(dir, data, len);

	if (!r && renameat(dir, TEMPORARY, dir, file) < 0)
		r = -errno;
	if (r) {
		unlinkat(dir, TEMPORARY, 0);
		return file_error(err, r, "write", file);
	}
	/* Or a key in use could be gone after a power cut. */
	if (fsync(dir) < 0)
		return file_error(err, -errno, "sync", file);
	return 0;
}

static void key_file_name(const uint8_t id[UUID_LEN], char out[FILE_NAME_LEN])
{
	uuid_format(id, out);
	memcpy(out + UUID_TEXT_LEN - 1, SUFFIX, sizeof(SUFFIX));
}

int native_store(int dir, const struct native_key *key, struct error *err)
{
	_cleanup_(secret) struct secret *buf = secret_new(K_LEN);
	char name[FILE_NAME_LEN];

	if (!buf)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	memcpy(buf->data + K_MAGIC, key_magic, sizeof(key_magic));
	put64(buf->data + K_FLAGS, key->backed_up ? FLAG_BACKED_UP : 0);
	put64(buf->data + K_CREATED, key->created);
	memcpy(buf->data + K_ID, key->id, UUID_LEN);
	memcpy(buf->data + K_KEY, key->secret->data, NATIVE_KEY_LEN);
	if (EVP_Digest(buf->data, K_CHECKSUM, buf->data + K_CHECKSUM, NULL,
		       EVP_sha256(), NULL) != 1)
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "OpenSSL cannot make a SHA-256 sum");
	key_file_name(key->id, name);
	return replace_file(dir, name, buf->data, K_LEN, err);
}

int native_set_active(int dir, const uint8_t id[UUID_LEN], struct error *err)
{
	char text[UUID_TEXT_LEN];

	uuid_format(id, text);
	return replace_file(dir, "active", text, UUID_TEXT_LEN - 1, err);
}

static int decode_key(const struct secret *buf, const uint8_t id[UUID_LEN],
		      struct native_key *out)
{
	uint8_t sum[32];
	uint64_t flags;

	if (buf->len != K_LEN || memcmp(buf->data, key_magic, 8) ||
	    EVP_Digest(buf->data, K_CHECKSUM, sum, NULL, EVP_sha256(), NULL) !=
		    1 ||
	    CRYPTO_memcmp(sum, buf->data + K_CHECKSUM, sizeof(sum)))
		return -EBADMSG;
	flags = get64(buf->data + K_FLAGS);
	if (flags & ~(uint64_t)FLAG_BACKED_UP ||
	    memcmp(buf->data + K_ID, id, UUID_LEN))
		return -EBADMSG;
	out->secret = secret_new(NATIVE_KEY_LEN);
	if (!out->secret)
		return -ENOMEM;
	memcpy(out->secret->data, buf->data + K_KEY, NATIVE_KEY_LEN);
	memcpy(out->id, id, UUID_LEN);
	out->created = get64(buf->data + K_CREATED);
	out->backed_up = flags & FLAG_BACKED_UP;
	return 0;
}

/* @max bytes at most, else -E2BIG. */
static int read_small(int dir, const char *file, size_t max,
		      struct secret **out)
{
	_cleanup_close_ int fd =
		openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : secret_read_fd(fd, max, out);
}

/* A file that is no key of ours is left alone; a damaged key is an error. */
static int load_key(int dir, const char *file, struct native_keys *k,
		    struct error *err)
{
	_cleanup_(secret) struct secret *buf = NULL;
	char text[UUID_TEXT_LEN], canonical[FILE_NAME_LEN];
	uint8_t id[UUID_LEN];
	int r;

	if (strlen(file) != FILE_NAME_LEN - 1 ||
	    strcmp(file + UUID_TEXT_LEN - 1, SUFFIX))
		return 0;
	memcpy(text, file, UUID_TEXT_LEN - 1);
	text[UUID_TEXT_LEN - 1] = '\0';
	if (uuid_parse(text, id))
		return 0;
	key_file_name(id, canonical);
	if (strcmp(file, canonical))
		return 0;
	if (k->count == NATIVE_MAX_KEYS)
		return error_set(err, -E2BIG, VTPM_ERR_PROVIDER,
				 "the provider has more than %d keys",
				 NATIVE_MAX_KEYS);
	r = read_small(dir, file, K_LEN, &buf);
	if (!r)
		r = decode_key(buf, id, &k->key[k->count]);
	if (r == -EBADMSG || r == -E2BIG || r == -ENODATA)
		return error_set(err, r, VTPM_ERR_PROVIDER,
				 "%s in the provider's directory is damaged; "
				 "remove it and import the backup of the key",
				 file);
	if (r)
		return file_error(err, r, "read", file);
	k->count++;
	return 0;
}

static int load_active(int dir, struct native_keys *k, struct error *err)
{
	_cleanup_(secret) struct secret *buf = NULL;
	char text[UUID_TEXT_LEN] = "";
	struct native_key *key = NULL;
	uint8_t id[UUID_LEN];
	int r = read_small(dir, "active", UUID_TEXT_LEN - 1, &buf);

	if (r == -ENOENT)
		return 0;
	if (r && r != -E2BIG && r != -ENODATA)
		return file_error(err, r, "read", "active");
	if (!r) {
		memcpy(text, buf->data, buf->len);
		if (!uuid_parse(text, id))
			key = native_find(k, id);
	}
	/* Without the key it names there is none to wrap with; import helps. */
	if (key)
		key->active = true;
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct native_key *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return memcmp(x->id, y->id, UUID_LEN);
}

static int load_all(int dir, struct native_keys *k, struct error *err)
{
	/* A descriptor of its own: closing the stream closes it. */
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!stream) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return file_error(err, r, "read", "the list of keys");
	}
	while (!r && (errno = 0, entry = readdir(stream)))
		r = load_key(dir, entry->d_name, k, err);
	if (!r && errno)
		r = file_error(err, -errno, "read", "the list of keys");
	closedir(stream);
	if (r)
		return r;
	qsort(k->key, k->count, sizeof(k->key[0]), by_age);
	return load_active(dir, k, err);
}

int native_load(int dir, struct native_keys **out, struct error *err)
{
	_cleanup_(native_keys) struct native_keys *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	do {
		r = flock(dir, LOCK_EX);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return file_error(err, -errno, "lock", "the files");
	if (unlinkat(dir, TEMPORARY, 0) < 0 && errno != ENOENT)
		return file_error(err, -errno, "remove", TEMPORARY);
	r = load_all(dir, k, err);
	if (r)
		return r;
	*out = TAKE_PTR(k);
	return 0;
}
