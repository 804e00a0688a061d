// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdalign.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "nl.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static struct nlmsghdr *hdr(struct nl_msg *m)
{
	return (struct nlmsghdr *)m->buf;
}

static void begin(struct nl *nl, struct nl_msg *m, int type, int cmd, int flags)
{
	struct genlmsghdr *g = (struct genlmsghdr *)(m->buf + NLMSG_HDRLEN);

	memset(m->buf, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	m->len = NLMSG_HDRLEN + GENL_HDRLEN;
	hdr(m)->nlmsg_type = type;
	hdr(m)->nlmsg_flags = NLM_F_REQUEST | flags;
	hdr(m)->nlmsg_seq = ++nl->seq;
	g->cmd = cmd;
	g->version = 1;
}

void nl_begin(struct nl *nl, struct nl_msg *m, int cmd, int flags)
{
	begin(nl, m, nl->family, cmd, flags);
}

void nl_put(struct nl_msg *m, int type, const void *data, size_t len)
{
	struct nlattr *a = (struct nlattr *)(m->buf + m->len);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy(m->buf + m->len + NLA_HDRLEN, data, len);
	memset(m->buf + m->len + NLA_HDRLEN + len, 0,
	       NLA_ALIGN(a->nla_len) - a->nla_len);
	m->len += NLA_ALIGN(a->nla_len);
}

void nl_put_u32(struct nl_msg *m, int type, uint32_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

void nl_put_str(struct nl_msg *m, int type, const char *s)
{
	nl_put(m, type, s, strlen(s) + 1);
}

int nl_send(struct nl *nl, struct nl_msg *m)
{
	hdr(m)->nlmsg_len = m->len;
	return send(nl->fd, m->buf, m->len, 0) < 0 ? -errno : 0;
}

static uint32_t get_u32(const struct nlattr *a)
{
	uint32_t v;

	memcpy(&v, (const char *)a + NLA_HDRLEN, sizeof(v));
	return v;
}

static void copy_text(char *to, size_t size, const struct nlattr *a)
{
	size_t n = a->nla_len - NLA_HDRLEN;

	n = n < size ? n : size - 1;
	memcpy(to, (const char *)a + NLA_HDRLEN, n);
	to[n] = 0;
}

static void parse_stats(struct nl_in *in, const struct nlattr *nest)
{
	const uint8_t *p = (const uint8_t *)nest + NLA_HDRLEN;
	const uint8_t *end = (const uint8_t *)nest + nest->nla_len;

	in->has_stats = 1;
	while (p + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const void *)p;
		uint32_t len = a->nla_len - NLA_HDRLEN;

		if (a->nla_len < NLA_HDRLEN || p + a->nla_len > end)
			return;
		if (a->nla_type == VTPM_A_STATS_LATENCY &&
		    len <= sizeof(in->latency)) {
			memcpy(in->latency, p + NLA_HDRLEN, len);
			in->latency_n = len / sizeof(in->latency[0]);
		} else if (a->nla_type < 16 && len == 8) {
			memcpy(&in->stats[a->nla_type], p + NLA_HDRLEN, 8);
		}
		p += NLA_ALIGN(a->nla_len);
	}
}

static void parse_attr(struct nl_in *in, const struct nlattr *a)
{
	switch (a->nla_type & NLA_TYPE_MASK) {
	case VTPM_A_ID:
		in->id = get_u32(a);
		break;
	case VTPM_A_STATE:
		in->state = get_u32(a);
		break;
	case VTPM_A_OLD_STATE:
		in->old_state = get_u32(a);
		break;
	case VTPM_A_TPM_NUMBER:
		in->number = get_u32(a);
		in->has_number = 1;
		break;
	case VTPM_A_PORT:
		in->port = get_u32(a);
		break;
	case VTPM_A_OWNER_UID:
		in->uid = get_u32(a);
		break;
	case VTPM_A_OWNER_GID:
		in->gid = get_u32(a);
		break;
	case VTPM_A_MODE:
		in->mode = get_u32(a);
		break;
	case VTPM_A_STATS:
		parse_stats(in, a);
		break;
	case VTPM_A_LOCALITY:
		in->locality = *((const uint8_t *)a + NLA_HDRLEN);
		break;
	case VTPM_A_BUFFER_SIZE:
		in->buffer_size = get_u32(a);
		break;
	case VTPM_A_SEQ:
		memcpy(&in->seq, (const char *)a + NLA_HDRLEN, 8);
		break;
	case VTPM_A_NAME:
		copy_text(in->name, sizeof(in->name), a);
		break;
	case VTPM_A_REASON:
		copy_text(in->reason, sizeof(in->reason), a);
		break;
	case VTPM_A_PAYLOAD:
		in->payload_len = a->nla_len - NLA_HDRLEN;
		if (in->payload_len > sizeof(in->payload))
			in->payload_len = sizeof(in->payload);
		memcpy(in->payload, (const char *)a + NLA_HDRLEN,
		       in->payload_len);
		break;
	}
}

static void parse_status(struct nl_in *in, const uint8_t *p, uint32_t len,
			 int flags)
{
	uint32_t off = sizeof(struct nlmsgerr);

	in->cmd = -1;
	memcpy(&in->error, p, sizeof(in->error));
	if (!(flags & NLM_F_ACK_TLVS))
		return;
	if (!(flags & NLM_F_CAPPED))
		off += ((const struct nlmsgerr *)p)->msg.nlmsg_len -
		       NLMSG_HDRLEN;
	while (off + NLA_HDRLEN <= len) {
		const struct nlattr *a = (const void *)(p + off);

		if (a->nla_len < NLA_HDRLEN)
			break;
		if (a->nla_type == NLMSGERR_ATTR_MSG)
			copy_text(in->text, sizeof(in->text), a);
		off += NLA_ALIGN(a->nla_len);
	}
}

int nl_recv(struct nl *nl, struct nl_in *in, int ms)
{
	static __thread alignas(4) uint8_t buf[16384];
	struct pollfd p = { nl->fd, POLLIN, 0 };
	struct nlmsghdr *h = (void *)buf;
	uint32_t off;
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return -ETIMEDOUT;
	n = recv(nl->fd, buf, sizeof(buf), 0);
	if (n < 0)
		return -errno;
	memset(in, 0, sizeof(*in));
	in->seqno = h->nlmsg_seq;
	if (h->nlmsg_type == NLMSG_ERROR) {
		parse_status(in, buf + NLMSG_HDRLEN,
			     h->nlmsg_len - NLMSG_HDRLEN, h->nlmsg_flags);
		return 0;
	}
	in->cmd = ((struct genlmsghdr *)(buf + NLMSG_HDRLEN))->cmd;
	for (off = NLMSG_HDRLEN + GENL_HDRLEN;
	     off + NLA_HDRLEN <= h->nlmsg_len;) {
		const struct nlattr *a = (const void *)(buf + off);

		if (a->nla_len < NLA_HDRLEN)
			return -EBADMSG;
		parse_attr(in, a);
		off += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

int nl_call(struct nl *nl, struct nl_msg *m, struct nl_in *in, int ms)
{
	uint32_t seq = hdr(m)->nlmsg_seq;
	int r = nl_send(nl, m);

	while (!r) {
		r = nl_recv(nl, in, ms);
		if (!r && in->seqno == seq)
			return in->cmd == -1 ? in->error : 0;
	}
	return r;
}

int nl_call_id(struct nl *nl, int cmd, uint32_t id, uint32_t port, int reset,
	       struct nl_in *in)
{
	struct nl_msg m;

	nl_begin(nl, &m, cmd, NLM_F_ACK);
	nl_put_u32(&m, VTPM_A_ID, id);
	if (port)
		nl_put_u32(&m, VTPM_A_PORT, port);
	if (reset)
		nl_put(&m, VTPM_A_RESET, "", 0);
	return nl_call(nl, &m, in, 20000);
}

/* Family id and group id; the replies of genetlink's own controller. */
static int resolve(struct nl *nl)
{
	static alignas(4) uint8_t buf[8192];
	struct nl_msg m;
	struct nlmsghdr *h = (void *)buf;
	uint32_t off;

	begin(nl, &m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	nl_put_str(&m, CTRL_ATTR_FAMILY_NAME, VTPM_FAMILY_NAME);
	if (nl_send(nl, &m) || recv(nl->fd, buf, sizeof(buf), 0) < 0)
		return -EIO;
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)(buf + NLMSG_HDRLEN))->error;
	for (off = NLMSG_HDRLEN + GENL_HDRLEN; off < h->nlmsg_len;) {
		const struct nlattr *a = (const void *)(buf + off);

		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&nl->family, buf + off + NLA_HDRLEN, 2);
		/* One group: its attributes are name and id, in this order. */
		if ((a->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_MCAST_GROUPS) {
			const uint8_t *g = buf + off + 2 * NLA_HDRLEN;
			const struct nlattr *x = (const void *)g;
			int i;

			for (i = 0; i < 2; i++) {
				if (x->nla_type == CTRL_ATTR_MCAST_GRP_ID)
					nl->events = get_u32(x);
				x = (const void *)((const char *)x +
						   NLA_ALIGN(x->nla_len));
			}
		}
		off += NLA_ALIGN(a->nla_len);
	}
	return nl->family && nl->events ? 0 : -EPROTO;
}

int nl_open(struct nl *nl)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(sa);
	int one = 1, r;

	memset(nl, 0, sizeof(*nl));
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	if (bind(nl->fd, (void *)&sa, sizeof(sa)) < 0 ||
	    getsockname(nl->fd, (void *)&sa, &len) < 0) {
		r = -errno;
		goto err;
	}
	nl->port = sa.nl_pid;
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	r = resolve(nl);
	if (!r)
		return 0;
err:
	close(nl->fd);
	nl->fd = -1;
	return r;
}

void nl_close(struct nl *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}
