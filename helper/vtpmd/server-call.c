// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls: what came in with them, and their answers. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vtpmd/server-conn.h"

static void call_free(struct call *c)
{
	for (size_t i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	json_decref(c->msg);
	free(c);
}

const char *call_method(const struct call *c)
{
	return c->c.method;
}

json_t *call_parameters(const struct call *c)
{
	return c->c.parameters;
}

bool call_wants_more(const struct call *c)
{
	return c->c.more;
}

enum right call_right(const struct call *c)
{
	return c->right;
}

uid_t call_uid(const struct call *c)
{
	return c->uid;
}

int call_fd(const struct call *c, size_t i)
{
	return i < c->n_fds ? c->fds[i] : -1;
}

void call_on_gone(struct call *c, void (*fn)(void *arg), void *arg)
{
	c->gone = fn;
	c->gone_arg = arg;
}

void call_continue(struct call *c, json_t *parameters)
{
	struct conn *conn = c->conn;
	json_t *msg;

	if (!conn || !c->c.more) {
		json_decref(parameters);
		return;
	}
	msg = json_pack("{s:o, s:b}", "parameters", parameters, "continues", 1);
	conn_send(conn, msg);
	json_decref(msg);
	/* Freed from the loop: the caller may hold on to what would go. */
	if (conn->closing)
		shutdown(conn->fd, SHUT_RDWR);
	else
		conn_watch(conn);
}

/* Consumes @msg, the last message of the call, or NULL for none. */
static void call_end(struct call *c, json_t *msg)
{
	struct conn *conn = c->conn;

	if (conn) {
		conn->call = NULL;
		if (msg)
			conn_send(conn, msg);
		else
			conn->closing = true;
	}
	json_decref(msg);
	call_free(c);
	if (conn)
		conn_dispatch(conn);
}

void call_reply(struct call *c, json_t *parameters)
{
	call_end(c, json_pack("{s:o}", "parameters",
			      parameters ? parameters : json_object()));
}

void call_fail(struct call *c, const char *error, json_t *parameters)
{
	call_end(c, json_pack("{s:s, s:o}", "error", error, "parameters",
			      parameters ? parameters : json_object()));
}

void call_error(struct call *c, const struct error *err)
{
	char name[64] = "io.vtpm.";

	strncat(name, err->code, sizeof(name) - strlen(name) - 1);
	call_fail(c, name, json_pack("{s:o}", "message", json_text(err->text)));
}

void call_done(struct call *c)
{
	call_end(c, NULL);
}

json_t *json_text(const char *text)
{
	json_t *s = json_string(text);
	char *copy;

	if (s)
		return s;
	copy = strdup(text);
	for (char *p = copy; p && *p; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	s = json_string(copy ? copy : "");
	free(copy);
	return s;
}
