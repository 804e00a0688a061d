// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of the family "vtpm", well-formed and not, from several sockets
 * with and without privilege, while instances come and go, are answered, and
 * have both their nodes used at random. The attributes are those of the YAML
 * specification, see fuzz-table.py. What is looked for is a kernel that
 * complains, as in stress.c; and here, that each operation is reached, that
 * nobody without privilege gets anything, and that all works in the end. TAP.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "fake.h"
#include "load.h"

enum fuzz_type { F_NUMBER, F_STRING, F_BINARY, F_NEST, F_FLAG };

struct fuzz_attr {
	const char *name;
	int number;
	enum fuzz_type type;
	unsigned int min, max; /* length */
	const struct fuzz_attr *nested;
	unsigned int nested_n;
};

struct fuzz_op {
	const char *name;
	int cmd;
	int request; /* it can be sent to the kernel */
	unsigned int n;
	int attrs[24];
};

#include "fuzz_table.h"

#define SOCKETS 3
#define PRIVILEGED 4 /* workers; those after them are not */
#define RING 256

enum rights { FULL, NOBODY, OPENED_BEFORE, NAMESPACE };

/* One worker: its sockets, and what it has sent by the number of a message. */
struct fuzzer {
	struct load *l;
	uint64_t *rng;
	enum rights rights;
	struct nl nl[SOCKETS];
	uint8_t sent[SOCKETS][RING]; /* command, 0 none */
	uint64_t last_seq;
	uint32_t last_id;
};

static struct load *l;
/* Of each command: how often it was accepted. Shared by the workers. */
static atomic_uint *accepted;

static unsigned int rnd(struct fuzzer *f, unsigned int below)
{
	return load_rnd(f->rng, below);
}

static int chance(struct fuzzer *f, unsigned int percent)
{
	return load_chance(f->rng, percent);
}

static uint64_t number_for(struct fuzzer *f, int attr)
{
	static const uint64_t edges[] = { 0,	      1,	  2,
					  0x7fffffff, 0x80000000, 0xffffffff,
					  ~0ull };

	if (chance(f, 5))
		return edges[rnd(f, ARRAY_SIZE(edges))];
	switch (attr) {
	case VTPM_A_ID:
		if (f->last_id && chance(f, 40))
			return f->last_id;
		return l->ids[rnd(f, LOAD_SLOTS)];
	case VTPM_A_PORT:
		return l->ports[rnd(f, LOAD_SLOTS)];
	case VTPM_A_TIMEOUT_MS:
		return 100 + rnd(f, 1000);
	case VTPM_A_GRACE_MS:
		return rnd(f, 1000);
	case VTPM_A_SEQ:
		return f->last_seq + rnd(f, 2);
	case VTPM_A_MODE:
		return rnd(f, 0777);
	default:
		return rnd(f, 100000);
	}
}

static uint32_t string_for(struct fuzzer *f, const struct fuzz_attr *a,
			   uint8_t *buf)
{
	uint32_t len = rnd(f, a->max + 1), i;

	if (a->number == VTPM_A_NAME && chance(f, 90)) {
		sprintf((char *)buf, "fuzz-%u", rnd(f, LOAD_SLOTS));
		return strlen((char *)buf) + 1;
	}
	for (i = 0; i < len; i++)
		buf[i] = chance(f, 98) ? 'a' + rnd(f, 26) : rnd(f, 256);
	buf[len] = 0;
	return len + 1;
}

static uint32_t binary_for(struct fuzzer *f, const struct fuzz_attr *a,
			   uint8_t *buf)
{
	uint32_t len =
		a->min + rnd(f, (a->max < 300 ? a->max : 300) - a->min + 1);

	if (a->number == VTPM_A_PAYLOAD && chance(f, 80)) {
		uint8_t cmd[22] = { 0x80, 1, 0, 0, 0, 22, 0, 0, 1, 0x7a };

		return fake_answer(cmd, sizeof(cmd), buf);
	}
	load_bytes(f->rng, buf, len);
	return len;
}

