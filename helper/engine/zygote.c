// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose child an engine is. The manager has to learn how it ends, so it is the
 * manager's: the process between it and the zygote ends at once, and the
 * manager, a subreaper for as long as its request takes, inherits it. fork()
 * of the C library does that twice; clone() with CLONE_PARENT would leave the
 * library with the wrong idea of who it is.
 *
 * Nothing secret comes here. A request is descriptors, a name and numbers; the
 * data key is in a pipe that only the engine reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "engine/engine.h"
#include "engine/protocol.h"
#include "engine/memory.h"
#include "engine/tpm.h"
#include "engine/zygote.h"
#include "util/child.h"
#include "util/io.h"
#include "util/log.h"
#include "util/secret.h"

struct request {
	struct zygote_request rq;
	int fds[CHILD_MAX_FDS];
	char *argv[ZYGOTE_MAX_ARGS + 1];
	int argc;
};

static struct {
	pid_t manager;
	char *title;
	size_t title_len;
	int (*engine_main)(int argc, char **argv);
} zygote;

/*
 * All that an engine does once, with a TPM that nobody will use, on a file that
 * goes away: what the libraries set up by that is there for all engines.
 */
static int rehearse(struct error *err)
{
	const struct nvram_info info = {
		.name = "zygote",
		.n_wraps = 1,
		.wrap = { { .provider = "none", .key_id = "none", .len = 1 } }
	};
	_cleanup_(secret) struct secret *key = secret_random(NVRAM_KEY_LEN);
	_cleanup_close_ int fd = memfd_create("zygote", MFD_CLOEXEC);
	struct engine e = { .name = "zygote" };
	int r;

	if (!key || fd < 0)
		return error_set(err, -ENOMEM, VTPM_ERR_ENGINE,
				 "no memory for a TPM");
	r = nvram_create(fd, e.name, &info, key, err);
	if (!r)
		r = nvram_open(fd, e.name, key, &e.nvram, err);
	if (!r)
		r = engine_power_on(&e, true, key, -1, err);
	if (!r)
		r = engine_self_test(err);
	nvram_close(e.nvram);
	tpm_power_off();
	return r;
}

static int take_args(struct request *r)
{
	char *p = r->rq.args, *end = p + r->rq.args_len;

	if (!r->rq.args_len || r->rq.args_len > ZYGOTE_ARGS_LEN || end[-1])
		return -EBADMSG;
	for (r->argc = 0; p < end; p += strlen(p) + 1) {
		if (r->argc == ZYGOTE_MAX_ARGS)
			return -E2BIG;
		r->argv[r->argc++] = p;
	}
	r->argv[r->argc] = NULL;
	return 0;
}

/* 1: a request; 0: the manager has ended; or a negative errno. */
static int receive(int sock, struct request *r)
{
	size_t n_fds = CHILD_MAX_FDS;
	/* With this flag a message that is too long says how long it was. */
	ssize_t n = recv_with_fds(sock, &r->rq, sizeof(r->rq), r->fds, &n_fds,
				  MSG_TRUNC);
	int rc;

	if (n <= 0)
		return n;
	if (n != sizeof(r->rq) || !n_fds || n_fds != r->rq.n_fds ||
	    r->rq.listen_fd >= n_fds)
		return -EBADMSG;
	rc = take_args(r);
	return rc < 0 ? rc : 1;
}

/* As ps shows it, over the zygote's own. */
static void set_title(const struct request *r)
{
	size_t n = r->rq.args_len < zygote.title_len ? r->rq.args_len
						     : zygote.title_len - 1;

	memset(zygote.title, 0, zygote.title_len);
	memcpy(zygote.title, r->rq.args, n);
	prctl(PR_SET_NAME, "vtpm-engine");
}

/* What the zygote has must not come twice. */
static void stir_random(void)
{
	if (RAND_poll() != 1)
		abort();
}

/*
 * In the engine, once the manager has inherited it. What follows is what
 * child_main() in vtpmd/spawn.c does and the zygote has not done.
 */
