// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vtpmctl/vtpmctl.h"

static void print(struct ctl *ctl, json_t *reply, void *arg)
{
	const json_t *p = json_object_get(reply, "provider");

	(void)ctl;
	(void)arg;
	printf("provider %s has %zu key(s)\n", json_text(p, "name"),
	       json_array_size(json_object_get(p, "keys")));
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *args[3], *password_file = NULL;
	const struct ctl_option options[] = {
		{ .name = "password-file", .value = &password_file },
		{ 0 },
	};
	int status, fds[2];

	if (ctl_parse(ctl, v, argc, argv, options, args, 3, &status) < 0)
		return status;
	fds[1] = open(args[2], O_RDONLY | O_CLOEXEC);
	if (fds[1] < 0) {
		fprintf(stderr, "vtpmctl: %s: %s\n", args[2], strerror(errno));
		return CTL_STORAGE;
	}
	fds[0] = password_pipe(password_file, "Password of the backup", false);
	status = CTL_USAGE;
	if (fds[0] >= 0) {
		status = client_call(
			ctl, &(struct client_call){
				     .method = "ProviderRestore",
				     .parameters = json_pack("{s:s, s:s}",
							     "type", args[0],
							     "name", args[1]),
				     .fds = fds,
				     .n_fds = 2,
				     .on_reply = print });
		close(fds[0]);
	}
	close(fds[1]);
	return status;
}

const struct verb verb_provider_restore = {
	.name = "restore",
	.summary = "import keys that were backed up, on this or another host",
	.help = "Usage: vtpmctl provider restore TYPE NAME FILE [--password-file FILE] [--json]\n"
		"\n"
		"Imports the keys of a backup into the provider NAME, which is made if it is not\n"
		"there. Locked vTPMs can be started afterwards.\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider restore native default /mnt/usb/vtpm-key.p12\n",
	.run = run,
};
