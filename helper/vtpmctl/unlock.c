// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print_all(struct ctl *ctl, json_t *p, void *arg)
{
	(void)ctl;
	(void)arg;
	printf("%lld locked vTPMs are being tried; see: vtpmctl list\n",
	       (long long)json_integer_value(json_object_get(p, "tried")));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return client_call_one_or_all(ctl, v, argc, argv, "Unlock", "UnlockAll",
				      print_all);
}

const struct verb verb_unlock = {
	.name = "unlock",
	.summary = "try again to get the key of a locked vTPM",
	.help = "Usage: vtpmctl unlock NAME [--json]\n"
		"       vtpmctl unlock --all [--json]\n"
		"\n"
		"Asks for the key of a locked vTPM, and starts it. That also happens by itself,\n"
		"after 2 seconds, 4, 8 and so on up to 5 minutes, until the vTPM runs or is told\n"
		"to stop.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl unlock web1\n"
		"  vtpmctl unlock --all\n",
	.run = run,
};
