// SPDX-License-Identifier: GPL-2.0
/*
 * Answers that a message handler has put off until a work has done what takes
 * long.
 */
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "instance.h"
#include "netlink.h"
#include "reply.h"

/* nlmsgerr with the request's header and a reason. */
static struct sk_buff *vtpm_reply_status_alloc(void)
{
	return nlmsg_new(sizeof(struct nlmsgerr) +
			 nla_total_size(VTPM_MAX_REASON + 1), GFP_KERNEL);
}

int vtpm_reply_prepare(struct genl_info *info, struct vtpm_reply_to *to)
{
	to->port = info->snd_portid;
	to->hdr = *info->nlhdr;
	to->ack = NULL;
	to->skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!to->skb)
		return -ENOMEM;
	if (!(to->hdr.nlmsg_flags & NLM_F_ACK))
		return 0;
	to->ack = vtpm_reply_status_alloc();
	if (to->ack)
		return 0;
	vtpm_reply_drop(to);
	return -ENOMEM;
}

void vtpm_reply_drop(struct vtpm_reply_to *to)
{
	kfree_skb(to->skb);
	kfree_skb(to->ack);
	memset(to, 0, sizeof(*to));
}

/* What netlink_ack() would have sent, had it been called in time. */
static void vtpm_reply_send_status(const struct vtpm_reply_to *to,
				   struct sk_buff *skb, int rc,
				   const char *reason)
{
	int flags = NLM_F_CAPPED | (rc && reason[0] ? NLM_F_ACK_TLVS : 0);
	struct nlmsgerr *msg;
	struct nlmsghdr *nlh;

	nlh = nlmsg_put(skb, to->port, to->hdr.nlmsg_seq, NLMSG_ERROR,
			sizeof(*msg), flags);
	if (WARN_ON_ONCE(!nlh)) {
		nlmsg_free(skb);
		return;
	}
	msg = nlmsg_data(nlh);
	msg->error = rc;
	msg->msg = to->hdr;
	if (flags & NLM_F_ACK_TLVS)
		nla_put_string(skb, NLMSGERR_ATTR_MSG, reason);
	nlmsg_end(skb, nlh);
	genlmsg_unicast(&init_net, skb, to->port);
}

void vtpm_reply_instance(struct vtpm_reply_to *to, struct vtpm_instance *inst)
{
	u8 cmd = inst->created_with_port ? VTPM_CMD_CREATE : VTPM_CMD_ATTACH;

	if (to->skb && !vtpm_nl_put_instance(to->skb, inst, to->port,
					     to->hdr.nlmsg_seq, 0, cmd)) {
		genlmsg_unicast(&init_net, to->skb, to->port);
		to->skb = NULL;
	}
	vtpm_reply_status(to, 0, "");	/* if it asked for one */
}

void vtpm_reply_status(struct vtpm_reply_to *to, int rc, const char *reason)
{
	struct sk_buff **skb = rc ? &to->skb : &to->ack;

	if (*skb)
		vtpm_reply_send_status(to, *skb, rc, reason);
	*skb = NULL;
	vtpm_reply_drop(to);
}
