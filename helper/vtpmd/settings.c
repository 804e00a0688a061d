// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "vtpmd/settings.h"

/* (uid_t)-1 and (gid_t)-1 are nobody's. */
#define ID_MAX (UINT32_MAX - 1)
/* Of an entry in passwd or group. */
#define ENTRY_MAX 16384

static int get_bool(const json_t *json, const char *key, bool *out)
{
	const json_t *v = json_object_get(json, key);

	if (!v)
		return 0;
	if (!json_is_boolean(v))
		return -EBADMSG;
	*out = json_is_true(v);
	return 0;
}

/* @max and above are refused: (uid_t)-1 is nobody's. */
static int get_number(const json_t *json, const char *key, uint32_t max,
		      uint32_t *out)
{
	const json_t *v = json_object_get(json, key);

	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) >= max)
		return -EBADMSG;
	*out = (uint32_t)json_integer_value(v);
	return 0;
}

static int get_text(const json_t *json, const char *key, size_t size, char *out)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (!text || !*text || strlen(text) >= size)
		return -EBADMSG;
	snprintf(out, size, "%s", text);
	return 0;
}

static int get_lineage(const json_t *json, struct lineage *out)
{
	const json_t *time = json_object_get(json, "time");

	if (!json)
		return 0;
	if (get_text(json, "name", sizeof(out->name), out->name) ||
	    get_text(json, "uuid", sizeof(out->uuid), out->uuid) ||
	    get_text(json, "mode", sizeof(out->mode), out->mode) ||
	    !json_is_integer(time) || json_integer_value(time) < 0)
		return -EBADMSG;
	out->time = json_integer_value(time);
	return 0;
}

int settings_from_json(const json_t *json, struct settings *out,
		       struct error *err)
{
	const json_t *notes = json_object_get(json, "notes");
	struct settings s = SETTINGS_DEFAULT;
	const json_t *generation = json_object_get(json, "generation");
	const char *bad = NULL;

	if (get_bool(json, "autostart", &s.autostart) < 0)
		bad = "autostart is not a boolean";
	else if (get_number(json, "uid", UINT32_MAX, &s.uid) < 0)
		bad = "uid is no user's number";
	else if (get_number(json, "gid", UINT32_MAX, &s.gid) < 0)
		bad = "gid is no group's number";
	else if (get_number(json, "mode", 0667, &s.mode) < 0 ||
		 (s.mode & ~0666U))
		bad = "mode is not within 0666";
	else if (notes &&
		 (!json_is_string(notes) ||
		  settings_set_notes(&s, json_string_value(notes), NULL) < 0))
		bad = "notes are not a text of at most 1024 bytes";
	else if (generation && (!json_is_integer(generation) ||
				json_integer_value(generation) < 0))
		bad = "generation is not a number";
	else if (get_lineage(json_object_get(json, "clonedFrom"),
			     &s.cloned_from) < 0)
		bad = "clonedFrom is not a name, a UUID, a mode and a time";
	if (bad)
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT, "%s", bad);
	s.generation = json_integer_value(generation);
	*out = s;
	return 0;
}

json_t *settings_lineage(const struct settings *s)
{
	const struct lineage *l = &s->cloned_from;

	return *l->name ? json_pack("{s:s, s:s, s:s, s:I}", "name", l->name,
				    "uuid", l->uuid, "mode", l->mode, "time",
				    (json_int_t)l->time)
			: NULL;
}

json_t *settings_to_json(const struct settings *s)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:s*, s:o*}", "autostart",
			 s->autostart, "uid", (json_int_t)s->uid, "gid",
			 (json_int_t)s->gid, "mode", (json_int_t)s->mode,
			 "generation", (json_int_t)s->generation, "notes",
			 *s->notes ? s->notes : NULL, "clonedFrom",
			 settings_lineage(s));
}

static int find_user(const char *name, uint32_t *uid)
{
	struct passwd pw, *found = NULL;
	char *buf = malloc(ENTRY_MAX);
	int r = -EINVAL;

	if (buf && !getpwnam_r(name, &pw, buf, ENTRY_MAX, &found) && found) {
		*uid = found->pw_uid;
		r = 0;
	}
	free(buf);
	return r;
}

static int find_group(const char *name, uint32_t *gid)
{
	struct group gr, *found = NULL;
	char *buf = malloc(ENTRY_MAX);
	int r = -EINVAL;

	if (buf && !getgrnam_r(name, &gr, buf, ENTRY_MAX, &found) && found) {
		*gid = found->gr_gid;
		r = 0;
	}
	free(buf);
	return r;
}

int settings_set_owner(struct settings *s, const char *text, struct error *err)
{
	const char *colon = strchrnul(text, ':');
	const char *group = *colon ? colon + 1 : NULL;
	uint32_t uid = s->uid, gid = s->gid;
	char user[NAME_MAX_LEN + 1];

	if ((size_t)(colon - text) >= sizeof(user) || (colon == text && !group))
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "an owner is USER, USER:GROUP or :GROUP");
	snprintf(user, sizeof(user), "%.*s", (int)(colon - text), text);
	if (*user && number_parse(user, 0, ID_MAX, &uid) < 0 &&
	    find_user(user, &uid) < 0)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "there is no user %s on this host", user);
	if (group && number_parse(group, 0, ID_MAX, &gid) < 0 &&
	    find_group(group, &gid) < 0)
		return error_set(err, -EINVAL, VTPM_ERR_INVALID,
				 "there is no group %.64s on this host", group);
	s->uid = uid;
	s->gid = gid;
	return 0;
}

int settings_set_notes(struct settings *s, const char *text, struct error *err)
{
	if (strlen(text) > SETTINGS_MAX_NOTES)
		return error_set(err, -E2BIG, VTPM_ERR_INVALID,
				 "notes have at most %d bytes",
				 SETTINGS_MAX_NOTES);
	snprintf(s->notes, sizeof(s->notes), "%s", text);
	return 0;
}

int settings_set_mode(struct settings *s, const char *text, struct error *err)
{
	unsigned long mode = strtoul(text, NULL, 8);

	if (!*text || strspn(text, "01234567") != strlen(text) ||
	    strlen(text) > 4 || (mode & ~0666UL))
		return error_set(
			err, -EINVAL, VTPM_ERR_INVALID,
			"a mode is octal and within 0666, for instance 0660");
	s->mode = mode;
	return 0;
}
