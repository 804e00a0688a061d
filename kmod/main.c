// SPDX-License-Identifier: GPL-2.0
/*
 * vtpm - virtual TPM 2.0 devices answered by userspace helpers
 *
 * This file is the map: what is set up, in which order, and its mirror. An
 * instance holds a reference on the module, so that rmmod finds none.
 */
#include <linux/module.h>
#include <net/genetlink.h>

#include "instance.h"
#include "netlink.h"

static int __init vtpm_init(void)
{
	int rc;

	rc = vtpm_instances_init();
	if (rc)
		return rc;
	rc = vtpm_netlink_init();
	if (rc)
		goto err_instances;
	return 0;

err_instances:
	vtpm_instances_exit();
	return rc;
}

static void __exit vtpm_exit(void)
{
	vtpm_netlink_exit();
	vtpm_instances_exit();
}

module_init(vtpm_init);
module_exit(vtpm_exit);

MODULE_DESCRIPTION("Virtual TPM 2.0 devices over generic netlink");
MODULE_AUTHOR("The vtpm authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(VTPM_VERSION);
MODULE_ALIAS_GENL_FAMILY(VTPM_FAMILY_NAME);
