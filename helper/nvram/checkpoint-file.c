// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The file has a random key of its own, which lies in the first page, sealed
 * with the vTPM's data key. So a deep rekey, which changes the other file at
 * one instant, leaves this one readable with either key, and no record of the
 * one file opens in the other.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "nvram/checkpoint-file-slots.h"

static const char label[] = "vtpm checkpoint v1";

static struct {
	struct secret *own;
	uint8_t uuid[UUID_LEN];
	int current; /* the entry of the data key in use */
} file;

static struct hkdf_gcm params(const struct mapped_key *m,
			      const struct secret *data_key)
{
	return (struct hkdf_gcm){ .key = data_key,
				  .salt = m->salt,
				  .info = label,
				  .info_len = sizeof(label) - 1,
				  .aad = file.uuid,
				  .aad_len = sizeof(file.uuid) };
}

static void drop(int i)
{
	struct mapped_key *m = &mapped_first_page()->key[i];

	m->used = 0;
	atomic_signal_fence(memory_order_seq_cst);
	OPENSSL_cleanse(m, sizeof(*m));
}

static int seal_for(int i, const struct secret *data_key, struct error *err)
{
	struct mapped_key *m = &mapped_first_page()->key[i];
	struct hkdf_gcm p;

	random_bytes(m->salt, sizeof(m->salt));
	p = params(m, data_key);
	if (hkdf_gcm_seal(&p, file.own->data, file.own->len, m->body))
		return error_set(err, -EIO, VTPM_ERR_INTERNAL,
				 CHECKPOINT_FILE ": cannot seal its key");
	atomic_signal_fence(memory_order_seq_cst);
	m->used = 1;
	return 0;
}

/* The entry that @data_key opens, or a negative errno. */
static int find(const struct secret *data_key)
{
	const struct mapped_page *page = mapped_first_page();

	for (int i = 0; i < 2; i++) {
		struct hkdf_gcm p = params(&page->key[i], data_key);
		int r;

		if (page->key[i].used != 1)
			continue;
		r = hkdf_gcm_open(&p, page->key[i].body, NVRAM_KEY_LEN,
				  file.own->data);
		if (r != -EKEYREJECTED)
			return r ? r : i;
	}
	return -EKEYREJECTED;
}

/* Map it, and begin a session with its key, in file.own. */
static int set_up(int fd, const uint8_t uuid[UUID_LEN], struct secret *own,
		  struct error *err)
{
	int r = own ? mapped_open(fd, SLOTS_MIN_SIZE) : -ENOMEM;

	if (r) {
		secret_free(own);
		return error_set(err, r, VTPM_ERR_STORAGE,
				 CHECKPOINT_FILE ": %s", strerror(-r));
	}
	secret_free(file.own);
	file.own = own;
	file.current = 0;
	memcpy(file.uuid, uuid, sizeof(file.uuid));
	return 0;
}

static int begin(struct error *err)
{
	int r = slots_begin(file.uuid, file.own);

	return r ? error_set(err, r, VTPM_ERR_INTERNAL,
			     CHECKPOINT_FILE ": cannot set up its key")
		 : 0;
}

int checkpoint_file_create(int fd, const uint8_t uuid[UUID_LEN],
			   const struct secret *data_key, struct error *err)
{
	struct mapped_page *page;
	int r = set_up(fd, uuid, secret_random(NVRAM_KEY_LEN), err);

	if (!r)
		r = seal_for(0, data_key, err);
	if (!r)
		r = begin(err);
	if (r)
		return r;
	page = mapped_first_page();
	page->version = MAPPED_VERSION;
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(page->magic, MAPPED_MAGIC, sizeof(page->magic));
	return 0;
}

int checkpoint_file_open(int fd, const uint8_t uuid[UUID_LEN],
			 const struct secret *data_key,
			 struct checkpoint_stored *out, struct error *err)
{
	const struct mapped_page *page;
	int r = set_up(fd, uuid, secret_new(NVRAM_KEY_LEN), err);

	if (r)
		return r;
	page = mapped_first_page();
	if (memcmp(page->magic, MAPPED_MAGIC, sizeof(page->magic)) ||
	    page->version < MAPPED_OLDEST || page->version > MAPPED_VERSION)
		return error_set(
			err, -EBADMSG, VTPM_ERR_CORRUPT,
			CHECKPOINT_FILE
			" is of another version, or was not completed");
	r = find(data_key);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_KEY_WRONG,
				 CHECKPOINT_FILE
				 " was not made with the vTPM's data key");
	file.current = r;
	drop(!r);
	r = begin(err);
	return r ? r : slots_read(out, err);
}

void checkpoint_file_close(void)
{
	slots_end();
	secret_free(file.own);
	file.own = NULL;
}

int checkpoint_file_add(const struct secret *data_key, struct error *err)
{
	drop(!file.current);
	return seal_for(!file.current, data_key, err);
}

void checkpoint_file_switch(void)
{
	file.current = !file.current;
	drop(!file.current);
}
