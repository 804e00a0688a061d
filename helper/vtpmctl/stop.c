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

static void print_left(struct ctl *ctl, json_t *p, void *arg)
{
	json_t *left = json_object_get(p, "left"), *name;
	size_t i;

	(void)ctl;
	*(bool *)arg = json_array_size(left) > 0;
	json_array_foreach(left, i, name)
		fprintf(stderr,
			"vtpmctl: %s could not be stopped; see: vtpmctl show %s\n",
			json_string_value(name), json_string_value(name));
}

static int run_all(struct ctl *ctl)
{
	bool some_left = false;
	int status =
		client_call(ctl, &(struct client_call){ .method = "StopAll",
							.more = true,
							.on_last = print_left,
							.arg = &some_left });

	return status == CTL_OK && some_left ? CTL_FAILED : status;
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *name;
	bool all;
	int status;

	if (ctl_parse_name_or_all(ctl, v, argc, argv, &name, &all, &status) < 0)
		return status;
	if (all)
		return run_all(ctl);
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
		"       vtpmctl stop --all [--json]\n"
		"\n"
		"Powers a vTPM off in order, with TPM2_Shutdown; its device goes away. Clears a\n"
		"failed vTPM too, so that it can be started again.\n"
		"\n"
		"  --all   every vTPM of this host; done before the host goes down\n"
		"\n"
		"Examples:\n"
		"  vtpmctl stop web1\n"
		"  vtpmctl stop --all\n",
	.run = run,
};
