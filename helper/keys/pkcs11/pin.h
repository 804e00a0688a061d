/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_PKCS11_PIN_H
#define VTPM_KEYS_PKCS11_PIN_H

#include "keys/pkcs11/token.h"

/* The PIN in @file; the caller frees *out. */
int pin_read(const char *file, struct secret **out, struct error *err);
/*
 * Log in. A token counts wrong PINs and locks, so one that it has refused is
 * not shown to it again before @file has changed. The lock of @t is held.
 */
int pin_log_in(struct token *t, const char *file, const struct secret *pin,
	       struct error *err);

#endif
