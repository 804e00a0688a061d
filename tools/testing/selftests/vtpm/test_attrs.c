// SPDX-License-Identifier: GPL-2.0
/* Each attribute of each command: missing, twice, cut off, too long, wrong. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/netlink.h>

#include "tests.h"

enum kind { U32, U64, TEXT, UUID, FLAG, BYTES };

struct attr {
	int type;
	enum kind kind;
	int needed;
};

static const struct op {
	const char *name;
	int cmd;
	struct attr attr[10];
} ops[] = {
	{ "get",
	  VTPM_CMD_GET,
	  { { VTPM_A_ID, U32, 1 }, { VTPM_A_NAME, TEXT, 0 } } },
	{ "create",
	  VTPM_CMD_CREATE,
	  { { VTPM_A_NAME, TEXT, 1 },
	    { VTPM_A_UUID, UUID, 1 },
	    { VTPM_A_PORT, U32, 0 },
	    { VTPM_A_TIMEOUT_MS, U32, 0 },
	    { VTPM_A_GRACE_MS, U32, 0 },
	    { VTPM_A_OWNER_UID, U32, 0 },
	    { VTPM_A_OWNER_GID, U32, 0 },
	    { VTPM_A_MODE, U32, 0 } } },
	{ "attach",
	  VTPM_CMD_ATTACH,
	  { { VTPM_A_ID, U32, 1 },
	    { VTPM_A_PORT, U32, 0 },
	    { VTPM_A_RESET, FLAG, 0 } } },
	{ "fail",
	  VTPM_CMD_FAIL,
	  { { VTPM_A_ID, U32, 1 }, { VTPM_A_REASON, TEXT, 0 } } },
	{ "destroy", VTPM_CMD_DESTROY, { { VTPM_A_ID, U32, 1 } } },
	{ "response",
	  VTPM_CMD_RESPONSE,
	  { { VTPM_A_ID, U32, 1 },
	    { VTPM_A_SEQ, U64, 1 },
	    { VTPM_A_PAYLOAD, BYTES, 1 } } },
};

enum wrong { MISSING, SHORT, LONG, NESTED, TWICE };

/* An id that no instance has: what is well-formed ends with -ENOENT. */
#define NO_ID 0x7ffffff0

static unsigned int value(const struct attr *a, uint8_t buf[512])
{
	uint32_t number = a->type == VTPM_A_ID ? NO_ID : 1;

	memset(buf, 0, 512);
	switch (a->kind) {
	case U32:
		memcpy(buf, &number, sizeof(number));
		return 4;
	case U64:
		return 8;
	case TEXT:
		strcpy((char *)buf, "st-attr");
		return 8;
	case UUID:
		return 16;
	case FLAG:
		return 0;
	default:
		return 10;
	}
}

static void put(struct nl_msg *m, const struct attr *a, int wrong)
{
	uint8_t buf[512];
	unsigned int len = value(a, buf);

	switch (wrong) {
	case MISSING:
		return;
	case SHORT: /* of a text: without its end */
		len = a->kind == TEXT ? 3 : len - 1;
		break;
	case LONG:
		if (a->kind == TEXT)
			memset(buf, 'a', 400);
		len = a->kind == TEXT ? 400 : len + 4;
		break;
	case TWICE:
		nl_put(m, a->type, buf, len);
		break;
	}
	nl_put(m, a->type | (wrong == NESTED ? NLA_F_NESTED : 0), buf, len);
}

/* One attribute of the command wrong; what the kernel says. */
static int try(const struct op *op, const struct attr *bad, int wrong,
	       struct nl_in *in)
{
	const struct attr *a;
	struct nl_msg m;

	nl_begin(&nl, &m, op->cmd, NLM_F_ACK);
	for (a = op->attr; a < op->attr + 10 && a->type; a++)
		put(&m, a, a == bad ? wrong : -1);
	return nl_call(&nl, &m, in, 5000);
}

static int refused(const struct op *op, const struct attr *a, int wrong)
{
	struct nl_in in;
	int r = try(op, a, wrong, &in);

	if (r == -EINVAL || r == -ERANGE)
		return 1;
	printf("# %s, attribute %d, wrong %d: %d %s\n", op->name, a->type,
	       wrong, r, in.text);
	return 0;
}

static int try_attr(const struct op *op, const struct attr *a)
{
	struct nl_in in;

	/* Of get the name is enough. */
	if (a->needed && op->cmd != VTPM_CMD_GET)
		CHECK(try(op, a, MISSING, &in) == -EINVAL && in.text[0]);
	/* No byte less than none; and any length is right for a payload. */
	if (a->kind != FLAG && a->kind != BYTES)
		CHECK(refused(op, a, SHORT));
	if (a->kind != BYTES)
		CHECK(refused(op, a, LONG));
	CHECK(refused(op, a, NESTED));
	/* The last one counts; here they are alike. */
	CHECK(try(op, a, TWICE, &in) == try(op, NULL, -1, &in));
	return 0;
}

int test_attributes(void)
{
	const struct attr *a;
	struct nl_in in;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		for (a = ops[i].attr; a < ops[i].attr + 10 && a->type; a++)
			CHECK(!try_attr(&ops[i], a));
	}
	/* Nothing of all that has made an instance. */
	CHECK(by_id(VTPM_CMD_GET, NO_ID, 0, 0, &in) == -ENOENT);
	return 0;
}

/* Two different ones: the last counts, the first changes nothing. */
int test_duplicates(void)
{
	struct nl_in a, b, in;
	struct nl_msg m;

	CHECK(!create("st-dup-a", 0, 5000, 1000, &a));
	CHECK(!create("st-dup-b", 0, 5000, 1000, &b));
	nl_begin(&nl, &m, VTPM_CMD_DESTROY, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, a.id);
	nl_put_u32(&m, VTPM_A_ID, b.id);
	CHECK(!nl_call(&nl, &m, &in, 5000));
	CHECK(state_of(a.id) == VTPM_STATE_NEW && state_of(b.id) == -1);
	/* And an attribute of another command is no attribute of this one. */
	nl_begin(&nl, &m, VTPM_CMD_DESTROY, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, a.id);
	nl_put_u32(&m, VTPM_A_MODE, 0600);
	CHECK(nl_call(&nl, &m, &in, 5000) == -EINVAL);
	CHECK(state_of(a.id) == VTPM_STATE_NEW);
	CHECK(!destroy(a.id));
	return 0;
}
