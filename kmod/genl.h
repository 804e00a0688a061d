/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vtpm.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_VTPM_GEN_H
#define _LINUX_VTPM_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/vtpm.h>

extern const struct nla_policy vtpm_get_nl_policy[VTPM_A_NAME + 1];

extern const struct nla_policy vtpm_create_nl_policy[VTPM_A_MODE + 1];

extern const struct nla_policy vtpm_attach_nl_policy[VTPM_A_RESET + 1];

extern const struct nla_policy vtpm_fail_nl_policy[VTPM_A_REASON + 1];

extern const struct nla_policy vtpm_destroy_nl_policy[VTPM_A_ID + 1];

extern const struct nla_policy vtpm_response_nl_policy[VTPM_A_PAYLOAD + 1];

/* Ops table for vtpm */
extern const struct genl_ops vtpm_nl_ops[6];

int vtpm_nl_get_doit(struct sk_buff *skb, struct genl_info *info);
int vtpm_nl_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int vtpm_nl_create_doit(struct sk_buff *skb, struct genl_info *info);
int vtpm_nl_attach_doit(struct sk_buff *skb, struct genl_info *info);
int vtpm_nl_fail_doit(struct sk_buff *skb, struct genl_info *info);
int vtpm_nl_destroy_doit(struct sk_buff *skb, struct genl_info *info);
int vtpm_nl_response_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	VTPM_NLGRP_EVENTS,
};

#endif /* _LINUX_VTPM_GEN_H */
