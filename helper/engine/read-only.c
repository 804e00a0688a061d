// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>

#include "engine/read-only.h"

#define TPM_ST_NO_SESSIONS 0x8001

/* TPM 2.0 Library, Part 2, 6.5.2 (TPM_CC). */
static const uint16_t codes[] = {
	0x0169, /* NV_ReadPublic */
	0x0178, /* ECC_Parameters */
	0x017a, /* GetCapability */
	0x017b, /* GetRandom */
	0x017c, /* GetTestResult */
	0x017d, /* Hash */
	0x017e, /* PCR_Read */
	0x0181, /* ReadClock */
	0x0189, /* PolicyGetDigest */
	0x018a, /* TestParms */
};

bool command_reads_only(const uint8_t *cmd, uint32_t len)
{
	/* A session changes by being used, and a wrong password counts. */
	if (len < 10 || (cmd[0] << 8 | cmd[1]) != TPM_ST_NO_SESSIONS ||
	    cmd[6] || cmd[7])
		return false;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if ((cmd[8] << 8 | cmd[9]) == codes[i])
			return true;
	}
	return false;
}
