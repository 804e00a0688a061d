// SPDX-License-Identifier: GPL-2.0-or-later
/* The operation "check", and what is done where a program does not have it. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "util/cleanup.h"
#include "vtpmd/provider-call.h"
#include "vtpmd/spawn.h"

#define MAX_STEPS 64
#define MAX_TEXT 512

/* A line of printable text, whatever the program wrote. */
static json_t *clean(const char *text)
{
	char line[MAX_TEXT];

	last_line(text, strlen(text), line, sizeof(line));
	return json_string(line);
}

/* @why is NULL for a step that went well. */
static int add_step(json_t *steps, const char *step, const char *why,
		    const char *text)
{
	return json_array_append_new(
		steps, json_pack("{s:o, s:b, s:o}", "step", clean(step), "ok",
				 !why, "message", clean(why ? why : text)));
}

/* The program's own steps; -EBADMSG for anything else. */
static int take_steps(json_t *reply, json_t *steps)
{
	json_t *from = json_object_get(reply, "steps"), *one;
	size_t i;

	if (!json_array_size(from) || json_array_size(from) > MAX_STEPS)
		return -EBADMSG;
	json_array_foreach(from, i, one) {
		const char *step =
			json_string_value(json_object_get(one, "step"));
		const char *text =
			json_string_value(json_object_get(one, "message"));
		json_t *ok = json_object_get(one, "ok");

		if (!step || !text || !json_is_boolean(ok) ||
		    add_step(steps, step, json_is_true(ok) ? NULL : text, text))
			return -EBADMSG;
	}
	return 0;
}

static int check_info(const struct config *cfg, const struct provider_ref *p,
		      json_t *steps)
{
	_cleanup_(json) json_t *info = provider_info(cfg, p);
	const char *reason = json_string_value(json_object_get(info, "reason"));

	if (json_is_true(json_object_get(info, "usable")))
		reason = NULL;
	else if (!reason)
		reason = "not usable, and it does not say why";
	add_step(steps, "info", reason, "it can be used");
	return reason ? -EIO : 0;
}

/* By two runs of the program, as when a vTPM is made and started. */
static void check_round_trip(const struct config *cfg,
			     const struct provider_ref *p, json_t *steps)
{
	_cleanup_(secret) struct secret *value = secret_random(NVRAM_KEY_LEN);
	_cleanup_(secret) struct secret *back = NULL;
	struct error err = { .text = "out of memory" };
	uint8_t context[UUID_LEN];
	struct nvram_wrap w;
	int r;

	uuid_new(context);
	r = value ? provider_wrap(cfg, p, value, context, &w, &err) : -ENOMEM;
	add_step(steps, "wrap", r ? err.text : NULL, "a random value");
	if (r)
		return;
	r = provider_unwrap(cfg, p, context, &w, &back, &err);
	if (!r && CRYPTO_memcmp(back->data, value->data, NVRAM_KEY_LEN))
		r = provider_failed(&err, p->name,
				    "what it wrapped opens as another key; "
				    "use another provider");
	add_step(steps, "unwrap", r ? err.text : NULL, "it is the same");
}

static void check_program(const struct config *cfg,
			  const struct provider_ref *p, json_t *steps)
{
	_cleanup_(json) json_t *reply = NULL;
	struct error err = { 0 };
	int r = provider_call(cfg, p, "check", json_object(), -1, -1, &reply,
			      &err);

	if (r == -EOPNOTSUPP) {
		if (!check_info(cfg, p, steps))
			check_round_trip(cfg, p, steps);
		return;
	}
	if (!r && take_steps(reply, steps))
		r = provider_failed(&err, p->name,
				    "the reply to check is not usable");
	if (r)
		add_step(steps, "program", err.text, "");
}

json_t *provider_check(const struct config *cfg, const struct provider_ref *p)
{
	json_t *steps = json_array(), *one;
	bool passed = true;
	size_t i;

	check_program(cfg, p, steps);
	json_array_foreach(steps, i, one)
		passed = passed && json_is_true(json_object_get(one, "ok"));
	/* A check without a step has shown nothing. */
	passed = passed && json_array_size(steps);
	return json_pack("{s:b, s:o}", "passed", passed, "steps", steps);
}
