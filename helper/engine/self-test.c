// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "engine/engine.h"
#include "engine/self-test.h"
#include "engine/tpm.h"

#define HEAD_LEN 10
#define COUNT_LEN 4
#define ALG_LEN 2

/* TPM_ST_NO_SESSIONS, 10 bytes, TPM_RC_TESTING. */
static const uint8_t testing[HEAD_LEN] = { 0x80, 1, 0, 0,    0,
					   10,	 0, 0, 0x09, 0x0a };

/* Part 3, 10.3: TPM2_IncrementalSelfTest of one algorithm, or of none. */
static const uint8_t *incremental(const uint8_t *alg, uint32_t *len)
{
	uint8_t cmd[HEAD_LEN + COUNT_LEN + ALG_LEN] = {
		0x80, 1, 0, 0, 0, 0, 0, 0, 0x01, 0x42,
	};
	const uint32_t n = sizeof(cmd) - (alg ? 0 : ALG_LEN);
	const uint8_t *resp;

	cmd[5] = n;
	cmd[HEAD_LEN + 3] = alg ? 1 : 0;
	if (alg)
		memcpy(cmd + HEAD_LEN + COUNT_LEN, alg, ALG_LEN);
	resp = tpm_execute(0, cmd, n, len);
	return *len < HEAD_LEN + COUNT_LEN || resp[6] || resp[7] || resp[8] ||
			       resp[9]
		       ? NULL
		       : resp;
}

/*
 * How many algorithms are not tested; the first is @alg. None in failure mode,
 * which libtpms tells of better than we could.
 */
static uint32_t untested(uint8_t alg[ALG_LEN])
{
	uint32_t len, n;
	const uint8_t *resp = incremental(NULL, &len);

	if (!resp)
		return 0;
	n = resp[HEAD_LEN + 2] << 8 | resp[HEAD_LEN + 3];
	if (!n || len != HEAD_LEN + COUNT_LEN + n * ALG_LEN)
		return 0;
	memcpy(alg, resp + HEAD_LEN + COUNT_LEN, ALG_LEN);
	return n;
}

const uint8_t *self_test_answer(struct engine *e, const uint8_t *cmd,
				uint32_t len, uint32_t *resp_len)
{
	static const uint8_t not_full[] = { 0x80, 1, 0, 0,    0, 11,
					    0,	  0, 1, 0x43, 0 };
	uint8_t alg[ALG_LEN];

	if (len != sizeof(not_full) || memcmp(cmd, not_full, len) ||
	    !untested(alg))
		return NULL;
	e->testing = e->unsettled = true;
	*resp_len = sizeof(testing);
	return testing;
}

void self_test_correct(const struct engine *e, const uint8_t *cmd,
		       uint8_t *resp, uint32_t resp_len)
{
	/* No data, then the result: libtpms says TPM_RC_SUCCESS. */
	static const uint8_t passed[] = { 0x80, 1, 0, 0, 0, 16, 0, 0,
					  0,	0, 0, 0, 0, 0,	0, 0 };

	if (e->testing && cmd[8] == 0x01 && cmd[9] == 0x7c &&
	    resp_len == sizeof(passed) && !memcmp(resp, passed, sizeof(passed)))
		memcpy(resp + 12, testing + 6, 4);
}

void self_test_resume(struct engine *e)
{
	uint8_t alg[ALG_LEN];

	e->testing = untested(alg) > 0;
}

bool self_test_is_due(const struct engine *e)
{
	return e->testing;
}

void self_test_step(struct engine *e)
{
	uint8_t alg[ALG_LEN];
	uint32_t before = untested(alg), left, len;

	left = before && incremental(alg, &len) ? untested(alg) : 0;
	/* One that stays on the list would be tried for ever. */
	e->testing = left && left < before;
}
