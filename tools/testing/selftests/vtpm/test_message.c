// SPDX-License-Identifier: GPL-2.0
/* Messages that are wrong, lie, or come from the wrong socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "tests.h"

int test_create_refused(void)
{
	static const char *const names[] = { "",    ".x",  "-x",       "a/b",
					     "a b", "a\n", "\xc3\xa4", "../x" };
	char longer[80];
	struct nl_in in;
	struct nl_msg m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		CHECK(create(names[i], 0, 5000, 1000, &in) == -EINVAL &&
		      in.text[0]);
	memset(longer, 'a', sizeof(longer));
	longer[64] = 0;
	CHECK(create(longer, 0, 5000, 1000, &in) == -EINVAL);
	longer[63] = 0;
	CHECK(!create(longer, 0, 5000, 1000, &in) &&
	      in.state == VTPM_STATE_NEW && !in.has_number);
	CHECK(!destroy(in.id));
	CHECK(create("st-x", 0, 1, 1000, &in) == -ERANGE);
	/* Missing, unknown, wrongly sized attributes. */
	nl_begin(&nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, "st-x");
	CHECK(nl_call(&nl, &m, &in, 1000) == -EINVAL &&
	      strstr(in.text, "uuid"));
	nl_put(&m, VTPM_A_UUID, uuid, 15);
	CHECK(nl_call(&nl, &m, &in, 1000) == -ERANGE || in.error == -EINVAL);
	nl_begin(&nl, &m, VTPM_CMD_CREATE, 0);
	nl_put_str(&m, VTPM_A_NAME, "st-x");
	nl_put(&m, VTPM_A_UUID, uuid, 16);
	nl_put_u32(&m, 77, 1);
	CHECK(nl_call(&nl, &m, &in, 1000) == -EINVAL);
	nl_begin(&nl, &m, 55, 0);
	CHECK(nl_call(&nl, &m, &in, 1000) == -EOPNOTSUPP);
	return 0;
}

int test_lies(void)
{
	static const struct {
		int mode;
		unsigned int refused;
	} lies[] = {
		{ FAKE_TWICE, 1 },	{ FAKE_WRONG_SEQ, 2 },
		{ FAKE_TOO_SHORT, 2 },	{ FAKE_TOO_LONG, 1 },
		{ FAKE_WRONG_SIZE, 1 }, { FAKE_WRONG_TAG, 1 },
		{ FAKE_LATE, 0 },
	};
	struct fake f;
	struct nl_in in;
	unsigned int i, before;
	int fd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-lies", f.nl.port, 5000, 1000, &in));
	fd = open_node(&in);
	CHECK(fd >= 0);
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		before = f.refused;
		f.mode = lies[i].mode;
		CHECK(transact(fd) == 0);
		f.mode = FAKE_ANSWER;
		EVENTUALLY(f.refused - before >= lies[i].refused);
		if (f.refused - before != lies[i].refused)
			printf("# mode %d: %u refused: %s\n", lies[i].mode,
			       f.refused - before, f.last_refusal);
		CHECK(f.refused - before == lies[i].refused);
	}
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	return 0;
}

int test_wrong_socket(void)
{
	uint8_t resp[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0 };
	struct nl other;
	struct fake f;
	struct nl_in in, in2;
	struct nl_msg m;
	uint64_t seq;
	int fd;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-sock", f.nl.port, 2000, 1000, &in));
	CHECK(!nl_open(&other));
	fd = open_node(&in);
	f.mode = FAKE_LATE;
	seq = f.last_seq + 1;
	if (!fork()) {
		transact(fd);
		_exit(0);
	}
	usleep(100000);
	nl_begin(&other, &m, VTPM_CMD_RESPONSE, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, in.id);
	nl_put(&m, VTPM_A_SEQ, &seq, sizeof(seq));
	nl_put(&m, VTPM_A_PAYLOAD, resp, sizeof(resp));
	CHECK(nl_call(&other, &m, &in2, 1000) == -EPERM && in2.text[0]);
	wait(NULL);
	nl_begin(&nl, &m, VTPM_CMD_ATTACH, 0);
	nl_put_u32(&m, VTPM_A_ID, in.id);
	nl_put_u32(&m, VTPM_A_PORT, 0);
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL && in2.text[0]);
	/* One socket, one instance; one instance, one socket. */
	CHECK(create("st-sock2", f.nl.port, 2000, 1000, &in2) == -EBUSY);
	CHECK(by_id(VTPM_CMD_ATTACH, in.id, other.port, 0, &in2) == -EBUSY);
	nl_close(&other);
	close(fd);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	return 0;
}

