// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");
	const json_t *d = json_object_get(v, "device");

	(void)ctl;
	(void)arg;
	printf("%s is %s", json_text(v, "name"), json_text(v, "state"));
	if (json_is_object(d))
		printf(" on %s and %s", json_text(d, "tpm"),
		       json_text(d, "tpmrm"));
	putchar('\n');
}

/* The words between commas. */
static json_t *split(const char *text)
{
	json_t *out = json_array();

	for (;; text++) {
		size_t n = strcspn(text, ",");

		json_array_append_new(out, json_stringn(text, n));
		text += n;
		if (!*text)
			return out;
	}
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	struct ctl_create create = { 0 };
	bool no_certificate = false;
	const char *name, *ek = NULL, *pcr_banks = NULL, *profile = NULL;
	const struct ctl_option options[] = {
		CTL_CREATE_OPTIONS(create),
		{ .name = "ek", .value = &ek },
		{ .name = "pcr-banks", .value = &pcr_banks },
		{ .name = "profile", .value = &profile },
		{ .name = "no-certificate", .flag = &no_certificate },
		{ 0 },
	};
	json_t *p;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, 1, &status) < 0)
		return status;
	p = ctl_create_parameters(name, &create);
	if (!p)
		return CTL_USAGE;
	if (ek)
		json_object_set_new(p, "endorsementKeys", split(ek));
	if (pcr_banks)
		json_object_set_new(p, "pcrBanks", split(pcr_banks));
	if (no_certificate)
		json_object_set_new(p, "certificates", json_false());
	ctl_put_text(p, "profile", profile);
	return client_call(ctl, &(struct client_call){ .method = "Create",
						       .parameters = p,
						       .more = true,
						       .on_reply = print });
}

const struct verb verb_create = {
	.name = "create",
	.summary = "make a vTPM and start it",
	.help = "Usage: vtpmctl create NAME [--provider PROVIDER] [--owner USER[:GROUP]]\n"
		"                      [--mode MODE] [--no-start] [--autostart] [--ephemeral]\n"
		"                      [--ek TYPE,...] [--no-certificate]\n"
		"                      [--pcr-banks BANK,...] [--profile NAME] [--json]\n"
		"\n"
		"Makes a new virtual TPM with its endorsement keys, and has the CA of this host\n"
		"certify them. Its state is sealed with a key of PROVIDER, or of the default\n"
		"provider.\n"
		"\n"
		"  --owner USER[:GROUP], --mode MODE\n"
		"               of /dev/tpmN and /dev/tpmrmN; root and 0600 otherwise\n"
		"  --no-start   leave it stopped\n"
		"  --autostart  start it whenever vtpmd starts\n"
		"  --ephemeral  keep its state in memory, sealed as any other: no disk ever sees\n"
		"               it, and it is gone when the host goes down\n"
		"  --ek TYPE,...\n"
		"               the endorsement keys: rsa2048, p256 and p384; the first two\n"
		"               otherwise\n"
		"  --pcr-banks BANK,...\n"
		"               the banks of PCRs: sha1, sha256, sha384, sha512; all of them\n"
		"               otherwise. Each PCR is extended in every one of them\n"
		"  --profile NAME\n"
		"               the libtpms profile: which algorithms and commands the TPM has,\n"
		"               for instance default-v1 or null; with libtpms 0.10 and newer\n"
		"  --no-certificate\n"
		"               leave them without certificates, for another CA: vtpmctl ek request\n"
		"\n"
		"Examples:\n"
		"  vtpmctl create web1\n"
		"  vtpmctl create db --provider hsm --autostart\n"
		"  vtpmctl create ci-1234 --ephemeral\n"
		"  vtpmctl create web2 --ek rsa2048,p256,p384\n"
		"  vtpmctl create vm1 --owner libvirt-qemu --mode 0600\n",
	.run = run,
};
