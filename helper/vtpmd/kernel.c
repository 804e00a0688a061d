// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/vtpm.h>

#include "util/cleanup.h"
#include "vtpmd/kernel.h"
#include "vtpmd/settings.h"

/*
 * Registering a device runs a dozen TPM commands. One that hangs has 300 s in
 * the module, which is longer than anybody waits here: who gives up ends the
 * engine, which ends the registration. Destroying takes the module 5 s at most.
 */
#define WORK_TIMEOUT_MS 90000
#define QUICK_TIMEOUT_MS 10000
#define MSG_SIZE 8192
#define ENGINE_RCVBUF (1024 * 1024)

struct request {
	struct mnl_socket *sock;
	uint16_t family;
	uint32_t events_group;
	uint32_t seq;
	char buf[MSG_SIZE];
};

/* Called for each answer: 1 to go on, 0 for the end, or a negative errno. */
typedef int (*answer_fn)(const struct nlmsghdr *nlh, void *arg,
			 struct error *err);

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

static struct nlmsghdr *start_message(struct request *rq, uint16_t type,
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
static int take_answers(struct request *rq, ssize_t len, const char *what,
			answer_fn fn, void *arg, struct error *err)
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
static ssize_t receive(struct request *rq)
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

/* Send the message that stands in rq->buf and wait for all of its answer. */
static int transact(struct request *rq, const char *what, int timeout_ms,
		    answer_fn fn, void *arg, struct error *err)
{
	const struct nlmsghdr *nlh = (struct nlmsghdr *)rq->buf;
	struct timespec end;
	ssize_t n;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	if (mnl_socket_sendto(rq->sock, nlh, nlh->nlmsg_len) < 0)
		return error_set(err, -errno, VTPM_ERR_KERNEL, "%s: %s", what,
				 strerror(errno));
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

/* The numbers of our family in a message of nlctrl; -ENOENT if not ours. */
static int parse_family(const struct nlmsghdr *nlh, uint16_t *family,
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
	struct request *rq = arg;

	(void)err;
	return parse_family(nlh, &rq->family, &rq->events_group) < 0 ? 1 : 0;
}

static void request_deinit(struct request *rq)
{
	if (rq->sock)
		mnl_socket_close(rq->sock);
	rq->sock = NULL;
}

/* A socket, and the family's number: it changes when the module is reloaded. */
static int request_init(struct request *rq, struct error *err)
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
	nlh = start_message(rq, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, VTPM_FAMILY_NAME);
	r = transact(rq, "family", QUICK_TIMEOUT_MS, on_family, rq, &local);
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

int kernel_family(uint16_t *family, struct error *err)
{
	struct request rq;
	int r = request_init(&rq, err);

	if (r < 0)
		return r;
	*family = rq.family;
	request_deinit(&rq);
	return 0;
}

int kernel_open_engine_socket(int *fd, uint32_t *port, struct error *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);
	int size = ENGINE_RCVBUF;
	_cleanup_close_ int sock =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (sock < 0 ||
	    bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(sock, (struct sockaddr *)&addr, &len) < 0)
		return error_set(err, -errno, VTPM_ERR_KERNEL,
				 "generic netlink: %s", strerror(errno));
	if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	*port = addr.nl_pid;
	*fd = TAKE_FD(sock);
	return 0;
}

static int on_instance(const struct nlmsghdr *nlh, void *arg, struct error *err)
{
	if (kernel_parse_instance(nlh, arg) < 0)
		return error_set(err, -EBADMSG, VTPM_ERR_KERNEL,
				 "the kernel's answer lacks attributes; do the "
				 "module and vtpmd have the same version?");
	return 0;
}

int kernel_create(const char *name, const uint8_t uuid[UUID_LEN], uint32_t port,
		  const struct settings *s, struct kernel_instance *out,
		  struct error *err)
{
	struct request rq;
	struct nlmsghdr *nlh;
	int r = request_init(&rq, err);

	if (r < 0)
		return r;
	nlh = start_message(&rq, rq.family, VTPM_CMD_CREATE, 0);
	mnl_attr_put_strz(nlh, VTPM_A_NAME, name);
	mnl_attr_put(nlh, VTPM_A_UUID, UUID_LEN, uuid);
	mnl_attr_put_u32(nlh, VTPM_A_PORT, port);
	mnl_attr_put_u32(nlh, VTPM_A_OWNER_UID, s->uid);
	mnl_attr_put_u32(nlh, VTPM_A_OWNER_GID, s->gid);
	mnl_attr_put_u32(nlh, VTPM_A_MODE, s->mode);
	memset(out, 0, sizeof(*out));
	r = transact(&rq, "create", WORK_TIMEOUT_MS, on_instance, out, err);
	request_deinit(&rq);
	if (!r && !out->has_device)
		return error_set(err, -EPROTO, VTPM_ERR_KERNEL,
				 "create: the kernel named no device");
	return r;
}

int kernel_destroy(uint32_t id, struct error *err)
{
	struct error local = { 0 };
	struct request rq;
	struct nlmsghdr *nlh;
	int r = request_init(&rq, &local);

	/* No module, no instance. */
	if (r == -ENODEV)
		return 0;
	if (!r) {
		nlh = start_message(&rq, rq.family, VTPM_CMD_DESTROY,
				    NLM_F_ACK);
		mnl_attr_put_u32(nlh, VTPM_A_ID, id);
		r = transact(&rq, "destroy", WORK_TIMEOUT_MS, NULL, NULL,
			     &local);
		request_deinit(&rq);
	}
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r < 0 && err)
		*err = local;
	return r;
}

