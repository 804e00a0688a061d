// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	(void)ctl;
	(void)arg;
	printf("%s is %s\n", json_text(json_object_get(p, "vtpm"), "name"),
	       json_text(json_object_get(p, "vtpm"), "state"));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *name;
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, &name, 1, &status) < 0)
		return status;
	return client_call(
		ctl, &(struct client_call){
			     .method = "Stop",
			     .parameters = json_pack("{s:s}", "name", name),
			     .more = true,
			     .on_reply = print });
}

const struct verb verb_stop = {
	.name = "stop",
	.summary = "power a vTPM off",
	.help = "Usage: vtpmctl stop NAME [--json]\n"
		"\n"
		"Powers a vTPM off in order, with TPM2_Shutdown; its device goes away. Clears a\n"
		"failed vTPM too, so that it can be started again.\n"
		"\n"
		"Example:\n"
		"  vtpmctl stop web1\n",
	.run = run,
};
