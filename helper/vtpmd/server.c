// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "vtpmd/server-conn.h"

#define MAX_CONNECTIONS 256
/* So many stay free for those who may change something. */
#define RESERVED_CONNECTIONS 64

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
	    sd_event_add_io(s->event, &conn->source, client, EPOLLIN,
			    conn_on_io, conn) < 0) {
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
