// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	(void)ctl;
	(void)arg;
	printf("taken out of %zu vTPMs\n",
	       json_array_size(json_object_get(p, "done")));
}

static void print_failed(struct ctl *ctl, json_t *p, void *arg)
{
	json_t *failed = json_object_get(p, "failed"), *f;
	size_t i;

	(void)ctl;
	*(bool *)arg = json_array_size(failed) > 0;
	json_array_foreach(failed, i, f)
		fprintf(stderr, "vtpmctl: it stays in %s: %s\n",
			json_text(f, "name"), json_text(f, "message"));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	bool some_failed = false;
	const char *name;
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, &name, 1, &status) < 0)
		return status;
	status = client_call(
		ctl, &(struct client_call){
			     .method = "ProviderForget",
			     .parameters = json_pack("{s:s}", "name", name),
			     .more = true,
			     .on_reply = print,
			     .on_last = print_failed,
			     .arg = &some_failed });
	return status == CTL_OK && some_failed ? CTL_FAILED : status;
}

const struct verb verb_provider_forget = {
	.name = "forget",
	.summary = "take a provider's wraps out of every vTPM",
	.help = "Usage: vtpmctl provider forget NAME [--json]\n"
		"\n"
		"Takes the wrap of NAME out of every vTPM that has one of another provider, too.\n"
		"With NAME a provider of type tpm2 it ends key persistence: from then on those\n"
		"vTPMs start only with the key server there. NAME need not be there any more.\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider forget host\n",
	.run = run,
};
