// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages from the module into structures. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vtpm.h>

#include "vtpmd/kernel.h"

_Static_assert(VTPM_MAX_NAME == NAME_MAX_LEN, "one limit for names");
_Static_assert(VTPM_UUID_LEN == UUID_LEN, "one length of UUIDs");

const char *kernel_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VTPM_STATE_NEW] = "new",
		[VTPM_STATE_REGISTERING] = "registering",
		[VTPM_STATE_READY] = "ready",
		[VTPM_STATE_DETACHED] = "detached",
		[VTPM_STATE_FAILED] = "failed",
		[VTPM_STATE_GONE] = "gone",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state]
							: "unknown";
}

static int collect(const struct nlattr *attr, void *data)
{
	const struct nlattr **tb = data;

	if (mnl_attr_get_type(attr) <= VTPM_A_MAX)
		tb[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static int get_u32(const struct nlattr *attr, uint32_t *out)
{
	if (!attr || mnl_attr_get_payload_len(attr) != sizeof(uint32_t))
		return -EBADMSG;
	*out = mnl_attr_get_u32(attr);
	return 0;
}

/* A text attribute may come with or without its NUL. */
static void get_text(const struct nlattr *attr, char *out, size_t size)
{
	size_t n = 0;

	if (attr)
		n = strnlen(mnl_attr_get_payload(attr),
			    mnl_attr_get_payload_len(attr));
	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(out, mnl_attr_get_payload(attr), n);
	out[n] = '\0';
}

static int parse(const struct nlmsghdr *nlh, const struct nlattr **tb)
{
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return -EBADMSG;
	if (mnl_attr_parse(nlh, sizeof(struct genlmsghdr), collect, tb) < 0)
		return -EBADMSG;
	return 0;
}

int kernel_parse_instance(const struct nlmsghdr *nlh,
			  struct kernel_instance *out)
{
	const struct nlattr *tb[VTPM_A_MAX + 1] = { NULL };
	struct kernel_instance k = { 0 };
	const struct nlattr *uuid;

	if (parse(nlh, tb) < 0 || get_u32(tb[VTPM_A_ID], &k.id) < 0 ||
	    get_u32(tb[VTPM_A_STATE], &k.state) < 0 || !tb[VTPM_A_NAME])
		return -EBADMSG;
	get_text(tb[VTPM_A_NAME], k.name, sizeof(k.name));
	get_text(tb[VTPM_A_REASON], k.reason, sizeof(k.reason));
	uuid = tb[VTPM_A_UUID];
	if (uuid && mnl_attr_get_payload_len(uuid) == UUID_LEN)
		memcpy(k.uuid, mnl_attr_get_payload(uuid), UUID_LEN);
	k.has_device = !get_u32(tb[VTPM_A_TPM_NUMBER], &k.tpm_number);
	get_u32(tb[VTPM_A_PORT], &k.port);
	*out = k;
	return 0;
}

int kernel_parse_event(const struct nlmsghdr *nlh, struct kernel_event *out)
{
	const struct nlattr *tb[VTPM_A_MAX + 1] = { NULL };
	struct kernel_event ev = { 0 };

	if (parse(nlh, tb) < 0 || get_u32(tb[VTPM_A_ID], &ev.id) < 0 ||
	    get_u32(tb[VTPM_A_STATE], &ev.state) < 0 || !tb[VTPM_A_NAME])
		return -EBADMSG;
	get_u32(tb[VTPM_A_OLD_STATE], &ev.old_state);
	get_text(tb[VTPM_A_NAME], ev.name, sizeof(ev.name));
	get_text(tb[VTPM_A_REASON], ev.reason, sizeof(ev.reason));
	*out = ev;
	return 0;
}

static int find_text(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
		*(const struct nlattr **)data = attr;
	return MNL_CB_OK;
}

static const char *error_code(int e)
{
	switch (e) {
	case EEXIST:
		return VTPM_ERR_EXISTS;
	case EPERM:
		return VTPM_ERR_DENIED;
	default:
		return VTPM_ERR_KERNEL;
	}
}

int kernel_parse_error(const struct nlmsghdr *nlh, const char *what,
		       struct error *err)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr = NULL;
	unsigned int skip = sizeof(*e);
	char text[256];

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return error_set(err, -EBADMSG, VTPM_ERR_KERNEL,
				 "%s: the kernel's answer is too short", what);
	if (!e->error)
		return 0;
	if (e->error > 0 || e->error < -4095)
		return error_set(err, -EBADMSG, VTPM_ERR_KERNEL,
				 "%s: the kernel's answer makes no sense",
				 what);
	/* Unless it is capped, the request stands before the attributes. */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) &&
	    e->msg.nlmsg_len > sizeof(e->msg))
		skip += MNL_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) &&
	    skip <= mnl_nlmsg_get_payload_len(nlh))
		mnl_attr_parse(nlh, skip, find_text, &attr);
	get_text(attr, text, sizeof(text));
	return error_set(
		err, e->error, error_code(-e->error), "%s: kernel: %s%s%s",
		what, text[0] ? text : strerror(-e->error), text[0] ? ": " : "",
		text[0] ? strerror(-e->error) : "");
}
