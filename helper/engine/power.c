// SPDX-License-Identifier: GPL-2.0-or-later
/* How a TPM begins to run: with a power cycle, or where another engine was. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "engine/engine.h"
#include "engine/self-test.h"
#include "engine/tpm.h"

static int check_library(const struct engine *e, struct error *err)
{
	uint32_t made_by = nvram_get_info(e->nvram)->library_version;
	uint32_t ours = tpm_library_version();

	/* Only a change of major or minor changes what state can hold. */
	if (made_by >> 8 > ours >> 8)
		return error_set(
			err, -EPROTONOSUPPORT, VTPM_ERR_VERSION,
			"the state was written with libtpms %u.%u.%u, this is %u.%u.%u; install that version or a newer one",
			made_by >> 16, made_by >> 8 & 255, made_by & 255,
			ours >> 16, ours >> 8 & 255, ours & 255);
	return 0;
}

static int run_own(const char *what, const uint8_t *cmd, uint32_t cmd_len,
		   struct error *err)
{
	static const uint8_t success[] = { 0, 0, 0, 0 };
	uint32_t len;
	const uint8_t *resp = tpm_execute(0, cmd, cmd_len, &len);

	if (len < 10 || memcmp(resp + 6, success, sizeof(success)))
		return error_set(err, -EIO, VTPM_ERR_ENGINE,
				 "%s failed with 0x%02x%02x", what, resp[8],
				 resp[9]);
	return 0;
}

static int startup_clear(struct error *err)
{
	/* TPM2_Startup(TPM_SU_CLEAR), TPM 2.0 Library, Part 3, 9.3. */
	static const uint8_t startup[] = {
		0x80, 0x01,		/* TPM_ST_NO_SESSIONS */
		0x00, 0x00, 0x00, 0x0c, /* size */
		0x00, 0x00, 0x01, 0x44, /* TPM_CC_Startup */
		0x00, 0x00,		/* TPM_SU_CLEAR */
	};

	return run_own("TPM2_Startup", startup, sizeof(startup), err);
}

int engine_self_test(struct error *err)
{
	/* TPM2_SelfTest(YES), TPM 2.0 Library, Part 3, 10.2. */
	static const uint8_t self_test[] = {
		0x80, 0x01,		/* TPM_ST_NO_SESSIONS */
		0x00, 0x00, 0x00, 0x0b, /* size */
		0x00, 0x00, 0x01, 0x43, /* TPM_CC_SelfTest */
		0x01,			/* of all */
	};

	return run_own("TPM2_SelfTest", self_test, sizeof(self_test), err);
}

/*
 * The restored random generator would give out what it has given out before,
 * to commands that were answered after the checkpoint.
 */
static int stir_random(struct error *err)
{
	/* TPM2_StirRandom, TPM 2.0 Library, Part 3, 16.2. */
	uint8_t cmd[12 + 48] = {
		0x80, 0x01, /* TPM_ST_NO_SESSIONS */
		0x00, 0x00,
		0x00, sizeof(cmd), /* size */
		0x00, 0x00,
		0x01, 0x46,		/* TPM_CC_StirRandom */
		0x00, sizeof(cmd) - 12, /* size of the data */
	};
	int r;

	random_bytes(cmd + 12, sizeof(cmd) - 12);
	r = run_own("TPM2_StirRandom", cmd, sizeof(cmd), err);
	OPENSSL_cleanse(cmd, sizeof(cmd));
	return r;
}

/* Before anybody waits, a file that cannot be written is an error. */
static int begin(struct engine *e, struct error *err)
{
	char profile[TPM_MAX_PROFILE + 1];
	int r;

	tpm_get_profile(profile);
	r = nvram_set_library(e->nvram, tpm_library_version(), profile, err);
	if (!r)
		r = engine_save(e, true, err);
	e->generation = nvram_generation(e->nvram);
	return r;
}

int engine_power_on(struct engine *e, bool manufacture,
		    const struct secret *key, int checkpoint_fd,
		    struct error *err)
{
	struct tpm_saved s = { 0 };
	int r;

	s.permanent = nvram_state(e->nvram, &s.permanent_len);
	if (!s.permanent_len && !manufacture)
		return error_set(
			err, -ENODATA, VTPM_ERR_CORRUPT,
			"the file holds no TPM state: its creation did not end; delete the vTPM and create it again");
	if (s.permanent_len && manufacture)
		return error_set(err, -EEXIST, VTPM_ERR_EXISTS,
				 "the file holds a TPM already");
	r = check_library(e, err);
	if (!r)
		r = tpm_power_on(&s, err);
	if (!r)
		r = startup_clear(err);
	if (!r && checkpoint_fd >= 0)
		r = checkpoint_create(checkpoint_fd, nvram_get_info(e->nvram),
				      key, s.permanent, s.permanent_len,
				      &e->checkpoint, err);
	nvram_forget_state(e->nvram);
	return r < 0 ? r : begin(e, err);
}

/*
 * What was run after the state of the checkpoint had been written, once more. That
 * it answers otherwise means that this is not the TPM that it was run on.
 */
static int repeat_log(struct engine *e, struct error *err)
{
	struct checkpoint_entry c;
	uint32_t at = 0;
	int r;

	while ((r = checkpoint_entry(e->checkpoint, &at, &c)) > 0) {
		uint32_t len;
		const uint8_t *resp =
			tpm_execute(c.locality, c.command, c.command_len, &len);

		if (len != c.response_len || memcmp(resp, c.response, len)) {
			r = -EBADMSG;
			break;
		}
		engine_keep_answer(e, c.instance, c.seq, resp, len);
	}
	return r ? error_set(err, r, VTPM_ERR_CORRUPT,
			     "a command since the checkpoint was written gives "
			     "another result than it did then")
		 : 0;
}

int engine_resume(struct engine *e, const struct secret *key, int checkpoint_fd,
		  struct error *err)
{
	struct checkpoint_content content;
	struct tpm_saved s = { 0 };
	int r;

	s.permanent = nvram_state(e->nvram, &s.permanent_len);
	r = check_library(e, err);
	if (r < 0)
		return r;
	r = checkpoint_open(checkpoint_fd, nvram_get_info(e->nvram), key,
			    s.permanent, s.permanent_len, &e->checkpoint,
			    &content, err);
	if (r < 0)
		return r;
	if (content.saved.permanent_len)
		s = content.saved;
	s.running = content.saved.running;
	s.running_len = content.saved.running_len;
	r = tpm_power_on(&s, err);
	if (!r && content.saved.permanent_len)
		r = tpm_set_changed(s.permanent, s.permanent_len, err);
	e->last = content.last;
	if (!r)
		r = repeat_log(e, err);
	if (!r)
		r = stir_random(err);
	if (!r)
		self_test_resume(e);
	e->unsettled = true;
	checkpoint_forget(e->checkpoint, &content);
	nvram_forget_state(e->nvram);
	return r < 0 ? r : begin(e, err);
}
