// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "keys/check.h"
#include "keys/pkcs11/wrap.h"

#define VALUE_LEN 32

static int round_trip(const struct token *t, const struct token_key *key,
		      struct error *err)
{
	_cleanup_(secret) struct secret *value = secret_random(VALUE_LEN);
	_cleanup_(secret) struct secret *back = NULL;
	uint8_t wrapped[VALUE_LEN + PKCS11_WRAP_OVERHEAD];
	uint8_t context[UUID_LEN];
	int e = value ? 0 : provider_out_of_memory(err);

	uuid_new(context);
	if (!e)
		e = pkcs11_wrap(t, key->object, key->id, context, value,
				wrapped, err);
	if (!e)
		e = pkcs11_unwrap(t, key->object, key->id, context, wrapped,
				  sizeof(wrapped), &back, err);
	return e ? e : check_same(value, back, err);
}

static int find_key(const struct token *t, struct token_key **keys, size_t *n,
		    struct error *err)
{
	int e = token_list(t, keys, n, err);

	if (!e && !*n)
		e = error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
			      "no key on the token has the label %s; check "
			      "\"label\", or add the provider anew",
			      t->label);
	return e;
}

int pkcs11_check(const struct request *r, json_t *reply, struct error *err)
{
	_cleanup_free_ struct token_key *keys = NULL;
	struct token t = { .lock = -1 };
	struct error why = { 0 };
	struct check c;
	size_t n = 0;
	int e;

	check_begin(&c);
	e = token_open(r, &c, &t, &why);
	if (!e) {
		e = find_key(&t, &keys, &n, &why);
		check_step(&c, "key", e, &why, "%zu on the token", n);
	}
	if (!e) {
		e = round_trip(&t, &keys[n - 1], &why);
		check_step(&c, "wrap and unwrap", e, &why, "a random value");
	}
	token_close(&t);
	return check_end(&c, reply, err);
}
