// SPDX-License-Identifier: GPL-2.0-or-later
/* What a provider program answers, as the manager reads it. */
#include <stdlib.h>
#include <string.h>

#include "vtpmd/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool printable(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	json_t *reply = NULL;
	int r = provider_parse_reply("p", (const char *)data, size, &reply,
				     &err);

	/* A result, or an error whose text may go into a log. */
	if (r ? reply || !err.code || !*err.text || !printable(err.text)
	      : !json_is_true(json_object_get(reply, "ok")))
		abort();
	json_decref(reply);
	return 0;
}
