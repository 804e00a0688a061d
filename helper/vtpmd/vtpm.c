// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "vtpmd/identity.h"
#include "vtpmd/locked.h"
#include "vtpmd/manager.h"
#include "vtpmd/registry.h"
#include "vtpmd/resume.h"
#include "vtpmd/server.h"
#include "vtpmd/vtpm.h"

#define MAY(op) (1U << (op))

/* What may be asked for in which state; all of it waits for a running job. */
static const struct {
	const char *name;
	unsigned int may;
	const char *instead; /* for what may not */
} states[] = {
	[VTPM_STOPPED] = { "stopped",
			   MAY(OP_CHECK) | MAY(OP_START) | MAY(OP_DELETE) |
				   MAY(OP_REKEY) | MAY(OP_RENAME) |
				   MAY(OP_SET) | MAY(OP_IMPORT) |
				   MAY(OP_EXPORT),
			   "start it with: vtpmctl start" },
	[VTPM_STARTING] = { "starting", 0, "wait for it; see: vtpmctl show" },
	[VTPM_RUNNING] = { "running",
			   MAY(OP_STOP) | MAY(OP_REKEY) | MAY(OP_UPGRADE) |
				   MAY(OP_RESET) | MAY(OP_SET),
			   "stop it first with: vtpmctl stop" },
	[VTPM_STOPPING] = { "stopping", 0, "wait for it; see: vtpmctl show" },
	[VTPM_RESUMING] = { "resuming", MAY(OP_STOP),
			    "wait for it; see: vtpmctl show" },
	[VTPM_FAILED] = { "failed", MAY(OP_STOP) | MAY(OP_RESET) | MAY(OP_SET),
			  "stop it first with: vtpmctl stop" },
	[VTPM_LOCKED] = { "locked",
			  MAY(OP_STOP) | MAY(OP_CHECK) | MAY(OP_START) |
				  MAY(OP_DELETE) | MAY(OP_REKEY) |
				  MAY(OP_RENAME) | MAY(OP_SET),
			  "it starts when its key is back; at once with: vtpmctl unlock" },
	[VTPM_DAMAGED] = { "damaged",
			   MAY(OP_CHECK) | MAY(OP_START) | MAY(OP_DELETE) |
				   MAY(OP_RENAME) | MAY(OP_SET),
			   "put back a copy of the file, then: vtpmctl start" },
};

const char *vtpm_state_name(enum vtpm_life state)
{
	return states[state].name;
}

bool vtpm_is_queued(const struct vtpm *v)
{
	return v->want_start && v->state == VTPM_STOPPED;
}

int vtpm_check(const struct vtpm *v, enum vtpm_op op, struct error *err)
{
	if (v->busy)
		return error_set(
			err, -EBUSY, VTPM_ERR_BUSY,
			"another operation works on vTPM %s (%s); wait "
			"for it and try again",
			v->name, states[v->state].name);
	if (op == OP_STOP && vtpm_is_queued(v))
		return 0;
	if (!(states[v->state].may & MAY(op)))
		return error_set(err, -EINVAL, VTPM_ERR_STATE,
				 "vTPM %s is %s; %s %s", v->name,
				 states[v->state].name,
				 states[v->state].instead, v->name);
	return 0;
}

enum vtpm_life vtpm_state_after(const struct error *err)
{
	/* It may be had later, of whoever does not have or give it now. */
	if (!strcmp(err->code, VTPM_ERR_KEY_MISSING) ||
	    !strcmp(err->code, VTPM_ERR_PROVIDER) ||
	    !strcmp(err->code, VTPM_ERR_KEY_DESTROYED))
		return VTPM_LOCKED;
	if (!strcmp(err->code, VTPM_ERR_CORRUPT) ||
	    !strcmp(err->code, VTPM_ERR_VERSION))
		return VTPM_DAMAGED;
	return VTPM_STOPPED;
}

void vtpm_set_state(struct vtpm *v, enum vtpm_life state, const char *reason)
{
	const char *old = states[v->state].name, *now = states[state].name;

	/* A retry that ended as the one before is no news. */
	if (v->state == state && !strcmp(v->reason, reason ? reason : ""))
		return;
	snprintf(v->reason, sizeof(v->reason), "%s", reason ? reason : "");
	v->state = state;
	log_at(state == VTPM_FAILED || state == VTPM_DAMAGED ? LOG_ERR
							     : LOG_INFO,
	       "vTPM %s: %s -> %s%s%s", v->name, old, now,
	       v->reason[0] ? ": " : "", v->reason);
	if (!v->new)
		monitor_event(v->m, "state", v->name, old, now,
			      v->reason[0] ? v->reason : NULL);
}

