/* SPDX-License-Identifier: GPL-2.0 */
/* Messages of the family "vtpm", Documentation/netlink/specs/vtpm.yaml. */
#ifndef _VTPM_NETLINK_H
#define _VTPM_NETLINK_H

#include <linux/types.h>
#include <uapi/linux/vtpm.h>

struct vtpm_instance;
struct sk_buff;

int vtpm_netlink_init(void);
/* After this no message is being handled and none arrives. */
void vtpm_netlink_exit(void);

/* A message with room for a command of @len bytes. */
struct sk_buff *vtpm_nl_command_alloc(size_t len);
/* Fill it in. Needs no memory and does not sleep. */
int vtpm_nl_command_fill(struct sk_buff *skb, u32 id, u64 seq, u8 locality,
			 const u8 *data, size_t len);
/* Send it; consumes @skb. -ECONNREFUSED: there is no such socket. */
int vtpm_nl_send(struct sk_buff *skb, u32 port);
void vtpm_nl_cancel(u32 port, u32 id, u64 seq);

/* To the group "events"; does not sleep; a lack of memory loses the event. */
void vtpm_nl_state_event(const struct vtpm_instance *inst,
			 enum vtpm_state old_state);

/* 0 or -EMSGSIZE; @skb is as it was then. */
int vtpm_nl_put_instance(struct sk_buff *skb, struct vtpm_instance *inst,
			 u32 port, u32 seq, int flags, u8 cmd);

#endif
