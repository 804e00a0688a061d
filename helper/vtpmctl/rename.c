// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	(void)ctl;
	printf("%s is %s now\n", (const char *)arg,
	       json_text(json_object_get(p, "vtpm"), "name"));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *names[2];
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, names, 2, &status) < 0)
		return status;
	return client_call(
		ctl, &(struct client_call){
			     .method = "Rename",
			     .parameters = json_pack("{s:s, s:s}", "name",
						     names[0], "to", names[1]),
			     .on_reply = print,
			     .arg = (void *)names[0] });
}

const struct verb verb_rename = {
	.name = "rename",
	.summary = "give a vTPM that does not run another name",
	.help = "Usage: vtpmctl rename NAME NEW-NAME [--json]\n"
		"\n"
		"Its UUID, keys and settings stay, and its state file gets the new name.\n"
		"\n"
		"Example:\n"
		"  vtpmctl stop web1 && vtpmctl rename web1 web2\n",
	.run = run,
};
