// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	json_t *v;
	size_t i;

	(void)ctl;
	(void)arg;
	printf("%-20s %-10s %-12s %-14s %s\n", "NAME", "STATE", "DEVICE",
	       "PROVIDER", "UUID");
	json_array_foreach(json_object_get(p, "vtpms"), i, v) {
		const char *dev =
			json_text(json_object_get(v, "device"), "tpm");

		printf("%-20s %-10s %-12s %-14s %s\n", json_text(v, "name"),
		       json_text(v, "state"), *dev ? dev : "-",
		       json_text(v, "provider"), json_text(v, "uuid"));
	}
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, NULL, 0, &status) < 0)
		return status;
	return client_call(ctl, &(struct client_call){ .method = "List",
						       .on_reply = print });
}

const struct verb verb_list = {
	.name = "list",
	.summary = "show all vTPMs in a table",
	.help = "Usage: vtpmctl list [--json]\n"
		"\n"
		"Example:\n"
		"  vtpmctl list --json | jq -r '.vtpms[] | select(.state == \"failed\") | .name'\n",
	.run = run,
};
