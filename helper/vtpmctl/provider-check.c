// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *reply, void *arg)
{
	json_t *step;
	size_t i;

	(void)ctl;
	(void)arg;
	json_array_foreach(json_object_get(reply, "steps"), i, step)
		printf("%-6s  %s: %s\n",
		       json_is_true(json_object_get(step, "ok")) ? "ok"
								 : "failed",
		       json_text(step, "step"), json_text(step, "message"));
}

static void take_verdict(struct ctl *ctl, json_t *reply, void *arg)
{
	bool *passed = arg;

	(void)ctl;
	*passed = json_is_true(json_object_get(reply, "passed"));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *name;
	bool passed = false;
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, &name, 1, &status) < 0)
		return status;
	status = client_call(
		ctl, &(struct client_call){
			     .method = "ProviderCheck",
			     .parameters = json_pack("{s:s}", "name", name),
			     .on_reply = print,
			     .on_last = take_verdict,
			     .arg = &passed });
	return status || passed ? status : CTL_FAILED;
}

const struct verb verb_provider_check = {
	.name = "check",
	.summary = "try all that a provider needs, step by step",
	.help = "Usage: vtpmctl provider check NAME [--json]\n"
		"\n"
		"One line a step, ok or failed, with what to do next; the last wraps and unwraps\n"
		"a random value. No key is changed. Exit status 1 if a step failed.\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider check hsm\n",
	.run = run,
};
