// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/varlink.h"

#define INPUT_MIN 4096

int varlink_input_add(struct varlink_input *in, const void *data, size_t len)
{
	size_t need = in->len + len, size = in->size ? in->size : INPUT_MIN;
	char *p;

	if (!len)
		return 0;
	/*
	 * Callers add small pieces and take the messages out in between, so
	 * more than one message's worth is a message that has no end.
	 */
	if (len > VARLINK_MAX_MESSAGE || need > 2 * VARLINK_MAX_MESSAGE)
		return -EMSGSIZE;
	while (size < need)
		size *= 2;
	if (size != in->size) {
		p = realloc(in->data, size);
		if (!p)
			return -ENOMEM;
		in->data = p;
		in->size = size;
	}
	memcpy(in->data + in->len, data, len);
	in->len = need;
	if (in->len > VARLINK_MAX_MESSAGE &&
	    !memchr(in->data, '\0', VARLINK_MAX_MESSAGE + 1))
		return -EMSGSIZE;
	return 0;
}

int varlink_input_next(struct varlink_input *in, json_t **out)
{
	size_t n;
	char *end;
	json_t *msg;

	if (in->searched == in->len)
		return 0;
	end = memchr(in->data + in->searched, '\0', in->len - in->searched);
	if (!end) {
		in->searched = in->len;
		return 0;
	}
	n = end - in->data;
	/* Names that stand twice would mean one thing here, another there. */
	msg = json_loadb(in->data, n, JSON_REJECT_DUPLICATES, NULL);
	in->len -= n + 1;
	in->searched = 0;
	memmove(in->data, end + 1, in->len);
	if (!json_is_object(msg)) {
		json_decref(msg);
		return -EBADMSG;
	}
	*out = msg;
	return 1;
}

void varlink_input_deinit(struct varlink_input *in)
{
	free(in->data);
	*in = (struct varlink_input){ 0 };
}

/* An optional boolean member. */
static int get_flag(json_t *msg, const char *name, bool *out)
{
	json_t *v = json_object_get(msg, name);

	if (v && !json_is_boolean(v))
		return -EBADMSG;
	*out = json_is_true(v);
	return 0;
}

static int get_parameters(json_t *msg, json_t **out)
{
	json_t *v = json_object_get(msg, "parameters");

	if (v && !json_is_object(v))
		return -EBADMSG;
	*out = v;
	return 0;
}

int varlink_call_parse(json_t *msg, struct varlink_call *out)
{
	struct varlink_call call = {
		.method = json_string_value(json_object_get(msg, "method")),
	};

	if (!call.method || get_parameters(msg, &call.parameters) < 0 ||
	    get_flag(msg, "more", &call.more) < 0 ||
	    get_flag(msg, "oneway", &call.oneway) < 0 ||
	    get_flag(msg, "upgrade", &call.upgrade) < 0)
		return -EBADMSG;
	/* An answer cannot be both none and several. */
	if (call.more && call.oneway)
		return -EBADMSG;
	*out = call;
	return 0;
}

int varlink_reply_parse(json_t *msg, struct varlink_reply *out)
{
	json_t *error = json_object_get(msg, "error");
	struct varlink_reply reply = { .error = json_string_value(error) };

	if ((error && !reply.error) ||
	    get_parameters(msg, &reply.parameters) < 0 ||
	    get_flag(msg, "continues", &reply.continues) < 0)
		return -EBADMSG;
	*out = reply;
	return 0;
}

char *varlink_format(const json_t *msg, size_t *len)
{
	char *text = json_dumps(msg, JSON_COMPACT);

	if (!text)
		return NULL;
	*len = strlen(text) + 1;
	if (*len - 1 > VARLINK_MAX_MESSAGE) {
		free(text);
		return NULL;
	}
	return text;
}
