// SPDX-License-Identifier: GPL-2.0-or-later
/* The way back: a vTPM as a TPM that swtpm has. */
#include <stdio.h>
#include <unistd.h>

#include "vtpmctl/swtpm.h"

struct target {
	struct swtpm_dir dir;
	const struct swtpm_options *key;
	size_t key_len;
};

static void print(struct ctl *ctl, json_t *p, void *arg)
{
	const char *name = json_text(json_object_get(p, "vtpm"), "name");
	const struct target *t = arg;
	const struct swtpm_options *key = t->key;
	int bits = 8 * t->key_len;

	(void)ctl;
	printf("%s is exported to %s; for swtpm: --tpmstate dir=%s", name,
	       t->dir.path, t->dir.path);
	if (key->key_file)
		printf(" --key file=%s,format=%s,mode=aes-%d-cbc",
		       key->key_file, key->key_format ? key->key_format : "hex",
		       bits);
	else if (key->passphrase_file)
		printf(" --key pwdfile=%s,kdf=%s,mode=aes-%d-cbc",
		       key->passphrase_file, key->kdf ? key->kdf : "pbkdf2",
		       bits);
	printf("\nthe two are the same TPM: only one of them may be used from now on\n");
}

/* What is there is another TPM, or the running state of one. */
static int check_empty(const struct swtpm_dir *d)
{
	static const char *const states[] = { SWTPM_STATE, SWTPM_RUNNING,
					      "tpm-00.permall" };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (!swtpm_dir_has(d, states[i]))
			continue;
		fprintf(stderr,
			"vtpmctl: %s has a TPM already (%s); choose another directory\n",
			d->path, states[i]);
		return CTL_CONFLICT;
	}
	return CTL_OK;
}

static int call(struct ctl *ctl, json_t *p, struct target *t)
{
	char path[4096];
	struct out_file out;
	int fds[2], status = check_empty(&t->dir);

	if (!status && snprintf(path, sizeof(path), "%s/" SWTPM_STATE,
				t->dir.path) >= (int)sizeof(path))
		status = CTL_USAGE;
	if (!status)
		status = swtpm_key_pipe(t->key, 0, &fds[1], &t->key_len);
	if (status)
		return status;
	status = out_file_open(&out, path, false);
	if (!status) {
		fds[0] = out.fd;
		status = client_call(ctl, &(struct client_call){
						  .method = "ExportSwtpm",
						  .parameters = json_incref(p),
						  .fds = fds,
						  .n_fds = fds[1] < 0 ? 1 : 2,
						  .more = true,
						  .on_reply = print,
						  .arg = t });
		status = out_file_close(&out, status);
	}
	if (fds[1] >= 0)
		close(fds[1]);
	return status;
}

static int run(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
	const char *name, *dir = NULL;
	struct swtpm_options key = { 0 };
	bool plain = false;
	const struct ctl_option options[] = {
		{ .name = "swtpm", .value = &dir },
		{ .name = "plain", .flag = &plain },
		SWTPM_OPTIONS(key),
		{ 0 },
	};
	struct target t = { .key = &key };
	json_t *p;
	int status;

	if (ctl_parse(ctl, v, argc, argv, options, &name, 1, &status) < 0)
		return status;
	if (!dir)
		return verb_usage(v);
	if (plain == swtpm_has_key(&key)) {
		fprintf(stderr,
			"vtpmctl: give a key with --key-file or --passphrase-file, or say --plain: then everybody who reads the file has the TPM's keys\n");
		return CTL_USAGE;
	}
	status = swtpm_dir_open(dir, &t.dir);
	if (status)
		return status;
	p = json_pack("{s:s, s:b}", "name", name, "plain", plain);
	status = p ? call(ctl, p, &t) : CTL_USAGE;
	json_decref(p);
	swtpm_dir_close(&t.dir);
	return status;
}

const struct verb verb_export = {
	.name = "export",
	.summary = "write the TPM of a vTPM for swtpm",
	.help = "Usage: vtpmctl export --swtpm DIR NAME --key-file FILE [--key-format hex|binary]\n"
		"       vtpmctl export --swtpm DIR NAME --passphrase-file FILE\n"
		"                      [--kdf pbkdf2|sha512] [--cipher aes-128-cbc|aes-256-cbc]\n"
		"       vtpmctl export --swtpm DIR NAME --plain\n"
		"\n"
		"Writes the state of a vTPM that is stopped to DIR, for swtpm 0.7 or newer with a\n"
		"libtpms no older than this one. DIR must be there, and have no TPM yet; whoever\n"
		"swtpm runs as has to be made the file's owner. The vTPM stays as it is: use only\n"
		"one of the two from then on. For root alone.\n"
		"\n"
		"  --key-file FILE\n"
		"               encrypt it with the key of 16 or 32 bytes in FILE\n"
		"  --passphrase-file FILE\n"
		"               or with one of the passphrase that is all of FILE; aes-256-cbc\n"
		"               if --cipher does not say otherwise\n"
		"  --plain      or not at all: whoever reads it has the TPM's keys\n"
		"\n"
		"Example:\n"
		"  mkdir /srv/tpm\n"
		"  vtpmctl export --swtpm /srv/tpm vm1 --passphrase-file /root/phrase\n"
		"  chown -R tss: /srv/tpm\n",
	.run = run,
};
