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
	if (r.n_items > PROVIDER_MAX_ITEMS || (r.n_items && !r.items))
		abort();
	if (!e && (r.operation == OP_UNWRAP	   ? r.n_items != 1
		   : r.operation == OP_UNWRAP_MANY ? !r.n_items
						   : r.n_items != 0))
		abort();
	for (size_t i = 0; !e && i < r.n_items; i++) {
		const struct wrapped_item *w = &r.items[i];

		if (!w->key_id || !*w->key_id || !w->wrapped_len ||
		    w->wrapped_len > PROVIDER_MAX_WRAPPED)
			abort();
	}
	request_clear(&r);
	return 0;
}
