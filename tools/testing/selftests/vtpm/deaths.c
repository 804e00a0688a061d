// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers that are killed, one after the other, while clients use the device:
 * each client gets the right answer to each command, late where it has to be;
 * a command that is delivered again is the same one with the same number; the
 * device stays. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"
#include "load.h"

#define CLIENTS 3

/* What the helpers of a run have seen; there is one at a time. */
struct seen {
	uint64_t seq;
	uint64_t hash[4]; /* of commands, by seq % 4: written before seq */
};

static struct seen *seen;

static struct load *l;
static uint64_t rng;
static struct nl nl;
static struct nl_in inst; /* as create has answered */

static uint64_t hash(const uint8_t *p, uint32_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3;
	return h;
}

static void check_seq(const struct nl_in *in, uint64_t mine)
{
	uint64_t h = hash(in->payload, in->payload_len);

	if (in->seq == seen->seq && in->seq != mine) {
		l->counts[N_REDELIVERED]++;
		if (h == seen->hash[in->seq % 4])
			return;
	} else if (in->seq == seen->seq + 1) {
		seen->hash[in->seq % 4] = h;
		seen->seq = in->seq;
		return;
	}
	printf("# number %llu after %llu\n", (unsigned long long)in->seq,
	       (unsigned long long)seen->seq);
	l->counts[N_SEQ_WRONG]++;
	seen->hash[in->seq % 4] = h;
	seen->seq = in->seq;
}

static void respond(struct nl *to, const struct nl_in *in)
{
	static uint8_t r[4096];
	struct nl_msg m;

	nl_begin(to, &m, VTPM_CMD_RESPONSE, 0);
	nl_put_u32(&m, VTPM_A_ID, in->id);
	nl_put(&m, VTPM_A_SEQ, &in->seq, sizeof(in->seq));
	nl_put(&m, VTPM_A_PAYLOAD, r,
	       fake_answer(in->payload, in->payload_len, r));
	nl_send(to, &m);
}

/*
 * A helper dies in the middle of its command number @before, before it answers
 * or just after that, where the parent does not kill it first.
 */
static void helper(int out, int before, int after, uint64_t r)
{
	uint64_t mine = 0;
	struct nl_in in;
	struct nl to;

	if (nl_open(&to) || write(out, &to.port, 4) != 4)
		_exit(1);
	for (;;) {
		if (nl_recv(&to, &in, 1000))
			continue;
		if (in.cmd == -1 && in.error) {
			printf("# refused: %s\n", in.text);
			l->counts[N_REFUSED]++;
		}
		if (in.cmd != VTPM_CMD_COMMAND)
			continue;
		check_seq(&in, mine);
		mine = in.seq;
		if (load_chance(&r, 50))
			usleep(load_rnd(&r, 3000));
		if (!before--)
			kill(getpid(), SIGKILL);
		respond(&to, &in);
		if (!after--)
			kill(getpid(), SIGKILL);
	}
}

static pid_t start_helper(int before, int after, uint32_t *port)
{
	uint64_t r = rng ^ load_rnd(&rng, 1 << 30);
	int p[2];
	pid_t pid;

	*port = 0;
	if (pipe(p))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(p[0]);
		helper(p[1], before, after, r);
	}
	close(p[1]);
	if (read(p[0], port, 4) != 4)
		printf("# no helper\n");
	close(p[0]);
	l->counts[N_HELPER_STARTS]++;
	return pid;
}

static void use_device(struct load *load, unsigned int slot, uint64_t *r)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), slot ? "/dev/tpmrm%u" : "/dev/tpm%u",
		 inst.number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		l->counts[N_ERRORS]++;
	while (!load->stop) {
		int rc = load_echo(fd, r);

		if (rc < 0) {
			printf("# a command got: %s\n", strerror(-rc));
			l->counts[N_ERRORS]++;
			usleep(10000);
		} else {
			l->counts[rc ? N_WRONG : N_RIGHT]++;
		}
	}
	close(fd);
}

