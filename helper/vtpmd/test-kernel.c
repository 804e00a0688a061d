// SPDX-License-Identifier: GPL-2.0-or-later
/* What the module says, whole, in part and wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vtpm.h>

#include "vtpmd/kernel.h"

static char buf[8192] __attribute__((aligned(8)));

static struct nlmsghdr *start(uint8_t cmd)
{
	struct nlmsghdr *nlh;
	struct genlmsghdr *genl;

	memset(buf, 0, sizeof(buf));
	nlh = mnl_nlmsg_put_header(buf);
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	return nlh;
}

static void instance(void **state)
{
	static const uint8_t uuid[UUID_LEN] = { 1, 2, 3 };
	struct kernel_instance k;
	struct nlmsghdr *nlh = start(VTPM_CMD_CREATE);

	(void)state;
	mnl_attr_put_u32(nlh, VTPM_A_ID, 5);
	mnl_attr_put_strz(nlh, VTPM_A_NAME, "web1");
	mnl_attr_put(nlh, VTPM_A_UUID, UUID_LEN, uuid);
	mnl_attr_put_u32(nlh, VTPM_A_STATE, VTPM_STATE_READY);
	mnl_attr_put_u32(nlh, VTPM_A_TPM_NUMBER, 0);
	mnl_attr_put_u32(nlh, VTPM_A_PORT, 77);
	/* From a newer module. */
	mnl_attr_put_u32(nlh, VTPM_A_MAX + 9, 1);
	assert_int_equal(kernel_parse_instance(nlh, &k), 0);
	assert_int_equal(k.id, 5);
	assert_string_equal(k.name, "web1");
	assert_memory_equal(k.uuid, uuid, UUID_LEN);
	assert_int_equal(k.port, 77);
	assert_true(k.has_device);
	assert_int_equal(k.tpm_number, 0);
	assert_string_equal(kernel_state_name(k.state), "ready");
}

/* Each needed attribute missing, and each of the wrong size. */
static void instance_in_part(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		for (int which = 0; which < 3; which++) {
			struct kernel_instance k = { .id = 99 };
			struct nlmsghdr *nlh = start(VTPM_CMD_CREATE);

			if (which != 0)
				mnl_attr_put_u32(nlh, VTPM_A_ID, 5);
			else if (wrong)
				mnl_attr_put_u8(nlh, VTPM_A_ID, 5);
			if (which != 1)
				mnl_attr_put_u32(nlh, VTPM_A_STATE, 0);
			else if (wrong)
				mnl_attr_put_u64(nlh, VTPM_A_STATE, 0);
			if (which != 2)
				mnl_attr_put_strz(nlh, VTPM_A_NAME, "a");
			else if (wrong)
				continue;
			assert_int_equal(kernel_parse_instance(nlh, &k),
					 -EBADMSG);
			/* Untouched. */
			assert_int_equal(k.id, 99);
		}
	}
}

static void long_and_unended_texts(void **state)
{
	struct kernel_event ev;
	struct nlmsghdr *nlh = start(VTPM_CMD_STATE_NTF);
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text));
	mnl_attr_put_u32(nlh, VTPM_A_ID, 5);
	mnl_attr_put_u32(nlh, VTPM_A_STATE, 200);
	mnl_attr_put(nlh, VTPM_A_NAME, sizeof(text), text);
	mnl_attr_put(nlh, VTPM_A_REASON, sizeof(text), text);
	assert_int_equal(kernel_parse_event(nlh, &ev), 0);
	assert_int_equal(strlen(ev.name), sizeof(ev.name) - 1);
	assert_int_equal(strlen(ev.reason), sizeof(ev.reason) - 1);
	assert_string_equal(kernel_state_name(ev.state), "unknown");
}

static void cut_message(void **state)
{
	struct kernel_event ev;
	struct nlmsghdr *nlh = start(VTPM_CMD_STATE_NTF);

	(void)state;
	nlh->nlmsg_len = NLMSG_HDRLEN + 1;
	assert_int_equal(kernel_parse_event(nlh, &ev), -EBADMSG);
}

/* An NLMSG_ERROR that answers a request of @request bytes. */
static struct nlmsghdr *start_error(int error, uint16_t flags, uint32_t request)
{
	struct nlmsghdr *nlh;
	struct nlmsgerr *e;

	memset(buf, 0, sizeof(buf));
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = flags;
	e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));
	e->error = error;
	e->msg.nlmsg_len = sizeof(e->msg) + request;
	if (!(flags & NLM_F_CAPPED) && request)
		mnl_nlmsg_put_extra_header(nlh, request);
	return nlh;
}

static void errors(void **state)
{
	struct error err = { 0 };
	struct nlmsghdr *nlh;

	(void)state;
	assert_int_equal(
		kernel_parse_error(start_error(0, NLM_F_CAPPED, 0), "x", &err),
		0);
	assert_null(err.code);

	nlh = start_error(-EEXIST, NLM_F_ACK_TLVS, 36);
	mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, "that name is taken");
	assert_int_equal(kernel_parse_error(nlh, "create", &err), -EEXIST);
	assert_string_equal(err.code, VTPM_ERR_EXISTS);
	assert_non_null(strstr(err.text, "that name is taken"));

	nlh = start_error(-EIO, NLM_F_ACK_TLVS | NLM_F_CAPPED, 36);
	mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, "capped");
	assert_int_equal(kernel_parse_error(nlh, "create", &err), -EIO);
	assert_string_equal(err.code, VTPM_ERR_KERNEL);
	assert_non_null(strstr(err.text, "capped"));

	nlh = start_error(-EIO, 0, 0);
	assert_int_equal(kernel_parse_error(nlh, "create", &err), -EIO);
	assert_non_null(strstr(err.text, "create"));
}

static void wrong_errors(void **state)
{
	struct error err = { 0 };
	struct nlmsghdr *nlh;

	(void)state;
	assert_int_equal(kernel_parse_error(start_error(5, 0, 0), "x", &err),
			 -EBADMSG);
	assert_int_equal(
		kernel_parse_error(start_error(-70000, 0, 0), "x", &err),
		-EBADMSG);
	/* It says that a request follows which is not there. */
	nlh = start_error(-EIO, NLM_F_ACK_TLVS | NLM_F_CAPPED, 100000);
	nlh->nlmsg_flags = NLM_F_ACK_TLVS;
	assert_int_equal(kernel_parse_error(nlh, "x", &err), -EIO);
	nlh->nlmsg_len = NLMSG_HDRLEN + 2;
	assert_int_equal(kernel_parse_error(nlh, "x", &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instance),
		cmocka_unit_test(instance_in_part),
		cmocka_unit_test(long_and_unended_texts),
		cmocka_unit_test(cut_message),
		cmocka_unit_test(errors),
		cmocka_unit_test(wrong_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
