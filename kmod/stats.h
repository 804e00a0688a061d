/* SPDX-License-Identifier: GPL-2.0 */
/* What an instance has done since its create; in sysfs and in the get reply. */
#ifndef _VTPM_STATS_H
#define _VTPM_STATS_H

#include <linux/ktime.h>
#include <linux/types.h>

struct sk_buff;
struct vtpm_instance;

/* 2^22 us are 4 s; nearly nothing takes longer. */
#define VTPM_LATENCY_BUCKETS 24

/* Protected by the instance's lock. The meanings are in vtpm.yaml. */
struct vtpm_stats {
	u64 commands;
	u64 errors;
	u64 cancels;
	u64 redeliveries;
	u64 refused;
	u64 bytes_sent;
	u64 bytes_received;
	u64 latency[VTPM_LATENCY_BUCKETS];
};

/* Count an answer; the microseconds since @since. */
u64 vtpm_stats_latency(struct vtpm_stats *stats, ktime_t since);

/* The nest VTPM_A_STATS. Holds inst->lock. 0 or -EMSGSIZE. */
int vtpm_stats_put(struct sk_buff *skb, const struct vtpm_instance *inst);

/* /sys/devices/virtual/vtpm/NAME/statistics/ */
extern const struct attribute_group vtpm_stats_group;

#endif
