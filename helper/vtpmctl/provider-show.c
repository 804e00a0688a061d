// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static const char *yes_no(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key)) ? "yes" : "no";
}

static void print(struct ctl *ctl, json_t *reply, void *arg)
{
	const json_t *p = json_object_get(reply, "provider");
	const char *reason = json_text(p, "reason");
	json_t *item;
	size_t i;

	(void)ctl;
	(void)arg;
	printf("name         %s\ntype         %s\ndefault      %s\nusable       %s\n",
	       json_text(p, "name"), json_text(p, "type"),
	       yes_no(p, "isDefault"), yes_no(p, "usable"));
	if (*reason)
		printf("reason       %s\n", reason);
	json_array_foreach(json_object_get(p, "keys"), i, item)
		printf("key          %s, made %s, active %s, backed up %s\n",
		       json_text(item, "keyId"), json_text(item, "created"),
		       yes_no(item, "active"), yes_no(item, "backedUp"));
	json_array_foreach(json_object_get(p, "users"), i, item)
		printf("used by      %s\n", json_string_value(item));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return client_call_named(ctl, v, argc, argv,
				 (struct client_call){ .method = "ProviderShow",
						       .on_reply = print });
}

const struct verb verb_provider_show = {
	.name = "show",
	.summary = "show one provider, its keys and who uses it",
	.help = "Usage: vtpmctl provider show NAME [--json]\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider show default\n",
	.run = run,
};
