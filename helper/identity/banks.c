// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <tss2/tss2_rc.h>

#include "identity/banks.h"

static const struct {
	const char *name;
	TPMI_ALG_HASH alg;
} banks[] = {
	{ "sha1", TPM2_ALG_SHA1 },
	{ "sha256", TPM2_ALG_SHA256 },
	{ "sha384", TPM2_ALG_SHA384 },
	{ "sha512", TPM2_ALG_SHA512 },
};
#define N_BANKS (sizeof(banks) / sizeof(banks[0]))

/* What PCRs each bank has, also those that have none. */
static int get(ESYS_CONTEXT *esys, TPML_PCR_SELECTION *out, struct error *err)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE,
					ESYS_TR_NONE, TPM2_CAP_PCRS, 0,
					TPM2_NUM_PCR_BANKS, &more, &data);

	if (rc)
		return error_set(err, -EIO, VTPM_ERR_IDENTITY,
				 "TPM2_GetCapability: %s", Tss2_RC_Decode(rc));
	*out = data->data.assignedPCR;
	Esys_Free(data);
	if (out->count > TPM2_NUM_PCR_BANKS)
		return error_set(err, -EBADMSG, VTPM_ERR_IDENTITY,
				 "TPM2_GetCapability: too many PCR banks");
	return 0;
}

static bool is_empty(const TPMS_PCR_SELECTION *s)
{
	for (size_t i = 0; i < s->sizeofSelect && i < TPM2_PCR_SELECT_MAX;
	     i++) {
		if (s->pcrSelect[i])
			return false;
	}
	return true;
}

int banks_read(ESYS_CONTEXT *esys, json_t **out, struct error *err)
{
	TPML_PCR_SELECTION have;
	int r = get(esys, &have, err);

	if (r)
		return r;
	*out = json_array();
	for (size_t b = 0; b < N_BANKS; b++) {
		for (uint32_t i = 0; i < have.count; i++) {
			if (have.pcrSelections[i].hash == banks[b].alg &&
			    !is_empty(&have.pcrSelections[i]))
				json_array_append_new(
					*out, json_string(banks[b].name));
		}
	}
	return 0;
}

/* All PCRs of the bank called @name. */
static int choose(TPML_PCR_SELECTION *have, const char *name)
{
	for (size_t b = 0; name && b < N_BANKS; b++) {
		if (strcmp(banks[b].name, name))
			continue;
		for (uint32_t i = 0; i < have->count; i++) {
			TPMS_PCR_SELECTION *s = &have->pcrSelections[i];

			if (s->hash != banks[b].alg)
				continue;
			s->sizeofSelect = 3;
			memset(s->pcrSelect, 0xff, 3);
			return 0;
		}
	}
	return -EINVAL;
}

static int allocate(ESYS_CONTEXT *esys, const TPML_PCR_SELECTION *want,
		    struct error *err)
{
	UINT32 max, needed, available;
	TPMI_YES_NO done;
	TSS2_RC rc = Esys_PCR_Allocate(
		esys, ESYS_TR_RH_PLATFORM, ESYS_TR_PASSWORD, ESYS_TR_NONE,
		ESYS_TR_NONE, want, &done, &max, &needed, &available);

	if (!rc && done == TPM2_YES)
		return 0;
	return error_set(err, -EIO, VTPM_ERR_IDENTITY, "TPM2_PCR_Allocate: %s",
			 rc ? Tss2_RC_Decode(rc) : "there is no room");
}

int banks_allocate(ESYS_CONTEXT *esys, const json_t *names, struct error *err)
{
	TPML_PCR_SELECTION want;
	int r = get(esys, &want, err);
	json_t *item;
	size_t i;

	if (r)
		return r;
	for (i = 0; i < want.count; i++)
		memset(want.pcrSelections[i].pcrSelect, 0, TPM2_PCR_SELECT_MAX);
	if (!json_array_size(names))
		r = -EINVAL;
	json_array_foreach((json_t *)names, i, item) {
		if (!r)
			r = choose(&want, json_string_value(item));
	}
	if (r)
		return error_set(err, r, VTPM_ERR_INVALID,
				 "PCR banks are sha1, sha256, sha384 and "
				 "sha512; name at least one");
	return allocate(esys, &want, err);
}
