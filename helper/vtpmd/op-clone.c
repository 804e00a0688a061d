// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A vTPM made from another one, in one of three modes: identity.rst, "Clones". It
 * is made as any other, so that it is whole or not there, and the other one is
 * only read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vtpmd/create.h"
#include "vtpmd/data-key.h"
#include "vtpmd/identity.h"
#include "vtpmd/state-copy.h"

/* A consistent point of it, whether it runs or not, and the key of that copy. */
static int copy_source(struct operation *op, struct job *job,
		       struct nvram_info *info, struct error *err)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	int r = registry_open(op->cfg, op->other, O_RDONLY, &fd, err);

	if (r < 0)
		return r;
	registry_path(op->cfg, op->other, path);
	job_progress(job, "copying the state");
	r = state_copy_live(fd, path, &op->from_fd, info, err);
	if (r < 0)
		return r;
	op->from = "nvram";
	job_progress(job, "asking the key provider for the key");
	return data_key_unwrap(op->cfg, op->other, info, &op->from_secret, err);
}

static int prepare(struct operation *op, struct job *job, struct error *err)
{
	struct lineage *from = &op->settings.cloned_from;
	struct nvram_info info;
	const uint8_t *origin;
	int r = copy_source(op, job, &info, err);

	if (r < 0)
		return r;
	if (info.generation < op->settings.generation)
		return error_set(err, -ESTALE, VTPM_ERR_ROLLBACK,
				 "the file of vTPM %s is older (generation "
				 "%llu) than what it has had here (%llu); if "
				 "that is meant, start it first with: vtpmctl "
				 "start --allow-rollback %s",
				 op->other, (unsigned long long)info.generation,
				 (unsigned long long)op->settings.generation,
				 op->other);
	/* The file of the clone begins anew. */
	op->settings.generation = 0;
	uuid_format(info.uuid, from->uuid);
	if (op->keys != KEYS_KEEP)
		return 0;
	op->facts = registry_load_facts(op->cfg, op->other, info.uuid);
	origin = nvram_identity(&info);
	memcpy(op->info.origin, origin, UUID_LEN);
	log_notice("vTPM %s is a copy of %s and has its identity", op->name,
		   op->other);
	return 0;
}

/* Those that it is known to have; those of a new one if nothing is known. */
static unsigned int types_of(const struct vtpm *v)
{
	unsigned int types = 0;

	for (int i = 0; v->facts && i < EK_TYPES; i++)
		types |= facts_key(v->facts, i) ? EK_BIT(i) : 0;
	return types ? types : identity_default_types();
}

static const struct {
	const char *name;
	enum operation_keys keys;
	bool empty; /* a new TPM */
} modes[] = {
	{ "copy", KEYS_KEEP, false },
	{ "replace", KEYS_MAKE, true },
	{ "reidentify", KEYS_REPLACE, false },
};

static int find_mode(const char *name, struct error *err)
{
	for (size_t i = 0; name && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(modes[i].name, name))
			return i;
	}
	return error_set(
		err, -EINVAL, VTPM_ERR_INVALID,
		"say what the clone is to be, with --mode copy (all as it is: "
		"the same identity and keys, so only one of the two may run), "
		"replace (empty, with new keys), or reidentify (what is stored "
		"in it, with new endorsement keys)");
}

int vtpm_clone(struct vtpm *v, const struct clone_options *o, struct call *call,
	       struct error *err)
{
	struct operation op = { .engine = ENGINE_NONE,
				.ephemeral = v->ephemeral,
				.settings = v->settings,
				.ek_types = types_of(v) };
	struct lineage *from = &op.settings.cloned_from;
	int mode = find_mode(o->mode, err), r;
	const char *provider = o->provider;

	if (mode < 0)
		return mode;
	if (!v->have_info)
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT, "%s",
				 v->reason);
	op.keys = modes[mode].keys;
	op.prepare = modes[mode].empty ? NULL : prepare;
	op.certify = o->certify && op.keys != KEYS_KEEP;
	/* What is this host's alone. */
	op.settings.autostart = false;
	if (modes[mode].empty) {
		op.settings.generation = 0;
		snprintf(op.profile, sizeof(op.profile), "%s", v->info.profile);
	}
	snprintf(op.other, sizeof(op.other), "%s", v->name);
	*from = (struct lineage){ .time = time(NULL) };
	snprintf(from->name, sizeof(from->name), "%s", v->name);
	snprintf(from->mode, sizeof(from->mode), "%s", modes[mode].name);
	uuid_format(v->info.uuid, from->uuid);
	/* Else who may not handle keys could have secrets sealed by another. */
	if (provider && !modes[mode].empty &&
	    !vtpm_uses_provider(v, provider) && call_right(call) < RIGHT_KEYS)
		return error_set(err, -EPERM, VTPM_ERR_DENIED,
				 "only root may have the keys of a vTPM sealed "
				 "by another provider");
	if (!provider && v->info.n_wraps)
		provider = v->info.wrap[0].provider;
	if (modes[mode].empty)
		op.pcr_banks =
			json_deep_copy(json_object_get(v->facts, "pcrBanks"));
	r = create_start(v->m, o->name, provider, &op, call, err);
	if (r < 0)
		json_decref(op.pcr_banks);
	return r;
}
