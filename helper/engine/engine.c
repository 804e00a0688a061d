// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/protocol.h"
#include "engine/tpm.h"
#include "util/log.h"

/* While the file cannot be written: from 50 ms to 1 s between two tries. */
#define RETRY_MIN_NS 50000000L
#define RETRY_MAX_NS 1000000000L

static void retry_pause(long *ns)
{
	struct timespec ts = { *ns / 1000000000L, *ns % 1000000000L };

	nanosleep(&ts, NULL);
	*ns = *ns * 2 > RETRY_MAX_NS ? RETRY_MAX_NS : *ns * 2;
}

static int commit_once(struct engine *e, struct error *err)
{
	uint32_t len;
	const void *state = tpm_state_changed(&len);
	int r;

	if (!state)
		return 0;
	r = nvram_commit(e->nvram, state, len, err);
	if (r < 0)
		return r;
	tpm_state_written();
	e->generation = nvram_generation(e->nvram);
	e->commits++;
	return 0;
}

/*
 * Will it pass by itself, or once there is space? Anything else is a fault of
 * ours or of the machine: then no answer is right, and waiting would hide it.
 */
static bool passes(const struct error *err)
{
	return !strcmp(err->code, VTPM_ERR_NO_SPACE) ||
	       !strcmp(err->code, VTPM_ERR_STORAGE) || err->errnum == -ENOMEM;
}

static void fail_closed(const struct engine *e, const struct error *err)
{
	log_error("%s: %s; the command is not answered", e->name, err->text);
	_exit(ENGINE_EXIT_FAILED);
}

/*
 * The TPM is ahead of the file now, so there is no way back: the answer waits
 * until the file has it. The client can be killed; the state is not lost.
 */
static void commit_until_durable(struct engine *e)
{
	struct error err = { 0 };
	long pause_ns = RETRY_MIN_NS;
	int r = commit_once(e, &err);

	if (!r)
		return;
	if (!passes(&err))
		fail_closed(e, &err);
	log_error("%s: %s; commands wait until the file can be written",
		  e->name, err.text);
	e->storage_errnum = r;
	e->condition = ENGINE_WAITING_FOR_STORAGE;
	do {
		retry_pause(&pause_ns);
		r = commit_once(e, &err);
		if (r < 0 && !passes(&err))
			fail_closed(e, &err);
	} while (r < 0);
	e->condition = ENGINE_RUNNING;
	e->storage_errnum = 0;
	log_notice("%s: the state file can be written again", e->name);
}

uint32_t engine_execute(struct engine *e, uint8_t locality, const uint8_t *cmd,
			uint32_t len, uint8_t *resp)
{
	const uint8_t *answer;
	uint32_t resp_len;

	pthread_mutex_lock(&e->lock);
	answer = tpm_execute(locality, cmd, len, &resp_len);
	memcpy(resp, answer, resp_len);
	commit_until_durable(e);
	e->commands++;
	pthread_mutex_unlock(&e->lock);
	return resp_len;
}

static int check_library(struct engine *e, struct error *err)
{
	uint32_t made_by = nvram_get_info(e->nvram)->library_version;
	uint32_t ours = tpm_library_version();

	/* Only a change of major or minor changes what state can hold. */
	if (made_by >> 8 > ours >> 8)
		return error_set(
			err, -EPROTONOSUPPORT, VTPM_ERR_VERSION,
			"the state was written with libtpms %u.%u.%u, this is %u.%u.%u; install that version or a newer one",
			made_by >> 16, made_by >> 8 & 255, made_by & 255,
			ours >> 16, ours >> 8 & 255, ours & 255);
	return 0;
}

static int startup_clear(struct engine *e, struct error *err)
{
	/* TPM2_Startup(TPM_SU_CLEAR), TPM 2.0 Library, Part 3, 9.3. */
	static const uint8_t startup[] = {
		0x80, 0x01,		/* TPM_ST_NO_SESSIONS */
		0x00, 0x00, 0x00, 0x0c, /* size */
		0x00, 0x00, 0x01, 0x44, /* TPM_CC_Startup */
		0x00, 0x00,		/* TPM_SU_CLEAR */
	};
	static const uint8_t success[] = { 0, 0, 0, 0 };
	const uint8_t *resp;
	uint32_t len;

	resp = tpm_execute(0, startup, sizeof(startup), &len);
	if (len < 10 || memcmp(resp + 6, success, sizeof(success)))
		return error_set(err, -EIO, VTPM_ERR_ENGINE,
				 "TPM2_Startup failed with 0x%02x%02x", resp[8],
				 resp[9]);
	/* Before anybody waits, a file that cannot be written is an error. */
	return commit_once(e, err);
}

int engine_power_on(struct engine *e, bool manufacture, struct error *err)
{
	uint32_t len;
	const void *state = nvram_state(e->nvram, &len);
	int r;

	if (!len && !manufacture)
		return error_set(
			err, -ENODATA, VTPM_ERR_CORRUPT,
			"the file holds no TPM state: its creation did not end; delete the vTPM and create it again");
	if (len && manufacture)
		return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
				 "the file holds a TPM already");
	r = check_library(e, err);
	if (r < 0)
		return r;
	r = tpm_power_on(state, len, err);
	nvram_forget_state(e->nvram);
	if (r < 0)
		return r;
	r = nvram_set_library(e->nvram, tpm_library_version(), "", err);
	if (r < 0)
		return r;
	r = startup_clear(e, err);
	e->generation = nvram_generation(e->nvram);
	return r;
}

int engine_stop(struct engine *e, struct error *err)
{
	int r;

	r = commit_once(e, err);
	if (!r)
		r = nvram_mirror(e->nvram, err);
	return r;
}
