// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "vtpmd/engine.h"
#include "vtpmd/lockout.h"

/* TPM_PT of Part 2, 6.13: the first of them. */
#define PT_LOCKOUT_COUNTER 0x20e
#define N_PROPERTIES 4

/* TPM2_GetCapability of four properties, Part 3, 30.2. */
static const uint8_t command[] = {
	0x80, 0x01,		/* TPM_ST_NO_SESSIONS */
	0x00, 0x00, 0x00, 0x16, /* size */
	0x00, 0x00, 0x01, 0x7a, /* TPM_CC_GetCapability */
	0x00, 0x00, 0x00, 0x06, /* TPM_CAP_TPM_PROPERTIES */
	0x00, 0x00, 0x02, 0x0e, /* TPM_PT_LOCKOUT_COUNTER */
	0x00, 0x00, 0x00, 0x04, /* and the three after it */
};

struct response {
	uint8_t tag[2];
	uint8_t size[4];
	uint8_t code[4];
	uint8_t more;
	uint8_t capability[4];
	uint8_t count[4];
	struct {
		uint8_t property[4];
		uint8_t value[4];
	} properties[N_PROPERTIES];
};
_Static_assert(sizeof(struct response) == 51, "no padding");

static uint32_t get(const uint8_t bytes[4])
{
	uint32_t n;

	memcpy(&n, bytes, sizeof(n));
	return be32toh(n);
}

int lockout_read(int sock, int timeout_ms, struct lockout *out)
{
	uint32_t *const values[N_PROPERTIES] = { &out->failed, &out->max,
						 &out->interval_s,
						 &out->recovery_s };
	struct response r;
	int rc = engine_try_execute(sock, timeout_ms, command, sizeof(command),
				    &r, sizeof(r));

	if (rc < 0)
		return rc;
	if (get(r.code) || get(r.count) != N_PROPERTIES)
		return -EBADMSG;
	for (uint32_t i = 0; i < N_PROPERTIES; i++) {
		if (get(r.properties[i].property) != PT_LOCKOUT_COUNTER + i)
			return -EBADMSG;
		*values[i] = get(r.properties[i].value);
	}
	return 0;
}

json_t *lockout_to_json(const struct lockout *l)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:I}", "locked",
			 l->failed >= l->max, "failedTries",
			 (json_int_t)l->failed, "maxTries", (json_int_t)l->max,
			 "recoveryTime", (json_int_t)l->interval_s,
			 "lockoutRecovery", (json_int_t)l->recovery_s);
}
