// SPDX-License-Identifier: GPL-2.0-or-later
/* The request of the provider contract. */
#include <stdlib.h>
#include <string.h>

#include "keys/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	struct request r;
	int e = request_parse((const char *)data, size, &r, &err);

	if (e ? !err.code : !r.provider || !r.config)
		abort();
	if (!e && r.operation == OP_UNWRAP && (!r.key_id || !r.wrapped_len))
		abort();
	request_clear(&r);
	return 0;
}
