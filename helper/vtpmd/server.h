/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Varlink server: connections, calls, replies. It knows messages and
 * rights; what the methods do is in api-*.c.
 */
#ifndef VTPM_VTPMD_SERVER_H
#define VTPM_VTPMD_SERVER_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "util/error.h"
#include "util/varlink.h"

struct call;
struct server;

/* Each includes the ones before it. */
enum right {
	RIGHT_READ,    /* everyone */
	RIGHT_OPERATE, /* group vtpm-admin */
	RIGHT_KEYS,    /* root */
};

/* How much the peer of the connected socket @fd may do. */
enum right right_of_peer(int fd, bool have_admin, gid_t admin_gid, uid_t *uid);

/*
 * @handler gets every call that is one, and ends it now or later with
 * call_reply(), call_fail() or call_done().
 */
typedef void (*call_handler)(struct call *call, void *arg);

/* Listen on @path; a socket handed over by systemd is used instead. */
int server_new(sd_event *event, const char *path, bool have_admin,
	       gid_t admin_gid, call_handler handler, void *arg,
	       struct server **out, struct error *err);
/* Ends all connections; calls may still be answered into the void. */
void server_free(struct server *s);

const char *call_method(const struct call *c);
/* An object, or NULL for none. */
json_t *call_parameters(const struct call *c);
bool call_wants_more(const struct call *c);
enum right call_right(const struct call *c);
uid_t call_uid(const struct call *c);
/* A descriptor that came with the call, which keeps it; -1 if there is none. */
int call_fd(const struct call *c, size_t i);

/* @fn runs once if the client goes before the call is answered. */
void call_on_gone(struct call *c, void (*fn)(void *arg), void *arg);

/* A reply that is not the last one; nothing if the client did not ask for more.
 */
void call_continue(struct call *c, json_t *parameters);
/* The last reply. These take over @parameters, and end @c. */
void call_reply(struct call *c, json_t *parameters);
void call_fail(struct call *c, const char *error, json_t *parameters);
/* As the error of our interface. */
void call_error(struct call *c, const struct error *err);
/* No (further) answer: end the connection. */
void call_done(struct call *c);

/* A JSON string of text that may not be valid UTF-8. */
json_t *json_text(const char *text);

#endif
