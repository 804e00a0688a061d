// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print_all(struct ctl *ctl, json_t *p, void *arg)
{
	(void)ctl;
	(void)arg;
	printf("%lld vTPMs get another engine; see: vtpmctl list\n",
	       (long long)json_integer_value(json_object_get(p, "started")));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return client_call_one_or_all(ctl, v, argc, argv, "Upgrade",
				      "UpgradeAll", print_all);
}

const struct verb verb_upgrade = {
	.name = "upgrade",
	.summary = "replace the engine of a vTPM that runs",
	.help = "Usage: vtpmctl upgrade NAME [--json]\n"
		"       vtpmctl upgrade --all [--json]\n"
		"\n"
		"Has another engine take the place of the one that runs, as after an upgrade of\n"
		"the package. The TPM goes on as it was: PCRs, sessions and the command that is\n"
		"being executed. Its clients wait a moment. An engine that dies is replaced in\n"
		"this way by itself.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl upgrade web1\n"
		"  vtpmctl upgrade --all\n",
	.run = run,
};
