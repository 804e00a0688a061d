// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "keys/kmip/protocol.h"

#define MAX_REQUEST 4000 /* bytes */
/* What the secure heap has in one piece, less its own. */
#define MAX_ANSWER (28 * 1024)

int kmip_malformed(struct kmip *k, struct error *err)
{
	k->lost = true;
	return error_set(err, -EBADMSG, VTPM_ERR_PROVIDER,
			 "%s: the answer is not what KMIP says; check that "
			 "\"servers\" names a KMIP server, and \"version\"",
			 k->tls.server->name);
}

void kmip_begin(const struct kmip *k, enum kmip_operation operation,
		struct kmip_request *r)
{
	struct ttlv_writer *w = &r->w;

	memset(r, 0, sizeof(*r));
	r->operation = operation;
	r->buf = secret_new(MAX_REQUEST);
	if (r->buf) {
		w->buf = r->buf->data;
		w->size = r->buf->len;
	}
	w->failed = !r->buf;
	ttlv_open(w, TAG_REQUEST);
	ttlv_open(w, TAG_REQUEST_HEADER);
	ttlv_open(w, TAG_VERSION);
	ttlv_u32(w, TAG_MAJOR, TTLV_INTEGER, k->version.major);
	ttlv_u32(w, TAG_MINOR, TTLV_INTEGER, k->version.minor);
	ttlv_close(w);
	ttlv_u32(w, TAG_BATCH_COUNT, TTLV_INTEGER, 1);
	ttlv_close(w);
	ttlv_open(w, TAG_BATCH_ITEM);
	ttlv_u32(w, TAG_OPERATION, TTLV_ENUM, operation);
	ttlv_open(w, TAG_REQUEST_PAYLOAD);
}

static int exchange(struct kmip *k, const struct kmip_request *r,
		    struct error *err)
{
	uint8_t head[TTLV_HEAD_LEN];
	uint64_t size;
	int e = tls_write(&k->tls, r->w.buf, r->w.len, err);

	if (!e)
		e = tls_read(&k->tls, head, sizeof(head), err);
	if (e) {
		k->lost = true;
		return e;
	}
	size = ttlv_size(head);
	if (size > MAX_ANSWER)
		return kmip_malformed(k, err);
	secret_free(k->answer);
	k->answer = secret_new(size);
	if (!k->answer)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	memcpy(k->answer->data, head, sizeof(head));
	e = tls_read(&k->tls, k->answer->data + sizeof(head),
		     size - sizeof(head), err);
	k->lost |= e != 0;
	return e;
}

/* What a server says goes into a log and JSON. */
static void printable(const struct ttlv *text, char *out, size_t size)
{
	size_t n = text->len < size - 1 ? text->len : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = text->value[i] >= ' ' && text->value[i] <= '~'
				 ? (char)text->value[i]
				 : '?';
	out[n] = '\0';
}

static int refused(struct kmip *k, const struct ttlv *item, struct error *err)
{
	const char *code = VTPM_ERR_PROVIDER, *next = "see the server's log";
	struct ttlv text;
	char said[160] = "";
	int e = -EIO;

	if (!ttlv_find(item, TAG_RESULT_MESSAGE, TTLV_TEXT, &text))
		printable(&text, said, sizeof(said));
	switch (k->reason) {
	case NOT_FOUND:
	case OBJECT_NOT_FOUND:
		e = -ENOKEY;
		code = VTPM_ERR_KEY_MISSING;
		next = "this is not the server that made it, or the key was "
		       "destroyed, and then " KMIP_DESTROYED_MEANS;
		break;
	case DESTROYED:
		e = -EKEYREVOKED;
		code = VTPM_ERR_KEY_DESTROYED;
		next = "the key was destroyed at the server: " KMIP_DESTROYED_MEANS;
		break;
	case NOT_AUTHENTICATED:
	case DENIED:
	case NOT_AUTHORISED:
	case SENSITIVE:
	case NOT_EXTRACTABLE:
		e = -EACCES;
		next = "the key may belong to another identity than that of "
		       "\"certificate\"; have the server's administrator give "
		       "this one the right";
		break;
	case NO_OPERATION:
	case NO_FEATURE:
		e = -EOPNOTSUPP;
		code = VTPM_ERR_NOT_SUPPORTED;
		next = "use another \"mode\" or \"version\"";
		break;
	case UNSUPPORTED_VERSION:
		next = "use another \"version\"";
		break;
	default:
		break;
	}
	return error_set(err, e, code, "%s refuses (reason 0x%x): %s; %s",
			 k->tls.server->name, k->reason, said, next);
}

/* The one batch item of an answer that is for @r. */
static int take_item(const struct secret *answer, struct ttlv *item)
{
	struct ttlv all, header;
	uint32_t count;

	if (ttlv_parse(answer->data, answer->len, &all) ||
	    all.tag != TAG_RESPONSE || all.type != TTLV_STRUCTURE ||
	    ttlv_find(&all, TAG_RESPONSE_HEADER, TTLV_STRUCTURE, &header) ||
	    ttlv_find_u32(&header, TAG_BATCH_COUNT, TTLV_INTEGER, &count) ||
	    count != 1)
		return -EBADMSG;
	return ttlv_find(&all, TAG_BATCH_ITEM, TTLV_STRUCTURE, item);
}

int kmip_call(struct kmip *k, struct kmip_request *r, struct ttlv *payload,
	      struct error *err)
{
	struct ttlv item;
	uint32_t status, operation;
	int e = ttlv_end(&r->w);

	k->reason = 0;
	if (e)
		error_set(err, e, VTPM_ERR_PROVIDER,
			  "the KMIP request does not fit into memory");
	else
		e = exchange(k, r, err);
	secret_free(r->buf);
	r->buf = NULL;
	if (e)
		return e;
	if (take_item(k->answer, &item) ||
	    ttlv_find_u32(&item, TAG_RESULT_STATUS, TTLV_ENUM, &status))
		return kmip_malformed(k, err);
	if (status) {
		if (ttlv_find_u32(&item, TAG_RESULT_REASON, TTLV_ENUM,
				  &k->reason) ||
		    !k->reason)
			k->reason = GENERAL_FAILURE;
		return refused(k, &item, err);
	}
	if (ttlv_find_u32(&item, TAG_OPERATION, TTLV_ENUM, &operation) ||
	    operation != (uint32_t)r->operation)
		return kmip_malformed(k, err);
	e = ttlv_find(&item, TAG_RESPONSE_PAYLOAD, TTLV_STRUCTURE, payload);
	if (e == -ENOENT)
		*payload = (struct ttlv){ .type = TTLV_STRUCTURE };
	else if (e)
		return kmip_malformed(k, err);
	return 0;
}
