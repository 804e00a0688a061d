// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");
	const json_t *d = json_object_get(v, "device");

	(void)ctl;
	(void)arg;
	printf("%s is %s on %s and %s\n", json_text(v, "name"),
	       json_text(v, "state"), json_text(d, "tpm"),
	       json_text(d, "tpmrm"));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	bool allow_rollback = false, allow_duplicate = false;
	const struct ctl_option options[] = {
		{ .name = "allow-rollback", .flag = &allow_rollback },
		{ .name = "allow-duplicate", .flag = &allow_duplicate },
		{ 0 },
	};
	const char *name;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, 1, &status) < 0)
		return status;
	return client_call(ctl,
			   &(struct client_call){
				   .method = "Start",
				   .parameters = json_pack(
					   "{s:s, s:b, s:b}", "name", name,
					   "allowRollback", allow_rollback,
					   "allowDuplicate", allow_duplicate),
				   .more = true,
				   .on_reply = print });
}

const struct verb verb_start = {
	.name = "start",
	.summary = "power a vTPM on",
	.help = "Usage: vtpmctl start NAME [--allow-rollback] [--allow-duplicate] [--json]\n"
		"\n"
		"Powers a vTPM on: PCRs begin at zero, NV data and persistent keys are there.\n"
		"\n"
		"  --allow-rollback  also if its state is older than when it last stopped here,\n"
		"                    because an older file was put in its place\n"
		"  --allow-duplicate also while another one of the same identity runs: of the\n"
		"                    two one is a clone made with --mode copy\n"
		"\n"
		"Example:\n"
		"  vtpmctl start web1\n",
	.run = run,
};
