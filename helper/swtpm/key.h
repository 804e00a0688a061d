/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of swtpm's option --key, from what is in the file that it names. */
#ifndef VTPM_SWTPM_KEY_H
#define VTPM_SWTPM_KEY_H

#include "util/error.h"
#include "util/secret.h"

/* More than anybody's passphrase has. */
#define SWTPM_MAX_KEY_FILE 4096

enum swtpm_key_form {
	SWTPM_KEY_HEX,	  /* file=FILE,format=hex; also with a leading 0x */
	SWTPM_KEY_BINARY, /* file=FILE,format=binary */
	SWTPM_KEY_PBKDF2, /* pwdfile=FILE,kdf=pbkdf2 */
	SWTPM_KEY_SHA512, /* pwdfile=FILE,kdf=sha512 */
};

/*
 * The key of @len bytes, 16 or 32, in @file, all of whose bytes count where it
 * is a passphrase. @len 0: as many as a key file has; not for a passphrase.
 * VTPM_ERR_KEY_WRONG says what is wrong with the file.
 */
int swtpm_key(const struct secret *file, enum swtpm_key_form form, size_t len,
	      struct secret **out, struct error *err);

#endif