/* A right value for an attribute; its length. */
static uint32_t value(struct fuzzer *f, const struct fuzz_attr *a, uint8_t *buf)
{
	struct nlattr head;
	uint64_t v;

	switch (a->type) {
	case F_NUMBER:
		v = number_for(f, a->number);
		memcpy(buf, &v, a->max);
		return a->max;
	case F_STRING:
		return string_for(f, a, buf);
	case F_BINARY:
		return binary_for(f, a, buf);
	case F_NEST: /* of one attribute; there are none within those */
		a = &a->nested[rnd(f, a->nested_n)];
		if (a->type == F_NEST)
			return 0;
		v = 4 + value(f, a, buf + 4);
		head.nla_len = v;
		head.nla_type = a->number;
		memcpy(buf, &head, sizeof(head));
		return v;
	default:
		return 0;
	}
}

static const struct fuzz_attr *find(int number)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fuzz_main); i++) {
		if (fuzz_main[i].number == number)
			return &fuzz_main[i];
	}
	return &fuzz_main[0];
}

static void put(struct nl_msg *m, int type, const void *data, uint32_t len)
{
	if (m->len + len + 64 < sizeof(m->buf))
		nl_put(m, type, data, len);
}

/* One attribute, with something wrong about it or without. */
static void put_attr(struct fuzzer *f, struct nl_msg *m,
		     const struct fuzz_attr *a, int mutate)
{
	uint8_t buf[8192] = { 0 };
	uint32_t len = value(f, a, buf);
	int type = a->number;

	switch (mutate ? rnd(f, 12) : ~0u) {
	case 0:
		return;
	case 1: /* two of them, different ones */
		put(m, type, buf, len);
		len = value(f, a, buf);
		break;
	case 2:
		len = rnd(f, len + 1);
		break;
	case 3:
		len += 1 + rnd(f, 20);
		break;
	case 4:
		len = rnd(f, 5000);
		break;
	case 5:
		type |= NLA_F_NESTED;
		break;
	case 6:
		type |= NLA_F_NET_BYTEORDER;
		break;
	case 7: /* an attribute in it */
		memmove(buf + 4, buf, len);
		len += 4;
		memcpy(buf, &(uint16_t){ len }, 2);
		memcpy(buf + 2, &(uint16_t){ type }, 2);
		type |= NLA_F_NESTED;
		break;
	case 8:
		type = rnd(f, 2) ? rnd(f, 64) : rnd(f, 0x10000);
		break;
	case 9:
		load_bytes(f->rng, buf, len);
		break;
	}
	put(m, type, buf, len);
}

static void build(struct fuzzer *f, struct nl *nl, struct nl_msg *m, int mutate)
{
	static const int flags[] = { 0,		NLM_F_ACK,  NLM_F_ACK,
				     NLM_F_ACK, NLM_F_DUMP, NLM_F_ECHO };
	const struct fuzz_op *op = &fuzz_ops[rnd(f, ARRAY_SIZE(fuzz_ops))];
	unsigned int i;

	/* Events cannot be sent: seldom. */
	if (!op->request && chance(f, 80))
		op = &fuzz_ops[1];
	nl_begin(nl, m, mutate && chance(f, 3) ? (int)rnd(f, 256) : op->cmd,
		 flags[rnd(f, ARRAY_SIZE(flags))]);
	for (i = 0; i < op->n; i++) {
		/*
		 * What is not there has a default, or is missed. Without a
		 * port the instance is new, and waits for an attach.
		 */
		if (op->attrs[i] == VTPM_A_TIMEOUT_MS ||
		    chance(f, op->attrs[i] == VTPM_A_PORT ? 60 : 92))
			put_attr(f, m, find(op->attrs[i]),
				 mutate && chance(f, 40));
	}
	while (mutate && chance(f, 20))
		put_attr(f, m, &fuzz_main[rnd(f, ARRAY_SIZE(fuzz_main))],
			 chance(f, 50));
}

/* What does not care for attributes. */
static void spoil(struct fuzzer *f, struct nl_msg *m)
{
	struct nlmsghdr *h = (void *)m->buf;
	uint32_t at = NLMSG_HDRLEN + rnd(f, m->len - NLMSG_HDRLEN);
	unsigned int i;

	switch (rnd(f, 8)) {
	case 0:
		for (i = rnd(f, 8); i; i--) {
			m->buf[at] ^= 1 << rnd(f, 8);
			at = NLMSG_HDRLEN + rnd(f, m->len - NLMSG_HDRLEN);
		}
		break;
	case 1:
		m->len = at;
		break;
	case 2:
		load_bytes(f->rng, m->buf + at, m->len - at);
		break;
	case 3:
		h->nlmsg_flags |= rnd(f, 0x10000);
		break;
	case 4: /* genetlink's version and reserved bytes */
		load_bytes(f->rng, m->buf + NLMSG_HDRLEN + 1, 3);
		break;
	}
}