struct vtpm *vtpm_new(struct manager *m, const char *name)
{
	struct vtpm *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->m = m;
	v->engine = ENGINE_NONE;
	snprintf(v->name, sizeof(v->name), "%s", name);
	TAILQ_INSERT_TAIL(&m->vtpms, v, link);
	return v;
}

void vtpm_free(struct vtpm *v)
{
	struct engine e = vtpm_detach(v);

	locked_forget(v);
	ask_ahead_forget(v);
	/* The process goes on: who forgets a vTPM has stopped it or wants that.
	 */
	process_close(&e.process);
	if (e.log_fd >= 0)
		close(e.log_fd);
	secret_free(v->key);
	json_decref(v->facts);
	TAILQ_REMOVE(&v->m->vtpms, v, link);
	free(v);
}

/* Of memory that is not written to there is none: 16 KiB of each vTPM. */
void vtpm_take_info(struct vtpm *v, const struct nvram_info *info)
{
	uint32_t n = info->n_wraps, had = v->info.n_wraps;

	memcpy(&v->info, info, offsetof(struct nvram_info, wrap[n]));
	if (had > n)
		memset(&v->info.wrap[n], 0, (had - n) * sizeof(*info->wrap));
	v->have_info = true;
}

int vtpm_load_header(struct vtpm *v, struct error *err)
{
	const struct config *cfg = &v->m->config;
	struct nvram_info info;
	int r = registry_read_header(cfg, v->name, &info, err);

	if (r < 0)
		return r;
	if (!v->have_info || memcmp(info.uuid, v->info.uuid, UUID_LEN)) {
		json_decref(v->facts);
		v->facts = registry_load_facts(cfg, v->name, info.uuid);
	}
	vtpm_take_info(v, &info);
	return 0;
}

void vtpm_load(struct vtpm *v)
{
	const struct config *cfg = &v->m->config;
	struct error err = { 0 };
	struct nvram_info info;
	int r;

	v->ephemeral = registry_is_ephemeral(cfg, v->name);
	if (registry_load_settings(cfg, v->name, &v->settings, &err) < 0)
		log_warning("%s", err.text);
	r = registry_read_header(cfg, v->name, &info, &err);
	v->have_info = false;
	if (!r)
		vtpm_take_info(v, &info);
	json_decref(v->facts);
	v->facts =
		r < 0 ? NULL : registry_load_facts(cfg, v->name, v->info.uuid);
	if (r < 0)
		vtpm_set_state(v, VTPM_DAMAGED, err.text);
	else if (v->state == VTPM_DAMAGED)
		vtpm_set_state(v, VTPM_STOPPED, NULL);
}

static int on_log(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct vtpm *v = arg;

	(void)source;
	(void)revents;
	engine_log_lines(v->name, fd);
	return 0;
}

/* The engine ended and nobody had told it to. */
static int on_end(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct vtpm *v = arg;
	struct engine e = vtpm_detach(v);
	int status = -1;

	(void)source;
	(void)fd;
	(void)revents;
	process_wait(&e.process, 0, &status);
	engine_discard(&v->m->config, v->name, &e);
	resume_after_death(v, status);
	return 0;
}

int vtpm_attach(struct vtpm *v, const struct engine *e)
{
	int r;

	v->engine = *e;
	sd_event_now(v->m->event, CLOCK_MONOTONIC, &v->attached_us);
	r = sd_event_add_io(v->m->event, &v->end_source, e->process.pidfd,
			    EPOLLIN, on_end, v);
	if (r >= 0 && e->log_fd >= 0)
		r = sd_event_add_io(v->m->event, &v->log_source, e->log_fd,
				    EPOLLIN, on_log, v);
	if (r < 0)
		log_error("vTPM %s cannot be watched: %s", v->name,
			  strerror(-r));
	return r;
}

struct engine vtpm_detach(struct vtpm *v)
{
	struct engine e = v->engine;

	v->end_source = sd_event_source_disable_unref(v->end_source);
	v->log_source = sd_event_source_disable_unref(v->log_source);
	v->engine = ENGINE_NONE;
	return e;
}

