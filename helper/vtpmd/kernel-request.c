// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/vtpm.h>

#include "vtpmd/kernel.h"
#include "vtpmd/kernel-request.h"

static int socket_open(struct mnl_socket **out, struct error *err)
{
	struct mnl_socket *sock =
		mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	int one = 1;

	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		if (sock)
			mnl_socket_close(sock);
		return error_set(err, r, VTPM_ERR_KERNEL, "generic netlink: %s",
				 strerror(-r));
	}
	/* Without it there is only an errno, which is no loss of safety. */
	mnl_socket_setsockopt(sock, NETLINK_EXT_ACK, &one, sizeof(one));
	*out = sock;
	return 0;
}

struct nlmsghdr *request_start(struct kernel_request *rq, uint16_t type,
			       uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(rq->buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++rq->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = VTPM_FAMILY_VERSION;
	return nlh;
}

static int wait_readable(int fd, const struct timespec *end)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct timespec now;
	int64_t left;
	int r;

	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = (int64_t)(end->tv_sec - now.tv_sec) * 1000;
		r = left > 0 ? poll(&pfd, 1, left) : 0;
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r ? 0 : -ETIMEDOUT;
}

/* All messages of one datagram; 1 to go on. */
static int take_answers(struct kernel_request *rq, ssize_t len,
			const char *what, request_answer_fn fn, void *arg,
			struct error *err)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)rq->buf;
	int left = len, r = 1;

	for (; r > 0 && mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_seq != rq->seq)
			continue;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			r = kernel_parse_error(nlh, what, err);
		else if (nlh->nlmsg_type == NLMSG_DONE)
			r = 0;
		else
			r = fn ? fn(nlh, arg, err) : 1;
	}
	return r;
}

/* One datagram. The length; 0 for one to be ignored; or a negative errno. */
static ssize_t receive(struct kernel_request *rq)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t n =
		recvfrom(mnl_socket_get_fd(rq->sock), rq->buf, sizeof(rq->buf),
			 MSG_TRUNC, (struct sockaddr *)&from, &from_len);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	/* Only the kernel is believed. */
	if (from_len != sizeof(from) || from.nl_pid)
		return 0;
	return n > (ssize_t)sizeof(rq->buf) ? -EMSGSIZE : n;
}

int request_send(struct kernel_request *rq, const char *what, struct error *err)
{
	const struct nlmsghdr *nlh = (struct nlmsghdr *)rq->buf;

	if (mnl_socket_sendto(rq->sock, nlh, nlh->nlmsg_len) < 0)
		return error_set(err, -errno, VTPM_ERR_KERNEL, "%s: %s", what,
				 strerror(errno));
	return 0;
}

int request_wait(struct kernel_request *rq, const char *what, int timeout_ms,
		 request_answer_fn fn, void *arg, struct error *err)
{
	struct timespec end;
	ssize_t n;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	do {
		r = wait_readable(mnl_socket_get_fd(rq->sock), &end);
		if (r < 0)
			return error_set(err, r, VTPM_ERR_KERNEL,
					 "%s: the kernel did not answer: %s",
					 what, strerror(-r));
		n = receive(rq);
		if (n < 0)
			return error_set(err, n, VTPM_ERR_KERNEL, "%s: %s",
					 what, strerror(-n));
		r = n ? take_answers(rq, n, what, fn, arg, err) : 1;
	} while (r > 0);
	return r;
}

int request_transact(struct kernel_request *rq, const char *what,
		     int timeout_ms, request_answer_fn fn, void *arg,
		     struct error *err)
{
	int r = request_send(rq, what, err);

	return r < 0 ? r : request_wait(rq, what, timeout_ms, fn, arg, err);
}

static int find_group(const struct nlattr *nest, uint32_t *out)
{
	const struct nlattr *group, *attr;

	mnl_attr_for_each_nested(group, nest) {
		const char *name = NULL;
		uint32_t id = 0;

		mnl_attr_for_each_nested(attr, group) {
			if (mnl_attr_get_type(attr) ==
				    CTRL_ATTR_MCAST_GRP_NAME &&
			    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
				name = mnl_attr_get_str(attr);
			if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID &&
			    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
				id = mnl_attr_get_u32(attr);
		}
		if (name && !strcmp(name, VTPM_MCGRP_EVENTS)) {
			*out = id;
			return 0;
		}
	}
	return -ENOENT;
}

int request_parse_family(const struct nlmsghdr *nlh, uint16_t *family,
			 uint32_t *group)
{
	const struct nlattr *attr;
	bool ours = false;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_NAME:
			ours = mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >=
				       0 &&
			       !strcmp(mnl_attr_get_str(attr),
				       VTPM_FAMILY_NAME);
			break;
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
				*family = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			find_group(attr, group);
			break;
		}
	}
	return ours ? 0 : -ENOENT;
}

static int on_family(const struct nlmsghdr *nlh, void *arg, struct error *err)
{
	struct kernel_request *rq = arg;

	(void)err;
	return request_parse_family(nlh, &rq->family, &rq->events_group) < 0
		       ? 1
		       : 0;
}

void request_deinit(struct kernel_request *rq)
{
	if (rq->sock)
		mnl_socket_close(rq->sock);
	rq->sock = NULL;
}

int request_init(struct kernel_request *rq, struct error *err)
{
	struct error local = { 0 };
	struct nlmsghdr *nlh;
	int r;

	rq->sock = NULL;
	rq->seq = time(NULL);
	rq->family = 0;
	rq->events_group = 0;
	r = socket_open(&rq->sock, err);
	if (r < 0)
		return r;
	nlh = request_start(rq, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, VTPM_FAMILY_NAME);
	r = request_transact(rq, "family", REQUEST_TIMEOUT_MS, on_family, rq,
			     &local);
	if (!r && rq->family)
		return 0;
	request_deinit(rq);
	if (r == -ENOENT || !r)
		return error_set(err, -ENODEV, VTPM_ERR_NO_MODULE,
				 "the kernel module is not loaded; load it "
				 "with: modprobe vtpm");
	if (err)
		*err = local;
	return r;
}
