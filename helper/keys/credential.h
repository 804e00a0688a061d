/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_CREDENTIAL_H
#define VTPM_KEYS_CREDENTIAL_H

#include "util/error.h"
#include "util/secret.h"

/*
 * Read a PIN or the like of 1 to @max bytes from @path, relative to the
 * provider's directory; a newline at its end is not part. @what names it in
 * messages. The caller frees *out.
 */
int credential_read(const char *path, size_t max, const char *what,
		    struct secret **out, struct error *err);

#endif
