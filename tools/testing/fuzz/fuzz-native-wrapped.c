// SPDX-License-Identifier: GPL-2.0-or-later
/* A wrapped key of the native provider: nothing made up ever opens. */
#include <stdlib.h>
#include <string.h>

#include "keys/native/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t context[UUID_LEN];
	static struct native_key key;
	struct secret *out = NULL;
	struct error err = { 0 };

	if (!key.secret)
		key.secret = secret_random(NATIVE_KEY_LEN);
	if (!native_unwrap(&key, context, data, size, &out, &err) || out ||
	    strcmp(err.code, VTPM_ERR_KEY_WRONG))
		abort();
	return 0;
}
