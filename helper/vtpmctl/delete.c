// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vtpmctl/vtpmctl.h"

/* 1 yes, 0 no, -1 nobody to ask. */
static int confirm(const char *name)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr,
			"vtpmctl: delete asks first, and there is no terminal; say --yes if you mean it\n");
		return -1;
	}
	fprintf(stderr,
		"Delete vTPM %s? Its keys and everything sealed to it are lost for good. [y/N] ",
		name);
	if (!fgets(answer, sizeof(answer), stdin))
		return 0;
	return !strcmp(answer, "y\n") || !strcmp(answer, "yes\n");
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	bool yes = false;
	const struct ctl_option options[] = { { .name = "yes", .flag = &yes },
					      { 0 } };
	const char *name;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, 1, &status) < 0)
		return status;
	if (!yes) {
		int r = confirm(name);

		if (r < 0)
			return CTL_USAGE;
		if (!r) {
			fprintf(stderr, "vtpmctl: nothing was deleted\n");
			return CTL_FAILED;
		}
	}
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