int test_privilege(void)
{
	struct nl_in in;
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct nl_msg m;
		struct nl mine;

		if (setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534) || nl_open(&mine))
			_exit(2);
		nl_begin(&mine, &m, VTPM_CMD_CREATE, 0);
		nl_put_str(&m, VTPM_A_NAME, "st-priv");
		nl_put(&m, VTPM_A_UUID, uuid, 16);
		if (nl_call(&mine, &m, &in, 1000) != -EPERM)
			_exit(3);
		nl_begin(&mine, &m, VTPM_CMD_DESTROY, 0);
		nl_put_u32(&m, VTPM_A_ID, 1);
		if (nl_call(&mine, &m, &in, 1000) != -EPERM)
			_exit(4);
		nl_begin(&mine, &m, VTPM_CMD_ATTACH, 0);
		nl_put_u32(&m, VTPM_A_ID, 1);
		if (nl_call(&mine, &m, &in, 1000) != -EPERM)
			_exit(5);
		nl_begin(&mine, &m, VTPM_CMD_FAIL, 0);
		nl_put_u32(&m, VTPM_A_ID, 1);
		_exit(nl_call(&mine, &m, &in, 1000) == -EPERM ? 0 : 6);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0);
	return 0;
}

/* Messages that are cut off, nested wrongly, or longer than they may be. */
int test_malformed(void)
{
	static uint8_t big[6000];
	struct fake f;
	struct nl_in in, in2;
	struct nl_msg m;
	struct nlattr *last;
	uint64_t seq = 1;
	unsigned int len;

	CHECK(!fake_start(&f, FAKE_ANSWER));
	CHECK(!create("st-bad", f.nl.port, 5000, 1000, &in));
	/* No genetlink header; then half of an attribute; then none at all. */
	nl_begin(&nl, &m, VTPM_CMD_GET, 0);
	m.len = NLMSG_HDRLEN + 1;
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL);
	for (len = 1; len < 8; len++) {
		nl_begin(&nl, &m, VTPM_CMD_DESTROY, 0);
		nl_put_u32(&m, VTPM_A_ID, in.id);
		m.len -= len;
		CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL);
	}
	nl_begin(&nl, &m, VTPM_CMD_DESTROY, NLM_F_ACK);
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL &&
	      strstr(in2.text, "id"));
	/* An attribute that claims to be longer than the message. */
	nl_begin(&nl, &m, VTPM_CMD_DESTROY, 0);
	last = (void *)(m.buf + m.len);
	nl_put_u32(&m, VTPM_A_ID, in.id);
	last->nla_len = 4096;
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EINVAL);
	/* A response that no TPM could give. */
	memset(big, 0x80, sizeof(big));
	nl_begin(&nl, &m, VTPM_CMD_RESPONSE, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, in.id);
	nl_put(&m, VTPM_A_SEQ, &seq, sizeof(seq));
	nl_put(&m, VTPM_A_PAYLOAD, big, sizeof(big));
	CHECK(nl_call(&nl, &m, &in2, 1000) == -EPERM);
	CHECK(state_of(in.id) == VTPM_STATE_READY);
	CHECK(!destroy(in.id));
	fake_stop(&f);
	return 0;
}
