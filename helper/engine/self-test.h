/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Self-tests in the background. All of libtpms' take longer than the rest of a
 * start, and the kernel asks for what has not been tested yet whenever it
 * registers a TPM: TPM2_SelfTest(fullTest = NO). A TPM may answer that with
 * TPM_RC_TESTING and test later (TPM 2.0 Library, Part 1, 12.3; Part 3, 10.2).
 * Nothing is used untested: libtpms tests an algorithm before its first use.
 *
 * All but self_test_is_due() with the engine's lock held.
 */
#ifndef VTPM_ENGINE_SELF_TEST_H
#define VTPM_ENGINE_SELF_TEST_H

#include <stdbool.h>
#include <stdint.h>

struct engine;

/*
 * The answer to the command, if it asks for tests that will be run later; NULL:
 * it is for libtpms to execute.
 */
const uint8_t *self_test_answer(struct engine *e, const uint8_t *cmd,
				uint32_t len, uint32_t *resp_len);
/* A TPM2_GetTestResult says TPM_RC_TESTING as long as tests are due. */
void self_test_correct(const struct engine *e, const uint8_t *cmd,
		       uint8_t *resp, uint32_t resp_len);

/* After another engine, which may have promised tests: they are due. */
void self_test_resume(struct engine *e);

bool self_test_is_due(const struct engine *e);
/* Test one algorithm. */
void self_test_step(struct engine *e);

#endif
