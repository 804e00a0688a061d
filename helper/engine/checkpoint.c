// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "engine/checkpoint.h"
#include "nvram/bytes.h"
#include "nvram/checkpoint-file.h"

#define CHECKPOINT_VERSION 2
#define DIGEST_LEN 32 /* SHA-256 */
/* Version, instance, number, digest, and the lengths of what follows. */
#define HEAD_LEN (4 + 4 + 8 + DIGEST_LEN + 3 * 4)
/* Instance, number, locality, and the lengths of command and response. */
#define ENTRY_LEN (4 + 8 + 4 + 2 * 4)

struct checkpoint {
	EVP_MD *md;
	uint8_t digest[DIGEST_LEN];    /* of the permanent state it goes with */
	struct checkpoint_stored read; /* until it is forgotten */
};

static int out_of_memory(struct error *err)
{
	return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
			 CHECKPOINT_FILE ": out of memory");
}

static int digest(const struct checkpoint *c, const void *data, uint32_t len,
		  uint8_t out[DIGEST_LEN], struct error *err)
{
	if (EVP_Digest(data, len, out, NULL, c->md, NULL) == 1)
		return 0;
	return error_set(err, -EIO, VTPM_ERR_INTERNAL,
			 CHECKPOINT_FILE ": SHA-256 failed");
}

static int new_checkpoint(struct checkpoint **out, struct error *err)
{
	struct checkpoint *c = calloc(1, sizeof(*c));

	if (!c)
		return out_of_memory(err);
	c->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!c->md) {
		free(c);
		return out_of_memory(err);
	}
	*out = c;
	return 0;
}

void checkpoint_free(struct checkpoint *c)
{
	if (!c)
		return;
	checkpoint_file_close();
	checkpoint_stored_clear(&c->read);
	EVP_MD_free(c->md);
	free(c);
}

int checkpoint_create(int fd, const struct nvram_info *info,
		      const struct secret *key, const void *permanent,
		      uint32_t len, struct checkpoint **out, struct error *err)
{
	struct checkpoint *c;
	int r = new_checkpoint(&c, err);

	if (r)
		return r;
	if (len)
		r = digest(c, permanent, len, c->digest, err);
	if (!r)
		r = checkpoint_file_create(fd, info->uuid, key, err);
	if (r) {
		checkpoint_free(c);
		return r;
	}
	*out = c;
	return 0;
}

/* The content of the file as @content, which points into it. */
static int parse(const uint8_t *p, uint32_t len,
		 struct checkpoint_content *content, uint8_t hash[DIGEST_LEN])
{
	struct engine_answer *last = &content->last;
	struct tpm_saved *s = &content->saved;

	if (len < CHECKPOINT_ALIGN(HEAD_LEN) || get32(p) != CHECKPOINT_VERSION)
		return -EBADMSG;
	last->instance = get32(p + 4);
	last->seq = get64(p + 8);
	memcpy(hash, p + 16, DIGEST_LEN);
	last->len = get32(p + 48);
	s->running_len = get32(p + 52);
	s->permanent_len = get32(p + 56);
	if (last->len > sizeof(last->resp) ||
	    s->running_len > NVRAM_MAX_STATE ||
	    s->permanent_len > NVRAM_MAX_STATE || !s->running_len ||
	    len != CHECKPOINT_ALIGN(HEAD_LEN) +
			    CHECKPOINT_ALIGN(s->running_len) +
			    CHECKPOINT_ALIGN(s->permanent_len) +
			    CHECKPOINT_ALIGN(last->len))
		return -EBADMSG;
	p += CHECKPOINT_ALIGN(HEAD_LEN);
	s->running = p;
	p += CHECKPOINT_ALIGN(s->running_len);
	s->permanent = s->permanent_len ? p : NULL;
	memcpy(last->resp, p + CHECKPOINT_ALIGN(s->permanent_len), last->len);
	return 0;
}

/*
 * Which permanent state the running one goes with: that of the checkpoint,
 * which is written first, unless the file has the same.
 */
static int match(struct checkpoint *c, struct checkpoint_content *content,
		 const void *permanent, uint32_t len, struct error *err)
{
	uint8_t on_disk[DIGEST_LEN];
	struct tpm_saved *s = &content->saved;
	int r;

	r = digest(c, permanent, len, on_disk, err);
	if (r)
		return r;
	if (!memcmp(on_disk, c->digest, DIGEST_LEN)) {
		s->permanent = NULL;
		s->permanent_len = 0;
		return 0;
	}
	if (s->permanent_len)
		return 0;
	return error_set(
		err, -EBADMSG, VTPM_ERR_CORRUPT,
		"the file is not the one that the TPM was running with: its state is another");
}

