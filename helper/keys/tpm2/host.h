/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VTPM_KEYS_TPM2_HOST_H
#define VTPM_KEYS_TPM2_HOST_H

#include "util/error.h"

/*
 * Is @device a TPM of the host that we may use? A vTPM of ours is not: its keys
 * would be sealed to itself. Fails closed where sysfs, usually /sys, does not
 * say what the device is.
 */
int host_check_device(const char *sysfs, const char *device, struct error *err);

#endif
