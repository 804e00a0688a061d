// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys on the token. What a token says of an object is outside data. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "keys/pkcs11/token.h"

#define LABEL_SIZE (TOKEN_MAX_LABEL + 1 + TOKEN_TIME_LEN)

static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE aes_type = CKK_AES;

/* All objects that match; more than @max is an error, not a shorter list. */
static int search(const struct token *t, CK_ATTRIBUTE *match, CK_ULONG n,
		  CK_OBJECT_HANDLE *out, size_t max, size_t *count,
		  struct error *err)
{
	CK_ULONG got = 0;
	size_t total = 0;
	CK_RV rv = t->module->C_FindObjectsInit(t->session, match, n);

	if (rv != CKR_OK)
		return token_error(err, rv, "look for keys");
	do {
		rv = t->module->C_FindObjects(t->session, out + total,
					      max - total, &got);
		if (rv == CKR_OK && got > max - total)
			rv = CKR_GENERAL_ERROR;
		if (rv == CKR_OK)
			total += got;
	} while (rv == CKR_OK && got && total < max);
	t->module->C_FindObjectsFinal(t->session);
	if (rv != CKR_OK)
		return token_error(err, rv, "look for keys");
	if (total == max)
		return error_set(err, -E2BIG, VTPM_ERR_PROVIDER,
				 "the token has %zu AES keys or more; give "
				 "vtpm a token of its own",
				 max);
	*count = total;
	return 0;
}

static bool time_valid(const char *text)
{
	static const char form[] = "dddddddd"
				   "T"
				   "dddddd.ddddddZ";

	for (size_t i = 0; i < TOKEN_TIME_LEN; i++) {
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9'
				   : text[i] != form[i])
			return false;
	}
	return true;
}

/* Is it a key of ours? Fills in all of @out but its object. */
static bool is_ours(const struct token *t, CK_OBJECT_HANDLE object,
		    struct token_key *out)
{
	char label[LABEL_SIZE];
	size_t n = strlen(t->label);
	CK_ATTRIBUTE get[] = {
		{ CKA_LABEL, label, sizeof(label) },
		{ CKA_ID, out->id, sizeof(out->id) },
	};

	/* Longer than there is room for is not ours either. */
	if (t->module->C_GetAttributeValue(t->session, object, get, 2) !=
		    CKR_OK ||
	    get[0].ulValueLen != n + 1 + TOKEN_TIME_LEN ||
	    get[1].ulValueLen != sizeof(out->id) ||
	    memcmp(label, t->label, n) || label[n] != ' ' ||
	    !time_valid(label + n + 1))
		return false;
	memcpy(out->time, label + n + 1, TOKEN_TIME_LEN);
	out->time[TOKEN_TIME_LEN] = '\0';
	return true;
}

static int by_age(const void *a, const void *b)
{
	const struct token_key *x = a, *y = b;
	int r = strcmp(x->time, y->time);

	return r ? r : memcmp(x->id, y->id, UUID_LEN);
}

int token_list(const struct token *t, struct token_key **out, size_t *count,
	       struct error *err)
{
	CK_ATTRIBUTE match[] = {
		{ CKA_CLASS, &secret_class, sizeof(secret_class) },
		{ CKA_KEY_TYPE, &aes_type, sizeof(aes_type) },
	};
	CK_OBJECT_HANDLE objects[TOKEN_MAX_KEYS];
	struct token_key *keys;
	size_t total, n = 0;
	int r = search(t, match, 2, objects, TOKEN_MAX_KEYS, &total, err);

	if (r)
		return r;
	keys = calloc(total + 1, sizeof(*keys));
	if (!keys)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	for (size_t i = 0; i < total; i++) {
		keys[n].object = objects[i];
		n += is_ours(t, objects[i], &keys[n]);
	}
	qsort(keys, n, sizeof(*keys), by_age);
	*out = keys;
	*count = n;
	return 0;
}

int token_find(const struct token *t, const uint8_t id[UUID_LEN],
	       CK_OBJECT_HANDLE *out, struct error *err)
{
	CK_ATTRIBUTE match[] = {
		{ CKA_CLASS, &secret_class, sizeof(secret_class) },
		{ CKA_KEY_TYPE, &aes_type, sizeof(aes_type) },
		{ CKA_ID, (void *)id, UUID_LEN },
	};
	CK_OBJECT_HANDLE objects[3];
	char text[UUID_TEXT_LEN];
	size_t n = 0;
	int r = search(t, match, 3, objects, 3, &n, err);

	if (r)
		return r;
	uuid_format(id, text);
	if (!n)
		return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
				 "the token has no key %s", text);
	if (n > 1)
		return error_set(err, -ENOTUNIQ, VTPM_ERR_PROVIDER,
				 "the token has key %s twice; remove the "
				 "wrong one",
				 text);
	*out = objects[0];
	return 0;
}

int token_destroy(const struct token *t, CK_OBJECT_HANDLE key,
		  struct error *err)
{
	CK_RV rv = t->module->C_DestroyObject(t->session, key);

	return rv == CKR_OK ? 0
			    : token_error(err, rv, "cannot destroy the key");
}

static int make_label(const struct token *t, char label[LABEL_SIZE + 1])
{
	struct timespec now;
	char when[32];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!gmtime_r(&now.tv_sec, &tm) ||
	    !strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm))
		return -EIO;
	return snprintf(label, LABEL_SIZE + 1, "%s %s.%06ldZ", t->label, when,
			now.tv_nsec / 1000) ==
			       (int)strlen(t->label) + 1 + TOKEN_TIME_LEN
		       ? 0
		       : -EIO;
}

int token_generate(const struct token *t, uint8_t id[UUID_LEN],
		   struct error *err)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	char label[LABEL_SIZE + 1];
	uint8_t new_id[UUID_LEN];
	CK_OBJECT_HANDLE object;
	CK_ULONG len = 32;
	CK_ATTRIBUTE key[] = {
		{ CKA_CLASS, &secret_class, sizeof(secret_class) },
		{ CKA_KEY_TYPE, &aes_type, sizeof(aes_type) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_MODIFIABLE, &no, sizeof(no) },
		{ CKA_ENCRYPT, &yes, sizeof(yes) },
		{ CKA_DECRYPT, &yes, sizeof(yes) },
		{ CKA_WRAP, &no, sizeof(no) },
		{ CKA_UNWRAP, &no, sizeof(no) },
		{ CKA_SIGN, &no, sizeof(no) },
		{ CKA_VERIFY, &no, sizeof(no) },
		{ CKA_ID, new_id, sizeof(new_id) },
		{ CKA_LABEL, label, 0 },
	};
	size_t n = sizeof(key) / sizeof(key[0]);
	CK_RV rv;

	uuid_new(new_id);
	if (make_label(t, label))
		return error_set(err, -EIO, VTPM_ERR_PROVIDER,
				 "the clock has no usable time; set it");
	key[n - 1].ulValueLen = strlen(label);
	rv = t->module->C_GenerateKey(t->session, &mechanism, key, n, &object);
	if (rv != CKR_OK)
		return token_error(err, rv, "make an AES-256 key");
	memcpy(id, new_id, UUID_LEN);
	return 0;
}
