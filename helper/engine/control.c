// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/protocol.h"
#include "engine/tpm.h"
#include "util/log.h"

/* The manager and what it has running for this vTPM; more are turned away. */
#define MAX_CONNECTIONS 7

struct message {
	struct engine_header h;
	uint8_t data[sizeof(struct engine_execute) + ENGINE_MAX_COMMAND];
};

static struct {
	struct engine *engine;
	struct pollfd fds[1 + MAX_CONNECTIONS]; /* [0] listens */
	nfds_t n;
} control;

static int op_status(struct engine *e, const struct message *req,
		     struct message *rep)
{
	struct engine_status s = {
		.protocol = ENGINE_PROTOCOL_VERSION,
		.condition = e->condition,
		.storage_errnum = e->storage_errnum,
		.libtpms = tpm_library_version(),
		.generation = e->generation,
		.commands = e->commands,
		.commits = e->commits,
	};

	if (req->h.len)
		return -EINVAL;
	memcpy(rep->data, &s, sizeof(s));
	rep->h.len = sizeof(s);
	return 0;
}

static int op_execute(struct engine *e, const struct message *req,
		      struct message *rep)
{
	struct engine_execute x;
	struct engine_command c = { .data = req->data + sizeof(x),
				    .len = req->h.len - sizeof(x) };

	if (e->offline)
		return -EOPNOTSUPP;
	if (req->h.len < sizeof(x))
		return -EINVAL;
	memcpy(&x, req->data, sizeof(x));
	if (x.locality > 4)
		return -EINVAL;
	c.locality = x.locality;
	if (req->h.op == ENGINE_OP_TRY_EXECUTE)
		return engine_try_execute(e, &c, rep->data, &rep->h.len);
	rep->h.len = engine_execute(e, &c, rep->data);
	return 0;
}

static void reply(int fd, struct message *rep)
{
	/* A client that does not read loses the reply, not the engine. */
	send(fd, rep, sizeof(rep->h) + rep->h.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int op_stop(struct engine *e, int fd, struct message *rep)
{
	struct error err = { 0 };

	/* A command holds the lock for as long as storage keeps it. */
	if (e->condition == ENGINE_WAITING_FOR_STORAGE)
		return -EAGAIN;
	pthread_mutex_lock(&e->lock);
	if (engine_stop(e, &err) < 0) {
		pthread_mutex_unlock(&e->lock);
		log_error("%s: %s", e->name, err.text);
		return err.errnum;
	}
	nvram_close(e->nvram);
	if (!e->offline)
		tpm_power_off();
	reply(fd, rep);
	/* The lock is kept: nothing may run between here and the end. */
	_exit(ENGINE_EXIT_OK);
}

static int op_rekey(struct engine *e, const struct message *req)
{
	struct engine_rekey r;
	struct error err = { 0 };
	int rc;

	if (req->h.len != sizeof(r))
		return -EINVAL;
	if (e->condition == ENGINE_WAITING_FOR_STORAGE)
		return -EAGAIN;
	memcpy(&r, req->data, sizeof(r));
	pthread_mutex_lock(&e->lock);
	rc = engine_rekey(e, &r, &err);
	pthread_mutex_unlock(&e->lock);
	explicit_bzero(&r, sizeof(r));
	if (rc < 0)
		log_error("%s: %s", e->name, err.text);
	return rc;
}

static void handle(struct engine *e, int fd, const struct message *req,
		   size_t size)
{
	struct message rep = { .h = { .op = req->h.op } };
	int r;

	if (size < sizeof(req->h) || req->h.len != size - sizeof(req->h))
		r = -EBADMSG;
	else if (req->h.op == ENGINE_OP_STATUS)
		r = op_status(e, req, &rep);
	else if (req->h.op == ENGINE_OP_EXECUTE ||
		 req->h.op == ENGINE_OP_TRY_EXECUTE)
		r = op_execute(e, req, &rep);
	else if (req->h.op == ENGINE_OP_STOP)
		r = op_stop(e, fd, &rep);
	else if (req->h.op == ENGINE_OP_REKEY)
		r = op_rekey(e, req);
	else
		r = -EOPNOTSUPP;
	rep.h.errnum = r;
	if (r < 0)
		rep.h.len = 0;
	reply(fd, &rep);
	explicit_bzero(&rep, sizeof(rep));
}

static void take_connection(void)
{
	int fd = accept4(control.fds[0].fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (control.n == 1 + MAX_CONNECTIONS) {
		close(fd);
		return;
	}
	control.fds[control.n++] =
		(struct pollfd){ .fd = fd, .events = POLLIN };
}

/* One message of connection @i, or its end. */
static void serve_connection(nfds_t i)
{
	static struct message req;
	ssize_t n = recv(control.fds[i].fd, &req, sizeof(req), MSG_TRUNC);

	if (n > (ssize_t)sizeof(req)) {
		req.h.op = 0;
		handle(control.engine, control.fds[i].fd, &req, 0);
	} else if (n > 0) {
		handle(control.engine, control.fds[i].fd, &req, n);
	} else if (!n || (errno != EINTR && errno != EAGAIN)) {
		close(control.fds[i].fd);
		control.fds[i] = control.fds[--control.n];
	}
	explicit_bzero(&req, sizeof(req));
}

static void *control_thread(void *arg)
{
	sem_post(arg);
	/* The main thread holds it until the sandbox is closed. */
	pthread_mutex_lock(&control.engine->lock);
	pthread_mutex_unlock(&control.engine->lock);
	for (;;) {
		if (poll(control.fds, control.n, -1) < 0)
			continue;
		/* Downwards: an end moves the last one into its place. */
		for (nfds_t i = control.n - 1; i > 0; i--) {
			if (control.fds[i].revents)
				serve_connection(i);
		}
		if (control.fds[0].revents)
			take_connection();
	}
	return NULL;
}

int control_start(struct engine *e, int listen_fd)
{
	pthread_t thread;
	sem_t started;
	int r;

	control.engine = e;
	control.fds[0] = (struct pollfd){ .fd = listen_fd, .events = POLLIN };
	control.n = 1;
	sem_init(&started, 0, 0);
	r = pthread_create(&thread, NULL, control_thread, &started);
	/* What a thread does to begin is no longer allowed in the sandbox. */
	while (!r && sem_wait(&started) < 0)
		;
	sem_destroy(&started);
	return -r;
}
