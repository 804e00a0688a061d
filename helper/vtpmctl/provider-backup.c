// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vtpmctl/vtpmctl.h"

static int complain(const char *file)
{
	fprintf(stderr, "vtpmctl: %s: %s%s\n", file, strerror(errno),
		errno == EEXIST ? "; say --force to replace it" : "");
	return errno == EEXIST ? CTL_CONFLICT : CTL_STORAGE;
}

/*
 * The document is written beside @file and gets its name when it is whole:
 * what was there before survives a failure.
 */
static int backup_into(struct ctl *ctl, const char *name, int password,
		       const char *file, bool force)
{
	char tmp[4096];
	int fds[2] = { password, -1 };
	int status;

	if (!force && !access(file, F_OK)) {
		errno = EEXIST;
		return complain(file);
	}
	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", file) >= (int)sizeof(tmp)) {
		errno = ENAMETOOLONG;
		return complain(file);
	}
	fds[1] = mkostemp(tmp, O_CLOEXEC); /* mode 0600 */
	if (fds[1] < 0)
		return complain(file);
	status = client_call(
		ctl, &(struct client_call){
			     .method = "ProviderBackup",
			     .parameters = json_pack("{s:s}", "name", name),
			     .fds = fds,
			     .n_fds = 2 });
	if (!status &&
	    (fsync(fds[1]) < 0 || renameat2(AT_FDCWD, tmp, AT_FDCWD, file,
					    force ? 0 : RENAME_NOREPLACE) < 0))
		status = complain(file);
	if (status)
		unlink(tmp);
	else if (!ctl->json)
		printf("the keys of %s are in %s; keep it and its password away from this host\n",
		       name, file);
	close(fds[1]);
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
