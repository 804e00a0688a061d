// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");
	const char *dev = json_text(json_object_get(v, "device"), "tpm");

	(void)ctl;
	(void)arg;
	printf("%s is %s%s%s\n", json_text(v, "name"), json_text(v, "state"),
	       *dev ? " on " : "", dev);
}

static void print_all(struct ctl *ctl, json_t *p, void *arg)
{
	(void)ctl;
	(void)arg;
	printf("%lld vTPMs get another engine; see: vtpmctl list\n",
	       (long long)json_integer_value(json_object_get(p, "started")));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *name;
	bool all;
	int status;

	if (ctl_parse_name_or_all(ctl, v, argc, argv, &name, &all, &status) < 0)
		return status;
	if (all)
		return client_call(
			ctl, &(struct client_call){ .method = "UpgradeAll",
						    .on_reply = print_all });
	return client_call(
		ctl, &(struct client_call){
			     .method = "Upgrade",
			     .parameters = json_pack("{s:s}", "name", name),
			     .more = true,
			     .on_reply = print });
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
