// SPDX-License-Identifier: GPL-2.0-or-later
/* The connections: what is read, queued and sent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/io.h"
#include "util/log.h"
#include "vtpmd/server-conn.h"

/* A client that reads slower than this much is cut off. */
#define MAX_OUTPUT (4 * VARLINK_MAX_MESSAGE)

void conn_free(struct conn *conn)
{
	struct call *c = conn->call;

	if (c) {
		c->conn = NULL;
		if (c->gone)
			c->gone(c->gone_arg);
	}
	for (size_t i = 0; i < conn->n_fds; i++)
		close(conn->fds[i]);
	sd_event_source_disable_unref(conn->source);
	close(conn->fd);
	varlink_input_deinit(&conn->in);
	free(conn->out);
	TAILQ_REMOVE(&conn->server->conns, conn, link);
	conn->server->n_conns--;
	free(conn);
}

void conn_watch(struct conn *conn)
{
	/* An end of file can be read again and again, and would be. */
	uint32_t events = (conn->call || conn->eof ? 0 : EPOLLIN) |
			  (conn->out_len ? EPOLLOUT : 0);

	if (sd_event_source_set_io_events(conn->source, events) < 0)
		conn->closing = true;
}

void conn_flush(struct conn *conn)
{
	size_t done = 0;
	ssize_t n;

	while (done < conn->out_len) {
		n = send(conn->fd, conn->out + done, conn->out_len - done,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			conn->closing = true;
		if (n <= 0)
			break;
		done += n;
	}
	conn->out_len -= done;
	memmove(conn->out, conn->out + done, conn->out_len);
}

static int conn_queue(struct conn *conn, const char *data, size_t len)
{
	size_t need = conn->out_len + len;
	char *p;

	if (need > MAX_OUTPUT)
		return -ENOBUFS;
	if (need > conn->out_size) {
		p = realloc(conn->out, 2 * need);
		if (!p)
			return -ENOMEM;
		conn->out = p;
		conn->out_size = 2 * need;
	}
	memcpy(conn->out + conn->out_len, data, len);
	conn->out_len = need;
	return 0;
}

void conn_send(struct conn *conn, json_t *msg)
{
	size_t len;
	char *text = varlink_format(msg, &len);

	if (!text || conn_queue(conn, text, len) < 0) {
		log_warning("a client of uid %u is cut off: its replies do not "
			    "fit",
			    conn->uid);
		conn->closing = true;
	}
	free(text);
	conn_flush(conn);
}

static void conn_start_call(struct conn *conn, json_t *msg)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c || varlink_call_parse(msg, &c->c) < 0) {
		log_debug("a client of uid %u sent what is no call", conn->uid);
		json_decref(msg);
		free(c);
		conn->closing = true;
		return;
	}
	c->msg = msg;
	c->right = conn->right;
	c->uid = conn->uid;
	memcpy(c->fds, conn->fds, sizeof(c->fds));
	c->n_fds = conn->n_fds;
	conn->n_fds = 0;
	if (!c->c.oneway) {
		c->conn = conn;
		conn->call = c;
	}
	conn->server->handler(c, conn->server->arg);
}

void conn_dispatch(struct conn *conn)
{
	json_t *msg;
	int r;

	/* An answer from within the loop below: that goes on with it. */
	if (conn->dispatching)
		return;
	conn->dispatching = true;
	while (!conn->call && !conn->closing) {
		r = varlink_input_next(&conn->in, &msg);
		if (!r)
			break;
		if (r < 0) {
			log_debug("a client of uid %u sent what is no JSON "
				  "object",
				  conn->uid);
			conn->closing = true;
			break;
		}
		conn_start_call(conn, msg);
	}
	conn->dispatching = false;
	if (!conn->closing)
		conn_watch(conn);
	if (conn->closing)
		conn_free(conn);
}

static void conn_read(struct conn *conn)
{
	char buf[16384];
	size_t n_fds = MAX_CALL_FDS - conn->n_fds;
	ssize_t n =
		recv_with_fds(conn->fd, buf, sizeof(buf),
			      conn->fds + conn->n_fds, &n_fds, MSG_DONTWAIT);

	if (n == -EAGAIN)
		return;
	if (!n && conn->out_len) {
		conn->eof = true;
		return;
	}
	if (n <= 0) {
		conn->closing = true;
		return;
	}
	conn->n_fds += n_fds;
	if (varlink_input_add(&conn->in, buf, n) < 0) {
		log_debug("a client of uid %u sent too long a message",
			  conn->uid);
		conn->closing = true;
	}
}

int conn_on_io(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct conn *conn = arg;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT)
		conn_flush(conn);
	if (conn->eof && !conn->out_len)
		conn->closing = true;
	if ((revents & EPOLLIN) && !conn->call)
		conn_read(conn);
	else if (revents & (EPOLLHUP | EPOLLERR))
		conn->closing = true;
	conn_dispatch(conn);
	return 0;
}
