// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libtpms/tpm_error.h>
#include <libtpms/tpm_library.h>
#include <libtpms/tpm_memory.h>
#include <libtpms/tpm_nvfilename.h>
#include <openssl/crypto.h>

#include "engine/protocol.h"
#include "engine/tpm.h"

/* From 0.10 on; the headers of before do not have them. */
TPM_RESULT TPMLIB_SetProfile(const char *profile) __attribute__((weak));
#define INFO_ACTIVE_PROFILE 0x20

/* libtpms is a set of globals, and so is what belongs to it. */
static struct {
	struct tpm_saved load; /* for the load callback */
	uint8_t *state;	       /* last state libtpms gave to store */
	uint32_t state_len;
	size_t state_size;
	bool changed;
	uint8_t locality;
	char profile[TPM_MAX_PROFILE + 16]; /* as libtpms wants it; or empty */
	unsigned char *resp;		    /* libtpms' response buffer */
	uint32_t resp_size;
} tpm;

static TPM_RESULT cb_init(void)
{
	return TPM_SUCCESS;
}

/*
 * libtpms frees what it gets; TPM_RETRY means that there is none.
 *
 * MainInit makes a new TPM, stores it, and then loads it once more. What was
 * stored last has to come back then: a TPM_RETRY would leave it running on
 * zeroes, its seeds among them.
 */
static TPM_RESULT cb_load(unsigned char **data, uint32_t *len,
			  uint32_t tpm_number, const char *name)
{
	const void *state = tpm.state_len ? tpm.state : tpm.load.permanent;
	uint32_t state_len =
		tpm.state_len ? tpm.state_len : tpm.load.permanent_len;

	(void)tpm_number;
	if (!strcmp(name, TPM_VOLATILESTATE_NAME)) {
		state = tpm.load.running;
		state_len = tpm.load.running_len;
	} else if (strcmp(name, TPM_PERMANENT_ALL_NAME)) {
		return TPM_RETRY;
	}
	if (!state_len)
		return TPM_RETRY;
	if (TPM_Malloc(data, state_len) != TPM_SUCCESS)
		return TPM_FAIL;
	memcpy(*data, state, state_len);
	*len = state_len;
	return TPM_SUCCESS;
}

/*
 * Called in the middle of a command. An error here would put the TPM into
 * failure mode for good, so the state is only kept, and written when the
 * command is done and before its response leaves.
 */
static TPM_RESULT cb_store(const unsigned char *data, uint32_t len,
			   uint32_t tpm_number, const char *name)
{
	(void)tpm_number;
	if (strcmp(name, TPM_PERMANENT_ALL_NAME))
		return TPM_SUCCESS;
	if (len > tpm.state_size) {
		size_t size = len < 8192 ? 8192 : 2 * (size_t)len;
		uint8_t *grown = malloc(size);

		if (!grown)
			return TPM_FAIL;
		if (tpm.state)
			OPENSSL_cleanse(tpm.state, tpm.state_size);
		free(tpm.state);
		tpm.state = grown;
		tpm.state_size = size;
	}
	memcpy(tpm.state, data, len);
	tpm.state_len = len;
	tpm.changed = true;
	return TPM_SUCCESS;
}

static TPM_RESULT cb_delete(uint32_t tpm_number, const char *name,
			    TPM_BOOL must_exist)
{
	(void)tpm_number;
	(void)name;
	(void)must_exist;
	return TPM_SUCCESS;
}

static TPM_RESULT cb_locality(TPM_MODIFIER_INDICATOR *locality,
			      uint32_t tpm_number)
{
	(void)tpm_number;
	*locality = tpm.locality;
	return TPM_SUCCESS;
}

static TPM_RESULT cb_presence(TPM_BOOL *presence, uint32_t tpm_number)
{
	(void)tpm_number;
	*presence = 0;
	return TPM_SUCCESS;
}

uint32_t tpm_library_version(void)
{
	return TPMLIB_GetVersion();
}

int tpm_set_profile(const char *name, struct error *err)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789:._-";
	uint32_t v = tpm_library_version();

	if (!TPMLIB_SetProfile)
		return error_set(err, -EOPNOTSUPP, VTPM_ERR_INVALID,
				 "libtpms %u.%u.%u has no profiles; install "
				 "0.10 or newer, or make the vTPM without",
				 v >> 16, v >> 8 & 255, v & 255);
	if (!*name || strlen(name) > TPM_MAX_PROFILE ||
	    name[strspn(name, good)])
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "that is no name of a profile; default-v1 and "
				 "null are some");
	snprintf(tpm.profile, sizeof(tpm.profile), "{\"Name\":\"%s\"}", name);
	return 0;
}

