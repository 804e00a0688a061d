// SPDX-License-Identifier: GPL-2.0-or-later
#include "vtpmctl/vtpmctl.h"

static const struct verb *const verbs[] = {
	&verb_provider_add,	    &verb_provider_list,
	&verb_provider_show,	    &verb_provider_backup,
	&verb_provider_restore,	    &verb_provider_attach,
	&verb_provider_detach,	    &verb_provider_forget,
	&verb_provider_check,	    &verb_provider_default,
	&verb_provider_remove,	    &verb_provider_new_key,
	&verb_provider_destroy_key, NULL,
};

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	return verb_group(ctl, v, verbs, "vtpmctl provider", argc, argv);
}

const struct verb verb_provider = {
	.name = "provider",
	.summary = "key providers: add, list, attach, backup, ...",
	.help = "Usage: vtpmctl provider VERB ...\n"
		"\n"
		"A key provider wraps the data keys of vTPMs. Every verb has --help.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl provider add native default\n"
		"  vtpmctl provider backup default /root/vtpm-key.p12\n"
		"\n",
	.run = run,
};
