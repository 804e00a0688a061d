// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/native/native.h"
#include "keys/salted-wrap.h"

_Static_assert(NATIVE_WRAP_OVERHEAD == SALTED_WRAP_OVERHEAD, "");

static struct salted_wrap with(const struct native_key *key,
			       const uint8_t *context)
{
	return (struct salted_wrap){
		.magic = "VTKW",
		.label = "vtpm native wrap v1",
		.key = key->secret,
		.id = key->id,
		.context = context,
	};
}

int native_wrap(const struct native_key *key, const uint8_t context[UUID_LEN],
		const struct secret *plain, uint8_t *out, struct error *err)
{
	struct salted_wrap w = with(key, context);

	return salted_wrap(&w, plain, out, err);
}

int native_unwrap(const struct native_key *key, const uint8_t context[UUID_LEN],
		  const uint8_t *wrapped, size_t len, struct secret **out,
		  struct error *err)
{
	struct salted_wrap w = with(key, context);

	return salted_unwrap(&w, wrapped, len, out, err);
}
