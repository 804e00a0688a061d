// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"

/* tools/analyzers.h makes it a macro. */
#undef error_set

int error_set(struct error *e, int errnum, const char *code, const char *fmt,
	      ...)
{
	va_list ap;

	if (!e)
		return errnum;
	e->errnum = errnum;
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return errnum;
}

int error_prefix(struct error *e, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, ": %s", e->text);
	memcpy(e->text, text, sizeof(text));
	return e->errnum;
}

const char *error_code_find(const char *code)
{
	static const char *const codes[] = {
		VTPM_ERR_INVALID,	VTPM_ERR_EXISTS,
		VTPM_ERR_NOT_FOUND,	VTPM_ERR_BUSY,
		VTPM_ERR_STATE,		VTPM_ERR_DENIED,
		VTPM_ERR_NO_MODULE,	VTPM_ERR_KERNEL,
		VTPM_ERR_ENGINE,	VTPM_ERR_IDENTITY,
		VTPM_ERR_STORAGE,	VTPM_ERR_NO_SPACE,
		VTPM_ERR_CORRUPT,	VTPM_ERR_VERSION,
		VTPM_ERR_IN_USE,	VTPM_ERR_PROVIDER,
		VTPM_ERR_NOT_BACKED_UP, VTPM_ERR_KEY_MISSING,
		VTPM_ERR_KEY_WRONG,	VTPM_ERR_KEY_DESTROYED,
		VTPM_ERR_PASSWORD,	VTPM_ERR_NOT_SUPPORTED,
		VTPM_ERR_CERTIFICATE,	VTPM_ERR_ROLLBACK,
	};

	for (size_t i = 0; code && i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (!strcmp(codes[i], code))
			return codes[i];
	}
	return VTPM_ERR_INTERNAL;
}
