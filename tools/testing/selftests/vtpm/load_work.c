// SPDX-License-Identifier: GPL-2.0
/* The workers: helpers, clients of both nodes, managers. See load.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/netlink.h>

#include "fake.h"
#include "load.h"

/* Numbers of nodes that are tried: more than there are instances. */
#define NODES 12

static void respond(struct nl *nl, const struct nl_in *in, uint64_t seq,
		    const uint8_t *data, uint32_t len)
{
	struct nl_msg m;

	nl_begin(nl, &m, VTPM_CMD_RESPONSE, 0);
	nl_put_u32(&m, VTPM_A_ID, in->id);
	nl_put(&m, VTPM_A_SEQ, &seq, sizeof(seq));
	nl_put(&m, VTPM_A_PAYLOAD, data, len);
	/* Where memory is refused on purpose, that must not cost an answer. */
	while (nl_send(nl, &m) == -ENOBUFS)
		usleep(1000);
}

/* One command; 1: the helper has enough. Mostly it tells the truth. */
static int serve(struct load *l, struct nl *nl, const struct nl_in *in,
		 uint64_t *rng)
{
	static const uint8_t echo[] = { 0, 0, FAKE_CC_ECHO >> 8, 0 };
	static uint8_t r[8192];
	uint32_t len = fake_answer(in->payload, in->payload_len, r);
	uint64_t seq = in->seq;

	switch (load_rnd(rng, 150)) {
	case 0:
		return 1;
	case 1:
		return 0; /* never answers */
	case 2:
		respond(nl, in, seq, r, len);
		break; /* twice */
	case 3:
		/* Not of the next: a late answer to this would be one to it. */
		respond(nl, in, load_rnd(rng, 2) ? seq - 1 : seq + (1 << 20), r,
			len);
		break;
	case 4:
		respond(nl, in, seq, r, load_rnd(rng, sizeof(r) - 500));
		break;
	case 6: /* any bytes, where no client compares them */
		if (in->payload_len >= 10 && memcmp(in->payload + 6, echo, 4))
			load_bytes(rng, r + 10, len - 10);
		break;
	case 5:
		usleep(load_rnd(rng, 50000));
		l->counts[N_LIES]--;
		break;
	default:
		l->counts[N_LIES]--;
	}
	l->counts[N_LIES]++;
	l->counts[N_ANSWERS]++;
	respond(nl, in, seq, r, len);
	return 0;
}

void load_helper(struct load *l, unsigned int slot, uint64_t *rng)
{
	unsigned int generation = l->generation;
	struct nl_in in;
	struct nl nl;

	if (nl_open(&nl)) {
		usleep(20000);
		return;
	}
	l->ports[slot] = nl.port;
	while (!l->stop && l->generation == generation) {
		if (nl_recv(&nl, &in, 50))
			continue;
		if (in.cmd == VTPM_CMD_COMMAND && serve(l, &nl, &in, rng))
			break;
	}
	nl_close(&nl);
}

static uint32_t header(uint8_t *cmd, uint32_t len, uint32_t ordinal)
{
	uint32_t v = htonl(len);

	memcpy(cmd, "\x80\x01", 2);
	memcpy(cmd + 2, &v, 4);
	v = htonl(ordinal);
	memcpy(cmd + 6, &v, 4);
	return len;
}

/* At the start of every echo, so that one is known wherever it turns up. */
static const uint8_t cookie[8] = { 'v', 't', 'p', 'm', 'e', 'c', 'h', 'o' };

static int is_some_echo(const uint8_t *r, ssize_t n)
{
	unsigned int i;

	for (i = 0; i < sizeof(cookie); i++) {
		if (n <= 10 + i || r[10 + i] != fake_echo(cookie[i], 10 + i))
			return 0;
	}
	return 1;
}

