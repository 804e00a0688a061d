// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attributes of keys, written and read. KMIP 2.0 has other messages for them
 * than all versions before.
 */
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <sys/time.h>
#include <time.h>

#include "keys/kmip/attribute.h"

#define NAME_LEN (KMIP_MAX_LABEL + 1 + KMIP_TIME_LEN)

/*
 * One attribute; what the caller writes between the two is its value, with
 * the tag that open_attribute() returns. KMIP 2.0 has done away with names.
 */
static uint32_t open_attribute(const struct kmip *k, struct kmip_request *r,
			       const char *name, uint32_t tag)
{
	if (k->version.major >= 2)
		return tag;
	ttlv_open(&r->w, TAG_ATTRIBUTE);
	ttlv_text(&r->w, TAG_ATTRIBUTE_NAME, name);
	return TAG_ATTRIBUTE_VALUE;
}

static void close_attribute(const struct kmip *k, struct kmip_request *r)
{
	if (k->version.major < 2)
		ttlv_close(&r->w);
}

void kmip_put_u32(const struct kmip *k, struct kmip_request *r,
		  const char *name, uint32_t tag, enum ttlv_type type,
		  uint32_t value)
{
	ttlv_u32(&r->w, open_attribute(k, r, name, tag), type, value);
	close_attribute(k, r);
}

void kmip_put_group(const struct kmip *k, struct kmip_request *r)
{
	ttlv_text(&r->w, open_attribute(k, r, "Object Group", TAG_OBJECT_GROUP),
		  k->config->label);
	close_attribute(k, r);
}

int kmip_put_name(const struct kmip *k, struct kmip_request *r)
{
	char name[NAME_LEN + 1];
	struct timeval tv;
	struct tm tm;
	size_t n;

	gettimeofday(&tv, NULL);
	n = snprintf(name, sizeof(name), "%s ", k->config->label);
	if (!gmtime_r(&tv.tv_sec, &tm) ||
	    strftime(name + n, sizeof(name) - n, "%Y%m%dT%H%M%S", &tm) != 15)
		return -EINVAL;
	snprintf(name + n + 15, sizeof(name) - n - 15, ".%06uZ",
		 (unsigned int)tv.tv_usec % 1000000);
	ttlv_open(&r->w, open_attribute(k, r, "Name", TAG_NAME));
	ttlv_text(&r->w, TAG_NAME_VALUE, name);
	ttlv_u32(&r->w, TAG_NAME_TYPE, TTLV_ENUM, 1);
	ttlv_close(&r->w);
	close_attribute(k, r);
	return 0;
}

int kmip_take_id(const struct ttlv *item, char id[PROVIDER_MAX_KEY_ID + 1])
{
	if (item->type != TTLV_TEXT || !item->len ||
	    item->len > PROVIDER_MAX_KEY_ID)
		return -EBADMSG;
	for (size_t i = 0; i < item->len; i++) {
		if (item->value[i] <= ' ' || item->value[i] > '~')
			return -EBADMSG;
	}
	memcpy(id, item->value, item->len);
	id[item->len] = '\0';
	return 0;
}

static void take_name(const struct kmip *k, const struct ttlv *name,
		      struct kmip_key *out)
{
	size_t n = strlen(k->config->label);
	struct ttlv v;

	if (name->type != TTLV_STRUCTURE ||
	    ttlv_find(name, TAG_NAME_VALUE, TTLV_TEXT, &v) ||
	    v.len != n + 1 + KMIP_TIME_LEN ||
	    memcmp(v.value, k->config->label, n) || v.value[n] != ' ')
		return;
	for (size_t i = n + 1; i < v.len; i++) {
		if (!strchr("0123456789T.Z", v.value[i]) || !v.value[i])
			return;
	}
	memcpy(out->time, v.value + n + 1, KMIP_TIME_LEN);
	out->time[KMIP_TIME_LEN] = '\0';
}

static bool named(const struct ttlv *attribute, const char *name)
{
	struct ttlv v;

	return !ttlv_find(attribute, TAG_ATTRIBUTE_NAME, TTLV_TEXT, &v) &&
	       v.len == strlen(name) && !memcmp(v.value, name, v.len);
}

static void take_attribute(const struct kmip *k, const struct ttlv *item,
			   struct kmip_key *out)
{
	struct ttlv v;

	if (item->type != TTLV_STRUCTURE)
		return;
	if (named(item, "Name") &&
	    !ttlv_find(item, TAG_ATTRIBUTE_VALUE, TTLV_STRUCTURE, &v))
		take_name(k, &v, out);
	if (named(item, "State"))
		ttlv_find_u32(item, TAG_ATTRIBUTE_VALUE, TTLV_ENUM,
			      &out->state);
}

int kmip_attributes(struct kmip *k, const char *id, struct kmip_key *out,
		    struct error *err)
{
	struct kmip_request r;
	struct ttlv payload, item;
	struct ttlv_reader at;
	int e;

	memset(out, 0, sizeof(*out));
	snprintf(out->id, sizeof(out->id), "%s", id);
	kmip_begin(k, DO_GET_ATTRIBUTES, &r);
	ttlv_text(&r.w, TAG_ID, id);
	e = kmip_call(k, &r, &payload, err);
	if (e)
		return e;
	if (!ttlv_find(&payload, TAG_ATTRIBUTES, TTLV_STRUCTURE, &item)) {
		ttlv_find_u32(&item, TAG_STATE, TTLV_ENUM, &out->state);
		payload = item;
	}
	at = ttlv_children(&payload);
	while (ttlv_next(&at, &item) > 0) {
		if (item.tag == TAG_ATTRIBUTE)
			take_attribute(k, &item, out);
		else if (item.tag == TAG_NAME)
			take_name(k, &item, out);
	}
	return out->state ? 0 : kmip_malformed(k, err);
}