static void add_device(const struct vtpm *v, json_t *out)
{
	char tpm[32], tpmrm[32];

	if (!v->in_kernel || !v->instance.has_device)
		return;
	snprintf(tpm, sizeof(tpm), "/dev/tpm%u", v->instance.tpm_number);
	snprintf(tpmrm, sizeof(tpmrm), "/dev/tpmrm%u", v->instance.tpm_number);
	json_object_set_new(out, "device",
			    json_pack("{s:s, s:s, s:I}", "tpm", tpm, "tpmrm",
				      tpmrm, "number",
				      (json_int_t)v->instance.tpm_number));
}

bool vtpm_uses_provider(const struct vtpm *v, const char *provider)
{
	for (uint32_t i = 0; v->have_info && i < v->info.n_wraps; i++) {
		if (!strcmp(v->info.wrap[i].provider, provider))
			return true;
	}
	return false;
}

/* One that waits for its turn is starting to whoever looks. */
static void add_state(const struct vtpm *v, json_t *out)
{
	bool queued = vtpm_is_queued(v);
	const char *reason = v->reason;

	if (queued)
		reason = v->ask == ASK_DONE
				 ? "waiting for its turn"
				 : "waiting for its turn; its provider is "
				   "asked for the data keys of many";
	json_object_set_new(
		out, "state",
		json_string(states[queued ? VTPM_STARTING : v->state].name));
	if (*reason)
		json_object_set_new(out, "reason", json_text(reason));
}

static void add_wraps(const struct nvram_info *info, json_t *out)
{
	json_t *wraps = json_array();

	for (uint32_t i = 0; i < info->n_wraps; i++)
		json_array_append_new(
			wraps,
			json_pack("{s:o, s:o}", "provider",
				  json_text(info->wrap[i].provider), "keyId",
				  json_text(info->wrap[i].key_id)));
	json_object_set_new(out, "wraps", wraps);
	json_object_set_new(out, "dataKey", json_integer(info->data_key));
}

json_t *vtpm_to_json(const struct vtpm *v)
{
	const struct nvram_info *info = &v->info;
	char mode[16], uuid[UUID_TEXT_LEN] = "", version[32] = "",
		       file[PATH_MAX];
	struct folder folder = registry_folder(&v->m->config, v->ephemeral);
	uint32_t lib = info->library_version;
	json_t *out;

	if (v->have_info)
		uuid_format(info->uuid, uuid);
	if (lib)
		snprintf(version, sizeof(version), "%u.%u.%u", lib >> 16,
			 lib >> 8 & 0xff, lib & 0xff);
	snprintf(file, sizeof(file), "%s/%s.nvram", folder.path, v->name);
	out = json_object();
	json_object_set_new(out, "name", json_string(v->name));
	json_object_set_new(out, "uuid", json_string(uuid));
	add_state(v, out);
	json_object_set_new(out, "autostart",
			    json_boolean(v->settings.autostart));
	json_object_set_new(out, "ownerUid", json_integer(v->settings.uid));
	json_object_set_new(out, "ownerGid", json_integer(v->settings.gid));
	snprintf(mode, sizeof(mode), "%04o", v->settings.mode);
	json_object_set_new(out, "mode", json_string(mode));
	/* The first wrap's; there may be others. */
	json_object_set_new(out, "provider", json_text(info->wrap[0].provider));
	json_object_set_new(out, "keyId", json_text(info->wrap[0].key_id));
	if (*v->settings.notes)
		json_object_set_new(out, "notes", json_text(v->settings.notes));
	add_wraps(info, out);
	json_object_set_new(out, "file", json_text(file));
	json_object_set_new(out, "ephemeral", json_boolean(v->ephemeral));
	json_object_set_new(out, "generation",
			    json_integer((json_int_t)info->generation));
	json_object_set_new(out, "libraryVersion", json_string(version));
	if (*info->profile)
		json_object_set_new(out, "profile", json_text(info->profile));
	json_object_set_new(out, "endorsementKeys", facts_summary(v->facts));
	if (json_object_get(v->facts, "pcrBanks"))
		json_object_set_new(
			out, "pcrBanks",
			json_deep_copy(json_object_get(v->facts, "pcrBanks")));
	if (*v->settings.cloned_from.name)
		json_object_set_new(out, "clonedFrom",
				    settings_lineage(&v->settings));
	if (nvram_identity(info) != info->uuid) {
		uuid_format(info->origin, uuid);
		json_object_set_new(out, "origin", json_string(uuid));
	}
	add_device(v, out);
	if (v->engine.process.pidfd >= 0)
		json_object_set_new(out, "enginePid",
				    json_integer(v->engine.process.pid));
	return out;
}
