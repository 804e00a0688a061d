// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *reply, void *arg)
{
	const char *left = json_text(reply, "keysLeft");

	(void)ctl;
	printf("provider %s was removed\n", (const char *)arg);
	if (*left)
		printf("its keys are still in %s: copies of vTPMs open with them, and a provider added under the name has them again; to destroy them remove that directory\n",
		       left);
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
	if (!ctl_confirm(
		    v, yes, &status,
		    "Remove provider %s? Copies and backups of vTPMs that its keys wrap do not open without it.",
		    name))
		return status;
	return client_call(
		ctl, &(struct client_call){
			     .method = "ProviderRemove",
			     .parameters = json_pack("{s:s}", "name", name),
			     .on_reply = print,
			     .arg = (void *)name });
}

const struct verb verb_provider_remove = {
	.name = "remove",
	.summary = "remove a provider that no vTPM uses",
	.help = "Usage: vtpmctl provider remove NAME [--yes] [--json]\n"
		"\n"
		"Refused while vTPMs have wraps of it, which are listed, and for the default\n"
		"provider while there are others. Keys are not destroyed: where the provider had\n"
		"any on this host, the command says where they still are.\n"
		"\n"
		"  --yes  do not ask\n"
		"\n"
		"Example:\n"
		"  vtpmctl rekey --provider old --to new && vtpmctl provider remove old --yes\n",
	.run = run,
};
