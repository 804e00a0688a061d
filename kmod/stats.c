// SPDX-License-Identifier: GPL-2.0
#include <linux/device.h>
#include <linux/log2.h>
#include <linux/sysfs.h>
#include <net/netlink.h>

#include "instance.h"
#include "stats.h"

u64 vtpm_stats_latency(struct vtpm_stats *stats, ktime_t since)
{
	s64 us = max_t(s64, ktime_us_delta(ktime_get(), since), 0);
	unsigned int i = us ? ilog2(us) + 1 : 0;

	stats->latency[min_t(unsigned int, i, VTPM_LATENCY_BUCKETS - 1)]++;
	return us;
}

int vtpm_stats_put(struct sk_buff *skb, const struct vtpm_instance *inst)
{
	const struct vtpm_stats *s = &inst->stats;
	const struct {
		int type;
		u64 value;
	} counters[] = {
		{ VTPM_A_STATS_COMMANDS, s->commands },
		{ VTPM_A_STATS_ERRORS, s->errors },
		{ VTPM_A_STATS_CANCELS, s->cancels },
		{ VTPM_A_STATS_REDELIVERIES, s->redeliveries },
		{ VTPM_A_STATS_REFUSED, s->refused },
		{ VTPM_A_STATS_BYTES_SENT, s->bytes_sent },
		{ VTPM_A_STATS_BYTES_RECEIVED, s->bytes_received },
	};
	struct nlattr *nest = nla_nest_start(skb, VTPM_A_STATS);
	unsigned int i;

	lockdep_assert_held(&inst->lock);
	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		if (nla_put_u64_64bit(skb, counters[i].type, counters[i].value,
				      VTPM_A_STATS_PAD))
			return -EMSGSIZE;
	}
	if (nla_put(skb, VTPM_A_STATS_LATENCY, sizeof(s->latency), s->latency))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

#define VTPM_STATS_SHOW(field)						\
static ssize_t field##_show(struct device *dev,				\
			    struct device_attribute *attr, char *buf)	\
{									\
	struct vtpm_instance *inst = to_instance(dev);			\
	u64 value;							\
									\
	spin_lock(&inst->lock);						\
	value = inst->stats.field;					\
	spin_unlock(&inst->lock);					\
	return sysfs_emit(buf, "%llu\n", value);			\
}

VTPM_STATS_SHOW(commands)
static DEVICE_ATTR_RO(commands);
VTPM_STATS_SHOW(errors)
static DEVICE_ATTR_RO(errors);
VTPM_STATS_SHOW(cancels)
static DEVICE_ATTR_RO(cancels);
VTPM_STATS_SHOW(redeliveries)
static DEVICE_ATTR_RO(redeliveries);
VTPM_STATS_SHOW(refused)
static DEVICE_ATTR_RO(refused);
VTPM_STATS_SHOW(bytes_sent)
static DEVICE_ATTR_RO(bytes_sent);
VTPM_STATS_SHOW(bytes_received)
static DEVICE_ATTR_RO(bytes_received);

/* One histogram, as in "stat" of a block device: counts with blanks between. */
static ssize_t latency_us_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct vtpm_instance *inst = to_instance(dev);
	u64 copy[VTPM_LATENCY_BUCKETS];
	unsigned int i;
	int len = 0;

	spin_lock(&inst->lock);
	memcpy(copy, inst->stats.latency, sizeof(copy));
	spin_unlock(&inst->lock);
	for (i = 0; i < VTPM_LATENCY_BUCKETS; i++)
		len += sysfs_emit_at(buf, len, "%llu%c", copy[i],
				     i == VTPM_LATENCY_BUCKETS - 1 ? '\n' : ' ');
	return len;
}
static DEVICE_ATTR_RO(latency_us);

static struct attribute *vtpm_stats_attrs[] = {
	&dev_attr_commands.attr,
	&dev_attr_errors.attr,
	&dev_attr_cancels.attr,
	&dev_attr_redeliveries.attr,
	&dev_attr_refused.attr,
	&dev_attr_bytes_sent.attr,
	&dev_attr_bytes_received.attr,
	&dev_attr_latency_us.attr,
	NULL,
};

const struct attribute_group vtpm_stats_group = {
	.name = "statistics",
	.attrs = vtpm_stats_attrs,
};
