/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which commands leave a TPM as it was. */
#ifndef VTPM_ENGINE_READ_ONLY_H
#define VTPM_ENGINE_READ_ONLY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * True only if the command, whether it succeeds or not, changes neither the
 * running nor the permanent state, random numbers and time aside: it may be
 * executed a second time by an engine that goes on from the state of before.
 * False for all that is not known. test-read-only.c compares the states.
 */
bool command_reads_only(const uint8_t *cmd, uint32_t len);

#endif
