// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

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
	if (argc > 1 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(v->help, stdout);
		for (size_t i = 0; verbs[i]; i++)
			printf("  %-11s %s\n", verbs[i]->name,
			       verbs[i]->summary);
		return CTL_OK;
	}
	return verb_dispatch(ctl, verbs, "vtpmctl provider", argc - 1,
			     argv + 1);
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
