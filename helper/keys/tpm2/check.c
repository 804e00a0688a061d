// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "keys/check.h"
#include "keys/key-dir.h"
#include "keys/salted-wrap.h"
#include "keys/tpm2/check.h"
#include "keys/tpm2/host.h"
#include "keys/tpm2/seal.h"

/* One of the TPM's properties. */
static int get_property(struct tpm *t, uint32_t property, uint32_t *out,
			struct error *err)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE,
					ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
					property, 1, &more, &data);
	const TPML_TAGGED_TPM_PROPERTY *list;
	int r = 0;

	if (rc != TSS2_RC_SUCCESS)
		return tpm_error(t, rc, "say what it is", err);
	list = &data->data.tpmProperties;
	if (list->count == 1 && list->tpmProperty[0].property == property)
		*out = list->tpmProperty[0].value;
	else
		r = error_set(err, -ENODEV, VTPM_ERR_PROVIDER,
			      "the host's TPM has no property 0x%x; is it a "
			      "TPM 2.0?",
			      property);
	Esys_Free(data);
	return r;
}

/* Four characters, of which the last may be blank. */
static int get_maker(struct tpm *t, char out[5], struct error *err)
{
	uint32_t v = 0;
	int r = get_property(t, TPM2_PT_MANUFACTURER, &v, err);

	for (int i = 0; i < 4; i++) {
		char c = v >> (24 - 8 * i);

		out[i] = c > ' ' && c <= '~' ? c : '\0';
	}
	out[4] = '\0';
	return r;
}

static int check_lockout(struct tpm *t, struct error *err)
{
	uint32_t v = 0;
	int r = get_property(t, TPM2_PT_PERMANENT, &v, err);

	if (!r && v & TPMA_PERMANENT_INLOCKOUT)
		r = tpm_error(t, TPM2_RC_LOCKOUT, "be used in full", err);
	return r;
}

static int round_trip(const struct sealed_key *key, const struct secret *secret,
		      struct error *err)
{
	_cleanup_(secret) struct secret *value = secret_random(SEAL_KEY_LEN);
	_cleanup_(secret) struct secret *back = NULL;
	uint8_t wrapped[SEAL_KEY_LEN + SALTED_WRAP_OVERHEAD];
	uint8_t context[UUID_LEN];
	const struct salted_wrap w = {
		.magic = "VTKT",
		.label = "check",
		.key = secret,
		.id = key->id,
		.context = context,
	};
	int r = value ? 0 : provider_out_of_memory(err);

	uuid_new(context);
	if (!r)
		r = salted_wrap(&w, value, wrapped, err);
	if (!r)
		r = salted_unwrap(&w, wrapped, sizeof(wrapped), &back, err);
	return r ? r : check_same(value, back, err);
}

/* The TPM itself, whatever is sealed to it. */
static bool check_tpm(struct check *c, const struct tpm2_config *config,
		      struct tpm *t)
{
	struct error why = { 0 };
	char maker[5] = "";
	int r = config->device ? host_check_device("/sys", config->device, &why)
			       : 0;

	if (!check_step(c, "device", r, &why, "%s", config->tcti))
		return false;
	r = tpm_open(config, t, &why);
	if (!r)
		r = get_maker(t, maker, &why);
	if (!check_step(c, "TPM answers", r, &why, "made by %s", maker))
		return false;
	/* Keys and a storage key without DA do not mind, so go on. */
	r = check_lockout(t, &why);
	check_step(c, "lockout", r, &why, "none");
	return true;
}

/* The newest key, with which is wrapped. */
static void check_key(struct check *c, struct tpm *t,
		      const struct sealed_key *key)
{
	_cleanup_(secret) struct secret *secret = NULL;
	struct error why = { 0 };
	char pcrs[PCR_TEXT_LEN];
	int r = tpm_use_parent_of(t, key, &why);

	if (!check_step(c, "storage key", r, &why,
			t->parent_handle ? "persistent, 0x%08x"
					 : "by the template",
			t->parent_handle))
		return;
	pcr_set_format(&key->pcrs, pcrs);
	r = seal_check_pcrs(t, key, &why);
	if (!check_step(c, "policy", r, &why, "%s",
			*pcrs ? pcrs : "bound to no PCR"))
		return;
	r = seal_open(t, key, &secret, &why);
	if (!check_step(c, "unseal", r, &why, "the newest key"))
		return;
	r = round_trip(key, secret, &why);
	check_step(c, "wrap and unwrap", r, &why, "a random value");
}

static int load_newest(int dir, struct sealed_key *out, size_t *n,
		       struct error *err)
{
	_cleanup_(sealed_keys) struct sealed_keys *k = NULL;
	int r = sealed_load_all(dir, &k, err);

	if (r)
		return r;
	if (!k->count)
		return error_set(err, -ENOKEY, VTPM_ERR_KEY_MISSING,
				 "there is none; put the provider's directory "
				 "back from a backup of the host, or add the "
				 "provider anew");
	*out = k->key[k->count - 1];
	*n = k->count;
	return 0;
}

int tpm2_check(const struct request *r, json_t *reply, struct error *err)
{
	struct tpm t = { .parent = ESYS_TR_NONE };
	_cleanup_close_ int dir = -1;
	struct sealed_key key = { 0 };
	struct tpm2_config config = { 0 };
	struct error why = { 0 };
	struct check c;
	size_t n = 0;
	int e;

	check_begin(&c);
	e = tpm2_config_parse(r->config, &config, &why);
	if (!e)
		e = key_dir_open(&dir, &why);
	if (!e)
		e = key_dir_lock(dir, &why);
	if (!check_step(&c, "configuration", e, &why, "can be used"))
		return check_end(&c, reply, err);
	e = load_newest(dir, &key, &n, &why);
	check_step(&c, "key files", e, &why, "%zu, all of them whole", n);
	if (check_tpm(&c, &config, &t) && !e)
		check_key(&c, &t, &key);
	tpm_close(&t);
	return check_end(&c, reply, err);
}
