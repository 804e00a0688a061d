// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An instance whose helper, a process of its own, does the least that a helper
 * can: what a command costs with it is the price of the TPM core, the module
 * and the protocol. Prints the device and the helper's process id, serves until
 * standard input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "fake.h"
#include "nl.h"

#define HEADERS (NLMSG_HDRLEN + GENL_HDRLEN)

/* VTPM_A_PAYLOAD of a command; the sequence number in *seq. */
static const uint8_t *parse(const uint8_t *buf, uint32_t len, uint64_t *seq,
			    uint32_t *payload_len)
{
	const uint8_t *payload = NULL;
	const struct nlattr *a;
	uint32_t off;

	for (off = HEADERS; off + NLA_HDRLEN <= len;
	     off += NLA_ALIGN(a->nla_len)) {
		a = (const void *)(buf + off);
		if (a->nla_len < NLA_HDRLEN || off + a->nla_len > len)
			return NULL;
		if (a->nla_type == VTPM_A_SEQ)
			memcpy(seq, buf + off + NLA_HDRLEN, sizeof(*seq));
		if (a->nla_type == VTPM_A_PAYLOAD) {
			payload = buf + off + NLA_HDRLEN;
			*payload_len = a->nla_len - NLA_HDRLEN;
		}
	}
	return payload;
}

static void serve(struct nl *nl)
{
	static uint8_t buf[8192] __attribute__((aligned(4)));
	static uint8_t resp[4096];
	static struct nl_msg m;
	struct nlmsghdr *h = (void *)buf;
	const struct genlmsghdr *g = (const void *)(buf + NLMSG_HDRLEN);
	const uint8_t *cmd;
	uint32_t id, len;
	uint64_t seq;
	ssize_t n;

	while ((n = recv(nl->fd, buf, sizeof(buf), 0)) >= 0) {
		if (n < (ssize_t)HEADERS + 8 || h->nlmsg_type != nl->family ||
		    g->cmd != VTPM_CMD_COMMAND)
			continue;
		cmd = parse(buf, n, &seq, &len);
		if (!cmd)
			continue;
		memcpy(&id, buf + HEADERS + NLA_HDRLEN, sizeof(id));
		len = fake_answer(cmd, len, resp);
		nl_begin(nl, &m, VTPM_CMD_RESPONSE, 0);
		nl_put_u32(&m, VTPM_A_ID, id);
		nl_put(&m, VTPM_A_SEQ, &seq, sizeof(seq));
		nl_put(&m, VTPM_A_PAYLOAD, resp, len);
		nl_send(nl, &m);
	}
}

static int create(struct nl *nl, uint32_t port, struct nl_in *in)
{
	static const uint8_t uuid[16] = { 'e', 'c', 'h', 'o' };
	struct nl_msg m;

	nl_begin(nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, "bench-echo");
	nl_put(&m, VTPM_A_UUID, uuid, sizeof(uuid));
	nl_put_u32(&m, VTPM_A_PORT, port);
	return nl_call(nl, &m, in, 20000);
}

int main(void)
{
	struct nl control, helper;
	struct nl_in in;
	char c;
	pid_t pid;
	int r;

	if (nl_open(&control) || nl_open(&helper)) {
		fprintf(stderr, "bench-echo: vtpm.ko is not loaded\n");
		return 1;
	}
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(&helper);
		_exit(0);
	}
	r = create(&control, helper.port, &in);
	nl_close(&helper);
	if (r) {
		fprintf(stderr, "bench-echo: %s: %s\n", strerror(-r), in.text);
	} else {
		printf("/dev/tpm%u %d\n", in.number, pid);
		fflush(stdout);
		while (read(0, &c, 1) > 0)
			;
		r = nl_call_id(&control, VTPM_CMD_DESTROY, in.id, 0, 0, &in);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return !!r;
}