static int read_content(struct checkpoint *c,
			struct checkpoint_content *content, struct error *err)
{
	if (parse(c->read.state, c->read.len, content, c->digest))
		return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
				 CHECKPOINT_FILE " is of another version");
	return 0;
}

int checkpoint_open(int fd, const struct nvram_info *info,
		    const struct secret *key, const void *permanent,
		    uint32_t len, struct checkpoint **out,
		    struct checkpoint_content *content, struct error *err)
{
	struct checkpoint *c;
	int r = new_checkpoint(&c, err);

	if (r)
		return r;
	memset(content, 0, sizeof(*content));
	r = checkpoint_file_open(fd, info->uuid, key, &c->read, err);
	if (!r)
		r = read_content(c, content, err);
	if (!r)
		r = match(c, content, permanent, len, err);
	if (r) {
		OPENSSL_cleanse(content, sizeof(*content));
		checkpoint_free(c);
		return r;
	}
	*out = c;
	return 0;
}

int checkpoint_entry(const struct checkpoint *c, uint32_t *at,
		     struct checkpoint_entry *out)
{
	uint32_t len;
	const uint8_t *p = checkpoint_stored_entry(&c->read, at, &len);

	if (!p)
		return 0;
	if (len < ENTRY_LEN)
		return -EBADMSG;
	*out = (struct checkpoint_entry){ .instance = get32(p),
					  .seq = get64(p + 4),
					  .locality = get32(p + 12),
					  .command_len = get32(p + 16),
					  .response_len = get32(p + 20) };
	len -= ENTRY_LEN;
	if (out->command_len > len ||
	    out->response_len != len - out->command_len)
		return -EBADMSG;
	out->command = p + ENTRY_LEN;
	out->response = out->command + out->command_len;
	return 1;
}

void checkpoint_settle(struct checkpoint *c)
{
	(void)c;
	checkpoint_file_settle();
}

int checkpoint_log(struct checkpoint *c, const struct checkpoint_entry *e,
		   struct error *err)
{
	uint8_t head[ENTRY_LEN];
	const struct checkpoint_part parts[] = {
		{ head, sizeof(head) },
		{ e->command, e->command_len },
		{ e->response, e->response_len },
	};

	(void)c;
	put32(head, e->instance);
	put64(head + 4, e->seq);
	put32(head + 12, e->locality);
	put32(head + 16, e->command_len);
	put32(head + 20, e->response_len);
	return checkpoint_file_append(parts, sizeof(parts) / sizeof(parts[0]),
				      err);
}

void checkpoint_forget(struct checkpoint *c, struct checkpoint_content *content)
{
	checkpoint_stored_clear(&c->read);
	OPENSSL_cleanse(content, sizeof(*content));
}

static void pack_head(const struct checkpoint *c,
		      const struct engine_answer *last, uint32_t running_len,
		      uint32_t permanent_len, uint8_t head[HEAD_LEN])
{
	put32(head, CHECKPOINT_VERSION);
	put32(head + 4, last->instance);
	put64(head + 8, last->seq);
	memcpy(head + 16, c->digest, DIGEST_LEN);
	put32(head + 48, last->len);
	put32(head + 52, running_len);
	put32(head + 56, permanent_len);
}

int checkpoint_write(struct checkpoint *c, const struct engine_answer *last,
		     const void *permanent, uint32_t len, struct error *err)
{
	uint8_t head[HEAD_LEN], *running;
	/* What changes least first: what comes behind it stays in its place. */
	struct checkpoint_part parts[] = { { head, HEAD_LEN },
					   { NULL, 0 },
					   { permanent, len },
					   { last->resp, last->len } };
	int r;

	r = permanent ? digest(c, permanent, len, c->digest, err) : 0;
	if (r)
		return r;
	if (tpm_running_state(&running, &parts[1].len))
		return out_of_memory(err);
	parts[1].data = running;
	pack_head(c, last, parts[1].len, len, head);
	r = checkpoint_file_write(parts, sizeof(parts) / sizeof(parts[0]), err);
	tpm_free_running_state(running, parts[1].len);
	return r;
}
