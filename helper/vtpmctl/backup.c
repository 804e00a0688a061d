// SPDX-License-Identifier: GPL-2.0-or-later
/* Backups of state files: make one, try it, put it back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nvram/store.h"
#include "vtpmctl/vtpmctl.h"

static int open_backup(const char *file, int *fd)
{
	*fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	fprintf(stderr, "vtpmctl: %s: %s\n", file, strerror(errno));
	return errno == ENOENT ? CTL_NOT_FOUND : CTL_STORAGE;
}

static void print_backup(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *b = json_object_get(p, "backup");
	json_t *wrap;
	size_t i;

	(void)ctl;
	printf("%s %s: generation %lld\n", json_text(b, "name"),
	       (const char *)arg,
	       (long long)json_integer_value(json_object_get(b, "generation")));
	json_array_foreach(json_object_get(b, "wraps"), i, wrap)
		printf("it opens with key %s of provider %s\n",
		       json_text(wrap, "keyId"), json_text(wrap, "provider"));
}

static int run_backup(struct ctl *ctl, const struct verb *v, int argc,
		      char **argv)
{
	bool force = false;
	const struct ctl_option options[] = {
		{ .name = "force", .flag = &force }, { 0 }
	};
	const char *args[2];
	struct out_file out;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, args, 2, &status) < 0)
		return status;
	status = out_file_open(&out, args[1], force);
	if (status)
		return status;
	status = client_call(
		ctl, &(struct client_call){
			     .method = "Backup",
			     .parameters = json_pack("{s:s}", "name", args[0]),
			     .fds = &out.fd,
			     .n_fds = 1,
			     .on_reply = print_backup,
			     .arg = "is backed up" });
	return out_file_close(&out, status);
}

const struct verb verb_backup = {
	.name = "backup",
	.summary = "copy the state file of a vTPM, also while it runs",
	.help = "Usage: vtpmctl backup NAME FILE [--force] [--json]\n"
		"\n"
		"Writes a copy of the state file, of one point in time, to FILE (mode 0600). It is\n"
		"sealed like the original: to open it somebody needs the key provider's key, which\n"
		"is not in it. Of a vTPM that is stopped a plain copy of the file is as good.\n"
		"\n"
		"  --force  replace FILE if it is there\n"
		"\n"
		"Examples:\n"
		"  vtpmctl backup web1 /backup/web1.nvram\n"
		"  vtpmctl provider backup default /mnt/usb/vtpm-key.p12\n",
	.run = run_backup,
};

static int run_verify(struct ctl *ctl, const struct verb *v, int argc,
		      char **argv)
{
	const char *file;
	int status, fd;

	if (ctl_parse(ctl, v, argc, argv, NULL, &file, 1, &status) < 0)
		return status;
	status = open_backup(file, &fd);
	if (status)
		return status;
	status = client_call(
		ctl, &(struct client_call){ .method = "VerifyBackup",
					    .fds = &fd,
					    .n_fds = 1,
					    .more = true,
					    .on_reply = print_backup,
					    .arg = "is authentic and whole" });
	close(fd);
	return status;
}

const struct verb verb_verify_backup = {
	.name = "verify-backup",
	.summary = "open a backup with its key, and start nothing",
	.help = "Usage: vtpmctl verify-backup FILE [--json]\n"
		"\n"
		"Asks the key provider for the key and verifies all of the file, on a copy in\n"
		"memory. Nothing is started or written. Without a key: vtpmctl check FILE.\n"
		"\n"
		"Example:\n"
		"  vtpmctl verify-backup /backup/web1.nvram\n",
	.run = run_verify,
};

static void print_restored(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");

	(void)ctl;
	(void)arg;
	printf("%s is restored: generation %lld\n", json_text(v, "name"),
	       (long long)json_integer_value(json_object_get(v, "generation")));
	if (!json_is_true(json_object_get(p, "verified")))
		printf("its key was not to be had, so the file is not verified and will be locked: it needs key %s of provider %s\n",
		       json_text(v, "keyId"), json_text(v, "provider"));
}

/* The name that stands in the backup. */
static int name_of(int fd, const char *file, struct nvram_info *info)
{
	struct error err = { 0 };

	if (!nvram_read_header(fd, file, info, &err))
		return 0;
	fprintf(stderr, "vtpmctl: %s\n", err.text);
	return CTL_STORAGE;
}

static int run_restore(struct ctl *ctl, const struct verb *v, int argc,
		       char **argv)
{
	bool allow_rollback = false;
	const char *file, *name = NULL;
	const struct ctl_option options[] = {
		{ .name = "name", .value = &name },
		{ .name = "allow-rollback", .flag = &allow_rollback },
		{ 0 },
	};
	struct nvram_info info = { 0 };
	int status, fd;

	if (ctl_parse(ctl, v, argc, argv, options, &file, 1, &status) < 0)
		return status;
	status = open_backup(file, &fd);
	if (status)
		return status;
	if (!name) {
		status = name_of(fd, file, &info);
		name = info.name;
	}
	if (!status)
		status = client_call(
			ctl, &(struct client_call){
				     .method = "Restore",
				     .parameters = json_pack(
					     "{s:s, s:b}", "name", name,
					     "allowRollback", allow_rollback),
				     .fds = &fd,
				     .n_fds = 1,
				     .more = true,
				     .on_reply = print_restored });
	close(fd);
	return status;
}

const struct verb verb_restore = {
	.name = "restore",
	.summary = "make a backup a vTPM of this host",
	.help = "Usage: vtpmctl restore FILE [--name NAME] [--allow-rollback] [--json]\n"
		"\n"
		"Verifies the backup and makes it the vTPM of the name that stands in it, or of\n"
		"NAME; its keys and everything sealed to it are there again. A vTPM of that name\n"
		"has to be the same one, and stopped. On another host: vtpmctl provider restore\n"
		"first. If the key is not to be had the vTPM is there and will be locked.\n"
		"\n"
		"  --allow-rollback  also if the backup is older than what is there: counters,\n"
		"                    NV and dictionary attack lockout go back. It is logged\n"
		"\n"
		"Examples:\n"
		"  vtpmctl restore /backup/web1.nvram\n"
		"  vtpmctl restore /backup/web1.nvram --name web1-old\n",
	.run = run_restore,
};
