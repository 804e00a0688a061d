// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/credential.h"
#include "keys/key-dir.h"
#include "keys/pkcs11/pin.h"

#define MAX_PIN 256
/* Which PIN file the token has refused. */
#define REFUSED "pin-refused"
#define REFUSED_LEN 128

int pin_read(const char *file, struct secret **out, struct error *err)
{
	return credential_read(file, MAX_PIN, "PIN", out, err);
}

/* Changes whenever the file does; nothing of the PIN is in it. */
static int describe(const char *file, char out[REFUSED_LEN])
{
	struct stat st;

	if (stat(file, &st) < 0)
		return -errno;
	return snprintf(out, REFUSED_LEN, "%llx %llx %lld.%09ld %lld.%09ld\n",
			(unsigned long long)st.st_dev,
			(unsigned long long)st.st_ino,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			(long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

static bool was_refused(int dir, const char *now)
{
	_cleanup_(secret) struct secret *before = NULL;

	return !key_dir_read(dir, REFUSED, REFUSED_LEN, &before) &&
	       before->len == strlen(now) &&
	       !memcmp(before->data, now, before->len);
}

static int refused(struct error *err, const char *how)
{
	return error_set(err, -EACCES, VTPM_ERR_PROVIDER,
			 "the token %s; put the right one into the pin-file "
			 "before the token locks",
			 how);
}

int pin_log_in(struct token *t, const char *file, const struct secret *pin,
	       struct error *err)
{
	char now[REFUSED_LEN];
	int n = describe(file, now);
	CK_RV rv;

	if (n < 0)
		return error_set(err, n, VTPM_ERR_PROVIDER,
				 "cannot read the PIN file %s: %s", file,
				 strerror(-n));
	if (was_refused(t->lock, now))
		return refused(err,
			       "has refused this PIN before, so it was not "
			       "tried again");
	rv = t->module->C_Login(t->session, CKU_USER, (CK_UTF8CHAR *)pin->data,
				pin->len);
	switch (rv) {
	case CKR_OK:
	case CKR_USER_ALREADY_LOGGED_IN:
		return 0;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		n = key_dir_replace(t->lock, REFUSED, now, n, err);
		return n ? n : refused(err, "refuses the PIN");
	case CKR_PIN_LOCKED:
		return error_set(err, -EACCES, VTPM_ERR_PROVIDER,
				 "the token has locked its PIN; its security "
				 "officer has to unlock it");
	default:
		return token_error(err, rv, "log in");
	}
}