int load_echo(int fd, uint64_t *rng)
{
	uint8_t cmd[512], r[4096];
	uint32_t i, len = 18 + load_rnd(rng, sizeof(cmd) - 18);
	struct pollfd p = { fd, POLLIN, 0 };
	ssize_t n;

	header(cmd, len, FAKE_CC_ECHO);
	memcpy(cmd + 10, cookie, sizeof(cookie));
	load_bytes(rng, cmd + 18, len - 18);
	if (write(fd, cmd, len) < 0)
		return -errno;
	if (fcntl(fd, F_GETFL) & O_NONBLOCK && poll(&p, 1, 3000) <= 0)
		return -ETIME;
	n = read(fd, r, sizeof(r));
	if (n < 0)
		return -errno;
	/* Nothing: somebody else has read it, or a failed one left nothing. */
	if (!n)
		return -ENODATA;
	/* TPM_RC_FAILURE is an honest answer where the state is lost. */
	if (n >= 10) {
		memcpy(&i, r + 6, 4);
		if (ntohl(i) == 0x101)
			return -EIO;
	}
	if (!is_some_echo(r, n))
		return LOAD_NO_ECHO;
	if (n != len)
		return LOAD_OTHER_ECHO;
	for (i = 10; i < len; i++) {
		if (r[i] != fake_echo(cmd[i], i))
			return LOAD_OTHER_ECHO;
	}
	return 0;
}

