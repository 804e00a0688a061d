// SPDX-License-Identifier: GPL-2.0
/*
 * The parent device of an instance, /sys/devices/virtual/vtpm/NAME: what its
 * class shows there, and the way of suspend and resume to the TPM core.
 */
#include <linux/device.h>
#include <linux/pm.h>
#include <linux/sysfs.h>

#include "instance.h"
#include "request.h"

static const char *const vtpm_state_names[] = {
	[VTPM_STATE_NEW] = "new",
	[VTPM_STATE_REGISTERING] = "registering",
	[VTPM_STATE_READY] = "ready",
	[VTPM_STATE_DETACHED] = "detached",
	[VTPM_STATE_FAILED] = "failed",
	[VTPM_STATE_GONE] = "gone",
};

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  vtpm_state_names[READ_ONCE(to_instance(dev)->state)]);
}
static DEVICE_ATTR_RO(state);

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%pUb\n", &to_instance(dev)->uuid);
}
static DEVICE_ATTR_RO(uuid);

/* QEMU's -tpmdev passthrough writes here, as /sys/class/tpm/tpmN/device/cancel. */
static ssize_t cancel_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t count)
{
	vtpm_request_cancel(to_instance(dev));
	return count;
}
static DEVICE_ATTR_WO(cancel);

static struct attribute *vtpm_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_uuid.attr,
	&dev_attr_cancel.attr,
	NULL,
};

static const struct attribute_group vtpm_group = {
	.attrs = vtpm_attrs,
};

static const struct attribute_group *vtpm_groups[] = {
	&vtpm_group,
	&vtpm_stats_group,
	NULL,
};

/* Nothing to suspend before the chip is there or after it has gone. */
static int vtpm_pm_suspend(struct device *dev)
{
	return dev_get_drvdata(dev) ? tpm_pm_suspend(dev) : 0;
}

static int vtpm_pm_resume(struct device *dev)
{
	return dev_get_drvdata(dev) ? tpm_pm_resume(dev) : 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(vtpm_pm, vtpm_pm_suspend, vtpm_pm_resume);

struct class vtpm_class = {
	.name = "vtpm",
	.dev_groups = vtpm_groups,
	.pm = pm_sleep_ptr(&vtpm_pm),
};
