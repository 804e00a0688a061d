/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TPM commands for tests, packed by hand: TPM 2.0 Library, Part 3. */
#ifndef VTPM_ENGINE_TESTING_COMMANDS_H
#define VTPM_ENGINE_TESTING_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_DIGEST 32 /* SHA-256 */

struct command {
	uint8_t data[512];
	uint32_t len;
};

/* Begin one, append to it, and fill in its length. */
void command_begin(struct command *c, bool sessions, uint16_t code);
void command_put(struct command *c, const void *data, size_t len);
void command_u16(struct command *c, uint16_t v);
void command_u32(struct command *c, uint32_t v);
/* An authorisation area with one empty password. */
void command_password(struct command *c);
void command_end(struct command *c);
/* The response code. */
uint32_t response_code(const uint8_t *resp, uint32_t len);

/* TPM2_Startup(CLEAR) is the engine's. */
void command_pcr_read(struct command *c, unsigned int pcr);
void command_pcr_extend(struct command *c, unsigned int pcr,
			const uint8_t digest[TEST_DIGEST]);
void command_get_random(struct command *c, uint16_t bytes);
void command_nv_define_counter(struct command *c, uint32_t index);
void command_nv_increment(struct command *c, uint32_t index);
void command_nv_read(struct command *c, uint32_t index, uint16_t size);
/* What a PCR is after an extend. */
void pcr_extend(uint8_t pcr[TEST_DIGEST], const uint8_t digest[TEST_DIGEST]);

/* An HMAC session without key: its nonces roll with each use. */
struct session {
	uint32_t handle;
	uint8_t caller[TEST_DIGEST], tpm[TEST_DIGEST]; /* nonces */
};
void command_start_session(struct command *c, struct session *s);
/* 0, or -1 for a response that is none. */
int session_started(struct session *s, const uint8_t *resp, uint32_t len);
/* PCR_Extend, authorised by @s. */
void command_session_extend(struct command *c, struct session *s,
			    unsigned int pcr,
			    const uint8_t digest[TEST_DIGEST]);
/* Takes the new nonce over. 0, or -1 if the TPM's HMAC is not right. */
int session_used(struct session *s, const uint8_t *resp, uint32_t len,
		 uint16_t code);

#endif
