// SPDX-License-Identifier: GPL-2.0-or-later
/* vtpm-engine: Documentation/architecture.rst, "Engine command line". */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/options.h"
#include "engine/protocol.h"
#include "engine/source.h"
#include "engine/target.h"
#include "engine/tpm.h"
#include "engine/zygote.h"
#include "util/log.h"
#include "util/secret.h"

static int exit_status(const struct error *err)
{
	static const struct {
		const char *code;
		int status;
	} map[] = {
		{ VTPM_ERR_CORRUPT, ENGINE_EXIT_CORRUPT },
		{ VTPM_ERR_KEY_WRONG, ENGINE_EXIT_KEY_WRONG },
		{ VTPM_ERR_VERSION, ENGINE_EXIT_VERSION },
		{ VTPM_ERR_STORAGE, ENGINE_EXIT_STORAGE },
		{ VTPM_ERR_NO_SPACE, ENGINE_EXIT_NO_SPACE },
		{ VTPM_ERR_INVALID, ENGINE_EXIT_INVALID },
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (err->code && !strcmp(err->code, map[i].code))
			return map[i].status;
	}
	return ENGINE_EXIT_FAILED;
}

/* The data key, and behind it the secret of the source or the target. */
static int take_keys(const struct options *o, struct secret **key,
		     struct secret **from, struct error *err)
{
	size_t max = NVRAM_KEY_LEN +
		     (o->from || o->to ? ENGINE_MAX_SOURCE_SECRET : 0);
	_cleanup_(secret) struct secret *all = NULL;
	int r = secret_read_fd(o->key_fd, max, &all);

	close(o->key_fd);
	if (r < 0 || all->len < NVRAM_KEY_LEN)
		return error_set(err, -EINVAL, VTPM_ERR_ENGINE,
				 "no data key came from the manager");
	*key = secret_new(NVRAM_KEY_LEN);
	*from = secret_new(all->len - NVRAM_KEY_LEN);
	if (!*key || !*from)
		return error_set(err, -ENOMEM, VTPM_ERR_ENGINE,
				 "no memory for the data key");
	memcpy((*key)->data, all->data, NVRAM_KEY_LEN);
	memcpy((*from)->data, all->data + NVRAM_KEY_LEN, (*from)->len);
	return 0;
}

static int open_file(struct engine *e, const struct options *o,
		     const struct secret *key, struct error *err)
{
	return nvram_open(o->nvram_fd, o->file ? o->file : e->name, key,
			  &e->nvram, err);
}

/* Afterwards the file is as if it had had that state before. */
static int take_source(struct engine *e, const struct options *o,
		       const struct secret *key, const struct secret *secret,
		       struct error *err)
{
	int r = source_take(o->from, o->from_fd, secret, e->nvram, err);

	close(o->from_fd);
	nvram_close(e->nvram);
	e->nvram = NULL;
	return r < 0 ? r : open_file(e, o, key, err);
}

static int open_state(struct engine *e, const struct options *o,
		      struct error *err)
{
	_cleanup_(secret) struct secret *key = NULL, *secret = NULL;
	int checkpoint_fd = o->checkpoint_fd ? o->checkpoint_fd : -1;
	int r = take_keys(o, &key, &secret, err);

	if (!r)
		r = open_file(e, o, key, err);
	if (!r && o->from)
		r = take_source(e, o, key, secret, err);
	if (!r && o->set_name)
		r = nvram_set_name(e->nvram, o->name, err);
	if (r < 0)
		return r;
	if (o->resume)
		return engine_resume(e, key, checkpoint_fd, err);
	if (o->profile)
		r = tpm_set_profile(o->profile, err);
	if (r < 0)
		return r;
	if (!o->offline)
		return engine_power_on(e, o->manufacture, key, checkpoint_fd,
				       err);
	if (o->to) {
		r = target_write(o->to, o->to_fd, secret, e->nvram, err);
		close(o->to_fd);
	}
	nvram_forget_state(e->nvram);
	return r;
}

static int set_up(struct engine *e, const struct options *o, struct error *err)
{
	int r;

	if (o->user) {
		r = sandbox_drop_user(o->user, err);
		if (r < 0)
			return r;
	}
	if (secret_init(NULL) < 0)
		return error_set(err, -ENOMEM, VTPM_ERR_ENGINE,
				 "no memory for secrets");
	/* TPM state is secret as a whole: keep it out of swap if allowed. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_info("%s: memory is not locked (RLIMIT_MEMLOCK)", e->name);
	r = open_state(e, o, err);
	if (r < 0)
		return r;
	/* Threads cannot be made in the sandbox; this one waits for it. */
	pthread_mutex_lock(&e->lock);
	r = control_start(e, o->control_fd);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_ENGINE,
				 "no control thread: %s", strerror(-r));
	r = sandbox_enter(err);
	if (r < 0)
		return r;
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static int engine_main(int argc, char **argv)
{
	struct options o = { 0 };
	struct engine e = { .lock = PTHREAD_MUTEX_INITIALIZER };
	const struct frontend *frontend;
	struct error err = { 0 };
	int r;

	if (options_parse(argc, argv, &o) < 0) {
		options_usage();
		return ENGINE_EXIT_USAGE;
	}
	e.name = o.name;
	e.offline = o.offline;
	frontend = o.offline ? &frontend_none : &frontend_netlink;
	if (set_up(&e, &o, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return exit_status(&err);
	}
	r = frontend->run(&e, o.netlink_fd, o.family);
	log_error("%s: the %s front end ended: %s", e.name, frontend->name,
		  strerror(-r));
	return ENGINE_EXIT_FAILED;
}

/* One place in memory from the first to the last, where ps looks. */
static void run_zygote(char **argv)
{
	int sock = options_number(argv[2], 3);
	char *end = argv[3] + strlen(argv[3]) + 1;

	if (sock < 0) {
		options_usage();
		exit(ENGINE_EXIT_USAGE);
	}
	zygote_run(sock, argv[0], end - argv[0], engine_main);
}

int main(int argc, char **argv)
{
	/* Two threads, of which one has hardly anything to do. */
	mallopt(M_ARENA_MAX, 1);
	log_init("vtpm-engine", LOG_INFO);
	if (argc == 4 && !strcmp(argv[1], "--zygote"))
		run_zygote(argv);
	return engine_main(argc, argv);
}