static int create(uint32_t port, struct nl_in *in)
{
	static const uint8_t uuid[16] = { 9 };
	struct nl_msg m;

	nl_begin(&nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, "deaths");
	nl_put(&m, VTPM_A_UUID, uuid, sizeof(uuid));
	nl_put_u32(&m, VTPM_A_PORT, port);
	nl_put_u32(&m, VTPM_A_TIMEOUT_MS, 60000);
	nl_put_u32(&m, VTPM_A_GRACE_MS, 60000);
	return nl_call(&nl, &m, in, 60000);
}

/* One life: attached, then dead. */
static int one(void)
{
	int mode = load_rnd(&rng, 3), at = load_rnd(&rng, 4);
	uint32_t port;
	struct nl_in in;
	pid_t pid;
	int r;

	pid = start_helper(mode == 0 ? at : -1, mode == 1 ? at : -1, &port);
	if (pid < 0)
		return -EAGAIN;
	r = nl_call_id(&nl, VTPM_CMD_ATTACH, inst.id, port, 0, &in);
	if (r) {
		printf("# attach: %s %s\n", strerror(-r), in.text);
		kill(pid, SIGKILL);
	} else if (!in.has_number || in.number != inst.number) {
		l->counts[N_NUMBER_WRONG]++;
	}
	if (mode == 2) {
		usleep(load_rnd(&rng, 20000));
		kill(pid, SIGKILL);
	}
	waitpid(pid, NULL, 0);
	l->counts[N_DEATHS]++;
	return r;
}

/* One client on the node that takes one, the others on the other. */
static void start_clients(struct load_crew *crew)
{
	load_add(crew, CLIENTS, use_device, N_CLIENT_STARTS, 0);
	load_go(l, crew);
}

static int run(unsigned int deaths)
{
	static struct load_crew crew;
	unsigned int i;
	struct nl_in in = { 0 };
	uint32_t port;
	pid_t last;
	int r;

	last = start_helper(-1, -1, &port);
	r = create(port, &inst);
	if (r)
		printf("# create: %s %s\n", strerror(-r), inst.text);
	else
		start_clients(&crew);
	kill(last, SIGKILL);
	waitpid(last, NULL, 0);
	for (i = 0; i < deaths && !r; i++)
		r = one();
	last = start_helper(-1, -1, &port);
	if (!r)
		r = nl_call_id(&nl, VTPM_CMD_ATTACH, inst.id, port, 0, &in);
	load_finish(l, &crew);
	if (!r)
		r = nl_call_id(&nl, VTPM_CMD_GET, inst.id, 0, 0, &in);
	load_ok(!r && in.state == VTPM_STATE_READY && in.number == inst.number,
		"the device is there to the end");
	load_ok(!load_destroy_all(l), "the instance can be destroyed");
	kill(last, SIGKILL);
	waitpid(last, NULL, 0);
	return r;
}

static void report(unsigned int deaths, double seconds)
{
	atomic_uint *n = l->counts;

	printf("# %.1f s, %.1f ms a life\n", seconds, seconds * 1e3 / deaths);
	load_ok(n[N_DEATHS] == deaths, "every helper was attached, and died");
	load_ok(n[N_RIGHT] > deaths && !n[N_WRONG] && !n[N_ERRORS],
		"every command of every client got its right answer");
	load_ok(!n[N_SEQ_WRONG],
		"numbers go up by one; a command delivered again has its own");
	load_ok(n[N_REDELIVERED] >= deaths / 4,
		"a good part died with a command in flight");
	load_ok(!n[N_REFUSED], "no answer was refused");
	load_ok(!n[N_NUMBER_WRONG], "the device kept its number");
	load_ok(!n[N_DIED] && !n[N_STUCK], "every client ends when it should");
}

int main(int argc, char **argv)
{
	unsigned int deaths = 50;
	uint64_t seed = time(NULL);
	double begin;
	int c;

	while ((c = getopt(argc, argv, "n:s:")) != -1) {
		switch (c) {
		case 'n':
			deaths = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "deaths [-n number] [-s seed]\n");
			return 2;
		}
	}
	l = load_new(seed, "deaths");
	rng = seed;
	seen = load_shared(sizeof(*seen));
	if (nl_open(&nl)) {
		printf("1..0 # SKIP vtpm.ko is not loaded\n");
		return 4;
	}
	begin = load_now();
	load_ok(!run(deaths), "a run to its end");
	report(deaths, load_now() - begin);
	return load_end(l);
}
