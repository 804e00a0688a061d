/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wrapped key of the providers that wrap by themselves: head (8), salt (32),
 * ciphertext, tag (16). See "The native provider" in key-providers.rst.
 */
#ifndef VTPM_KEYS_SALTED_WRAP_H
#define VTPM_KEYS_SALTED_WRAP_H

#include "util/error.h"
#include "util/secret.h"
#include "util/text.h"

/* Bytes that a wrapped key is longer than the key. */
#define SALTED_WRAP_OVERHEAD 56

struct salted_wrap {
	const char *magic; /* 4 bytes, before the version, 1 */
	const char *label; /* for what the key is, at most 32 bytes */
	const struct secret *key;
	const uint8_t *id;	/* of the key, UUID_LEN bytes */
	const uint8_t *context; /* UUID of the vTPM */
};

/* @out takes plain->len + SALTED_WRAP_OVERHEAD bytes. */
int salted_wrap(const struct salted_wrap *w, const struct secret *plain,
		uint8_t *out, struct error *err);
/*
 * VTPM_ERR_KEY_WRONG for anything that salted_wrap() did not make with the same
 * @w. The caller frees *out.
 */
int salted_unwrap(const struct salted_wrap *w, const uint8_t *wrapped,
		  size_t len, struct secret **out, struct error *err);

#endif
