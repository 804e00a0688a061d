/* SPDX-License-Identifier: GPL-2.0 */
/* The TPM core's side of an instance: a struct tpm_chip and its operations. */
#ifndef _VTPM_CHIP_H
#define _VTPM_CHIP_H

struct vtpm_instance;

/*
 * Allocate and register the chip: /dev/tpmN and /dev/tpmrmN exist when this
 * returns 0. The TPM core sends a dozen commands meanwhile. May sleep for as
 * long as the helper takes.
 */
int vtpm_chip_register(struct vtpm_instance *inst);
/* The core sends TPM2_Shutdown, which reaches a helper that is still there. */
void vtpm_chip_unregister(struct vtpm_instance *inst);

/* No chip is registered any more. */
void vtpm_chip_exit(void);

#endif
