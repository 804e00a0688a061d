// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *reply, void *arg)
{
	const json_t *p = json_object_get(reply, "provider");
	const char *reason = json_text(p, "reason");

	(void)ctl;
	(void)arg;
	printf("provider %s (%s) is there\n", json_text(p, "name"),
	       json_text(p, "type"));
	if (!json_is_true(json_object_get(p, "usable")) && *reason)
		printf("not usable yet: %s\n", reason);
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *args[2];
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, args, 2, &status) < 0)
		return status;
	return client_call(
		ctl, &(struct client_call){
			     .method = "ProviderAdd",
			     .parameters = json_pack("{s:s, s:s}", "type",
						     args[0], "name", args[1]),
			     .on_reply = print });
}

const struct verb verb_provider_add = {
	.name = "add",
	.summary = "add a provider and make its first key",
	.help = "Usage: vtpmctl provider add TYPE NAME [--json]\n"
		"\n"
		"TYPE native keeps its key on this host; the key has to be backed up before it\n"
		"is used. The first provider becomes the default one.\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider add native default\n",
	.run = run,
};