static void __attribute__((noreturn)) become_engine(struct request *r, int line)
{
	int e = 0;

	if (child_ends_with(zygote.manager) < 0 || setsid() < 0 ||
	    child_listen(r->fds[r->rq.listen_fd]) < 0)
		e = errno;
	/* Whoever knows of it may connect. */
	if (send(line, &e, sizeof(e), MSG_NOSIGNAL) != sizeof(e) || e ||
	    child_place_fds(r->fds, r->rq.n_fds) < 0 ||
	    syscall(SYS_close_range, r->rq.n_fds, ~0U, 0) < 0)
		_exit(ENGINE_EXIT_FAILED);
	set_title(r);
	stir_random();
	/* What the zygote has registered for its end is not for this one. */
	_exit(zygote.engine_main(r->argc, r->argv));
}

/* In between: fork the engine, tell who it is, and end. */
static void __attribute__((noreturn)) fork_engine(struct request *r, int line)
{
	pid_t pid = fork();
	int e;

	if (!pid) {
		/* End of file: the zygote has ended, and nobody knows us. */
		if (recv(line, &e, sizeof(e), 0) != sizeof(e))
			_exit(ENGINE_EXIT_FAILED);
		become_engine(r, line);
	}
	if (pid < 0)
		pid = -errno;
	if (send(line, &pid, sizeof(pid), MSG_NOSIGNAL) != sizeof(pid))
		_exit(1);
	_exit(0);
}

/* When the process in between is gone the manager is the engine's parent. */
static pid_t introduce(pid_t between, int line)
{
	pid_t pid;
	int e = 0;

	if (recv(line, &pid, sizeof(pid), 0) != sizeof(pid))
		pid = -EIO;
	waitpid(between, NULL, 0);
	if (pid < 0)
		return pid;
	if (send(line, &e, sizeof(e), MSG_NOSIGNAL) != sizeof(e) ||
	    recv(line, &e, sizeof(e), 0) != sizeof(e))
		return -EIO;
	return e ? -e : pid;
}

/* The number of the new engine, or a negative errno. */
static pid_t start(struct request *r)
{
	int line[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		close(line[0]);
		fork_engine(r, line[1]);
	}
	close(line[1]);
	pid = pid < 0 ? -errno : introduce(pid, line[0]);
	close(line[0]);
	return pid;
}

static void serve(int sock)
{
	static struct request r;
	struct zygote_reply reply;
	int rc;

	while ((rc = receive(sock, &r)) > 0) {
		pid_t pid = start(&r);

		for (uint32_t i = 0; i < r.rq.n_fds; i++)
			close(r.fds[i]);
		reply = (struct zygote_reply){ pid < 0 ? pid : 0,
					       pid < 0 ? 0 : pid };
		if (send(sock, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			return;
	}
	/* Another version than ours, if anything: the next one will do. */
	if (rc < 0)
		log_error("zygote: a request that is not one: %s",
			  strerror(-rc));
}

void zygote_run(int sock, char *title, size_t title_len,
		int (*engine_main)(int argc, char **argv))
{
	struct error err = { 0 };

	zygote.manager = getppid();
	zygote.title = title;
	zygote.title_len = title_len;
	zygote.engine_main = engine_main;
	prctl(PR_SET_NAME, "vtpm-zygote");
	/*
	 * The socket tells of the manager's end. The signal would come at the
	 * end of the manager's thread that started us.
	 */
	if (prctl(PR_SET_PDEATHSIG, 0) < 0 || secret_no_dump() < 0)
		_exit(ENGINE_EXIT_FAILED);
	memory_find_heap();
	if (rehearse(&err) < 0 || sandbox_enter_zygote(&err) < 0) {
		log_error("zygote: %s", err.text);
		_exit(ENGINE_EXIT_FAILED);
	}
	memory_keep();
	serve(sock);
	_exit(ENGINE_EXIT_OK);
}
