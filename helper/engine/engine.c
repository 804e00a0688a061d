// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/effect.h"
#include "engine/engine.h"
#include "engine/memory.h"
#include "engine/protocol.h"
#include "engine/self-test.h"
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
 * The checkpoint first: with it the next engine can complete the commit, while
 * a commit without it would be of a command that the next one runs again.
 */
int engine_save(struct engine *e, bool running, struct error *err)
{
	uint32_t len;
	const void *state = tpm_state_changed(&len);
	int r = 0;

	if (e->checkpoint && running)
		r = checkpoint_write(e->checkpoint, &e->last, state,
				     state ? len : 0, err);
	return r < 0 ? r : commit_once(e, err);
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
static void save_until_durable(struct engine *e, bool running)
{
	struct error err = { 0 };
	long pause_ns = RETRY_MIN_NS;
	int r = engine_save(e, running, &err);

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
		r = engine_save(e, running, &err);
		if (r < 0 && !passes(&err))
			fail_closed(e, &err);
	} while (r < 0);
	e->condition = ENGINE_RUNNING;
	e->storage_errnum = 0;
	log_notice("%s: the state file can be written again", e->name);
}

static bool is_last(const struct engine *e, const struct engine_command *c)
{
	return c->seq && c->seq == e->last.seq &&
	       c->instance == e->last.instance;
}

void engine_keep_answer(struct engine *e, uint32_t instance, uint64_t seq,
			const uint8_t *resp, uint32_t len)
{
	e->last.instance = instance;
	e->last.seq = seq;
	e->last.len = len;
	memcpy(e->last.resp, resp, len);
}

/*
 * Is it enough to note the command, for the next engine to run it once more? Not
 * if it has changed what is to be on disk: that goes with a state.
 */
static bool log_command(struct engine *e, const struct engine_command *c)
{
	const struct checkpoint_entry entry = { .instance = c->instance,
						.seq = c->seq,
						.locality = c->locality,
						.command = c->data,
						.command_len = c->len,
						.response = e->last.resp,
						.response_len = e->last.len };

	return e->checkpoint && c->seq &&
	       !tpm_state_changed(&(uint32_t){ 0 }) &&
	       command_repeats(c->data, c->len, e->last.resp, e->last.len) &&
	       !checkpoint_log(e->checkpoint, &entry, NULL);
}

/* With the lock held. */
static uint32_t execute(struct engine *e, const struct engine_command *c,
			uint8_t *resp)
{
	const uint8_t *answer;
	uint32_t resp_len;
	bool changes;

	if (is_last(e, c)) {
		memcpy(resp, e->last.resp, e->last.len);
		return e->last.len;
	}
	answer = self_test_answer(e, c->data, c->len, &resp_len);
	if (!answer)
		answer = tpm_execute(c->locality, c->data, c->len, &resp_len);
	memcpy(resp, answer, resp_len);
	if (c->len >= 10)
		self_test_correct(e, c->data, resp, resp_len);
	changes = !command_reads_only(c->data, c->len) ||
		  tpm_state_changed(&(uint32_t){ 0 });
	if (changes && c->seq)
		engine_keep_answer(e, c->instance, c->seq, resp, resp_len);
	if (!changes || !log_command(e, c))
		save_until_durable(e, changes);
	e->commands++;
	return resp_len;
}

uint32_t engine_execute(struct engine *e, const struct engine_command *c,
			uint8_t *resp)
{
	uint32_t len;

	pthread_mutex_lock(&e->lock);
	len = execute(e, c, resp);
	pthread_mutex_unlock(&e->lock);
	return len;
}

int engine_try_execute(struct engine *e, const struct engine_command *c,
		       uint8_t *resp, uint32_t *len)
{
	if (pthread_mutex_trylock(&e->lock))
		return -EAGAIN;
	*len = execute(e, c, resp);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

bool engine_has_idle_work(const struct engine *e)
{
	return self_test_is_due(e) || e->unsettled;
}

static void settle(struct engine *e)
{
	struct error err = { 0 };

	e->unsettled = false;
	if (memory_settle(&err) < 0)
		fail_closed(e, &err);
	if (e->checkpoint)
		checkpoint_settle(e->checkpoint);
}

void engine_idle(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	if (self_test_is_due(e)) {
		self_test_step(e);
		/* What has been tested stays so, whatever becomes of this engine. */
		save_until_durable(e, true);
	} else if (e->unsettled) {
		settle(e);
	}
	pthread_mutex_unlock(&e->lock);
}

int engine_stop(struct engine *e, struct error *err)
{
	int r;

	r = commit_once(e, err);
	if (!r)
		r = nvram_mirror(e->nvram, err);
	return r;
}
