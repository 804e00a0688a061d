// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, NULL, 0, &status) < 0)
		return status;
	if (ctl->json)
		puts("{\"version\": \"" VTPM_VERSION "\"}");
	else
		puts("vtpmctl " VTPM_VERSION);
	return CTL_OK;
}

const struct verb verb_version = {
	.name = "version",
	.summary = "print the version",
	.help = "Usage: vtpmctl version [--json]\n"
		"\n"
		"Example:\n"
		"  vtpmctl version --json\n",
	.run = run,
};
