// SPDX-License-Identifier: GPL-2.0
/*
 * What an answer must be to be passed on. Clients are told nothing about the
 * contents: their TPM is free to lie to them. But what the TPM core asks for
 * itself it also believes, so that is checked here.
 */
#include <linux/tpm.h>

#include "compat.h"
#include "response.h"

/* TPM 2.0 Library, Part 2: 6.9 (TPM_ST), 6.12 (TPM_CAP), 10.5.3 (selection). */
enum {
	TPM_ST_RSP_COMMAND = 0x00c4,
	TPM_CAP_PCRS = 5,
	PCR_SELECTION = 6,	/* algorithm, size of the bitmap, bitmap */
	PCR_BITMAP = 3,
};

/*
 * tpm2_get_pcr_allocation() copies a selection into a structure for 24 PCRs,
 * and then looks at as many bytes of the bitmap as the TPM has said there are:
 * up to 255 in an array of 3, which ends in an oops at best.
 */
static bool vtpm_pcrs_valid(const u8 *rsp, size_t len)
{
	const u8 *selection = rsp + TPM_RESPONSE_HEADER + 9;
	u32 i, count;

	if (len < TPM_RESPONSE_HEADER + 9)
		return false;
	count = get_unaligned_be32(selection - 4);
	if (count > (len - TPM_RESPONSE_HEADER - 9) / PCR_SELECTION)
		return false;
	for (i = 0; i < count; i++) {
		if (selection[i * PCR_SELECTION + 2] != PCR_BITMAP)
			return false;
	}
	return true;
}

bool vtpm_response_valid(const u8 *rsp, size_t len)
{
	u16 tag;

	if (len < TPM_RESPONSE_HEADER || len > VTPM_BUFFER_SIZE)
		return false;
	tag = get_unaligned_be16(rsp);
	return (tag == TPM2_ST_NO_SESSIONS || tag == TPM2_ST_SESSIONS ||
		tag == TPM_ST_RSP_COMMAND) &&
	       get_unaligned_be32(rsp + 2) == len;
}

bool vtpm_response_safe(const u8 *cmd, size_t cmd_len, const u8 *rsp,
			size_t len)
{
	if (cmd_len < TPM_RESPONSE_HEADER + 4 ||
	    get_unaligned_be32(cmd + 6) != TPM2_CC_GET_CAPABILITY ||
	    get_unaligned_be32(cmd + 10) != TPM_CAP_PCRS ||
	    get_unaligned_be32(rsp + 6))
		return true;
	return vtpm_pcrs_valid(rsp, len);
}
