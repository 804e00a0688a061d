/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory and the keys of swtpm, for import and export. */
#ifndef VTPM_VTPMCTL_SWTPM_H
#define VTPM_VTPMCTL_SWTPM_H

#include "vtpmctl/vtpmctl.h"

#define SWTPM_STATE "tpm2-00.permall"
/* A running state that swtpm was told to keep, and goes on from. */
#define SWTPM_RUNNING "tpm2-00.volatilestate"

/* The options that say which key a state has. */
struct swtpm_options {
	const char *key_file, *key_format;
	const char *passphrase_file, *kdf;
	const char *cipher;
};
#define SWTPM_OPTIONS(o)                                                      \
	{ .name = "key-file", .value = &(o).key_file },                       \
		{ .name = "key-format", .value = &(o).key_format },           \
		{ .name = "passphrase-file", .value = &(o).passphrase_file }, \
		{ .name = "kdf", .value = &(o).kdf },                         \
	{                                                                     \
		.name = "cipher", .value = &(o).cipher                        \
	}

/* Was a key given? */
bool swtpm_has_key(const struct swtpm_options *o);
/*
 * A pipe with the key that @o names, which belongs to the caller; *fd is -1
 * where there is none. @len is that of the state, or 0: any; *used is what it
 * has. An exit status, after a message.
 */
int swtpm_key_pipe(const struct swtpm_options *o, size_t len, int *fd,
		   size_t *used);

/*
 * @dir, and the lock that swtpm has on it while it runs, until @lock is closed;
 * that may be -1. An exit status, after a message; nothing is to be closed then.
 */
struct swtpm_dir {
	const char *path;
	int fd, lock;
};
int swtpm_dir_open(const char *path, struct swtpm_dir *out);
void swtpm_dir_close(struct swtpm_dir *d);
bool swtpm_dir_has(const struct swtpm_dir *d, const char *file);

#endif
