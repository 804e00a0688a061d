// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The front end of /dev/tpmN: commands from vtpm.ko. Two system calls a
 * command, and no poll: one thread waits here and does nothing else.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/vtpm.h>

#include "engine/engine.h"
#include "engine/protocol.h"
#include "util/log.h"

static int parse_attr(const struct nlattr *a, void *arg)
{
	struct engine_command *c = arg;

	switch (mnl_attr_get_type(a)) {
	case VTPM_A_ID:
		if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
			return MNL_CB_ERROR;
		c->instance = mnl_attr_get_u32(a);
		break;
	case VTPM_A_SEQ:
		if (mnl_attr_validate(a, MNL_TYPE_U64) < 0)
			return MNL_CB_ERROR;
		c->seq = mnl_attr_get_u64(a);
		break;
	case VTPM_A_LOCALITY:
		if (mnl_attr_validate(a, MNL_TYPE_U8) < 0)
			return MNL_CB_ERROR;
		c->locality = mnl_attr_get_u8(a);
		break;
	case VTPM_A_PAYLOAD:
		c->data = mnl_attr_get_payload(a);
		c->len = mnl_attr_get_payload_len(a);
		break;
	}
	return MNL_CB_OK;
}

/* 0, or -EBADMSG for a message without all that makes a command. */
static int parse_command(const struct nlmsghdr *nlh, struct engine_command *c)
{
	memset(c, 0, sizeof(*c));
	if (mnl_attr_parse(nlh, sizeof(struct genlmsghdr), parse_attr, c) !=
		    MNL_CB_OK ||
	    !c->instance || !c->seq || !c->data || c->len > ENGINE_MAX_COMMAND)
		return -EBADMSG;
	return 0;
}

/*
 * Being short of memory passes, the end of the engine would not: it would take
 * the running state with it.
 */
static int send_response(int fd, const struct nlmsghdr *nlh)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	while (send(fd, nlh, nlh->nlmsg_len, 0) < 0) {
		if (errno == ENOBUFS || errno == ENOMEM || errno == EAGAIN)
			nanosleep(&pause, NULL);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* Execute, with the response written straight into the message. */
static int execute(struct engine *e, int fd, uint16_t family,
		   const struct engine_command *c)
{
	static char buf[ENGINE_MAX_COMMAND + 128]
		__attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlattr *payload;
	uint32_t len;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = c->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = VTPM_CMD_RESPONSE;
	genl->version = VTPM_FAMILY_VERSION;
	mnl_attr_put_u32(nlh, VTPM_A_ID, c->instance);
	mnl_attr_put_u64(nlh, VTPM_A_SEQ, c->seq);
	payload = mnl_nlmsg_get_payload_tail(nlh);
	payload->nla_type = VTPM_A_PAYLOAD;
	len = engine_execute(e, c, mnl_attr_get_payload(payload));
	payload->nla_len = MNL_ATTR_HDRLEN + len;
	nlh->nlmsg_len += MNL_ALIGN(payload->nla_len);
	return send_response(fd, nlh);
}

/* The kernel did not take a response; with ESTALE its client had gone. */
static void log_refusal(struct engine *e, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(err->error) &&
	    err->error && err->error != -ESTALE)
		log_warning("%s: the kernel refused a response: %s", e->name,
			    strerror(-err->error));
}

static int handle(struct engine *e, int fd, uint16_t family,
		  const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct engine_command c;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		log_refusal(e, nlh);
		return 0;
	}
	if (nlh->nlmsg_type != family ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return 0;
	/*
	 * A cancel is read only when the command before it has ended: libtpms
	 * runs in this thread. It is then too late to matter.
	 */
	if (genl->cmd != VTPM_CMD_COMMAND)
		return 0;
	if (parse_command(nlh, &c) < 0) {
		log_warning("%s: a command that is not one was ignored",
			    e->name);
		return 0;
	}
	return execute(e, fd, family, &c);
}

/*
 * Nothing to do for so long, and the self-tests go on: the kernel's commands of
 * a registration come closer upon one another.
 */
#define IDLE_MS 50

static void use_idle_time(struct engine *e, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	while (engine_has_idle_work(e) && !poll(&pfd, 1, IDLE_MS))
		engine_idle(e);
}

static int run(struct engine *e, int fd, uint16_t family)
{
	static char buf[ENGINE_MAX_COMMAND + 4096]
		__attribute__((aligned(NLMSG_ALIGNTO)));
	struct sockaddr_nl from = { 0 };
	socklen_t from_len;
	int r = 0;

	while (!r) {
		const struct nlmsghdr *nlh = (const void *)buf;
		ssize_t n;
		int left;

		use_idle_time(e, fd);
		from_len = sizeof(from);
		n = recvfrom(fd, buf, sizeof(buf), 0, (void *)&from, &from_len);
		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			return -errno;
		/* Only the kernel has port 0; anybody can send to a port. */
		if (n < 0 || from_len != sizeof(from) || from.nl_pid)
			continue;
		left = n;
		for (; !r && mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			r = handle(e, fd, family, nlh);
	}
	return r;
}

const struct frontend frontend_netlink = {
	.name = "netlink",
	.run = run,
};