static int cmd_of(const struct nl_msg *m)
{
	return m->len > NLMSG_HDRLEN ? m->buf[NLMSG_HDRLEN] : 0;
}

static void send_one(struct fuzzer *f, unsigned int s)
{
	int mutate = chance(f, 50);
	struct nl_msg m;

	build(f, &f->nl[s], &m, mutate);
	if (mutate && chance(f, 30))
		spoil(f, &m);
	f->sent[s][f->nl[s].seq % RING] = cmd_of(&m);
	nl_send(&f->nl[s], &m);
	l->counts[N_MESSAGES]++;
	if (mutate)
		l->counts[N_MUTATED]++;
	if (f->rights != FULL)
		l->counts[N_UNPRIVILEGED]++;
}

/* May this worker have this command accepted? */
static int allowed(const struct fuzzer *f, int cmd)
{
	if (f->rights == FULL || cmd == VTPM_CMD_GET)
		return 1;
	return cmd == VTPM_CMD_RESPONSE && f->rights == OPENED_BEFORE;
}

static void note_accepted(struct fuzzer *f, int cmd)
{
	l->counts[N_ACCEPTED]++;
	accepted[cmd]++;
	if (allowed(f, cmd))
		return;
	printf("# command %d of a worker with rights %d was accepted\n", cmd,
	       f->rights);
	l->counts[N_BREACHES]++;
}

static void respond(struct fuzzer *f, struct nl *nl, const struct nl_in *in)
{
	uint8_t r[8192];
	uint32_t len = fake_answer(in->payload, in->payload_len, r);
	struct nl_msg m;

	f->last_seq = in->seq;
	f->last_id = in->id;
	if (chance(f, 5))
		return;
	nl_begin(nl, &m, VTPM_CMD_RESPONSE, NLM_F_ACK);
	f->sent[nl - f->nl][nl->seq % RING] = VTPM_CMD_RESPONSE;
	nl_put_u32(&m, VTPM_A_ID, in->id);
	nl_put(&m, VTPM_A_SEQ, &in->seq, sizeof(in->seq));
	nl_put(&m, VTPM_A_PAYLOAD, r, len);
	nl_send(nl, &m);
	l->counts[N_ANSWERS]++;
}

static void take(struct fuzzer *f, unsigned int s, const struct nl_in *in)
{
	int cmd = f->sent[s][in->seqno % RING];

	if (in->cmd == VTPM_CMD_COMMAND) {
		respond(f, &f->nl[s], in);
	} else if (in->cmd == -1) {
		if (in->error)
			l->counts[N_ERRORS]++;
		else if (cmd)
			note_accepted(f, cmd);
	} else if (in->seqno && in->id &&
		   (in->cmd == VTPM_CMD_GET || in->cmd == VTPM_CMD_CREATE ||
		    in->cmd == VTPM_CMD_ATTACH)) {
		note_accepted(f, in->cmd);
		if (in->cmd == VTPM_CMD_CREATE) {
			l->counts[N_CREATES]++;
			l->ids[rnd(f, LOAD_SLOTS)] = in->id;
		}
	}
}

static int open_sockets(struct fuzzer *f, unsigned int slot)
{
	unsigned int i;

	for (i = 0; i < SOCKETS; i++) {
		if (nl_open(&f->nl[i]))
			return -1;
		if (f->rights == FULL || f->rights == OPENED_BEFORE)
			l->ports[(slot * SOCKETS + i) % LOAD_SLOTS] =
				f->nl[i].port;
	}
	return 0;
}

static int drop_rights(enum rights rights)
{
	if (rights == NAMESPACE)
		return unshare(CLONE_NEWUSER);
	return setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534);
}

static void fuzzer(struct load *load, unsigned int slot, uint64_t *rng)
{
	struct fuzzer f = { .l = load, .rng = rng };
	struct nl_in in;
	unsigned int s;
	int n;

	f.rights = slot < PRIVILEGED ? FULL : slot - PRIVILEGED + NOBODY;
	if (f.rights == OPENED_BEFORE && open_sockets(&f, slot))
		return;
	if (f.rights != FULL && drop_rights(f.rights)) {
		perror("# rights");
		return;
	}
	if (f.rights != OPENED_BEFORE && open_sockets(&f, slot))
		return;
	for (n = 2000 + rnd(&f, 3000); n && !l->stop; n--) {
		send_one(&f, rnd(&f, SOCKETS));
		for (s = 0; s < SOCKETS; s++) {
			while (!nl_recv(&f.nl[s], &in, 0))
				take(&f, s, &in);
		}
	}
}

