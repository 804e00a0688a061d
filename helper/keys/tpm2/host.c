// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "keys/tpm2/host.h"

/*
 * The parent of a vTPM's device is /sys/devices/virtual/vtpm/NAME. By number,
 * since a node or a link can have any name.
 */
static int check_parent(const char *sysfs, const char *device, dev_t number,
			struct error *err)
{
	char link[PATH_MAX], parent[PATH_MAX], ours[PATH_MAX];
	size_t len;

	snprintf(link, sizeof(link), "%s/dev/char/%u:%u/device", sysfs,
		 major(number), minor(number));
	len = snprintf(ours, sizeof(ours), "%s/devices/virtual/vtpm/", sysfs);
	if (len >= sizeof(ours) || !realpath(link, parent))
		return error_set(err, -ENODEV, VTPM_ERR_PROVIDER,
				 "cannot tell whose TPM %s is: %s: %s; name "
				 "the host's own TPM in \"tcti\"",
				 device, link, strerror(errno));
	if (!strncmp(parent, ours, len))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "%s is the virtual TPM %s, whose own keys "
				 "would be sealed to it; name the host's own "
				 "TPM in \"tcti\"",
				 device, parent + len);
	return 0;
}

int host_check_device(const char *sysfs, const char *device, struct error *err)
{
	struct stat st;
	int r;

	if (stat(device, &st) < 0)
		return error_set(err, -errno, VTPM_ERR_PROVIDER,
				 "there is no TPM at %s: %s; is it on in the "
				 "firmware's setup, and its driver loaded?",
				 device, strerror(errno));
	if (!S_ISCHR(st.st_mode))
		return error_set(err, -ENODEV, VTPM_ERR_INVALID,
				 "%s is no TPM: not a character device; name "
				 "the host's TPM in \"tcti\"",
				 device);
	r = check_parent(sysfs, device, st.st_rdev, err);
	if (r)
		return r;
	if (access(device, R_OK | W_OK) < 0)
		return error_set(err, -errno, VTPM_ERR_PROVIDER,
				 "%s: %s; let user vtpm-keys use it, with the "
				 "udev rule in key-providers.rst",
				 device, strerror(errno));
	return 0;
}
