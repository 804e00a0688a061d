/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What went wrong, for a person and for a program.
 *
 * Functions return 0 or a negative errno. Where a person will read the
 * outcome the function also takes a struct error, which it fills in on
 * failure and leaves alone on success.
 */
#ifndef VTPM_UTIL_ERROR_H
#define VTPM_UTIL_ERROR_H

/*
 * Stable codes. They are Varlink error names without the interface prefix
 * "io.vtpm."; a released code keeps its meaning.
 */
#define VTPM_ERR_INVALID "InvalidArgument"
#define VTPM_ERR_EXISTS "AlreadyExists"
#define VTPM_ERR_NOT_FOUND "NotFound"
#define VTPM_ERR_BUSY "Busy"
#define VTPM_ERR_STATE "WrongState"
#define VTPM_ERR_DENIED "PermissionDenied"
#define VTPM_ERR_NO_MODULE "ModuleNotLoaded"
#define VTPM_ERR_KERNEL "KernelError"
#define VTPM_ERR_ENGINE "EngineFailed"
#define VTPM_ERR_IDENTITY "IdentityFailed"
#define VTPM_ERR_STORAGE "StorageError"
#define VTPM_ERR_NO_SPACE "StorageFull"
#define VTPM_ERR_CORRUPT "FileDamaged"
#define VTPM_ERR_VERSION "UnsupportedVersion"
#define VTPM_ERR_IN_USE "InUse"
#define VTPM_ERR_PROVIDER "ProviderFailed"
#define VTPM_ERR_NOT_BACKED_UP "ProviderNotBackedUp"
#define VTPM_ERR_KEY_MISSING "KeyMissing"
#define VTPM_ERR_KEY_WRONG "KeyWrong"
#define VTPM_ERR_KEY_DESTROYED "KeyDestroyed"
#define VTPM_ERR_PASSWORD "PasswordWrong"
#define VTPM_ERR_NOT_SUPPORTED "NotSupported"
#define VTPM_ERR_CERTIFICATE "CertificateRefused"
#define VTPM_ERR_ROLLBACK "RolledBack"
#define VTPM_ERR_INTERNAL "InternalError"

struct error {
	int errnum;	  /* negative errno */
	const char *code; /* one of VTPM_ERR_*, or a code read_code() made */
	char text[512];	  /* one sentence and the next step, no newline */
};

/*
 * Fill in @e, which may be NULL, and return @errnum so that a caller can
 * write "return error_set(...)". The text is cut to fit.
 */
int error_set(struct error *e, int errnum, const char *code, const char *fmt,
	      ...) __attribute__((format(printf, 4, 5)));

/* Put "@fmt: " in front of the text that is there. Returns e->errnum. */
int error_prefix(struct error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The constant above whose text is @code, so that a code from another process
 * can be kept by reference; VTPM_ERR_INTERNAL for a code not known here.
 */
const char *error_code_find(const char *code);

#endif
