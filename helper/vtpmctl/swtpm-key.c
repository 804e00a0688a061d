// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The key is derived here, as swtpm does it: to vtpmd, and to the engine, goes
 * what AES takes, and no passphrase.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "swtpm/key.h"
#include "vtpmctl/swtpm.h"

bool swtpm_has_key(const struct swtpm_options *o)
{
	return o->key_file || o->passphrase_file;
}

static int usage(const char *text)
{
	fprintf(stderr, "vtpmctl: %s\n", text);
	return CTL_USAGE;
}

/* One of two words, or the first if there is none; -1 for another. */
static int choose(const char *word, const char *first, const char *second)
{
	if (!word || !strcmp(word, first))
		return 0;
	return strcmp(word, second) ? -1 : 1;
}

/* @form and, if @o says so, @len. */
static int check_options(const struct swtpm_options *o,
			 enum swtpm_key_form *form, size_t *len)
{
	int format = choose(o->key_format, "hex", "binary");
	int kdf = choose(o->kdf, "pbkdf2", "sha512");
	int cipher = choose(o->cipher, "aes-128-cbc", "aes-256-cbc");

	if (format < 0)
		return usage("--key-format is hex or binary");
	if (kdf < 0)
		return usage("--kdf is pbkdf2 or sha512");
	if (cipher < 0)
		return usage("--cipher is aes-128-cbc or aes-256-cbc");
	if (o->key_file && o->passphrase_file)
		return usage("give a key or a passphrase, not both");
	if (!swtpm_has_key(o) && (o->key_format || o->kdf || o->cipher))
		return usage(
			"give the key with --key-file or --passphrase-file");
	if (o->cipher)
		*len = cipher ? 32 : 16;
	if (o->key_file)
		*form = format ? SWTPM_KEY_BINARY : SWTPM_KEY_HEX;
	else
		*form = kdf ? SWTPM_KEY_SHA512 : SWTPM_KEY_PBKDF2;
	return CTL_OK;
}

static struct secret *read_file(const char *file)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct secret *s = NULL;
	int r = fd < 0 ? -errno : secret_read_fd(fd, SWTPM_MAX_KEY_FILE, &s);

	if (r == -ENODATA || r == -E2BIG)
		fprintf(stderr, "vtpmctl: %s: %s\n", file,
			r == -E2BIG ? "it is longer than any key or passphrase"
				    : "it is empty");
	else if (r < 0)
		fprintf(stderr, "vtpmctl: %s: %s\n", file, strerror(-r));
	return r < 0 ? NULL : s;
}

int swtpm_key_pipe(const struct swtpm_options *o, size_t len, int *fd,
		   size_t *used)
{
	const char *file = o->key_file ? o->key_file : o->passphrase_file;
	_cleanup_(secret) struct secret *text = NULL, *key = NULL;
	enum swtpm_key_form form;
	struct error err = { 0 };
	int status = check_options(o, &form, &len), r;

	*fd = -1;
	*used = 0;
	if (status || !file)
		return status;
	if (secret_init(NULL) < 0) {
		fprintf(stderr, "vtpmctl: no memory for secrets\n");
		return CTL_FAILED;
	}
	text = read_file(file);
	if (!text)
		return CTL_STORAGE;
	/* A key file knows how long its key is. */
	if (o->passphrase_file && !len)
		len = 32;
	if (swtpm_key(text, form, len, &key, &err) < 0) {
		fprintf(stderr, "vtpmctl: %s: %s\n", file, err.text);
		return CTL_KEY;
	}
	*used = key->len;
	r = secret_pipe(key, fd);
	if (r < 0)
		fprintf(stderr, "vtpmctl: key: %s\n", strerror(-r));
	return r < 0 ? CTL_FAILED : CTL_OK;
}
