// SPDX-License-Identifier: GPL-2.0-or-later
/* vtpm-engine: Documentation/architecture.rst, "Engine command line". */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/protocol.h"
#include "engine/zygote.h"
#include "util/log.h"
#include "util/secret.h"
#include "util/text.h"

struct options {
	const char *name;
	const char *file;
	const char *user;
	int nvram_fd;
	int key_fd;
	int control_fd;
	int netlink_fd;
	int family;
	int checkpoint_fd; /* 0: none */
	bool resume;
	bool manufacture;
	bool offline;
};

static const char usage[] =
	"Usage: vtpm-engine --name NAME --nvram-fd N --key-fd N --control-fd N\n"
	"                   --netlink-fd N --family ID [--checkpoint-fd N]\n"
	"                   [--file PATH] [--user UID:GID] [--manufacture|--resume]\n"
	"       vtpm-engine --name NAME --nvram-fd N --key-fd N --control-fd N --offline\n"
	"                   [--file PATH] [--user UID:GID]\n"
	"       vtpm-engine --zygote N TITLE\n"
	"\n"
	"Runs one virtual TPM. Started by vtpmd, which opens every descriptor.\n";

/* A number of @min or more, or -1. */
static int parse_number(const char *text, int min)
{
	uint32_t n;

	return number_parse(text, min, 65535, &n) ? -1 : (int)n;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longopts[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "file", required_argument, NULL, 'p' },
		{ "nvram-fd", required_argument, NULL, 's' },
		{ "key-fd", required_argument, NULL, 'k' },
		{ "control-fd", required_argument, NULL, 'c' },
		{ "netlink-fd", required_argument, NULL, 'f' },
		{ "family", required_argument, NULL, 'i' },
		{ "user", required_argument, NULL, 'u' },
		{ "checkpoint-fd", required_argument, NULL, 't' },
		{ "resume", no_argument, NULL, 'r' },
		{ "manufacture", no_argument, NULL, 'm' },
		{ "offline", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	optind = 0; /* not the first one in an engine of the zygote */
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->name = optarg;
			break;
		case 'p':
			o->file = optarg;
			break;
		case 's':
			o->nvram_fd = parse_number(optarg, 3);
			break;
		case 'k':
			o->key_fd = parse_number(optarg, 3);
			break;
		case 'c':
			o->control_fd = parse_number(optarg, 3);
			break;
		case 'f':
			o->netlink_fd = parse_number(optarg, 3);
			break;
		case 'i':
			o->family = parse_number(optarg, 1);
			break;
		case 'u':
			o->user = optarg;
			break;
		case 't':
			o->checkpoint_fd = parse_number(optarg, 3);
			break;
		case 'r':
			o->resume = true;
			break;
		case 'm':
			o->manufacture = true;
			break;
		case 'o':
			o->offline = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		case 'V':
			puts("vtpm-engine " VTPM_VERSION);
			exit(0);
		default:
			return -EINVAL;
		}
	}
	if (optind != argc || !o->name || o->nvram_fd <= 0 || o->key_fd <= 0 ||
	    o->control_fd <= 0)
		return -EINVAL;
	/* Offline there is no TPM, and none to be made or to be served. */
	if (o->offline)
		return o->manufacture || o->netlink_fd || o->checkpoint_fd
			       ? -EINVAL
			       : 0;
	if (o->checkpoint_fd < 0 ||
	    (o->resume && (o->manufacture || !o->checkpoint_fd)))
		return -EINVAL;
	return o->netlink_fd <= 0 || o->family <= 0 ? -EINVAL : 0;
}

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
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (err->code && !strcmp(err->code, map[i].code))
			return map[i].status;
	}
	return ENGINE_EXIT_FAILED;
}

static int take_key(const struct options *o, struct secret **key,
		    struct error *err)
{
	int r = secret_read_fd(o->key_fd, NVRAM_KEY_LEN, key);

	close(o->key_fd);
	if (r < 0 || (*key)->len != NVRAM_KEY_LEN)
		return error_set(err, -EINVAL, VTPM_ERR_ENGINE,
				 "no data key came from the manager");
	return 0;
}

static int open_state(struct engine *e, const struct options *o,
		      struct error *err)
{
	_cleanup_(secret) struct secret *key = NULL;
	int checkpoint_fd = o->checkpoint_fd ? o->checkpoint_fd : -1;
	int r = take_key(o, &key, err);

	if (!r)
		r = nvram_open(o->nvram_fd, o->file ? o->file : e->name, key,
			       &e->nvram, err);
	if (r < 0)
		return r;
	if (o->resume)
		return engine_resume(e, key, checkpoint_fd, err);
	if (!o->offline)
		return engine_power_on(e, o->manufacture, key, checkpoint_fd,
				       err);
	nvram_forget_state(e->nvram);
	return 0;
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

	if (parse_options(argc, argv, &o) < 0) {
		fputs(usage, stderr);
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
	int sock = parse_number(argv[2], 3);
	char *end = argv[3] + strlen(argv[3]) + 1;

	if (sock < 0) {
		fputs(usage, stderr);
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
