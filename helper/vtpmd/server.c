// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection is read until it has a whole call, then not again until that
 * call is answered: calls of one connection are answered one after the other.
 * A call outlives its connection if the client goes while a job works on it;
 * its answer is dropped then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "util/io.h"
#include "util/log.h"
#include "vtpmd/server.h"

#define MAX_CONNECTIONS 256
/* So many stay free for those who may change something. */
#define RESERVED_CONNECTIONS 64
#define MAX_CALL_FDS 4
/* A client that reads slower than this much is cut off. */
#define MAX_OUTPUT (4 * VARLINK_MAX_MESSAGE)

struct conn {
	TAILQ_ENTRY(conn) link;
	struct server *server;
	int fd;
	sd_event_source *source;
	enum right right;
	uid_t uid;
	struct varlink_input in;
	int fds[MAX_CALL_FDS]; /* came in and belong to the next call */
	size_t n_fds;
	char *out;
	size_t out_len, out_size;
	struct call *call; /* being answered */
	bool dispatching;  /* conn_dispatch() is at work */
	bool eof;	   /* it says no more, but still reads */
	bool closing;	   /* end it as soon as that is safe */
};

struct call {
	struct conn *conn; /* NULL once the client is gone, or oneway */
	json_t *msg;	   /* owns what c points to */
	struct varlink_call c;
	enum right right;
	uid_t uid;
	int fds[MAX_CALL_FDS];
	size_t n_fds;
	void (*gone)(void *arg);
	void *gone_arg;
};

struct server {
	sd_event *event;
	int fd;
	char *path; /* to be removed, or NULL */
	sd_event_source *source;
	bool have_admin;
	gid_t admin_gid;
	call_handler handler;
	void *arg;
	unsigned int n_conns;
	TAILQ_HEAD(, conn) conns;
};

static void call_free(struct call *c)
{
	for (size_t i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	json_decref(c->msg);
	free(c);
}

static void conn_free(struct conn *conn)
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

static void conn_watch(struct conn *conn)
{
	/* An end of file can be read again and again, and would be. */
	uint32_t events = (conn->call || conn->eof ? 0 : EPOLLIN) |
			  (conn->out_len ? EPOLLOUT : 0);

	if (sd_event_source_set_io_events(conn->source, events) < 0)
		conn->closing = true;
}

static void conn_flush(struct conn *conn)
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

static void conn_send(struct conn *conn, json_t *msg)
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

/* Take calls until one has to be waited for. May free @conn. */
static void conn_dispatch(struct conn *conn)
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

static int on_conn(sd_event_source *source, int fd, uint32_t revents, void *arg)
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

static int on_accept(sd_event_source *source, int fd, uint32_t revents,
		     void *arg)
{
	struct server *s = arg;
	struct conn *conn;
	unsigned int limit;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)revents;
	if (client < 0)
		return 0;
	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		close(client);
		return 0;
	}
	conn->server = s;
	conn->fd = client;
	conn->right =
		right_of_peer(client, s->have_admin, s->admin_gid, &conn->uid);
	limit = MAX_CONNECTIONS;
	if (conn->right == RIGHT_READ)
		limit -= RESERVED_CONNECTIONS;
	if (s->n_conns >= limit ||
	    sd_event_add_io(s->event, &conn->source, client, EPOLLIN, on_conn,
			    conn) < 0) {
		close(client);
		free(conn);
		return 0;
	}
	TAILQ_INSERT_TAIL(&s->conns, conn, link);
	s->n_conns++;
	return 0;
}

static int listen_at(const char *path, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(err, -ENAMETOOLONG, VTPM_ERR_INVALID,
				 "%s is too long for a socket", path);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* What is left there is nobody's: the run directory is locked. */
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, SOMAXCONN) < 0) {
		int r = error_set(err, -errno, VTPM_ERR_INTERNAL, "%s: %s",
				  path, strerror(errno));

		if (fd >= 0)
			close(fd);
		return r;
	}
	return fd;
}

int server_new(sd_event *event, const char *path, bool have_admin,
	       gid_t admin_gid, call_handler handler, void *arg,
	       struct server **out, struct error *err)
{
	struct server *s = calloc(1, sizeof(*s));
	bool activated = sd_listen_fds(0) == 1;
	int r;

	if (!s)
		return error_set(err, -ENOMEM, VTPM_ERR_INTERNAL,
				 "out of memory");
	TAILQ_INIT(&s->conns);
	s->event = event;
	s->have_admin = have_admin;
	s->admin_gid = admin_gid;
	s->handler = handler;
	s->arg = arg;
	s->fd = activated ? SD_LISTEN_FDS_START : listen_at(path, err);
	if (s->fd < 0) {
		r = s->fd;
		free(s);
		return r;
	}
	s->path = activated ? NULL : strdup(path);
	r = sd_event_add_io(event, &s->source, s->fd, EPOLLIN, on_accept, s);
	if (r < 0) {
		server_free(s);
		return error_set(err, r, VTPM_ERR_INTERNAL, "event loop: %s",
				 strerror(-r));
	}
	*out = s;
	return 0;
}

void server_free(struct server *s)
{
	struct conn *conn;

	if (!s)
		return;
	while ((conn = TAILQ_FIRST(&s->conns))) {
		conn_flush(conn);
		conn_free(conn);
	}
	sd_event_source_disable_unref(s->source);
	close(s->fd);
	if (s->path)
		unlink(s->path);
	free(s->path);
	free(s);
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
