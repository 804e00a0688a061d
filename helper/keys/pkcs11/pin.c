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

static int stamp(const char *file, char out[PIN_STAMP_LEN])
{
	struct stat st;

	if (stat(file, &st) < 0)
		return -errno;
	snprintf(out, PIN_STAMP_LEN, "%llx %llx %lld.%09ld %lld.%09ld\n",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
		 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		 (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	return 0;
}

int pin_read(const char *file, struct pin *out, struct error *err)
{
	/* First: one that takes its place meanwhile has another. */
	int r = stamp(file, out->stamp);

	if (r < 0)
		return error_set(err, r, VTPM_ERR_PROVIDER,
				 "cannot read the PIN file %s: %s", file,
				 strerror(-r));
	return credential_read(file, MAX_PIN, "PIN", &out->secret, err);
}

static bool was_refused(int dir, const char *now)
{
	_cleanup_(secret) struct secret *before = NULL;

	return !key_dir_read(dir, REFUSED, PIN_STAMP_LEN, &before) &&
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

int pin_log_in(struct token *t, const struct pin *pin, struct error *err)
{
	CK_RV rv;
	int r;

	if (was_refused(t->lock, pin->stamp))
		return refused(err,
			       "has refused this PIN before, so it was not "
			       "tried again");
	rv = t->module->C_Login(t->session, CKU_USER,
				(CK_UTF8CHAR *)pin->secret->data,
				pin->secret->len);
	switch (rv) {
	case CKR_OK:
	case CKR_USER_ALREADY_LOGGED_IN:
		return 0;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		r = key_dir_replace(t->lock, REFUSED, pin->stamp,
				    strlen(pin->stamp), err);
		return r ? r : refused(err, "refuses the PIN");
	case CKR_PIN_LOCKED:
		return error_set(err, -EACCES, VTPM_ERR_PROVIDER,
				 "the token has locked its PIN; its security "
				 "officer has to unlock it");
	default:
		return token_error(err, rv, "log in");
	}
}
