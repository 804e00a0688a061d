// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");

	(void)ctl;
	printf("%s is made of %s and is %s\n", json_text(v, "name"),
	       (const char *)arg, json_text(v, "state"));
	if (*json_text(v, "origin"))
		printf("it has the identity of %s: only one of the two may run\n",
		       json_text(v, "origin"));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *mode = NULL, *provider = NULL, *names[2];
	bool no_certificate = false;
	const struct ctl_option options[] = {
		{ .name = "mode", .value = &mode },
		{ .name = "provider", .value = &provider },
		{ .name = "no-certificate", .flag = &no_certificate },
		{ 0 },
	};
	json_t *p;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, names, 2, &status) < 0)
		return status;
	p = json_pack("{s:s, s:s, s:b}", "name", names[0], "to", names[1],
		      "certificates", !no_certificate);
	ctl_put_text(p, "mode", mode);
	ctl_put_text(p, "provider", provider);
	return client_call(ctl,
			   &(struct client_call){ .method = "Clone",
						  .parameters = p,
						  .more = true,
						  .on_reply = print,
						  .arg = (void *)names[0] });
}

const struct verb verb_clone = {
	.name = "clone",
	.summary = "make a vTPM from another one",
	.help = "Usage: vtpmctl clone NAME NEW-NAME --mode MODE [--provider PROVIDER]\n"
		"                     [--no-certificate] [--json]\n"
		"\n"
		"Makes NEW-NAME, which is not started, from NAME, which may run and stays as it\n"
		"is. NEW-NAME has a UUID and a data key of its own, and the owner, mode and notes\n"
		"of NAME. Its first provider's key wraps the data key, or that of --provider.\n"
		"\n"
		"  --mode copy        everything: keys, certificates, NV data, passwords. The two\n"
		"                     have one identity, so one of them is not started while the\n"
		"                     other runs, unless with --allow-duplicate.\n"
		"  --mode replace     nothing: new seeds, new endorsement keys and certificates.\n"
		"                     What was sealed to NAME does not open in NEW-NAME.\n"
		"  --mode reidentify  the stored: NV data, storage keys, what was sealed to them.\n"
		"                     The endorsement seed is replaced as by TPM2_ChangeEPS; the\n"
		"                     endorsement keys, their certificates, and all keys made\n"
		"                     under them, as attestation keys, are new or gone. Keys of the\n"
		"                     storage hierarchy are in both.\n"
		"  --no-certificate   leave new endorsement keys without certificates, for\n"
		"                     another CA: vtpmctl ek request\n"
		"\n"
		"Examples:\n"
		"  vtpmctl clone golden web7 --mode replace\n"
		"  vtpmctl clone web1 web1-test --mode reidentify\n",
	.run = run,
};
