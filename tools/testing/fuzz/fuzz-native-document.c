// SPDX-License-Identifier: GPL-2.0-or-later
/* The document of the native provider's import. */
#include <stdlib.h>
#include <string.h>

#include "keys/native/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secret *password;
	struct native_keys *k = NULL;
	struct error err = { 0 };

	if (!password) {
		password = secret_new(8);
		memcpy(password->data, "password", 8);
	}
	if (native_import(data, size, password, &k, &err) ? !err.code
							  : !k->count)
		abort();
	native_keys_free(k);
	return 0;
}
