// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a KMIP server answers: first one item of TTLV, then a whole operation
 * that has the input in place of the connection. The first byte says which
 * operation, the second which version; the rest is what the server sends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keys/kmip/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *stream;
static size_t stream_left;

/* In place of tls.c. */
int tls_connect(SSL_CTX *ctx, const struct kmip_server *server,
		unsigned int timeout, struct tls *out, struct error *err)
{
	(void)ctx;
	(void)timeout;
	(void)err;
	*out = (struct tls){ .server = server, .fd = -1 };
	return 0;
}

int tls_write(struct tls *t, const void *data, size_t len, struct error *err)
{
	struct ttlv item;

	(void)t;
	(void)err;
	/* Whatever the server has said, what is sent to it is right. */
	if (ttlv_parse(data, len, &item))
		abort();
	return 0;
}

int tls_read(struct tls *t, void *data, size_t len, struct error *err)
{
	(void)t;
	if (len > stream_left)
		return error_set(err, -ECONNRESET, VTPM_ERR_PROVIDER, "end");
	memcpy(data, stream, len);
	stream += len;
	stream_left -= len;
	return 0;
}

void tls_close(struct tls *t)
{
	(void)t;
}

static void check_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	if (!n || n == size)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (text[i] < ' ' || text[i] > '~')
			abort();
	}
}

static int list(struct kmip *k, struct error *err)
{
	struct kmip_key *keys = NULL;
	size_t n = 0;
	int e = kmip_list(k, &keys, &n, err);

	for (size_t i = 0; !e && i < n; i++) {
		check_text(keys[i].id, sizeof(keys[i].id));
		if (strlen(keys[i].time) != KMIP_TIME_LEN ||
		    (i && strcmp(keys[i - 1].time, keys[i].time) > 0))
			abort();
	}
	free(keys);
	return e;
}

static int create(struct kmip *k, struct error *err)
{
	char id[PROVIDER_MAX_KEY_ID + 1] = "";
	int e = kmip_create(k, id, err);

	if (!e)
		check_text(id, sizeof(id));
	return e;
}

static int get(struct kmip *k, struct error *err)
{
	struct secret *key = NULL;
	int e = kmip_get(k, "1", &key, err);

	if (e ? key != NULL : key->len != KMIP_KEY_LEN)
		abort();
	secret_free(key);
	return e;
}

static int cipher(struct kmip *k, bool encrypt, struct error *err)
{
	static const uint8_t nonce[KMIP_NONCE_LEN], in[32 + KMIP_TAG_LEN];
	const struct kmip_gcm p = { "1", nonce, "aad", 3 };
	struct secret *s = secret_new(32);
	uint8_t *out = malloc(sizeof(in));
	int e;

	if (encrypt) {
		e = kmip_encrypt(k, &p, s, out, err);
	} else {
		secret_free(s);
		s = NULL;
		e = kmip_decrypt(k, &p, in, 32, &s, err);
		if (e ? s != NULL : s->len != 32)
			abort();
	}
	free(out);
	secret_free(s);
	return e;
}

static int find(struct kmip *k, struct error *err)
{
	struct kmip_key key;
	int e = kmip_find(k, "1", &key, err);

	if (!e && (strcmp(key.id, "1") || !key.state ||
		   strnlen(key.time, sizeof(key.time)) == sizeof(key.time)))
		abort();
	return e;
}

static int operate(struct kmip *k, uint8_t which, struct error *err)
{
	switch (which % 7) {
	case 0:
		return list(k, err);
	case 1:
		return create(k, err);
	case 2:
		return get(k, err);
	case 3:
		return cipher(k, true, err);
	case 4:
		return cipher(k, false, err);
	case 5:
		return kmip_destroy(k, "1", err);
	default:
		return find(k, err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* 0.0: the first answer is the one to Discover Versions. */
	static const struct kmip_version versions[] = {
		{ 0, 0 }, { 1, 2 }, { 1, 4 }, { 2, 0 }
	};
	struct kmip_config c = { .label = "p", .timeout = 1 };
	struct error err = { 0 };
	struct ttlv item;
	struct kmip k;
	int e;

	if (size < 2)
		return 0;
	ttlv_parse(data + 2, size - 2, &item);
	stream = data + 2;
	stream_left = size - 2;
	c.version = versions[data[1] % 4];
	strcpy(c.server[0].name, "h:1");
	e = kmip_open(&k, NULL, &c, &c.server[0], &err);
	if (!e)
		e = operate(&k, data[0], &err);
	if (e) {
		if (e > 0 || !err.code)
			abort();
		check_text(err.text, sizeof(err.text));
	}
	kmip_close(&k);
	return 0;
}
