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

/* As the reply to an unwrap-many of so many: each is told from each other. */
static void check_results(const json_t *reply)
{
	const json_t *list = json_object_get(reply, "results");

	for (size_t n = 1; n <= 3; n++) {
		struct error err = { 0 };
		bool opened[3];
		int r = provider_parse_results("p", reply, n, opened, &err);

		if (r ? !err.code || !*err.text : json_array_size(list) != n)
			abort();
		for (size_t i = 0; !r && i < n; i++) {
			const json_t *result = json_array_get(list, i);

			if (opened[i] !=
			    json_is_true(json_object_get(result, "ok")))
				abort();
			if (opened[i] &&
			    json_integer_value(json_object_get(
				    result, "length")) != NVRAM_KEY_LEN)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	json_t *reply = NULL;
	int r = provider_parse_reply("p", (const char *)data, size, &reply,
				     &err);

	if (!r)
		check_results(reply);
	/* A result, or an error whose text may go into a log. */
	if (r ? reply || !err.code || !*err.text || !printable(err.text)
	      : !json_is_true(json_object_get(reply, "ok")))
		abort();
	json_decref(reply);
	return 0;
}
