/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection is read until it has a whole call, then not again until that
 * call is answered: calls of one connection are answered one after the other.
 * A call outlives its connection if the client goes while a job works on it;
 * its answer is dropped then.
 */
#ifndef VTPM_VTPMD_SERVER_CONN_H
#define VTPM_VTPMD_SERVER_CONN_H

#include <sys/queue.h>

#include "vtpmd/server.h"

#define MAX_CALL_FDS 4

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

/* The handler of the connection's descriptor. */
int conn_on_io(sd_event_source *source, int fd, uint32_t revents, void *arg);
/* Wait for what can be done on it now. */
void conn_watch(struct conn *conn);
void conn_send(struct conn *conn, json_t *msg);
/* Send what it takes of what is queued. */
void conn_flush(struct conn *conn);
/* Take calls until one has to be waited for. May free @conn. */
void conn_dispatch(struct conn *conn);
void conn_free(struct conn *conn);

#endif
