/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Varlink messages (https://varlink.org): JSON objects, each ended by a NUL,
 * on a stream socket. The server's and the client's side of the wire share
 * this; who may call what is not decided here.
 */
#ifndef VTPM_UTIL_VARLINK_H
#define VTPM_UTIL_VARLINK_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "util/cleanup.h"

/* Largest message in bytes without its NUL, in either direction. */
#define VARLINK_MAX_MESSAGE (1024 * 1024)

DEFINE_CLEANUP(json, json_t *, json_decref)

/* What came from a stream and is not yet cut into messages. */
struct varlink_input {
	char *data;
	size_t len;	 /* bytes in data */
	size_t size;	 /* bytes data has room for */
	size_t searched; /* so many hold no NUL */
};

/*
 * Append what was read. Returns 0, -EMSGSIZE if the message that is coming in
 * is too long, or -ENOMEM; the stream is of no use after an error.
 */
int varlink_input_add(struct varlink_input *in, const void *data, size_t len);

/*
 * Cut off the next whole message. Returns 1 and a new reference to a JSON
 * object, 0 if more has to be read first, or -EBADMSG if it is not one.
 */
int varlink_input_next(struct varlink_input *in, json_t **out);
void varlink_input_deinit(struct varlink_input *in);

/* The members of a call; they belong to the message. */
struct varlink_call {
	const char *method;
	json_t *parameters; /* an object, or NULL */
	bool more, oneway, upgrade;
};

/* Returns 0, or -EBADMSG if @msg is no call; *out is untouched then. */
int varlink_call_parse(json_t *msg, struct varlink_call *out);

/* The members of a reply; they belong to the message. */
struct varlink_reply {
	const char *error;  /* qualified name, or NULL */
	json_t *parameters; /* an object, or NULL */
	bool continues;
};

int varlink_reply_parse(json_t *msg, struct varlink_reply *out);

/*
 * The bytes of @msg with the NUL, which *len counts; the caller frees them.
 * NULL if it is too long or memory is short.
 */
char *varlink_format(const json_t *msg, size_t *len);

#endif
