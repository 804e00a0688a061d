// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "vtpmctl/vtpmctl.h"

static const struct verb *const verbs[] = {
	&verb_create,  &verb_start,    &verb_stop,
	&verb_list,    &verb_show,     &verb_delete,
	&verb_monitor, &verb_provider, &verb_rekey,
	&verb_check,   &verb_repair,   &verb_unlock,
	&verb_upgrade, &verb_reset,    &verb_rename,
	&verb_clone,   &verb_backup,   &verb_verify_backup,
	&verb_restore, &verb_import,   &verb_export,
	&verb_set,     &verb_ca,       &verb_ek,
	&verb_version, NULL,
};

static void print_help(void)
{
	puts("Usage: vtpmctl [--socket PATH] VERB ...\n"
	     "\n"
	     "Virtual TPMs of this host.\n");
	for (size_t i = 0; verbs[i]; i++)
		printf("  %-13s %s\n", verbs[i]->name, verbs[i]->summary);
	puts("\n"
	     "Every verb has --help, with examples, and --json.\n"
	     "\n"
	     "First steps:\n"
	     "  vtpmctl provider add native default\n"
	     "  vtpmctl provider backup default /root/vtpm-key.p12\n"
	     "  vtpmctl create web1\n"
	     "\n"
	     "Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 exists or wrong state,\n"
	     "5 not allowed, 6 vtpmd or the module is not there, 7 key, 8 storage.\n"
	     "The socket can also be given as VTPM_SOCKET.");
}

int main(int argc, char **argv)
{
	struct ctl ctl = ctl_new();
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			print_help();
			return CTL_OK;
		} else if (!strcmp(argv[i], "--version")) {
			puts("vtpmctl " VTPM_VERSION);
			return CTL_OK;
		} else if (!strcmp(argv[i], "--json")) {
			ctl.json = true;
		} else if (!strcmp(argv[i], "--socket") && i + 1 < argc) {
			ctl.socket = argv[++i];
		} else {
			fprintf(stderr,
				"vtpmctl: bad option %s; see: vtpmctl --help\n",
				argv[i]);
			return CTL_USAGE;
		}
	}
	return verb_dispatch(&ctl, verbs, "vtpmctl", argc - i, argv + i);
}
