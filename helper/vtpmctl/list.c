// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

/* So much of an EK digest tells those of a host apart. */
#define SHORT_DIGEST 16

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const bool *wide = arg;
	json_t *v;
	size_t i;

	(void)ctl;
	printf("%-20s %-10s %-12s %-14s %-36s  %s\n", "NAME", "STATE", "DEVICE",
	       "PROVIDER", "UUID", "EK DIGEST");
	json_array_foreach(json_object_get(p, "vtpms"), i, v) {
		const char *dev =
			json_text(json_object_get(v, "device"), "tpm");
		const char *digest = json_text(
			json_array_get(json_object_get(v, "endorsementKeys"),
				       0),
			"digest");

		printf("%-20s %-10s %-12s %-14s %-36s  %.*s\n",
		       json_text(v, "name"), json_text(v, "state"),
		       *dev ? dev : "-", json_text(v, "provider"),
		       json_text(v, "uuid"), *wide ? 64 : SHORT_DIGEST,
		       *digest ? digest : "-");
	}
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	bool wide = false;
	const struct ctl_option options[] = {
		{ .name = "wide", .flag = &wide },
		{ 0 },
	};
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, NULL, 0, &status) < 0)
		return status;
	return client_call(ctl, &(struct client_call){ .method = "List",
						       .on_reply = print,
						       .arg = &wide });
}

const struct verb verb_list = {
	.name = "list",
	.summary = "show all vTPMs in a table",
	.help = "Usage: vtpmctl list [--wide] [--json]\n"
		"\n"
		"The EK digest is that of the first endorsement key, as far as it is known; its\n"
		"first 16 digits, or all of it with --wide.\n"
		"\n"
		"Example:\n"
		"  vtpmctl list --json | jq -r '.vtpms[] | select(.state == \"failed\") | .name'\n",
	.run = run,
};
