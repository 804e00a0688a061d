// SPDX-License-Identifier: GPL-2.0-or-later
/* What a provider program answers: parsed, and nothing else done with it. */
#include <errno.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/json.h"
#include "vtpmd/provider-call.h"

int provider_failed(struct error *err, const char *name, const char *what)
{
	return error_set(err, -EPROTO, VTPM_ERR_PROVIDER, "provider %s: %s",
			 name, what);
}

/* The error object of a reply. */
static int reply_error(const char *name, json_t *error, struct error *err)
{
	static const struct {
		const char *name, *code;
		int errnum;
	} map[] = {
		{ "InvalidArgument", VTPM_ERR_INVALID, -EINVAL },
		{ "NotSupported", VTPM_ERR_NOT_SUPPORTED, -EOPNOTSUPP },
		{ "KeyMissing", VTPM_ERR_KEY_MISSING, -ENOKEY },
		{ "KeyWrong", VTPM_ERR_KEY_WRONG, -EKEYREJECTED },
		{ "KeyDestroyed", VTPM_ERR_KEY_DESTROYED, -EKEYREVOKED },
		{ "ProviderNotBackedUp", VTPM_ERR_NOT_BACKED_UP, -EPERM },
		{ "PasswordWrong", VTPM_ERR_PASSWORD, -EKEYREJECTED },
		{ "AlreadyExists", VTPM_ERR_EXISTS, -EEXIST },
		{ "ProviderFailed", VTPM_ERR_PROVIDER, -EIO },
	};
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *text = json_string_value(json_object_get(error, "message"));
	const char *prefix = "";
	char line[400];

	if (!code || !text)
		return provider_failed(
			err, name, "the reply has neither result nor error");
	last_line(text, strlen(text), line, sizeof(line));
	/* Most programs say of themselves who speaks. */
	if (strncmp(line, "provider ", 9))
		prefix = "provider ";
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (!strcmp(map[i].name, code))
			return error_set(err, map[i].errnum, map[i].code,
					 "%s%s%s%s", prefix,
					 *prefix ? name : "",
					 *prefix ? ": " : "", line);
	}
	return provider_failed(err, name, line);
}

int provider_parse_reply(const char *name, const char *text, size_t len,
			 json_t **out, struct error *err)
{
	_cleanup_(json) json_t *reply =
		json_loadb(text ? text : "", len, JSON_REJECT_DUPLICATES, NULL);
	json_t *ok = json_object_get(reply, "ok");

	if (!json_is_boolean(ok))
		return provider_failed(
			err, name, "its output is not a reply of the contract");
	if (json_is_false(ok))
		return reply_error(name, json_object_get(reply, "error"), err);
	*out = TAKE_PTR(reply);
	return 0;
}

int provider_parse_results(const char *name, const json_t *reply, size_t n,
			   bool *opened, struct error *err)
{
	const json_t *list = json_object_get(reply, "results");

	if (json_array_size(list) != n)
		return provider_failed(
			err, name, "unwrap-many gave not one result an item");
	for (size_t i = 0; i < n; i++) {
		const json_t *result = json_array_get(list, i);
		const json_t *ok = json_object_get(result, "ok");

		opened[i] = json_is_true(ok);
		if (!json_is_boolean(ok) ||
		    (opened[i] && json_integer_value(json_object_get(
					  result, "length")) != NVRAM_KEY_LEN))
			return provider_failed(
				err, name,
				"unwrap-many gave a result that is none");
	}
	return 0;
}
