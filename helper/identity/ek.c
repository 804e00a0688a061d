// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <tss2/tss2_rc.h>

#include "identity/ek.h"

/* 0x000300B2: annex B.3 of the profile, "user with auth" not set. */
#define EK_LOW_ATTRIBUTES                                                \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |                \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY | \
	 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

/* PolicyA: TPM2_PolicySecret(TPM_RH_ENDORSEMENT), SHA-256. */
#define EK_POLICY_A                                                           \
	{                                                                     \
		.size = 32,                                                   \
		.buffer = { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8,   \
			    0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,   \
			    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64,   \
			    0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa }, \
	}

#define EK_SYMMETRIC                                           \
	{                                                      \
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, \
		.mode.aes = TPM2_ALG_CFB,                      \
	}

/* Template L-1: unique is 256 zero bytes. */
static const TPM2B_PUBLIC template_rsa_2048 = {
	.publicArea = {
		.type = TPM2_ALG_RSA,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = EK_LOW_ATTRIBUTES,
		.authPolicy = EK_POLICY_A,
		.parameters.rsaDetail = {
			.symmetric = EK_SYMMETRIC,
			.scheme.scheme = TPM2_ALG_NULL,
			.keyBits = 2048,
			.exponent = 0,
		},
		.unique.rsa.size = 256,
	},
};

/* Template L-2: unique is two coordinates of 32 zero bytes. */
static const TPM2B_PUBLIC template_ecc_p256 = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = EK_LOW_ATTRIBUTES,
		.authPolicy = EK_POLICY_A,
		.parameters.eccDetail = {
			.symmetric = EK_SYMMETRIC,
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc = { .x.size = 32, .y.size = 32 },
	},
};

const struct ek_template ek_templates[] = {
	{ "L-1", 0x81010001, &template_rsa_2048 },
	{ "L-2", 0x8101000a, &template_ecc_p256 },
};
const size_t ek_template_count = sizeof(ek_templates) / sizeof(ek_templates[0]);

static int tss_error(struct error *err, const struct ek_template *t,
		     const char *what, TSS2_RC rc)
{
	return error_set(err, -EIO, VTPM_ERR_IDENTITY,
			 "endorsement key %s: %s: %s", t->name, what,
			 Tss2_RC_Decode(rc));
}

int ek_make(ESYS_CONTEXT *esys, const struct ek_template *t, uint8_t *name,
	    size_t *name_len, struct error *err)
{
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPML_PCR_SELECTION pcrs = { 0 };
	const TPM2B_DATA outside = { 0 };
	ESYS_TR key = ESYS_TR_NONE, kept = ESYS_TR_NONE;
	TPM2B_NAME *tr_name = NULL;
	TSS2_RC rc;

	rc = Esys_CreatePrimary(esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
				ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
				t->public, &outside, &pcrs, &key, NULL, NULL,
				NULL, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return tss_error(err, t, "TPM2_CreatePrimary", rc);
	rc = Esys_EvictControl(esys, ESYS_TR_RH_OWNER, key, ESYS_TR_PASSWORD,
			       ESYS_TR_NONE, ESYS_TR_NONE, t->handle, &kept);
	if (rc != TSS2_RC_SUCCESS) {
		Esys_FlushContext(esys, key);
		return tss_error(err, t, "TPM2_EvictControl", rc);
	}
	rc = Esys_TR_GetName(esys, kept, &tr_name);
	if (rc == TSS2_RC_SUCCESS) {
		*name_len = tr_name->size;
		memcpy(name, tr_name->name, tr_name->size);
		Esys_Free(tr_name);
	}
	Esys_TR_Close(esys, &kept);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_FlushContext(esys, key);
	if (rc != TSS2_RC_SUCCESS)
		return tss_error(err, t, "TPM2_FlushContext", rc);
	return 0;
}
