// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Behind the state, what has been done since it was written: records one after
 * the other, each made before the first page counts it. A kill leaves the last
 * one whole, counted or not, or in part and not counted: then it is not there.
 * Documentation/nvram-format.rst, "Checkpoint".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "nvram/bytes.h"
#include "nvram/checkpoint-file-slots.h"

#define LOG_SIZE (2 * (size_t)MAPPED_PAGE)
/* LOG_MARK tells its records from those of base and delta 0. */
#define LOG_SLOT 0

static size_t place_len(uint32_t text_len)
{
	return (NVRAM_BODY_LEN(text_len) + 15) & ~(size_t)15;
}

/* --- writing --------------------------------------------------------------- */

/* From now on so much counts, if the process is killed. */
static void set_used(uint64_t used)
{
	atomic_signal_fence(memory_order_seq_cst);
	mapped_first_page()->log_used = used;
	slots.log_used = used;
}

static int make_region(struct error *err)
{
	mapped_region r = slots_new_region(LOG_SIZE);
	int e = mapped_make(r);

	if (e)
		return storage_error(err, e, CHECKPOINT_FILE, "log");
	/* That of an older release names no log. */
	mapped_first_page()->version = MAPPED_VERSION;
	atomic_signal_fence(memory_order_seq_cst);
	mapped_first_page()->log = r;
	slots.log = r;
	return 0;
}

void log_state_written(void)
{
	slots.state_generation = slots.generation;
	/* After the state's record, which has a newer generation. */
	set_used(0);
}

int checkpoint_file_append(const struct checkpoint_part *parts, unsigned int n,
			   struct error *err)
{
	uint8_t text[LOG_HEAD + CHECKPOINT_MAX_ENTRY];
	size_t len = LOG_HEAD;
	int r;

	for (unsigned int i = 0; i < n; i++)
		len += parts[i].len;
	if (len > sizeof(text) || !slots.base_len ||
	    slots.log_used + place_len(len) > LOG_SIZE)
		return -EAGAIN;
	put64(text, LOG_MARK);
	put64(text + 8, slots.state_generation);
	len = LOG_HEAD;
	for (unsigned int i = 0; i < n; len += parts[i++].len)
		memcpy(text + len, parts[i].data, parts[i].len);
	r = slots.log ? 0 : make_region(err);
	if (!r)
		r = slots_seal(mapped_memory(slots.log) + slots.log_used,
			       LOG_SLOT, text, len, err);
	OPENSSL_cleanse(text, len);
	if (r)
		return r;
	set_used(slots.log_used + place_len(len));
	return 0;
}

/* --- reading --------------------------------------------------------------- */

static int damaged(struct error *err)
{
	return error_set(err, -EBADMSG, VTPM_ERR_CORRUPT,
			 CHECKPOINT_FILE ": its log is damaged");
}

/* Behind those that are there, with its length before it. */
static void add_entry(struct checkpoint_stored *out, const struct record *rec)
{
	uint32_t len = rec->len - LOG_HEAD;

	put32(out->log + out->log_len, len);
	memcpy(out->log + out->log_len + 4, rec->text + LOG_HEAD, len);
	out->log_len += 4 + len;
}

/* A record of the log at @p; -EBADMSG for anything else. */
static int open_entry(const uint8_t *p, size_t left, struct record *rec,
		      uint64_t *state)
{
	int r = record_open(p, left, LOG_SLOT, rec);

	if (r)
		return r;
	if (rec->len < LOG_HEAD || get64(rec->text) != LOG_MARK) {
		record_free(rec);
		return -EBADMSG;
	}
	*state = get64(rec->text + 8);
	return 0;
}

/*
 * One that goes on from an older state is left over: a kill came between the
 * newer state and the mark that the log is empty.
 */
static int read_counted(const uint8_t *p, size_t left, uint64_t generation,
			uint64_t *last, struct checkpoint_stored *out,
			size_t *taken)
{
	struct record rec = { 0 };
	uint64_t state;
	int r = open_entry(p, left, &rec, &state);

	if (r)
		return r;
	*taken = place_len(rec.len);
	if (state > generation || rec.generation <= *last || *taken > left)
		r = -EBADMSG;
	else if (state == generation)
		add_entry(out, &rec);
	*last = rec.generation;
	record_free(&rec);
	return r;
}

/*
 * Behind what counts there may be one more that is whole, if a kill came before
 * it was counted: it has been run, and was not answered. Two are none that a kill
 * explains: somebody has changed how many count. Anything else is left over.
 */
static int read_uncounted(const uint8_t *p, size_t left, uint64_t generation,
			  uint64_t last, struct checkpoint_stored *out)
{
	for (int n = 0; n < 2; n++) {
		struct record rec = { 0 };
		size_t taken;
		uint64_t state;
		bool goes_on;
		int r = open_entry(p, left, &rec, &state);

		if (r)
			return r == -EBADMSG ? 0 : r;
		goes_on = state == generation && rec.generation > last;
		if (goes_on && !n)
			add_entry(out, &rec);
		last = rec.generation;
		taken = place_len(rec.len);
		record_free(&rec);
		if (!goes_on)
			return 0;
		p += taken;
		left -= taken < left ? taken : left;
	}
	return -EBADMSG;
}

int log_read(uint64_t generation, struct checkpoint_stored *out,
	     struct error *err)
{
	const uint8_t *log = mapped_memory(slots.log);
	size_t used = slots.log_used, taken = 0;
	uint64_t last = 0;
	int r = 0;

	if (slots.log ? !log || used > LOG_SIZE ||
				region_size(slots.log) != LOG_SIZE
		      : used > 0)
		return damaged(err);
	if (!log)
		return 0;
	/* An entry is shorter than its record. */
	out->log = malloc(LOG_SIZE);
	if (!out->log)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 CHECKPOINT_FILE ": out of memory");
	for (size_t at = 0; !r && at < used; at += taken)
		r = read_counted(log + at, used - at, generation, &last, out,
				 &taken);
	if (!r)
		r = read_uncounted(log + used, LOG_SIZE - used, generation,
				   last, out);
	if (r == -EBADMSG)
		return damaged(err);
	return r ? error_set(err, r, VTPM_ERR_INTERNAL,
			     CHECKPOINT_FILE ": cannot decrypt its log")
		 : 0;
}

const uint8_t *checkpoint_stored_entry(const struct checkpoint_stored *c,
				       uint32_t *at, uint32_t *len)
{
	const uint8_t *p;

	if (*at >= c->log_len)
		return NULL;
	p = c->log + *at;
	*len = get32(p);
	*at += 4 + *len;
	return p + 4;
}
