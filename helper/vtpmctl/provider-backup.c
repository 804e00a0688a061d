// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>

#include "vtpmctl/vtpmctl.h"

static int backup_into(struct ctl *ctl, const char *name, int password,
		       const char *file, bool force)
{
	struct out_file out;
	int status = out_file_open(&out, file, force);
	int fds[2] = { password, out.fd };

	if (status)
		return status;
	status = client_call(
		ctl, &(struct client_call){
			     .method = "ProviderBackup",
			     .parameters = json_pack("{s:s}", "name", name),
			     .fds = fds,
			     .n_fds = 2 });
	status = out_file_close(&out, status);
	if (!status && !ctl->json)
		printf("the keys of %s are in %s; keep it and its password away from this host\n",
		       name, file);
	return status;
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *args[2], *password_file = NULL;
	bool force = false;
	const struct ctl_option options[] = {
		{ .name = "password-file", .value = &password_file },
		{ .name = "force", .flag = &force },
		{ 0 },
	};
	int status, password;

	if (ctl_parse(ctl, v, argc, argv, options, args, 2, &status) < 0)
		return status;
	password =
		password_pipe(password_file, "Password for the backup", true);
	if (password < 0)
		return CTL_USAGE;
	status = backup_into(ctl, args[0], password, args[1], force);
	close(password);
	return status;
}

const struct verb verb_provider_backup = {
	.name = "backup",
	.summary = "export the keys of a provider as PKCS#12",
	.help = "Usage: vtpmctl provider backup NAME FILE [--password-file FILE] [--force] [--json]\n"
		"\n"
		"Writes all keys of a provider to FILE (PKCS#12, mode 0600), protected by a\n"
		"password that is asked for, or is the first line of --password-file. With the\n"
		"file and the password every vTPM of this provider can be opened elsewhere;\n"
		"without them a lost host means lost vTPMs.\n"
		"\n"
		"  --force  replace FILE if it is there\n"
		"\n"
		"Example:\n"
		"  vtpmctl provider backup default /mnt/usb/vtpm-key.p12\n",
	.run = run,
};
