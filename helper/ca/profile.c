// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>

#include "ca/profile.h"

static bool is_of_type(EVP_PKEY *key, const struct ek_type *type)
{
	char group[32];

	if (!type->group)
		return EVP_PKEY_is_a(key, "RSA") &&
		       EVP_PKEY_get_bits(key) == (int)type->bits;
	if (!EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return false;
	return OBJ_txt2nid(group) == EC_curve_nist2nid(type->group);
}

int profile_public(const struct ca_public *p, EVP_PKEY **out, struct error *err)
{
	const struct ek_type *type = &ek_types[p->type];
	const unsigned char *at = p->der;
	_cleanup_(pkey) EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)p->len);
	EVP_PKEY_CTX *ctx;
	int ok;

	if (!key || at != p->der + p->len || !is_of_type(key, type))
		return error_set(err, -EINVAL, VTPM_ERR_IDENTITY,
				 "what the TPM gave is no key of type %s",
				 type->name);
	/* Of an ECC key: is the point on its curve? */
	ctx = EVP_PKEY_CTX_new(key, NULL);
	ok = ctx && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return error_set(err, -EINVAL, VTPM_ERR_IDENTITY,
				 "the TPM's key of type %s is not sound",
				 type->name);
	*out = TAKE_PTR(key);
	return 0;
}

/*
 * The "0." before a type is OpenSSL's way to have several of one type; it has
 * to be there, or the first number of an OID is taken for that.
 */
static const char config_text[] = "[" PROFILE_SECTION "]\n"
				  "basicConstraints = critical, CA:FALSE\n"
				  "keyUsage = critical, %s\n"
				  "extendedKeyUsage = " OID_EK_CERTIFICATE "\n"
				  "# critical, because the subject is empty\n"
				  "subjectAltName = critical, dirName:tpm\n"
				  "# subjectDirectoryAttributes\n"
				  "2.5.29.9 = ASN1:SEQUENCE:attributes\n"
				  "authorityKeyIdentifier = keyid\n"
				  "%s%s%s"
				  "%s%s%s"
				  "\n"
				  "[tpm]\n"
				  "0." OID_TPM_MANUFACTURER " = %s\n"
				  "0." OID_TPM_MODEL " = %s\n"
				  "0." OID_TPM_VERSION " = %s\n"
				  "\n"
				  "[attributes]\n"
				  "specification = SEQUENCE:specification\n"
				  "\n"
				  "[specification]\n"
				  "type = OID:" OID_TPM_SPECIFICATION "\n"
				  "values = SET:values\n"
				  "\n"
				  "[values]\n"
				  "value = SEQUENCE:value\n"
				  "\n"
				  "[value]\n"
				  "family = UTF8String:%s\n"
				  "level = INTEGER:%u\n"
				  "revision = INTEGER:%u\n";

char *profile_config(const struct ca_tpm *tpm, const struct ek_type *type,
		     const char *aia, const char *crl)
{
	char *out;

	if (asprintf(&out, config_text,
		     type->group ? "keyAgreement" : "keyEncipherment",
		     aia ? "authorityInfoAccess = caIssuers;URI:" : "",
		     aia ? aia : "", aia ? "\n" : "",
		     crl ? "crlDistributionPoints = URI:" : "", crl ? crl : "",
		     crl ? "\n" : "", tpm->manufacturer, tpm->model,
		     tpm->version, tpm->family, tpm->level, tpm->revision) < 0)
		return NULL;
	return out;
}

static int refuse(struct error *err, const char *why)
{
	return error_set(err, -EINVAL, VTPM_ERR_CERTIFICATE,
			 "the certificate is not taken: %s", why);
}

static bool has_ek_usage(X509 *cert)
{
	EXTENDED_KEY_USAGE *usage =
		X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
		char oid[32];

		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usage, i),
			    1);
		found |= !strcmp(oid, OID_EK_CERTIFICATE);
	}
	EXTENDED_KEY_USAGE_free(usage);
	return found;
}

/* Is it there once, with this value? */
static bool name_has(const X509_NAME *name, const char *oid, const char *value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	int at = X509_NAME_get_index_by_OBJ(name, object, -1);
	bool same = false;
	unsigned char *text = NULL;
	int n;

	if (at >= 0 && X509_NAME_get_index_by_OBJ(name, object, at) < 0) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, at);

		n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(e));
		same = n >= 0 && (size_t)n == strlen(value) &&
		       !memcmp(text, value, n);
		OPENSSL_free(text);
	}
	ASN1_OBJECT_free(object);
	return same;
}

static bool names_tpm(X509 *cert, const struct ca_tpm *tpm)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		found |= n->type == GEN_DIRNAME &&
			 name_has(n->d.directoryName, OID_TPM_MANUFACTURER,
				  tpm->manufacturer);
	}
	GENERAL_NAMES_free(names);
	return found;
}

static bool is_critical(X509 *cert, int nid)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);

	return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(cert, at));
}

int profile_check(X509 *cert, const struct ca_tpm *tpm,
		  const struct ek_type *type, struct error *err)
{
	uint32_t want = type->group ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT;
	char text[160];

	if (X509_get_version(cert) != X509_VERSION_3)
		return refuse(err, "it is not of version 3");
	if (!is_critical(cert, NID_basic_constraints) ||
	    X509_get_ext_count(cert) > 32 || X509_check_ca(cert) ||
	    X509_get_extension_flags(cert) & (EXFLAG_CA | EXFLAG_INVALID))
		return refuse(err, "its basicConstraints are not critical and "
				   "CA:FALSE");
	if (!is_critical(cert, NID_key_usage) ||
	    !(X509_get_key_usage(cert) & want))
		return refuse(err, type->group ? "its keyUsage is not critical "
						 "keyAgreement"
					       : "its keyUsage is not critical "
						 "keyEncipherment");
	if (!has_ek_usage(cert))
		return refuse(err, "its extendedKeyUsage has no "
				   "tcg-kp-EKCertificate, " OID_EK_CERTIFICATE);
	if (!X509_NAME_entry_count(X509_get_subject_name(cert)) &&
	    !is_critical(cert, NID_subject_alt_name))
		return refuse(err, "its subject is empty, and its "
				   "subjectAltName is not critical");
	if (!names_tpm(cert, tpm)) {
		snprintf(text, sizeof(text),
			 "its subjectAltName has no directory name with "
			 "the TPM's manufacturer %s",
			 tpm->manufacturer);
		return refuse(err, text);
	}
	return 0;
}
