// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <tss2/tss2_mu.h>

#include "keys/tpm2/seal.h"

/* No DA: that a PCR differs is no guess at a password, and may be retried. */
#define SEALED_ATTRIBUTES                                 \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | \
	 TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_NODA)

static int refuse(const struct sealed_key *key, const struct pcr_set *changed,
		  struct error *err)
{
	char bound[PCR_TEXT_LEN], now[PCR_TEXT_LEN];

	pcr_set_format(&key->pcrs, bound);
	pcr_set_format(changed, now);
	return error_set(err, -EACCES, VTPM_ERR_PROVIDER,
			 "the key is bound to the PCRs %s of the host's TPM, "
			 "and %s differ now: firmware, its settings or what it "
			 "starts changed; start the host as it was, or open "
			 "with another provider that is attached to the vTPM, "
			 "or its restored backup, and seal anew: vtpmctl "
			 "provider add tpm2, vtpmctl rekey --to",
			 bound, changed->mask ? now : "these");
}

/*
 * The policy: TPM2_PolicyCommandCode(TPM2_CC_Unseal), so that there is one
 * without PCRs as well, and TPM2_PolicyPCR() of the values in @key.
 */
static int run_policy(struct tpm *t, ESYS_TR session,
		      const struct sealed_key *key, struct error *err)
{
	const struct pcr_set *set = &key->pcrs;
	TPML_PCR_SELECTION pcrs = {
		.count = 1,
		.pcrSelections = { {
			.hash = set->bank,
			.sizeofSelect = 3,
			.pcrSelect = { set->mask, set->mask >> 8,
				       set->mask >> 16 },
		} },
	};
	TPM2B_DIGEST digest = { .size = 32 };
	TSS2_RC rc = Esys_PolicyCommandCode(t->esys, session, ESYS_TR_NONE,
					    ESYS_TR_NONE, ESYS_TR_NONE,
					    TPM2_CC_Unseal);

	if (rc == TSS2_RC_SUCCESS && set->mask) {
		if (EVP_Digest(key->values.data, key->values.len, digest.buffer,
			       NULL, EVP_sha256(), NULL) != 1)
			return error_set(err, -EIO, VTPM_ERR_PROVIDER,
					 "OpenSSL cannot make a SHA-256 sum");
		rc = Esys_PolicyPCR(t->esys, session, ESYS_TR_NONE,
				    ESYS_TR_NONE, ESYS_TR_NONE, &digest, &pcrs);
	}
	/* They have changed since they were read. */
	if (tpm_rc_base(rc) == TPM2_RC_VALUE)
		return refuse(key, &(struct pcr_set){ 0 }, err);
	return rc == TSS2_RC_SUCCESS ? 0 : tpm_error(t, rc, "do a policy", err);
}

static int policy_digest(struct tpm *t, const struct sealed_key *key,
			 TPM2B_DIGEST *out, struct error *err)
{
	ESYS_TR session = ESYS_TR_NONE;
	TPM2B_DIGEST *digest = NULL;
	int r = tpm_start_session(t, TPM2_SE_TRIAL, &session, err);
	TSS2_RC rc;

	if (!r)
		r = run_policy(t, session, key, err);
	if (!r) {
		rc = Esys_PolicyGetDigest(t->esys, session, ESYS_TR_NONE,
					  ESYS_TR_NONE, ESYS_TR_NONE, &digest);
		if (rc != TSS2_RC_SUCCESS)
			r = tpm_error(t, rc, "make a policy", err);
	}
	tpm_flush(t, &session);
	if (r)
		return r;
	*out = *digest;
	Esys_Free(digest);
	return 0;
}

/* As they are stored. */
static int keep_parts(struct tpm *t, const TPM2B_PUBLIC *public,
		      const TPM2B_PRIVATE *private, struct sealed_key *out,
		      struct error *err)
{
	size_t a = 0, b = 0;
	TSS2_RC rc = Tss2_MU_TPM2B_PUBLIC_Marshal(public, out->public.data,
						  SEALED_MAX_PUBLIC, &a);

	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPM2B_PRIVATE_Marshal(private, out->private.data,
						   SEALED_MAX_PRIVATE, &b);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_error(t, rc, "make a sealed key that fits", err);
	out->public.len = a;
	out->private.len = b;
	return 0;
}

/*
 * The session encrypts the first parameter, which is the one with @secret. What
 * tpm2-tss copies of it goes with the process, which cannot be dumped.
 */
static int create(struct tpm *t, const struct secret *secret,
		  const TPM2B_PUBLIC *template, struct sealed_key *out,
		  struct error *err)
{
	static const TPML_PCR_SELECTION no_pcrs;
	static const TPM2B_DATA outside;
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPM2B_PRIVATE *private = NULL;
	TPM2B_PUBLIC *public = NULL;
	ESYS_TR session = ESYS_TR_NONE;
	int r = tpm_start_session(t, TPM2_SE_HMAC, &session, err);
	TSS2_RC rc;