/* {"ActiveProfile":{"Name":"default-v1",...}} */
void tpm_get_profile(char out[TPM_MAX_PROFILE + 1])
{
	static const char key[] = "\"Name\":\"";
	char *info =
		TPMLIB_SetProfile ? TPMLIB_GetInfo(INFO_ACTIVE_PROFILE) : NULL;
	const char *name = info ? strstr(info, key) : NULL;
	size_t n = 0;

	if (name) {
		name += strlen(key);
		n = strcspn(name, "\"\\");
	}
	snprintf(out, TPM_MAX_PROFILE + 1, "%.*s",
		 n > TPM_MAX_PROFILE ? 0 : (int)n, name ? name : "");
	free(info);
}

static int refused(TPM_RESULT rc, struct error *err)
{
	if (tpm.profile[0])
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "libtpms does not take this profile (0x%x); "
				 "default-v1 and null are some that it knows",
				 rc);
	if (rc == TPM_BAD_VERSION)
		return error_set(
			err, -EPROTONOSUPPORT, VTPM_ERR_VERSION,
			"libtpms does not know this version of the state; use the release that wrote it or a newer one");
	return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
			 "libtpms refuses the state (0x%x); restore a backup",
			 rc);
}

int tpm_power_on(const struct tpm_saved *s, struct error *err)
{
	struct libtpms_callbacks callbacks = {
		.sizeOfStruct = sizeof(callbacks),
		.tpm_nvram_init = cb_init,
		.tpm_nvram_loaddata = cb_load,
		.tpm_nvram_storedata = cb_store,
		.tpm_nvram_deletename = cb_delete,
		.tpm_io_init = cb_init,
		.tpm_io_getlocality = cb_locality,
		.tpm_io_getphysicalpresence = cb_presence,
	};
	TPM_RESULT rc;

	tpm.state_len = 0;
	tpm.load = *s;
	rc = TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2);
	if (rc == TPM_SUCCESS)
		rc = TPMLIB_RegisterCallbacks(&callbacks);
	if (rc == TPM_SUCCESS && tpm.profile[0])
		rc = TPMLIB_SetProfile(tpm.profile);
	if (rc == TPM_SUCCESS)
		rc = TPMLIB_MainInit();
	tpm.load = (struct tpm_saved){ 0 };
	return rc == TPM_SUCCESS ? 0 : refused(rc, err);
}

void tpm_power_off(void)
{
	TPMLIB_Terminate();
	if (tpm.state)
		OPENSSL_cleanse(tpm.state, tpm.state_size);
	free(tpm.state);
	if (tpm.resp)
		OPENSSL_cleanse(tpm.resp, tpm.resp_size);
	TPM_Free(tpm.resp);
	memset(&tpm, 0, sizeof(tpm));
}

const uint8_t *tpm_execute(uint8_t locality, const uint8_t *cmd, uint32_t len,
			   uint32_t *resp_len)
{
	/* TPM_ST_NO_SESSIONS, 10 bytes, TPM_RC_FAILURE. */
	static const uint8_t failure[] = {
		0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 1
	};
	uint32_t size = 0;

	tpm.locality = locality;
	if (TPMLIB_Process(&tpm.resp, &size, &tpm.resp_size,
			   (unsigned char *)cmd, len) != TPM_SUCCESS ||
	    size < sizeof(failure) || size > ENGINE_MAX_COMMAND) {
		*resp_len = sizeof(failure);
		return failure;
	}
	*resp_len = size;
	return tpm.resp;
}

const void *tpm_state_changed(uint32_t *len)
{
	*len = tpm.state_len;
	return tpm.changed ? tpm.state : NULL;
}

void tpm_state_written(void)
{
	tpm.changed = false;
}

int tpm_set_changed(const void *state, uint32_t len, struct error *err)
{
	if (!tpm.changed && cb_store(state, len, 0, TPM_PERMANENT_ALL_NAME))
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory for the state");
	return 0;
}

int tpm_running_state(uint8_t **out, uint32_t *len)
{
	unsigned char *state = NULL;

	if (TPMLIB_VolatileAll_Store(&state, len) != TPM_SUCCESS)
		return -ENOMEM;
	*out = state;
	return 0;
}

void tpm_free_running_state(uint8_t *state, uint32_t len)
{
	unsigned char *p = state;

	OPENSSL_cleanse(state, len);
	TPM_Free(p);
}