static void sysfs(unsigned int number, uint64_t *rng)
{
	static const char *const files[] = {
		"pcr-sha256/0",
		"tpm_version_major",
		"device/state",
		"device/cancel",
		"uevent",
		"device/statistics/commands",
		"device/statistics/latency_us",
		"device/uevent",
	};
	char path[96], buf[4096];
	const char *f = files[load_rnd(rng, ARRAY_SIZE(files))];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/tpm/tpm%u/%s", number, f);
	fd = open(path,
		  (strstr(f, "cancel") ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return;
	if (strstr(f, "cancel") ? write(fd, "-", 1) < 0
				: read(fd, buf, sizeof(buf)) < 0)
		usleep(100);
	close(fd);
}

static int load_outcome(const struct load *l, int r)
{
	if (!r)
		return N_RIGHT;
	return r == LOAD_NO_ECHO && l->forgers ? N_FORGED : N_WRONG;
}

/* One call on an open node, sensible or not. */
static void node_op(struct load *l, int fd, uint64_t *rng)
{
	static uint8_t buf[6000];
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
	uint32_t len = load_rnd(rng, 100) < 90 ? load_rnd(rng, 200)
					       : load_rnd(rng, sizeof(buf));
	int r = 0;

	l->counts[N_NODE_OPS]++;
	switch (load_rnd(rng, 12)) {
	case 0:
		load_bytes(rng, buf, len);
		r = write(fd, buf, len);
		break;
	case 1: /* the header lies about the size */
		header(buf, len, load_rnd(rng, 0x200));
		r = write(fd, buf, load_rnd(rng, sizeof(buf)));
		break;
	case 2: /* right size, any command */
		r = write(fd, buf,
			  header(buf, 10 + len % 3000,
				 0x11f + load_rnd(rng, 0x80)));
		break;
	case 3:
	case 4:
		r = read(fd, buf, load_rnd(rng, sizeof(buf)));
		break;
	case 5:
		r = poll(&p, 1, load_rnd(rng, 20));
		break;
	case 6:
		r = ioctl(fd, load_rnd(rng, 0xffff), buf);
		break;
	case 7:
		fcntl(fd, F_SETFL, load_chance(rng, 50) ? O_NONBLOCK : 0);
		break;
	case 8:
		r = lseek(fd, load_rnd(rng, 100), SEEK_SET);
		break;
	default:
		r = load_echo(fd, rng);
		if (r >= 0)
			l->counts[load_outcome(l, r)]++;
	}
	if (r < 0)
		usleep(200);
}

void load_client(struct load *l, unsigned int slot, uint64_t *rng)
{
	static const char *const nodes[] = { "/dev/tpm%u", "/dev/tpmrm%u" };
	char path[32];

	(void)slot;
	while (!l->stop) {
		unsigned int number = load_rnd(rng, NODES);
		int ops = load_rnd(rng, 12);
		int fd;

		snprintf(path, sizeof(path), nodes[load_rnd(rng, 2)], number);
		fd = open(path,
			  O_RDWR | O_CLOEXEC |
				  (load_chance(rng, 25) ? O_NONBLOCK : 0));
		if (fd < 0) {
			usleep(load_rnd(rng, 20000));
			continue;
		}
		l->counts[N_OPENS]++;
		while (ops-- && !l->stop)
			node_op(l, fd, rng);
		if (load_chance(rng, 30))
			sysfs(number, rng);
		close(fd);
	}
}

static int create(struct load *l, struct nl *nl, unsigned int slot,
		  uint32_t port, uint64_t *rng, struct nl_in *in)
{
	uint8_t uuid[16];
	struct nl_msg m;
	char name[64];

	load_bytes(rng, uuid, sizeof(uuid));
	snprintf(name, sizeof(name), "%s-%u", l->prefix, slot);
	nl_begin(nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, name);
	nl_put(&m, VTPM_A_UUID, uuid, sizeof(uuid));
	if (port)
		nl_put_u32(&m, VTPM_A_PORT, port);
	nl_put_u32(&m, VTPM_A_TIMEOUT_MS, 100 + load_rnd(rng, 1500));
	nl_put_u32(&m, VTPM_A_GRACE_MS, load_rnd(rng, 800));
	return nl_call(nl, &m, in, 20000);
}

/* One step of a manager's; the count that it belongs to is in @count. */
static int manage(struct load *l, struct nl *nl, uint64_t *rng, int *count,
		  struct nl_in *in)
{
	unsigned int slot = load_rnd(rng, LOAD_SLOTS);
	uint32_t id = l->ids[slot], op = load_rnd(rng, 100);
	uint32_t port = l->ports[load_rnd(rng, LOAD_SLOTS)];
	int r;

	in->error = 0;
	if (l->quiesce || op < 15) {
		*count = N_DESTROYS;
		return nl_call_id(nl, VTPM_CMD_DESTROY, id, 0, 0, in);
	}
	if (op < 55) {
		*count = N_CREATES;
		r = create(l, nl, slot, load_chance(rng, 80) ? port : 0, rng,
			   in);
		if (!r && in->id)
			l->ids[slot] = in->id;
		return r;
	}
	if (op < 90) {
		*count = N_ATTACHES;
		return nl_call_id(nl, VTPM_CMD_ATTACH, id, port,
				  load_chance(rng, 50), in);
	}
	*count = N_FAILS;
	return nl_call_id(nl, VTPM_CMD_FAIL, id, 0, 0, in);
}

void load_manager(struct load *l, unsigned int slot, uint64_t *rng)
{
	unsigned int generation = l->generation;
	struct nl_in in;
	struct nl nl;

	(void)slot;
	if (nl_open(&nl)) {
		usleep(20000);
		return;
	}
	while (!l->stop && l->generation == generation) {
		int count, r = manage(l, &nl, rng, &count, &in);

		if (!r) {
			l->counts[count]++;
		} else if (r == -ETIMEDOUT && !in.error) {
			/* Ours; that of a registration is an answer. */
			printf("# no reply: %s\n", load_name(count));
			l->counts[N_SILENT]++;
		} else {
			l->counts[N_REFUSED]++;
		}
		if (r || load_chance(rng, 20))
			usleep(load_rnd(rng, 20000));
	}
	nl_close(&nl);
}

static int destroy_by_name(struct load *l, struct nl *nl, const char *name)
{
	struct nl_msg m;
	struct nl_in in;
	int r;

	nl_begin(nl, &m, VTPM_CMD_GET, 0);
	nl_put_str(&m, VTPM_A_NAME, name);
	r = nl_call(nl, &m, &in, 5000);
	if (r)
		return r;
	r = nl_call_id(nl, VTPM_CMD_DESTROY, in.id, 0, 0, &in);
	if (!r)
		l->counts[N_DESTROYS]++;
	return r;
}

int load_destroy_all(struct load *l)
{
	struct dirent *e;
	int left, tries;
	struct nl nl;
	DIR *d;

	for (tries = 0; tries < 20; tries++) {
		left = 0;
		d = opendir("/sys/class/vtpm");
		if (!d || nl_open(&nl))
			return d ? -1 : 0;
		while ((e = readdir(d))) {
			if (e->d_name[0] == '.')
				continue;
			left++;
			destroy_by_name(l, &nl, e->d_name);
		}
		closedir(d);
		nl_close(&nl);
		if (!left)
			break;
		usleep(100000);
	}
	return left;
}
