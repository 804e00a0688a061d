// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	bool yes = false;
	const struct ctl_option options[] = { { .name = "yes", .flag = &yes },
					      { 0 } };
	const char *name;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, 1, &status) < 0)
		return status;
	if (!ctl_confirm(
		    v, yes, &status,
		    "Delete vTPM %s? Its keys and everything sealed to it are lost for good.",
		    name))
		return status;
	return client_call(
		ctl, &(struct client_call){
			     .method = "Delete",
			     .parameters = json_pack("{s:s}", "name", name) });
}

const struct verb verb_delete = {
	.name = "delete",
	.summary = "delete a stopped vTPM and its state",
	.help = "Usage: vtpmctl delete NAME [--yes] [--json]\n"
		"\n"
		"Deletes the state file of a stopped vTPM. Its keys, and all that was sealed to\n"
		"it, are lost unless there is a copy of the file.\n"
		"\n"
		"  --yes  do not ask\n"
		"\n"
		"Example:\n"
		"  vtpmctl stop web1 && vtpmctl delete web1 --yes\n",
	.run = run,
};
