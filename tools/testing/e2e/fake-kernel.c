// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To be loaded into vtpmd (LD_PRELOAD): its requests to the module are answered
 * as if that was there and made a device for everybody who asks, so that starts
 * come to their end, and engines open their files, without the module. No device
 * is there, and no command comes. For tests.
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/vtpm.h>

#define FAMILY 0x7f
#define MAX_FD 4096

/* What is to be read from a descriptor; one thread uses it. */
static char *answers[MAX_FD];
static atomic_uint devices;

ssize_t mnl_socket_sendto(const struct mnl_socket *sock, const void *buf,
			  size_t len);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags,
		       struct sockaddr *from, socklen_t *from_len);
int __poll_chk(struct pollfd *p, nfds_t n, int timeout, size_t size);

static void put_family(struct nlmsghdr *nlh)
{
	struct nlattr *groups, *group;

	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, VTPM_FAMILY_NAME);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, VTPM_MCGRP_EVENTS);
	/* One that is there. */
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, GENL_ID_CTRL);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
}

static void put_instance(struct nlmsghdr *nlh, const struct nlmsghdr *request)
{
	const struct nlattr *attr;
	unsigned int id = ++devices;

	mnl_attr_put_u32(nlh, VTPM_A_ID, id);
	mnl_attr_put_u32(nlh, VTPM_A_STATE, VTPM_STATE_READY);
	mnl_attr_put_u32(nlh, VTPM_A_TPM_NUMBER, id);
	mnl_attr_for_each(attr, request, sizeof(struct genlmsghdr)) {
		unsigned int type = mnl_attr_get_type(attr);

		if (type == VTPM_A_NAME || type == VTPM_A_UUID ||
		    type == VTPM_A_PORT)
			mnl_attr_put(nlh, type, mnl_attr_get_payload_len(attr),
				     mnl_attr_get_payload(attr));
	}
}

ssize_t mnl_socket_sendto(const struct mnl_socket *sock, const void *buf,
			  size_t len)
{
	const struct nlmsghdr *request = buf;
	const struct genlmsghdr *in = mnl_nlmsg_get_payload(request);
	char *text = calloc(1, MNL_SOCKET_BUFFER_SIZE);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(text);

	nlh->nlmsg_seq = request->nlmsg_seq;
	nlh->nlmsg_type = request->nlmsg_type;
	if (request->nlmsg_type == GENL_ID_CTRL) {
		mnl_nlmsg_put_extra_header(nlh, sizeof(*in));
		put_family(nlh);
	} else if (in->cmd == VTPM_CMD_CREATE) {
		mnl_nlmsg_put_extra_header(nlh, sizeof(*in));
		put_instance(nlh, request);
	} else if (in->cmd == VTPM_CMD_GET) {
		nlh->nlmsg_type = NLMSG_DONE;
		mnl_nlmsg_put_extra_header(nlh, sizeof(int));
	} else {
		nlh->nlmsg_type = NLMSG_ERROR;
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct nlmsgerr));
	}
	free(answers[mnl_socket_get_fd(sock)]);
	answers[mnl_socket_get_fd(sock)] = text;
	return len;
}

static bool has_answer(int fd)
{
	return fd >= 0 && fd < MAX_FD && answers[fd];
}

ssize_t recvfrom(int fd, void *buf, size_t len, int flags,
		 struct sockaddr *from, socklen_t *from_len)
{
	ssize_t (*next)(int, void *, size_t, int, struct sockaddr *,
			socklen_t *) = dlsym(RTLD_NEXT, "recvfrom");
	size_t n;

	if (!has_answer(fd))
		return next(fd, buf, len, flags, from, from_len);
	n = ((struct nlmsghdr *)answers[fd])->nlmsg_len;
	memcpy(buf, answers[fd], n);
	memset(from, 0, *from_len);
	free(answers[fd]);
	answers[fd] = NULL;
	return n;
}

ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags,
		       struct sockaddr *from, socklen_t *from_len)
{
	(void)size;
	return recvfrom(fd, buf, len, flags, from, from_len);
}

int poll(struct pollfd *p, nfds_t n, int timeout)
{
	int (*next)(struct pollfd *, nfds_t, int) = dlsym(RTLD_NEXT, "poll");

	if (n != 1 || !has_answer(p->fd))
		return next(p, n, timeout);
	p->revents = POLLIN;
	return 1;
}

int __poll_chk(struct pollfd *p, nfds_t n, int timeout, size_t size)
{
	(void)size;
	return poll(p, n, timeout);
}
