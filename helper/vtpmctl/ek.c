// SPDX-License-Identifier: GPL-2.0-or-later
#include "vtpmctl/vtpmctl.h"

static const struct verb *const verbs[] = {
	&verb_ek_show,	  &verb_ek_list,   &verb_ek_export,
	&verb_ek_request, &verb_ek_import, NULL,
};

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return verb_group(ctl, v, verbs, "vtpmctl ek", argc, argv);
}

const struct verb verb_ek = {
	.name = "ek",
	.summary = "endorsement keys: show, list, export, request, import",
	.help = "Usage: vtpmctl ek VERB ...\n"
		"\n"
		"Endorsement keys and their certificates: who a vTPM is. Every verb has --help.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl ek show web1\n"
		"  vtpmctl ek export web1 --type p256 ek.pem\n"
		"\n",
	.run = run,
};