	if (r)
		return r;
	sensitive.sensitive.data.size = secret->len;
	memcpy(sensitive.sensitive.data.buffer, secret->data, secret->len);
	rc = Esys_Create(t->esys, t->parent, session, ESYS_TR_NONE,
			 ESYS_TR_NONE, &sensitive, template, &outside, &no_pcrs,
			 &private, &public, NULL, NULL, NULL);
	OPENSSL_cleanse(&sensitive, sizeof(sensitive));
	tpm_flush(t, &session);
	if (rc != TSS2_RC_SUCCESS)
		return tpm_error(t, rc, "seal a key", err);
	r = keep_parts(t, public, private, out, err);
	Esys_Free(public);
	Esys_Free(private);
	return r;
}

int seal_key(struct tpm *t, const struct secret *secret, struct sealed_key *out,
	     struct error *err)
{
	TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_KEYEDHASH,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = SEALED_ATTRIBUTES,
			.parameters.keyedHashDetail.scheme.scheme =
				TPM2_ALG_NULL,
		},
	};
	int r;

	out->parent = t->parent_handle;
	out->name = t->parent_name;
	out->pcrs = t->config->pcrs;
	r = tpm_read_pcrs(t, &out->pcrs, &out->values, err);
	if (!r)
		r = policy_digest(t, out, &template.publicArea.authPolicy, err);
	return r ? r : create(t, secret, &template, out, err);
}

int seal_check_pcrs(struct tpm *t, const struct sealed_key *key,
		    struct error *err)
{
	struct pcr_values now;
	struct pcr_set changed;
	int r = tpm_read_pcrs(t, &key->pcrs, &now, err);

	if (r)
		return r;
	changed = pcr_changed(&key->pcrs, &key->values, &now);
	return changed.mask ? refuse(key, &changed, err) : 0;
}

int seal_check(struct tpm *t, const struct sealed_key *key, struct error *err)
{
	int r = tpm_use_parent_of(t, key, err);

	return r ? r : seal_check_pcrs(t, key, err);
}

static int load(struct tpm *t, const struct sealed_key *key, ESYS_TR *out,
		struct error *err)
{
	TPM2B_PRIVATE private = { 0 };
	TPM2B_PUBLIC public = { 0 };
	ESYS_TR session = ESYS_TR_NONE;
	size_t a = 0, b = 0;
	TSS2_RC rc;
	int r;

	rc = Tss2_MU_TPM2B_PUBLIC_Unmarshal(key->public.data, key->public.len,
					    &a, &public);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPM2B_PRIVATE_Unmarshal(
			key->private.data, key->private.len, &b, &private);
	if (rc != TSS2_RC_SUCCESS || a != key->public.len ||
	    b != key->private.len)
		return tpm_error(t, TPM2_RC_INTEGRITY, "load the key", err);
	r = tpm_start_session(t, TPM2_SE_HMAC, &session, err);
	if (r)
		return r;
	rc = Esys_Load(t->esys, t->parent, session, ESYS_TR_NONE, ESYS_TR_NONE,
		       &private, &public, out);
	tpm_flush(t, &session);
	return rc == TSS2_RC_SUCCESS ? 0
				     : tpm_error(t, rc, "load the key", err);
}

/* The policy session is salted, too: it encrypts the answer. */
static int unseal(struct tpm *t, const struct sealed_key *key, ESYS_TR object,
		  TPM2B_SENSITIVE_DATA **data, struct error *err)
{
	ESYS_TR session = ESYS_TR_NONE;
	int r = tpm_start_session(t, TPM2_SE_POLICY, &session, err);
	TSS2_RC rc;

	if (!r)
		r = run_policy(t, session, key, err);
	if (!r) {
		rc = Esys_Unseal(t->esys, object, session, ESYS_TR_NONE,
				 ESYS_TR_NONE, data);
		if (tpm_rc_base(rc) == TPM2_RC_POLICY_FAIL ||
		    tpm_rc_base(rc) == TPM2_RC_PCR_CHANGED)
			r = refuse(key, &(struct pcr_set){ 0 }, err);
		else if (rc != TSS2_RC_SUCCESS)
			r = tpm_error(t, rc, "unseal the key", err);
	}
	tpm_flush(t, &session);
	return r;
}

int seal_open(struct tpm *t, const struct sealed_key *key, struct secret **out,
	      struct error *err)
{
	_cleanup_(secret) struct secret *s = secret_new(SEAL_KEY_LEN);
	TPM2B_SENSITIVE_DATA *data = NULL;
	ESYS_TR object = ESYS_TR_NONE;
	int r;

	if (!s)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	r = load(t, key, &object, err);
	if (!r)
		r = unseal(t, key, object, &data, err);
	tpm_flush(t, &object);
	if (r)
		return r;
	if (data->size == SEAL_KEY_LEN)
		memcpy(s->data, data->buffer, SEAL_KEY_LEN);
	else
		r = error_set(err, -EBADMSG, VTPM_ERR_PROVIDER,
			      "what is sealed to the host's TPM is no key of "
			      "this provider");
	OPENSSL_cleanse(data, sizeof(*data));
	Esys_Free(data);
	if (!r)
		*out = TAKE_PTR(s);
	return r;
}
