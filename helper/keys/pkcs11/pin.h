/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_PKCS11_PIN_H
#define VTPM_KEYS_PKCS11_PIN_H

#include "keys/pkcs11/token.h"

#define PIN_STAMP_LEN 128

/* The PIN in a file, and which state of the file that was. */
struct pin {
	struct secret *secret;	   /* freed by the caller */
	char stamp[PIN_STAMP_LEN]; /* changes with the file; nothing secret */
};

int pin_read(const char *file, struct pin *out, struct error *err);
/*
 * Log in. A token counts wrong PINs and locks, so one that it has refused is
 * not shown to it again before its file has changed. The lock of @t is held.
 */
int pin_log_in(struct token *t, const struct pin *pin, struct error *err);

#endif
