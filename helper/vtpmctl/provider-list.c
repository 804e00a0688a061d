// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *reply, void *arg)
{
	json_t *p;
	size_t i;

	(void)ctl;
	(void)arg;
	printf("%-16s %-10s %-8s %-7s %6s %6s\n", "NAME", "TYPE", "DEFAULT",
	       "USABLE", "KEYS", "VTPMS");
	json_array_foreach(json_object_get(reply, "providers"), i, p)
		printf("%-16s %-10s %-8s %-7s %6zu %6zu\n",
		       json_text(p, "name"), json_text(p, "type"),
		       json_is_true(json_object_get(p, "isDefault")) ? "yes"
								     : "no",
		       json_is_true(json_object_get(p, "usable")) ? "yes"
								  : "no",
		       json_array_size(json_object_get(p, "keys")),
		       json_array_size(json_object_get(p, "users")));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, NULL, 0, &status) < 0)
		return status;
	return client_call(ctl, &(struct client_call){ .method = "ProviderList",
						       .on_reply = print });
}

const struct verb verb_provider_list = {
	.name = "list",
	.summary = "show all providers in a table",
	.help = "Usage: vtpmctl provider list [--json]\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider list\n",
	.run = run,
};
