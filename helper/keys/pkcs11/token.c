// SPDX-License-Identifier: GPL-2.0-or-later
/* From the configuration to a session: URI, module, token, PIN. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "keys/key-dir.h"
#include "keys/pkcs11/pin.h"

#define MAX_SLOTS 64

DEFINE_CLEANUP(uri, P11KitUri *, p11_kit_uri_free)

int token_error(struct error *err, CK_RV rv, const char *what)
{
	return error_set(err, -EIO, VTPM_ERR_PROVIDER,
			 "cannot %s: the token says %s (0x%lx)", what,
			 p11_kit_strerror(rv), (unsigned long)rv);
}

static int bad_config(struct error *err, const char *what)
{
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "the configuration %s; see \"The pkcs11 provider\" in "
			 "key-providers.rst",
			 what);
}

static int parse_uri(const json_t *config, P11KitUri **out, struct error *err)
{
	const char *text = json_string_value(json_object_get(config, "uri"));
	_cleanup_(uri) P11KitUri *uri = p11_kit_uri_new();

	if (!uri)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	if (!text)
		return bad_config(err, "has no \"uri\"");
	if (p11_kit_uri_parse(text,
			      P11_KIT_URI_FOR_TOKEN |
				      P11_KIT_URI_FOR_MODULE_WITH_VERSION,
			      uri) != P11_KIT_URI_OK ||
	    p11_kit_uri_any_unrecognized(uri))
		return bad_config(
			err, "has a \"uri\" that names no token (RFC 7512)");
	/* The configuration is shown and logged; a PIN does not belong there. */
	if (p11_kit_uri_get_pin_value(uri) || p11_kit_uri_get_pin_source(uri))
		return bad_config(err,
				  "has a PIN in its \"uri\"; use \"pin-file\"");
	*out = TAKE_PTR(uri);
	return 0;
}

static int take_label(const struct request *r, struct token *t,
		      struct error *err)
{
	const json_t *v = json_object_get(r->config, "label");
	const char *label = v ? json_string_value(v) : r->provider;

	if (!label || !name_valid(label) || strlen(label) > TOKEN_MAX_LABEL)
		return bad_config(err, "has a \"label\" that is not a name");
	memcpy(t->label, label, strlen(label) + 1);
	return 0;
}

static int load_modules(const P11KitUri *uri, struct token *t,
			struct error *err)
{
	const char *path = p11_kit_uri_get_module_path((P11KitUri *)uri);
	CK_RV rv;

	if (path) {
		t->module = p11_kit_module_load(path, 0);
		rv = t->module ? p11_kit_module_initialize(t->module)
			       : CKR_GENERAL_ERROR;
		if (rv == CKR_OK)
			return 0;
		if (t->module)
			p11_kit_module_release(t->module);
		t->module = NULL;
		return error_set(err, -ENOENT, VTPM_ERR_PROVIDER,
				 "cannot use the PKCS#11 module %s: %s", path,
				 p11_kit_message() ? p11_kit_message()
						   : p11_kit_strerror(rv));
	}
	t->modules = p11_kit_modules_load_and_initialize(0);
	if (t->modules)
		return 0;
	return error_set(
		err, -ENOENT, VTPM_ERR_PROVIDER,
		"p11-kit loads no module; install the token's, or name "
		"it by module-path in the URI");
}

/* How many tokens of @module fit; *slot is the last one. */
static int match_slots(CK_FUNCTION_LIST *module, P11KitUri *uri,
		       CK_SLOT_ID *slot)
{
	CK_SLOT_ID slots[MAX_SLOTS];
	CK_ULONG n = MAX_SLOTS;
	CK_TOKEN_INFO info;
	CK_INFO about;
	int found = 0;

	if (module->C_GetInfo(&about) != CKR_OK ||
	    !p11_kit_uri_match_module_info(uri, &about) ||
	    module->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return 0;
	for (CK_ULONG i = 0; i < n && i < MAX_SLOTS; i++) {
		if (module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    !(info.flags & CKF_TOKEN_INITIALIZED) ||
		    !p11_kit_uri_match_token_info(uri, &info))
			continue;
		*slot = slots[i];
		found++;
	}
	return found;
}

static int find_token(P11KitUri *uri, struct token *t, CK_SLOT_ID *slot,
		      struct error *err)
{
	int found = 0;

	if (!t->modules)
		found = match_slots(t->module, uri, slot);
	for (size_t i = 0; t->modules && t->modules[i]; i++) {
		int n = match_slots(t->modules[i], uri, slot);

		if (n)
			t->module = t->modules[i];
		found += n;
	}
	if (!found)
		return error_set(err, -ENODEV, VTPM_ERR_PROVIDER,
				 "no token fits the URI; plug it in, and "
				 "compare with: p11tool --list-tokens");
	/* Keys made on one token and looked for on another are lost. */
	if (found > 1)
		return error_set(err, -ENOTUNIQ, VTPM_ERR_PROVIDER,
				 "%d tokens fit the URI; add serial to it",
				 found);
	return 0;
}

static int log_into(const char *file, P11KitUri *uri, struct check *c,
		    struct token *t, struct pin *pin, struct error *err)
{
	CK_SLOT_ID slot = 0;
	int r = file && *file ? pin_read(file, pin, err)
			      : bad_config(err, "has no \"pin-file\"");
	CK_RV rv;

	check_step(c, "PIN file", r, err, "can be read");
	if (r)
		return r;
	r = load_modules(uri, t, err);
	check_step(c, "module", r, err, "loads");
	if (r)
		return r;
	r = find_token(uri, t, &slot, err);
	check_step(c, "token", r, err, "there is one that fits");
	if (r)
		return r;
	rv = t->module->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
				      NULL, NULL, &t->session);
	r = rv == CKR_OK ? 0 : token_error(err, rv, "open a session");
	t->have_session = !r;
	if (!r)
		r = pin_log_in(t, pin, err);
	check_step(c, "PIN", r, err, "the token takes it");
	return r;
}

static int open_session(const json_t *config, P11KitUri *uri, struct check *c,
			struct token *t, struct error *err)
{
	struct pin pin = { 0 };
	int r = log_into(json_string_value(json_object_get(config, "pin-file")),
			 uri, c, t, &pin, err);

	secret_free(pin.secret);
	return r;
}

/*
 * Instances take turns: SoftHSM 2.6 does not list a token for a moment while
 * another process makes a key on it.
 */
static int take_turn(struct token *t, struct error *err)
{
	int r = key_dir_open(&t->lock, err);

	return r ? r : key_dir_lock(t->lock, err);
}

int token_open(const struct request *r, struct check *c, struct token *out,
	       struct error *err)
{
	_cleanup_(uri) P11KitUri *uri = NULL;
	struct token t = { .lock = -1 };
	int e = parse_uri(r->config, &uri, err);

	if (!e)
		e = take_label(r, &t, err);
	if (!e)
		e = take_turn(&t, err);
	check_step(c, "configuration", e, err, "names one token");
	if (!e)
		e = open_session(r->config, uri, c, &t, err);
	if (e)
		token_close(&t);
	else
		*out = t;
	return e;
}

void token_close(struct token *t)
{
	if (t->have_session && t->module)
		t->module->C_CloseSession(t->session);
	if (t->modules) {
		p11_kit_modules_finalize_and_release(t->modules);
	} else if (t->module) {
		p11_kit_module_finalize(t->module);
		p11_kit_module_release(t->module);
	}
	if (t->lock >= 0)
		close(t->lock);
	*t = (struct token){ .lock = -1 };
}
