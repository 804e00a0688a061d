// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "ca/request-member.h"
#include "ca/request.h"
#include "util/json.h"

int member_bad(struct error *err, const char *name, const char *what)
{
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "the request's member \"%s\" is not %s", name, what);
}

int member_text(const json_t *json, const char *name, size_t max,
		const char **out, struct error *err)
{
	const char *text = json_string_value(json_object_get(json, name));
	size_t n = text ? strlen(text) : 0;

	if (!n || n > max)
		return member_bad(err, name, "text of the right length");
	for (size_t i = 0; i < n; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e)
			return member_bad(err, name, "printable ASCII");
	}
	*out = text;
	return 0;
}

int member_plain(const json_t *json, const char *name, size_t max,
		 const char **out, struct error *err)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789 .:_-";
	int r = member_text(json, name, max, out, err);

	if (!r && (strspn(*out, plain) != strlen(*out) || **out == ' '))
		r = member_bad(err, name, "plain text");
	return r;
}

int member_number(const json_t *json, const char *name, uint32_t min,
		  uint32_t max, uint32_t *out, struct error *err)
{
	const json_t *v = json_object_get(json, name);

	if (!json_is_integer(v) || json_integer_value(v) < min ||
	    json_integer_value(v) > max)
		return member_bad(err, name, "a number in its range");
	*out = json_integer_value(v);
	return 0;
}

int member_bytes(const json_t *json, const char *name, size_t max,
		 uint8_t **out, size_t *len, struct error *err)
{
	int r = json_get_bytes(json, name, max, out, len);

	return r ? member_bad(err, name, "base64 of the right length") : 0;
}

int member_pem(const json_t *json, const char *name, const char **out,
	       struct error *err)
{
	const json_t *v = json_object_get(json, name);

	if (!json_is_string(v) || json_string_length(v) > CA_MAX_PEM)
		return member_bad(err, name, "text of the right length");
	*out = json_string_value(v);
	return 0;
}

int member_url(const json_t *json, const char *name, const char **out,
	       struct error *err)
{
	int r = 0;

	if (json_object_get(json, name))
		r = member_text(json, name, CA_MAX_TEXT, out, err);
	/* OpenSSL's text for an extension has these between its parts. */
	if (!r && *out && (strpbrk(*out, " ,;\\\"'#$") || !strchr(*out, ':')))
		r = member_bad(err, name, "a URL");
	return r;
}
