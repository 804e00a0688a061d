/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VTPM_RESPONSE_H
#define _VTPM_RESPONSE_H

#include <linux/types.h>

/* TPM 2.0 Library, Part 1, 18: tag, size and code, in bytes. */
#define TPM_RESPONSE_HEADER 10

/* TPM 2.0 Library, Part 1, 18: a tag, and as long as its header says. */
bool vtpm_response_valid(const u8 *rsp, size_t len);
/*
 * Of a valid response to a command of the TPM core's own, while it probes: can
 * the core take it without harm?
 */
bool vtpm_response_safe(const u8 *cmd, size_t cmd_len, const u8 *rsp,
			size_t len);

#endif
