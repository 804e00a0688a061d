/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all key provider programs share: the contract of
 * Documentation/key-providers.rst. A program fills in a struct provider and
 * calls provider_main().
 */
#ifndef VTPM_KEYS_PROVIDER_H
#define VTPM_KEYS_PROVIDER_H

#include <jansson.h>

#include "util/error.h"
#include "util/secret.h"
#include "util/text.h"

#define PROVIDER_CONTRACT_VERSION 1
#define PROVIDER_MAX_REQUEST (1024 * 1024) /* bytes of JSON */
#define PROVIDER_MAX_KEY_ID 128		   /* bytes of text */
#define PROVIDER_MAX_WRAPPED 2048	   /* bytes */
#define PROVIDER_MAX_DATA_KEY 64	   /* bytes */
#define PROVIDER_MAX_PASSWORD 1024	   /* bytes */
#define PROVIDER_MAX_ITEMS 256		   /* of one unwrap-many */

enum provider_fd { PROVIDER_SECRET_IN = 3, PROVIDER_SECRET_OUT = 4 };

enum operation {
	OP_INFO,
	OP_NEW_KEY,
	OP_WRAP,
	OP_UNWRAP,
	OP_UNWRAP_MANY,
	OP_EXPORT,
	OP_IMPORT,
	OP_CHECK,
	OP_DESTROY_KEY,
	OP_COUNT,
};

/* One wrapped key, and what it was wrapped with and for. */
struct wrapped_item {
	const char *key_id; /* the request's */
	uint8_t context[UUID_LEN];
	uint8_t *wrapped;
	size_t wrapped_len; /* bytes; not 0 */
};

/* A request that was checked; what an operation needs is there. */
struct request {
	json_t *json; /* owns the texts below */
	enum operation operation;
	const char *provider;	    /* never NULL */
	const json_t *config;	    /* an object */
	const char *key_id;	    /* NULL where a request may omit it */
	uint8_t context[UUID_LEN];  /* for wrap */
	struct wrapped_item *items; /* for unwrap, one, and unwrap-many */
	size_t n_items;
	uint8_t *document; /* for import */
	size_t document_len;
	struct secret *secret; /* data key or password */
};

/*
 * @len bytes of JSON without the secret, which request_read_secret() adds.
 * -EINVAL with VTPM_ERR_INVALID, or VTPM_ERR_NOT_SUPPORTED for an operation
 * that is not in the contract. @out is to be cleared in any case.
 */
int request_parse(const char *text, size_t len, struct request *out,
		  struct error *err);
int request_read_secret(struct request *r, int fd, struct error *err);
void request_clear(struct request *r);

/* Adds members to @reply, an object, or fills in @err. */
typedef int (*operation_fn)(const struct request *r, json_t *reply,
			    struct error *err);

/*
 * How wrapped keys are opened, for unwrap and unwrap-many. What costs most, such
 * as a login, is done once for all items of a request and kept in the session.
 */
struct unwrapper {
	/* *session is the program's own; it is ended only if this returns 0. */
	int (*begin)(const struct request *r, void **session,
		     struct error *err);
	/* The caller frees *out. An error is of this item alone. */
	int (*open)(void *session, const struct request *r,
		    const struct wrapped_item *item, struct secret **out,
		    struct error *err);
	void (*end)(void *session);
};

struct provider {
	const char *program; /* vtpm-key-TYPE */
	const char *about;   /* one sentence for --help */
	/* NULL: not supported. Those of unwrapping are provider_main()'s own. */
	operation_fn op[OP_COUNT];
	struct unwrapper unwrapper;
};

/* OP_UNWRAP and OP_UNWRAP_MANY; "results" is added for the latter. */
int unwrap_run(const struct unwrapper *u, const struct request *r,
	       json_t *reply, struct error *err);

/*
 * Write the secret or document of the reply. An operation calls it once all
 * else has gone well, so that nothing leaves with an error reply.
 */
int provider_send(const void *data, size_t len, struct error *err);

/* -ENOMEM, and says so. */
int provider_out_of_memory(struct error *err);
/* Add a member to @reply. @text may be NULL where memory was short. */
int provider_put_text(json_t *reply, const char *name, const char *text,
		      struct error *err);
/* The member "key-id". */
int provider_put_key_id(json_t *reply, const uint8_t id[UUID_LEN],
			struct error *err);

/* Exit status of the program. */
int provider_main(const struct provider *p, int argc, char **argv);

#endif
