/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels, and what the TPM core exports without a
 * declaration in a public header. No other file knows kernel versions; the
 * VTPM_HAVE_* tests are made in Kbuild on the target's headers.
 */
#ifndef _VTPM_COMPAT_H
#define _VTPM_COMPAT_H

#include <linux/tpm.h>
#ifdef VTPM_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/*
 * Size of the TPM core's own buffers (TPM_BUFSIZE in drivers/char/tpm/tpm.h):
 * the largest command it passes on and the largest response it takes.
 */
#define VTPM_BUFFER_SIZE 4096

/* Exported by the TPM core, declared in drivers/char/tpm/tpm.h only. */
struct tpm_chip *tpm_chip_alloc(struct device *dev,
				const struct tpm_class_ops *ops);
int tpm_chip_register(struct tpm_chip *chip);
void tpm_chip_unregister(struct tpm_chip *chip);
int tpm_pm_suspend(struct device *dev);
int tpm_pm_resume(struct device *dev);

/* The callback of struct device_type that gives a node its owner. */
#ifdef VTPM_HAVE_CONST_DEVNODE
#define VTPM_DEVNODE_DEVICE const struct device
#else
#define VTPM_DEVNODE_DEVICE struct device
#endif

#ifdef VTPM_HAVE_CHIP_SYNC
/* .send answers in place and returns the length of the response. */
#define VTPM_CHIP_FLAGS TPM_CHIP_FLAG_SYNC
#define VTPM_SEND_ARGS struct tpm_chip *chip, u8 *buf, size_t size, size_t len
#define VTPM_SEND_IN_PLACE 1
#else
/* .send waits too, so that the first look at .status finds it complete. */
#define VTPM_CHIP_FLAGS 0
#define VTPM_SEND_ARGS struct tpm_chip *chip, u8 *buf, size_t len
#define VTPM_SEND_IN_PLACE 0
#endif

#endif
