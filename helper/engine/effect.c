// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>

#include "engine/effect.h"

#define TPM_ST_NO_SESSIONS 0x8001
#define TPM_ST_SESSIONS 0x8002
#define TPM_RS_PW 0x40000009

/* TPM 2.0 Library, Part 2, 6.5.2 (TPM_CC). */
static const uint16_t reading[] = {
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

/* One handle, one authorisation. */
static const uint16_t repeating[] = {
	0x013c, /* PCR_Event */
	0x013d, /* PCR_Reset */
	0x0182, /* PCR_Extend */
};

static uint32_t be(const uint8_t *p, size_t bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

static bool is_one_of(const uint8_t *cmd, const uint16_t *codes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (be(cmd + 6, 4) == codes[i])
			return true;
	}
	return false;
}

bool command_reads_only(const uint8_t *cmd, uint32_t len)
{
	/* A session changes by being used, and a wrong password counts. */
	return len >= 10 && be(cmd, 2) == TPM_ST_NO_SESSIONS &&
	       is_one_of(cmd, reading, sizeof(reading) / sizeof(reading[0]));
}

/* Behind the header and a handle: the area of one password (Part 1, 19.4). */
static bool has_password(const uint8_t *cmd, uint32_t len)
{
	const uint8_t *area = cmd + 14;
	uint32_t size, password;

	if (len < 14 + 4 + 9)
		return false;
	size = be(area, 4);
	/* Session handle, nonce, attributes, password. */
	password = be(area + 4 + 7, 2);
	return size <= len - 18 && be(area + 4, 4) == TPM_RS_PW &&
	       !be(area + 8, 2) && size == 9 + password;
}

bool command_repeats(const uint8_t *cmd, uint32_t len, const uint8_t *resp,
		     uint32_t resp_len)
{
	return resp_len >= 10 && !be(resp + 6, 4) && len >= 10 &&
	       be(cmd, 2) == TPM_ST_SESSIONS &&
	       is_one_of(cmd, repeating,
			 sizeof(repeating) / sizeof(repeating[0])) &&
	       has_password(cmd, len);
}
