// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *d = json_object_get(json_object_get(p, "vtpm"), "device");

	(void)ctl;
	printf("%s has begun anew on %s\n", (const char *)arg,
	       json_text(d, "tpm"));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return client_call_named(ctl, v, argc, argv,
				 (struct client_call){ .method = "Reset",
						       .more = true,
						       .on_reply = print });
}

const struct verb verb_reset = {
	.name = "reset",
	.summary = "power cycle: PCRs at zero, device kept",
	.help = "Usage: vtpmctl reset NAME [--json]\n"
		"\n"
		"Switches a vTPM off and on again: PCRs are as after a start, sessions and loaded\n"
		"objects are gone, what is in NV stays, and so do /dev/tpmN and its number. For the\n"
		"reboot of a machine whose TPM it is, and for one whose running state was lost\n"
		"(\"failed\"). The event \"reset\" is in \"vtpmctl monitor\" and in the log, with the\n"
		"user who asked.\n"
		"\n"
		"Example:\n"
		"  vtpmctl reset web1\n",
	.run = run,
};
