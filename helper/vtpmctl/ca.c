// SPDX-License-Identifier: GPL-2.0-or-later
#include "vtpmctl/vtpmctl.h"

static const struct verb *const verbs[] = {
	&verb_ca_init,	 &verb_ca_show,	  &verb_ca_export,
	&verb_ca_renew,	 &verb_ca_rekey,  &verb_ca_crl,
	&verb_ca_revoke, &verb_ca_remove, NULL,
};

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return verb_group(ctl, v, verbs, "vtpmctl ca", argc, argv);
}

const struct verb verb_ca = {
	.name = "ca",
	.summary = "the built-in CA: init, show, export, renew, ...",
	.help = "Usage: vtpmctl ca VERB ...\n"
		"\n"
		"The CA of this host signs the certificates of endorsement keys. It is made by\n"
		"the first create that needs it, or before by init. Every verb has --help.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl ca init --aia-url http://pki.example/vtpm.crt\n"
		"  vtpmctl ca export --root root.pem\n"
		"\n",
	.run = run,
};
