// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "swtpm/key.h"

#define SHA512_LEN 64
#define PBKDF2_ROUNDS 1000 /* swtpm's */

static int digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The digits end at a space or an end of line; what follows does not count. */
static int from_hex(const struct secret *file, struct secret *key, size_t *len)
{
	const unsigned char *p = file->data;
	size_t n = file->len, i;

	if (n >= 2 && p[0] == '0' && p[1] == 'x') {
		p += 2;
		n -= 2;
	}
	for (i = 0; i < n && !isspace(p[i]); i++) {
		int d = digit(p[i]);

		if (d < 0 || i / 2 >= key->len)
			return -EINVAL;
		key->data[i / 2] = key->data[i / 2] << 4 | d;
	}
	*len = i / 2;
	return i % 2 ? -EINVAL : 0;
}

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
			 "no memory for secrets");
}

static int derive(const struct secret *file, enum swtpm_key_form form,
		  struct secret *key)
{
	static const unsigned char salt[] = { 's', 'w', 't', 'p', 'm' };
	unsigned char md[SHA512_LEN];
	bool ok;

	if (form == SWTPM_KEY_PBKDF2)
		return PKCS5_PBKDF2_HMAC((const char *)file->data, file->len,
					 salt, sizeof(salt), PBKDF2_ROUNDS,
					 EVP_sha512(), key->len, key->data) == 1
			       ? 0
			       : -EIO;
	ok = EVP_Digest(file->data, file->len, md, NULL, EVP_sha512(), NULL) ==
	     1;
	memcpy(key->data, md, key->len);
	OPENSSL_cleanse(md, sizeof(md));
	return ok ? 0 : -EIO;
}

static int from_passphrase(const struct secret *file, enum swtpm_key_form form,
			   size_t len, struct secret **out, struct error *err)
{
	_cleanup_(secret) struct secret *key = secret_new(len);

	if (!key)
		return no_memory(err);
	if (derive(file, form, key))
		return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
				 "OpenSSL makes no key of that passphrase");
	*out = TAKE_PTR(key);
	return 0;
}

static int from_key_file(const struct secret *file, enum swtpm_key_form form,
			 size_t len, struct secret **out, struct error *err)
{
	_cleanup_(secret) struct secret *key = secret_new(32);
	size_t n = file->len;
	int r = 0;

	if (!key)
		return no_memory(err);
	if (form == SWTPM_KEY_HEX)
		r = from_hex(file, key, &n);
	else if (n <= key->len)
		memcpy(key->data, file->data, n);
	if (r < 0 || (n != 16 && n != 32))
		return error_set(
			err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG, "%s",
			form == SWTPM_KEY_HEX
				? "a key in hexadecimal has 32 or 64 digits; for one in bytes say --key-format binary"
				: "a key in bytes has 16 or 32 of them; for one in hexadecimal say --key-format hex");
	if (len && n != len)
		return error_set(err, -EKEYREJECTED, VTPM_ERR_KEY_WRONG,
				 "the key has %zu bits, and %zu are needed",
				 8 * n, 8 * len);
	*out = secret_new(n);
	if (!*out)
		return no_memory(err);
	memcpy((*out)->data, key->data, n);
	return 0;
}

int swtpm_key(const struct secret *file, enum swtpm_key_form form, size_t len,
	      struct secret **out, struct error *err)
{
	return form == SWTPM_KEY_PBKDF2 || form == SWTPM_KEY_SHA512
		       ? from_passphrase(file, form, len, out, err)
		       : from_key_file(file, form, len, out, err);
}
