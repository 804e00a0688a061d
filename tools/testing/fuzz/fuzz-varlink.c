// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a client sends, cut into messages. The first byte says how big the
 * pieces are in which it comes: that must make no difference.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/varlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns how many calls there were before the end or the first error. */
static unsigned int parse(const uint8_t *data, size_t size, size_t piece,
			  int *end)
{
	struct varlink_input in = { 0 };
	struct varlink_call call;
	struct varlink_reply reply;
	unsigned int n = 0;
	json_t *msg;
	int r = 0;

	while (r >= 0 && size) {
		size_t len = size < piece ? size : piece;

		r = varlink_input_add(&in, data, len);
		data += len;
		size -= len;
		while (!r && (r = varlink_input_next(&in, &msg)) > 0) {
			r = 0;
			n++;
			if (!varlink_call_parse(msg, &call) &&
			    (!call.method || (call.more && call.oneway) ||
			     (call.parameters &&
			      !json_is_object(call.parameters))))
				abort();
			varlink_reply_parse(msg, &reply);
			json_decref(msg);
		}
	}
	varlink_input_deinit(&in);
	*end = r;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int end, end_in_pieces;
	unsigned int n;

	if (size < 2)
		return 0;
	n = parse(data + 1, size - 1, size, &end);
	if (parse(data + 1, size - 1, data[0] + 1, &end_in_pieces) != n ||
	    end != end_in_pieces)
		abort();
	return 0;
}