int kernel_fail(uint32_t id, const char *reason, struct error *err)
{
	char text[VTPM_MAX_REASON + 1];
	struct request rq;
	struct nlmsghdr *nlh;
	int r = request_init(&rq, err);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%s", reason);
	nlh = start_message(&rq, rq.family, VTPM_CMD_FAIL, NLM_F_ACK);
	mnl_attr_put_u32(nlh, VTPM_A_ID, id);
	mnl_attr_put_strz(nlh, VTPM_A_REASON, text);
	r = transact(&rq, "fail", QUICK_TIMEOUT_MS, NULL, NULL, err);
	request_deinit(&rq);
	return r;
}

struct dump {
	struct kernel_instance *list;
	size_t n;
};

static int on_dump(const struct nlmsghdr *nlh, void *arg, struct error *err)
{
	struct dump *d = arg;
	struct kernel_instance *p;
	int r;

	p = reallocarray(d->list, d->n + 1, sizeof(*p));
	if (!p)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	d->list = p;
	r = on_instance(nlh, &p[d->n], err);
	if (r < 0)
		return r;
	d->n++;
	return 1;
}

int kernel_dump(struct kernel_instance **out, size_t *n, struct error *err)
{
	struct dump d = { 0 };
	struct request rq;
	int r = request_init(&rq, err);

	if (r < 0)
		return r;
	start_message(&rq, rq.family, VTPM_CMD_GET, NLM_F_DUMP);
	r = transact(&rq, "get", QUICK_TIMEOUT_MS, on_dump, &d, err);
	request_deinit(&rq);
	if (r < 0) {
		free(d.list);
		return r;
	}
	*out = d.list;
	*n = d.n;
	return 0;
}

int kernel_destroy_stale(const char *name, const uint8_t uuid[UUID_LEN],
			 struct error *err)
{
	_cleanup_free_ struct kernel_instance *list = NULL;
	size_t n = 0;
	int r = kernel_dump(&list, &n, err);

	for (size_t i = 0; !r && i < n; i++) {
		if (memcmp(list[i].uuid, uuid, UUID_LEN))
			continue;
		if (strcmp(list[i].name, name))
			r = error_set(err, -EBUSY, VTPM_ERR_IN_USE,
				      "vTPM %s is a copy of %s, which runs; "
				      "stop that one first",
				      name, list[i].name);
		else if (!list[i].port)
			r = kernel_destroy(list[i].id, err);
	}
	return r;
}

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
	struct request rq;
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
	    !parse_family(nlh, &family, &group) && group)
		join_group(fd, group);
}

int kernel_read_events(int fd, void (*fn)(const struct kernel_event *, void *),
		       void *arg)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	char buf[MSG_SIZE];
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
