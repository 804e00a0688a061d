// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "vtpmd/provider-call.h"

/* {"key-id", "backed-up"} to {"keyId", "backedUp"}; NULL if it is not one. */
static json_t *convert_key(json_t *k)
{
	json_t *active = json_object_get(k, "active");
	json_t *backed_up = json_object_get(k, "backed-up");

	if (!json_is_boolean(active) || !json_is_boolean(backed_up))
		return NULL;
	return json_pack("{s:O, s:O, s:O, s:O}", "keyId",
			 json_object_get(k, "key-id"), "created",
			 json_object_get(k, "created"), "active", active,
			 "backedUp", backed_up);
}

static int convert_info(json_t *reply, json_t *out)
{
	json_t *from = json_object_get(reply, "keys"), *keys = json_array(), *k;
	json_t *usable = json_object_get(reply, "usable");
	json_t *reason = json_object_get(reply, "reason");
	size_t i;

	if (json_object_set_new(out, "keys", keys) < 0 ||
	    !json_is_array(from) || !json_is_boolean(usable))
		return -EBADMSG;
	json_array_foreach(from, i, k) {
		if (!json_is_string(json_object_get(k, "key-id")) ||
		    !json_is_string(json_object_get(k, "created")) ||
		    json_array_append_new(keys, convert_key(k)) < 0)
			return -EBADMSG;
	}
	json_object_set(out, "usable", usable);
	if (json_is_string(reason))
		json_object_set(out, "reason", reason);
	return 0;
}

json_t *provider_info(const struct config *cfg, const struct provider_ref *p)
{
	_cleanup_(json) json_t *reply = NULL, *out = json_object();
	struct error err = { 0 };
	int r = provider_call(cfg, p, "info", json_object(), -1, -1, &reply,
			      &err);

	if (!r && convert_info(reply, out) < 0)
		r = provider_failed(&err, p->name,
				    "the reply to info is not usable");
	if (r < 0) {
		json_object_set_new(out, "keys", json_array());
		json_object_set_new(out, "usable", json_false());
		json_object_set_new(out, "reason", json_string(err.text));
	}
	return TAKE_PTR(out);
}
