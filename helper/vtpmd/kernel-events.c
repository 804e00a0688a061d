// SPDX-License-Identifier: GPL-2.0-or-later
/* What the module tells without being asked. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/vtpm.h>

#include "util/cleanup.h"
#include "vtpmd/kernel.h"
#include "vtpmd/kernel-request.h"

static int join_group(int fd, uint32_t group)
{
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			  sizeof(group)) < 0
		       ? -errno
		       : 0;
}

/* nlctrl's own "notify" group: it tells when a family comes. */
#define CTRL_NOTIFY_GROUP GENL_ID_CTRL

int kernel_open_events(int *fd, struct error *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	_cleanup_close_ int sock =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       NETLINK_GENERIC);
	struct kernel_request rq;
	int r;

	if (sock < 0 ||
	    bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    join_group(sock, CTRL_NOTIFY_GROUP) < 0)
		return error_set(err, -errno, VTPM_ERR_KERNEL,
				 "generic netlink: %s", strerror(errno));
	/* After the notices are on, so that the module cannot slip between. */
	if (!request_init(&rq, NULL)) {
		r = join_group(sock, rq.events_group);
		request_deinit(&rq);
		if (r < 0)
			return error_set(err, r, VTPM_ERR_KERNEL,
					 "events of the module: %s",
					 strerror(-r));
	}
	*fd = TAKE_FD(sock);
	return 0;
}

static void take_notice(int fd, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	uint16_t family = 0;
	uint32_t group = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*genl) &&
	    genl->cmd == CTRL_CMD_NEWFAMILY &&
	    !request_parse_family(nlh, &family, &group) && group)
		join_group(fd, group);
}

int kernel_read_events(int fd, void (*fn)(const struct kernel_event *, void *),
		       void *arg)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	char buf[REQUEST_SIZE];
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from,
			     &from_len);
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	struct kernel_event ev;
	int left = n;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	/* Only the kernel is believed. */
	if (from_len != sizeof(from) || from.nl_pid)
		return 0;
	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

		if (nlh->nlmsg_type == GENL_ID_CTRL)
			take_notice(fd, nlh);
		else if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*genl) &&
			 genl->cmd == VTPM_CMD_STATE_NTF &&
			 !kernel_parse_event(nlh, &ev))
			fn(&ev, arg);
	}
	return 0;
}