/* No instance lasts: a message may have given it an hour for a command. */
static void janitor(struct load *load, unsigned int slot, uint64_t *rng)
{
	struct dirent *e;
	struct nl_in in;
	struct nl_msg m;
	struct nl nl;
	DIR *d;

	(void)slot;
	if (nl_open(&nl))
		return;
	while (!load->stop) {
		usleep(200000);
		d = opendir("/sys/class/vtpm");
		while (d && (e = readdir(d))) {
			if (e->d_name[0] == '.' || !load_chance(rng, 3))
				continue;
			nl_begin(&nl, &m, VTPM_CMD_GET, 0);
			nl_put_str(&m, VTPM_A_NAME, e->d_name);
			if (nl_call(&nl, &m, &in, 2000))
				continue;
			nl_begin(&nl, &m, VTPM_CMD_DESTROY, 0);
			nl_put_u32(&m, VTPM_A_ID, in.id);
			nl_send(&nl, &m);
			load->counts[N_DESTROYS]++;
		}
		if (d)
			closedir(d);
		while (!nl_recv(&nl, &in, 0))
			;
	}
	nl_close(&nl);
}

/* After all that: an instance, a command, and the right answer to it. */
static int still_works(uint64_t *rng)
{
	struct nl_msg m;
	struct nl_in in;
	struct fake f;
	struct nl nl;
	char path[32];
	int fd, r;

	if (nl_open(&nl) || fake_start(&f, FAKE_ANSWER))
		return 0;
	nl_begin(&nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, "fuzz-end");
	nl_put(&m, VTPM_A_UUID, "0123456789abcdef", 16);
	nl_put_u32(&m, VTPM_A_PORT, f.nl.port);
	r = nl_call(&nl, &m, &in, 30000);
	if (!r) {
		snprintf(path, sizeof(path), "/dev/tpm%u", in.number);
		fd = open(path, O_RDWR);
		r = fd < 0 ? -errno : load_echo(fd, rng);
		close(fd);
	}
	if (r)
		printf("# %s %s\n", strerror(-r), in.text);
	if (load_destroy_all(l))
		r = -EBUSY;
	fake_stop(&f);
	nl_close(&nl);
	return !r;
}

static void report(uint64_t *rng)
{
	atomic_uint *n = l->counts;
	char text[64];
	unsigned int i;

	load_ok(!n[N_DIED] && !n[N_STUCK], "every worker ends when it should");
	for (i = 0; i < ARRAY_SIZE(fuzz_ops); i++) {
		if (!fuzz_ops[i].request)
			continue;
		snprintf(text, sizeof(text), "%s was accepted, and not always",
			 fuzz_ops[i].name);
		printf("# %s: accepted %u times\n", fuzz_ops[i].name,
		       (unsigned int)accepted[fuzz_ops[i].cmd]);
		load_ok(accepted[fuzz_ops[i].cmd] && n[N_ERRORS], text);
	}
	load_ok(n[N_UNPRIVILEGED] && !n[N_BREACHES],
		"nothing was changed without privilege");
	load_ok(!n[N_WRONG] && n[N_RIGHT],
		"no client gets an answer to another command");
	load_ok(!load_destroy_all(l), "every instance can be destroyed");
	load_ok(still_works(rng), "a new instance works");
}

int main(int argc, char **argv)
{
	static struct load_crew crew;
	uint64_t seed = time(NULL);
	double seconds = 20;
	int c;

	while ((c = getopt(argc, argv, "t:s:")) != -1) {
		switch (c) {
		case 't':
			seconds = atof(optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr,
				"fuzz-netlink [-t seconds] [-s seed]\n");
			return 2;
		}
	}
	l = load_new(seed, "fuzz");
	l->forgers = 1; /* the right number, and any bytes */
	accepted = load_shared(256 * sizeof(*accepted));
	load_add(&crew, PRIVILEGED + 3, fuzzer, 0, 0);
	load_add(&crew, 2, load_client, N_CLIENT_STARTS, N_CLIENT_KILLS);
	load_add(&crew, 1, janitor, 0, 0);
	load_run(l, &crew, seconds, NULL);
	report(&seed);
	return load_end(l);
}
