// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <openssl/crypto.h>

#include "keys/check.h"

void check_begin(struct check *c)
{
	*c = (struct check){ .steps = json_array() };
	c->no_memory = !c->steps;
}

bool check_step(struct check *c, const char *step, int r,
		const struct error *why, const char *fmt, ...)
{
	char text[sizeof(why->text)];
	va_list ap;

	if (!c)
		return !r;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (json_array_append_new(c->steps, json_pack("{s:s, s:b, s:s}", "step",
						      step, "ok", !r, "message",
						      r ? why->text : text)))
		c->no_memory = true;
	return !r;
}

int check_end(struct check *c, json_t *reply, struct error *err)
{
	json_t *steps = c->steps;

	c->steps = NULL;
	if (c->no_memory) {
		json_decref(steps);
		return provider_out_of_memory(err);
	}
	return json_object_set_new(reply, "steps", steps)
		       ? provider_out_of_memory(err)
		       : 0;
}

int check_same(const struct secret *value, const struct secret *back,
	       struct error *err)
{
	if (back->len == value->len &&
	    !CRYPTO_memcmp(back->data, value->data, value->len))
		return 0;
	return error_set(err, -EPROTO, VTPM_ERR_PROVIDER,
			 "what was wrapped opens as something else; use "
			 "another provider");
}
