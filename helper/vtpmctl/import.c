// SPDX-License-Identifier: GPL-2.0-or-later
/* A TPM that swtpm has, as a vTPM. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "swtpm/state.h"
#include "util/io.h"
#include "vtpmctl/swtpm.h"

static int no_state(const struct swtpm_dir *d)
{
	if (swtpm_dir_has(d, "tpm-00.permall")) {
		fprintf(stderr,
			"vtpmctl: %s has a TPM 1.2, which cannot become a vTPM\n",
			d->path);
		return CTL_FAILED;
	}
	fprintf(stderr,
		"vtpmctl: there is no " SWTPM_STATE
		" in %s; give the directory that swtpm has as --tpmstate dir=\n",
		d->path);
	return CTL_NOT_FOUND;
}

static int open_state(const struct swtpm_dir *d, int *fd)
{
	/* PCRs and sessions of before would be gone without a word. */
	if (swtpm_dir_has(d, SWTPM_RUNNING)) {
		fprintf(stderr,
			"vtpmctl: %s has a " SWTPM_RUNNING
			": swtpm was suspended there, and its PCRs and sessions would be lost; let its machine go on and shut it down, or remove that file\n",
			d->path);
		return CTL_CONFLICT;
	}
	*fd = openat(d->fd, SWTPM_STATE,
		     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd >= 0)
		return CTL_OK;
	if (errno == ENOENT)
		return no_state(d);
	fprintf(stderr, "vtpmctl: %s/" SWTPM_STATE ": %s\n", d->path,
		strerror(errno));
	return CTL_STORAGE;
}

/* Of the key that the state needs; 0 if it needs none, or vtpmd will say why. */
static size_t key_len_of(int fd)
{
	_cleanup_(swtpm_bytes) struct swtpm_bytes *file = NULL;
	size_t len = 0;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > SWTPM_MAX_FILE)
		return 0;
	file = swtpm_bytes_new(st.st_size);
	if (!file || pread_full(fd, file->data, file->len, 0) < 0 ||
	    swtpm_state_key_len(file->data, file->len, &len, NULL))
		return 0;
	return len;
}

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const json_t *v = json_object_get(p, "vtpm");
	const json_t *d = json_object_get(v, "device");

	(void)ctl;
	printf("%s is imported, and %s", json_text(v, "name"),
	       json_text(v, "state"));
	if (json_is_object(d))
		printf(" on %s and %s", json_text(d, "tpm"),
		       json_text(d, "tpmrm"));
	printf("\nit and the state in %s are the same TPM: only one of them may be used from now on\n",
	       (const char *)arg);
}

static int call(struct ctl *ctl, json_t *p, const struct swtpm_options *key,
		const char *path)
{
	struct swtpm_dir dir;
	size_t used;
	int fds[2], status = swtpm_dir_open(path, &dir);

	if (status) {
		json_decref(p);
		return status;
	}
	status = open_state(&dir, &fds[0]);
	if (!status) {
		status =
			swtpm_key_pipe(key, key_len_of(fds[0]), &fds[1], &used);
		if (!status)
			status = client_call(
				ctl, &(struct client_call){
					     .method = "ImportSwtpm",
					     .parameters = json_incref(p),
					     .fds = fds,
					     .n_fds = fds[1] < 0 ? 1 : 2,
					     .more = true,
					     .on_reply = print,
					     .arg = (void *)path });
		if (fds[1] >= 0)
			close(fds[1]);
		close(fds[0]);
	}
	swtpm_dir_close(&dir);
	json_decref(p);
	return status;
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	struct ctl_create create = { 0 };
	const char *name, *dir = NULL;
	struct swtpm_options key = { 0 };
	const struct ctl_option options[] = {
		{ .name = "swtpm", .value = &dir },
		CTL_CREATE_OPTIONS(create),
		SWTPM_OPTIONS(key),
		{ 0 },
	};
	json_t *p;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, 1, &status) < 0)
		return status;
	if (!dir)
		return verb_usage(v);
	p = ctl_create_parameters(name, &create);
	return p ? call(ctl, p, &key, dir) : CTL_USAGE;
}

const struct verb verb_import = {
	.name = "import",
	.summary = "make a vTPM of a TPM that swtpm has",
	.help = "Usage: vtpmctl import --swtpm DIR NAME [--key-file FILE [--key-format hex|binary]]\n"
		"                      [--passphrase-file FILE [--kdf pbkdf2|sha512]]\n"
		"                      [--cipher aes-128-cbc|aes-256-cbc]\n"
		"                      [--provider PROVIDER] [--owner USER[:GROUP]] [--mode MODE]\n"
		"                      [--no-start] [--autostart] [--ephemeral] [--json]\n"
		"\n"
		"Makes a vTPM with the state of the TPM 2.0 that swtpm keeps in DIR: its keys,\n"
		"NV, passwords, certificates and everything sealed to it. PCRs begin at zero, as\n"
		"after a power cycle. swtpm must not run on it. DIR stays as it is: use only one\n"
		"of the two from then on.\n"
		"\n"
		"  --key-file FILE, --passphrase-file FILE\n"
		"               what swtpm has as --key file=FILE or pwdfile=FILE; --key-format\n"
		"               and --kdf are what it has as format and kdf, hex and pbkdf2\n"
		"               otherwise\n"
		"  --cipher CIPHER\n"
		"               refuse a state that is encrypted in another way\n"
		"\n"
		"The other options are those of: vtpmctl create\n"
		"\n"
		"Examples:\n"
		"  vtpmctl import --swtpm /var/lib/libvirt/swtpm/$UUID/tpm2 vm1\n"
		"  vtpmctl import --swtpm /srv/tpm --passphrase-file /root/phrase db --no-start\n",
	.run = run,
};
