// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *reply, void *arg)
{
	const char *name = json_text(reply, "name");

	(void)ctl;
	(void)arg;
	if (*name)
		puts(name);
	else
		puts("there is no default provider; choose one with: vtpmctl provider default NAME");
}

static void print_set(struct ctl *ctl, json_t *reply, void *arg)
{
	(void)ctl;
	(void)reply;
	printf("provider %s is the default one\n", (const char *)arg);
}

static bool has_operand(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			return true;
	}
	return false;
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	bool set = has_operand(argc, argv);
	const char *name = NULL;
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, &name, set ? 1 : 0, &status) <
	    0)
		return status;
	if (!set)
		return client_call(ctl, &(struct client_call){
						.method = "ProviderGetDefault",
						.on_reply = print });
	return client_call(
		ctl, &(struct client_call){
			     .method = "ProviderSetDefault",
			     .parameters = json_pack("{s:s}", "name", name),
			     .on_reply = print_set,
			     .arg = (void *)name });
}

const struct verb verb_provider_default = {
	.name = "default",
	.summary = "show or choose the default provider",
	.help = "Usage: vtpmctl provider default [NAME] [--json]\n"
		"\n"
		"Without NAME: the provider whose key seals vTPMs that are created without\n"
		"--provider. With NAME: make it that one. vTPMs that are there do not change.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl provider default\n"
		"  vtpmctl provider default hsm\n",
	.run = run,
};
