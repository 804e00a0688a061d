// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "keys/tpm2/host.h"
#include "keys/tpm2/tpm.h"

TSS2_RC tpm_rc_base(TSS2_RC rc)
{
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	/* The kernel and tabrmd have their own layer for the TPM's codes. */
	if (layer && layer != TSS2_RESMGR_RC_LAYER &&
	    layer != TSS2_RESMGR_TPM_RC_LAYER)
		return rc;
	rc &= ~TSS2_RC_LAYER_MASK;
	return rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc;
}

/* What to do about a code of the TPM itself; NULL: nothing is known. */
static const char *advice(TSS2_RC base)
{
	switch (base) {
	case TPM2_RC_LOCKOUT:
		return "it is locked after too many wrong passwords; wait for "
		       "its recovery time, or end it with: "
		       "tpm2_dictionarylockout --clear-lockout";
	case TPM2_RC_BAD_AUTH:
	case TPM2_RC_AUTH_FAIL:
		return "it refuses the password; put the owner's into "
		       "\"owner-auth-file\"";
	case TPM2_RC_INITIALIZE:
		return "it has not been started; that is the firmware's, or of "
		       "a TPM in software: tpm2_startup --clear";
	case TPM2_RC_INTEGRITY:
		return "the sealed key in the provider's directory was "
		       "changed; put its file back from a backup of the host";
	case TPM2_RC_FAILURE:
		return "it is in failure mode; restart the host";
	default:
		return NULL;
	}
}

int tpm_error(const struct tpm *t, TSS2_RC rc, const char *what,
	      struct error *err)
{
	TSS2_RC base = tpm_rc_base(rc);
	const char *next = advice(base);

	if ((rc & TSS2_RC_LAYER_MASK) == TSS2_TCTI_RC_LAYER)
		return error_set(err, -ENODEV, VTPM_ERR_PROVIDER,
				 "the host's TPM at %s does not answer (%s); "
				 "its keys can be had when it is back",
				 t->config->tcti, Tss2_RC_Decode(rc));
	if (base == TSS2_ESYS_RC_RSP_AUTH_FAILED)
		next = "its answer was changed on the way here";
	return error_set(err, base == TPM2_RC_LOCKOUT ? -EAGAIN : -EIO,
			 VTPM_ERR_PROVIDER, "the host's TPM cannot %s: %s (%s)",
			 what, next ? next : "see the code",
			 Tss2_RC_Decode(rc));
}

int tpm_open(const struct tpm2_config *config, struct tpm *out,
	     struct error *err)
{
	struct tpm t = { .config = config, .parent = ESYS_TR_NONE };
	TSS2_RC rc;
	int r = config->device ? host_check_device("/sys", config->device, err)
			       : 0;

	if (r)
		return r;
	rc = Tss2_TctiLdr_Initialize(config->tcti, &t.tcti);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_Initialize(&t.esys, t.tcti, NULL);
	if (rc != TSS2_RC_SUCCESS) {
		r = tpm_error(&t, rc, "be used", err);
		tpm_close(&t);
		return r;
	}
	*out = t;
	return 0;
}

void tpm_close(struct tpm *t)
{
	if (!t->parent_handle)
		tpm_flush(t, &t->parent);
	if (t->esys)
		Esys_Finalize(&t->esys);
	if (t->tcti)
		Tss2_TctiLdr_Finalize(&t->tcti);
	*t = (struct tpm){ .parent = ESYS_TR_NONE };
}

/* Without a resource manager they would stay in the TPM, which takes few. */
void tpm_flush(struct tpm *t, ESYS_TR *handle)
{
	if (t->esys && *handle != ESYS_TR_NONE)
		Esys_FlushContext(t->esys, *handle);
	*handle = ESYS_TR_NONE;
}

int tpm_start_session(struct tpm *t, TPM2_SE type, ESYS_TR *out,
		      struct error *err)
{
	static const TPMT_SYM_DEF cipher = {
		.algorithm = TPM2_ALG_AES,
		.keyBits.aes = 128,
		.mode.aes = TPM2_ALG_CFB,
	};
	static const TPMA_SESSION attributes = TPMA_SESSION_CONTINUESESSION |
					       TPMA_SESSION_DECRYPT |
					       TPMA_SESSION_ENCRYPT;
	ESYS_TR session = ESYS_TR_NONE;
	TSS2_RC rc = Esys_StartAuthSession(
		t->esys, t->parent, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
		ESYS_TR_NONE, NULL, type, &cipher, TPM2_ALG_SHA256, &session);

	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_TRSess_SetAttributes(t->esys, session, attributes,
					       0xff);
	if (rc != TSS2_RC_SUCCESS) {
		tpm_flush(t, &session);
		return tpm_error(t, rc, "start a session", err);
	}
	*out = session;
	return 0;
}

/* Add to @out what one TPM2_PCR_Read() gives: 8 values at most. */
static TSS2_RC read_some(struct tpm *t, const struct pcr_set *left,
			 struct pcr_set *got, struct pcr_values *out)
{
	TPML_PCR_SELECTION in = {
		.count = 1,
		.pcrSelections = { {
			.hash = left->bank,
			.sizeofSelect = 3,
			.pcrSelect = { left->mask, left->mask >> 8,
				       left->mask >> 16 },
		} },
	};
	TPML_PCR_SELECTION *have = NULL;
	TPML_DIGEST *values = NULL;
	size_t size = pcr_bank_size(left->bank);
	TSS2_RC rc = Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, &in, NULL, &have, &values);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	if (have->count == 1 && have->pcrSelections[0].hash == left->bank &&
	    have->pcrSelections[0].sizeofSelect == 3) {
		const uint8_t *s = have->pcrSelections[0].pcrSelect;

		got->mask = (s[0] | s[1] << 8 | s[2] << 16) & left->mask;
	}
	if (values->count != (uint32_t)__builtin_popcount(got->mask))
		got->mask = 0;
	for (uint32_t i = 0; got->mask && i < values->count; i++) {
		if (values->digests[i].size != size ||
		    out->len + size > sizeof(out->data)) {
			got->mask = 0;
			break;
		}
		memcpy(out->data + out->len, values->digests[i].buffer, size);
		out->len += size;
	}
	Esys_Free(have);
	Esys_Free(values);
	return TSS2_RC_SUCCESS;
}

int tpm_read_pcrs(struct tpm *t, const struct pcr_set *set,
		  struct pcr_values *out, struct error *err)
{
	struct pcr_set left = *set;
	struct pcr_values values = { 0 };
	char text[PCR_TEXT_LEN];

	while (left.mask) {
		struct pcr_set got = { 0 };
		TSS2_RC rc = read_some(t, &left, &got, &values);

		if (rc != TSS2_RC_SUCCESS)
			return tpm_error(t, rc, "read PCRs", err);
		/*
		 * A TPM leaves those out that it does not have, and a policy on
		 * them would bind to nothing. The lowest come first.
		 */
		if (!got.mask || (left.mask & ~got.mask &&
				  __builtin_ctz(left.mask & ~got.mask) <
					  31 - __builtin_clz(got.mask))) {
			pcr_set_format(&left, text);
			return error_set(
				err, -ENODEV, VTPM_ERR_PROVIDER,
				"the host's TPM does not have the PCRs "
				"%s; choose others in \"pcrs\"",
				text);
		}
		left.mask &= ~got.mask;
	}
	*out = values;
	return 0;
}
