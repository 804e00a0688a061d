// SPDX-License-Identifier: GPL-2.0-or-later
/* vtpmd, the manager: vtpmd(8), Documentation/architecture.rst. */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/log.h"
#include "util/secret.h"
#include "util/text.h"
#include "vtpmd/autostart.h"
#include "vtpmd/manager.h"
#include "vtpmd/pool.h"

/* One more vTPM's key is asked of its provider when its engine has died. */
#define MAX_KEPT_KEYS 15000

static const char usage[] =
	"Usage: vtpmd [--state-dir DIR] [--run-dir DIR] [--libexec-dir DIR] "
	"[--no-zygote]\n"
	"             [--pool N] [--max-starts N] [--verbose]\n"
	"\n"
	"Manages the virtual TPMs of this host. Started by systemd; see "
	"vtpmd(8).\n"
	"\n"
	"  --state-dir DIR    files of the vTPMs and providers "
	"(" DEFAULT_STATE_DIR ")\n"
	"  --run-dir DIR      sockets (" DEFAULT_RUN_DIR ")\n"
	"  --libexec-dir DIR  vtpm-engine, vtpm-identity and vtpm-key-TYPE\n"
	"  --no-zygote        run the engine's program anew for each vTPM\n"
	"  --pool N           have N vTPMs ready, at most 64, so that create is quick\n"
	"  --max-starts N     start N vTPMs at once, 1 to 64; by processors otherwise\n"
	"  --verbose          log details\n"
	"  --help, --version\n";

static int parse_number(const char *option, const char *text, uint32_t min,
			uint32_t max, unsigned int *out)
{
	uint32_t n;

	if (number_parse(text, min, max, &n)) {
		fprintf(stderr,
			"vtpmd: --%s takes a number from %u to %u, not \"%s\"\n",
			option, min, max, text);
		return -EINVAL;
	}
	*out = n;
	return 0;
}

static int parse_options(int argc, char **argv, struct config *cfg)
{
	static const struct option longopts[] = {
		{ "state-dir", required_argument, NULL, 's' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "libexec-dir", required_argument, NULL, 'l' },
		{ "no-zygote", no_argument, NULL, 'z' },
		{ "pool", required_argument, NULL, 'p' },
		{ "max-starts", required_argument, NULL, 'm' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "hv", longopts, NULL)) != -1) {
		switch (c) {
		case 's':
			cfg->state_dir = optarg;
			break;
		case 'r':
			cfg->run_dir = optarg;
			break;
		case 'l':
			cfg->libexec_dir = optarg;
			break;
		case 'z':
			cfg->no_zygote = true;
			break;
		case 'p':
			if (parse_number("pool", optarg, 0, POOL_MAX,
					 &cfg->pool_size))
				return -EINVAL;
			break;
		case 'm':
			if (parse_number("max-starts", optarg, 1,
					 AUTOSTART_LIMIT, &cfg->max_starts))
				return -EINVAL;
			break;
		case 'v':
			cfg->verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		case 'V':
			puts("vtpmd " VTPM_VERSION);
			exit(0);
		default:
			return -EINVAL;
		}
	}
	return optind == argc ? 0 : -EINVAL;
}

static void find_self(struct config *cfg)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		n = 0;
	path[n] = '\0';
	snprintf(cfg->self_dir, sizeof(cfg->self_dir), "%s", dirname(path));
}

/*
 * Two descriptors a vTPM, and more in a start: a shell's 1,024 are enough for
 * 430. Helpers get a limit of their own.
 */
static void raise_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_notice("the limit of open files stays: %s",
			   strerror(errno));
}

static int set_up(struct manager *m, struct error *err)
{
	int r, locked = 0;

	if (geteuid() != 0)
		return error_set(err, -EPERM, VTPM_ERR_DENIED,
				 "vtpmd has to run as root; start it with: "
				 "systemctl start vtpmd");
	raise_nofile();
	r = secret_init_for(MAX_KEPT_KEYS, &locked);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_INTERNAL,
				 "no memory for secrets: %s", strerror(-r));
	if (!locked)
		log_notice("memory for keys is not locked; raise LimitMEMLOCK");
	r = manager_init(m, err);
	return r < 0 ? r : manager_start(m, err);
}

static int end(struct manager *m, int status)
{
	/*
	 * Threads are at work on what would be freed, here and by what OpenSSL
	 * does at exit: leave it to the kernel.
	 */
	if (m->jobs && job_pool_active(m->jobs))
		_exit(1);
	manager_deinit(m);
	return status;
}

/* With hundreds of vTPMs that is half of what it takes. */
static void spare_memory(void)
{
	/* Jobs wait more than they allocate, and each would have its own. */
	mallopt(M_ARENA_MAX, 1);
	/* A struct vtpm is mostly room: pages of its own, for what is used. */
	mallopt(M_MMAP_THRESHOLD, 16 * 1024);
	/* Of a heap of some MB the half that is not used would be there, too. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

int main(int argc, char **argv)
{
	struct manager m = { .config = { .state_dir = DEFAULT_STATE_DIR,
					 .run_dir = DEFAULT_RUN_DIR,
					 .state_fd = -1,
					 .providers_fd = -1,
					 .keys_fd = -1,
					 .run_fd = -1,
					 .engine_fd = -1,
					 .checkpoint_fd = -1,
					 .ephemeral_fd = -1,
					 .lock_fd = -1,
					 .ca_fd = -1,
					 .identity_fd = -1,
					 .ephemeral_identity_fd = -1 },
			     .events_fd = -1 };
	struct error err = { 0 };
	int r;

	spare_memory();
	TAILQ_INIT(&m.vtpms);
	TAILQ_INIT(&m.providers);
	TAILQ_INIT(&m.watchers);
	if (parse_options(argc, argv, &m.config) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	umask(077);
	log_init("vtpmd", m.config.verbose ? LOG_DEBUG : LOG_INFO);
	find_self(&m.config);
	r = set_up(&m, &err);
	if (r < 0) {
		log_error("%s", err.text);
		return end(&m, 1);
	}
	r = sd_event_loop(m.event);
	if (r < 0)
		log_error("event loop: %s", strerror(-r));
	return end(&m, r ? 1 : 0);
}
