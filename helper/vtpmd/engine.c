// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/io.h"
#include "util/log.h"
#include "vtpmd/checkpoint.h"
#include "vtpmd/engine.h"
#include "vtpmd/kernel.h"
#include "vtpmd/registry.h"
#include "vtpmd/zygote.h"

/* Making seeds and running the TPM's self-test, on a slow machine. */
#define START_TIMEOUT_MS 60000
/* Writing the state once more, on a slow disk. */
#define STOP_TIMEOUT_MS 20000
/* Being taken in, or having a request taken; an engine that hangs does neither.
 */
#define SEND_TIMEOUT_S 5

/* The address goes through a descriptor: a path might not fit into it. */
static void engine_address(const struct config *cfg, const char *name,
			   struct sockaddr_un *addr)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/%s",
		 cfg->engine_fd, name);
}

/* Bound, not listening: that is for the new process to do. */
static int bind_control(const struct config *cfg, const char *name, int *out,
			struct error *err)
{
	struct sockaddr_un addr;
	_cleanup_close_ int sock =
		socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	engine_address(cfg, name, &addr);
	unlinkat(cfg->engine_fd, name, 0);
	/* The mode before there is a name; umask would be all threads'. */
	if (sock < 0 || fchmod(sock, 0600) < 0 ||
	    bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return error_set(err, -errno, VTPM_ERR_ENGINE,
				 "control socket %s/engine/%s: %s",
				 cfg->run_dir, name, strerror(errno));
	*out = TAKE_FD(sock);
	return 0;
}

/*
 * A pipe for the engine's standard error whose writer is a reader too: it
 * outlives the manager, and then fills up instead of raising SIGPIPE. Nobody
 * waits on it, so that a flood of messages stops no TPM.
 */
static int make_log_pipe(int *out, struct error *err)
{
	char path[32];
	int fds[2], fd;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, -errno, VTPM_ERR_ENGINE, "pipe: %s",
				 strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	if (fd < 0)
		return error_set(err, -errno, VTPM_ERR_ENGINE, "%s: %s", path,
				 strerror(errno));
	*out = fd;
	return 0;
}

/* Where the running state goes, or comes from. */
static int open_checkpoint(const struct config *cfg,
			   const struct engine_args *a, int *fd,
			   struct error *err)
{
	if (a->offline)
		return 0;
	return a->resume ? checkpoint_find(cfg, a->name, fd, err)
			 : checkpoint_make(cfg, a->name, fd, err);
}

/* What an engine without a TPM does without. */
static void add_options(char *argv[], const struct engine_args *a, char *family)
{
	size_t n = 0;

	while (argv[n])
		n++;
	if (a->offline) {
		argv[n++] = "--offline";
		if (a->to) {
			argv[n++] = "--to";
			argv[n++] = (char *)a->to;
			argv[n++] = "--to-fd";
			argv[n] = "6";
		}
		return;
	}
	argv[n++] = "--netlink-fd";
	argv[n++] = "6";
	argv[n++] = "--family";
	argv[n++] = family;
	argv[n++] = "--checkpoint-fd";
	argv[n++] = "7";
	if (a->manufacture) {
		argv[n++] = "--manufacture";
		if (a->profile) {
			argv[n++] = "--profile";
			argv[n] = (char *)a->profile;
		}
	} else if (a->resume) {
		argv[n] = "--resume";
	} else if (a->set_name) {
		argv[n] = "--set-name";
	} else if (a->from) {
		argv[n++] = "--from";
		argv[n++] = (char *)a->from;
		argv[n++] = "--from-fd";
		argv[n] = "8";
	}
}

static int spawn_engine(const struct config *cfg, struct zygote *z,
			const struct engine_args *a, const int fds[4],
			struct engine *e, struct error *err)
{
	char path[PATH_MAX], family[16], file[PATH_MAX];
	char *argv[32] = { "vtpm-engine",
			   "--name",
			   (char *)a->name,
			   "--file",
			   file,
			   "--nvram-fd",
			   "3",
			   "--key-fd",
			   "4",
			   "--control-fd",
			   "5" };
	const struct spawn s = {
		.path = path,
		.argv = argv,
		.fds = { -1, e->log_fd, e->log_fd, a->nvram_fd, fds[0], fds[1],
			 a->to ? a->to_fd : fds[2], fds[3], a->from_fd },
		.n_fds = a->to	      ? 7
			 : a->offline ? 6
			 : a->from    ? 9
				      : 8,
		.user = &cfg->engine_user,
		.cwd_fd = -1,
		.listen_fd = fds[1],
	};
	int r;

	snprintf(family, sizeof(family), "%u", a->family);
	registry_path(cfg, a->name, file);
	add_options(argv, a, family);
	r = config_find_program(cfg, "vtpm-engine", path, err);
	if (!r && z)
		return zygote_spawn(z, &s, &e->process, err);
	return r < 0 ? r : spawn_process(&s, &e->process, err);
}

void engine_prepare(const struct config *cfg)
{
	char path[PATH_MAX];
	const struct spawn s = { .path = path, .user = &cfg->engine_user };

	/* Who starts an engine is told what is wrong. */
	if (cfg->zygote && !config_find_program(cfg, "vtpm-engine", path, NULL))
		zygote_prepare(cfg->zygote, &s);
}

/* An engine that ended before it served: its last line and its status. */
static int start_error(const char *name, const struct engine *e, int status,
		       struct error *err)
{
	static const struct {
		int status;
		int errnum;
		const char *code;
	} map[] = {
		{ ENGINE_EXIT_CORRUPT, -EBADMSG, VTPM_ERR_CORRUPT },
		{ ENGINE_EXIT_KEY_WRONG, -EKEYREJECTED, VTPM_ERR_KEY_WRONG },
		{ ENGINE_EXIT_VERSION, -EPROTONOSUPPORT, VTPM_ERR_VERSION },
		{ ENGINE_EXIT_STORAGE, -EIO, VTPM_ERR_STORAGE },
		{ ENGINE_EXIT_NO_SPACE, -ENOSPC, VTPM_ERR_NO_SPACE },
		{ ENGINE_EXIT_INVALID, -EINVAL, VTPM_ERR_INVALID },
	};
	char buf[4096], line[320], how[64];
	ssize_t n = read(e->log_fd, buf, sizeof(buf));

	last_line(buf, n > 0 ? n : 0, line, sizeof(line));
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (status == map[i].status && line[0])
			return error_set(err, map[i].errnum, map[i].code, "%s",
					 line);
	}
	engine_end_text(status, how, sizeof(how));
	return error_set(err, status == 128 + SIGKILL ? -EINTR : -EIO,
			 VTPM_ERR_ENGINE, "engine of %s: %s%s%s", name, how,
			 line[0] ? ": " : "", line);
}

static int wait_ready(const struct config *cfg, const char *name,
		      struct engine *e, struct engine_status *status,
		      struct error *err)
{
	_cleanup_close_ int sock = engine_connect(cfg, name);
	int r = sock < 0 ? sock
			 : engine_get_status(sock, START_TIMEOUT_MS, status);
	int ended;

	if (r == -ETIMEDOUT)
		return error_set(err, r, VTPM_ERR_ENGINE,
				 "engine of %s did not answer within %d s",
				 name, START_TIMEOUT_MS / 1000);
	/*
	 * The end of the connection comes before the process's, by as long as
	 * the host likes. Without that it is not known that it was killed, and
	 * not only unable.
	 */
	if (r < 0 && !process_wait(&e->process, START_TIMEOUT_MS, &ended))
		return start_error(name, e, ended, err);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_ENGINE,
				 "control socket of engine %s: %s", name,
				 strerror(-r));
	if (status->protocol != ENGINE_PROTOCOL_VERSION)
		return error_set(err, -EPROTONOSUPPORT, VTPM_ERR_ENGINE,
				 "engine of %s speaks version %u, not %u", name,
				 status->protocol, ENGINE_PROTOCOL_VERSION);
	return 0;
}

static int open_pipe(int *rd, int *wr)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*rd = fds[0];
	*wr = fds[1];
	return 0;
}

/* They fit into the pipe, and while our end to read is open there is a reader.
 */
static int send_keys(const struct engine_args *a, int fd, struct error *err)
{
	int r = write_full(fd, a->key->data, a->key->len);

	if (!r && a->from_secret)
		r = write_full(fd, a->from_secret->data, a->from_secret->len);
	if (!r && a->to_secret)
		r = write_full(fd, a->to_secret->data, a->to_secret->len);
	return r ? error_set(err, r, VTPM_ERR_ENGINE, "key pipe: %s",
			     strerror(-r))
		 : 0;
}

static int start(const struct config *cfg, struct zygote *z,
		 const struct engine_args *args, struct engine *out,
		 struct engine_status *status, struct error *err)
{
	_cleanup_close_ int key_fd = -1, key_end = -1, control_fd = -1,
			    netlink_fd = -1, checkpoint_fd = -1;
	struct engine e = ENGINE_NONE;
	int r;

	r = open_pipe(&key_fd, &key_end);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_ENGINE, "key pipe: %s",
				 strerror(-r));
	r = args->offline
		    ? 0
		    : kernel_open_engine_socket(&netlink_fd, &e.port, err);
	if (!r)
		r = make_log_pipe(&e.log_fd, err);
	if (!r)
		r = bind_control(cfg, args->name, &control_fd, err);
	if (!r)
		r = open_checkpoint(cfg, args, &checkpoint_fd, err);
	if (!r)
		r = spawn_engine(cfg, z, args,
				 (const int[]){ key_fd, control_fd, netlink_fd,
						checkpoint_fd },
				 &e, err);
	/*
	 * Only now that the process is known: one that is not gets no key, reads
	 * the pipe's end, and ends itself.
	 */
	if (!r)
		r = send_keys(args, key_end, err);
	close(TAKE_FD(key_end));
	/* With our copy open a dead engine's socket would still connect. */
	if (control_fd >= 0)
		close(TAKE_FD(control_fd));
	if (!r)
		r = wait_ready(cfg, args->name, &e, status, err);
	if (r < 0) {
		engine_discard(cfg, args->name, &e);
		return r;
	}
	e.netlink_fd = TAKE_FD(netlink_fd);
	*out = e;
	return 0;
}

/* Without the zygote it has descriptors that no engine there may be shares. */
int engine_start(const struct config *cfg, const struct engine_args *args,
		 struct engine *out, struct engine_status *status,
		 struct error *err)
{
	int r = start(cfg, cfg->zygote, args, out, status, err);

	if (r != -ESTALE)
		return r;
	log_warning("engine of %s: %s", args->name, err ? err->text : "again");
	return start(cfg, NULL, args, out, status, err);
}

void engine_introduced(struct engine *e)
{
	if (e->netlink_fd >= 0)
		close(e->netlink_fd);
	e->netlink_fd = -1;
}

void engine_discard(const struct config *cfg, const char *name,
		    struct engine *e)
{
	process_kill(&e->process);
	process_close(&e->process);
	if (e->log_fd >= 0) {
		engine_log_lines(name, e->log_fd);
		close(e->log_fd);
	}
	engine_introduced(e);
	unlinkat(cfg->engine_fd, name, 0);
	*e = ENGINE_NONE;
}

int engine_connect(const struct config *cfg, const char *name)
{
	const struct timeval tv = { .tv_sec = SEND_TIMEOUT_S };
	struct sockaddr_un addr;
	_cleanup_close_ int sock =
		socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	engine_address(cfg, name, &addr);
	/* connect() waits as well, while the listener's queue is full. */
	if (sock < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0 ||
	    connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return TAKE_FD(sock);
}

int engine_transact(int sock, uint32_t op, int timeout_ms, const void *req,
		    size_t req_len, void *data, size_t len)
{
	struct engine_header head = { .op = op, .len = req_len };
	struct iovec iov[] = { { &head, sizeof(head) },
			       { (void *)req, req_len } };
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	const struct timeval tv = { timeout_ms / 1000,
				    timeout_ms % 1000 * 1000 };
	_Static_assert(sizeof(struct engine_status) <= ENGINE_MAX_REPLY,
		       "fits");
	char buf[sizeof(struct engine_header) + ENGINE_MAX_REPLY];
	struct engine_header rep;
	ssize_t n;

	if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	do {
		n = recv(sock, buf, sizeof(buf), MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (!n)
		return -EPIPE;
	if ((size_t)n < sizeof(rep))
		return -EBADMSG;
	memcpy(&rep, buf, sizeof(rep));
	if (rep.op != op || rep.errnum > 0 ||
	    n != (ssize_t)(sizeof(rep) + rep.len))
		return -EBADMSG;
	if (rep.errnum)
		return rep.errnum;
	if (rep.len != len)
		return -EBADMSG;
	if (len)
		memcpy(data, buf + sizeof(rep), len);
	return 0;
}

int engine_try_execute(int sock, int timeout_ms, const uint8_t *cmd,
		       size_t cmd_len, void *resp, size_t len)
{
	const struct engine_execute x = { .locality = 0 };
	uint8_t req[sizeof(x) + 64];

	if (cmd_len > sizeof(req) - sizeof(x))
		return -E2BIG;
	memcpy(req, &x, sizeof(x));
	memcpy(req + sizeof(x), cmd, cmd_len);
	return engine_transact(sock, ENGINE_OP_TRY_EXECUTE, timeout_ms, req,
			       sizeof(x) + cmd_len, resp, len);
}

int engine_get_status(int sock, int timeout_ms, struct engine_status *out)
{
	return engine_transact(sock, ENGINE_OP_STATUS, timeout_ms, NULL, 0, out,
			       sizeof(*out));
}

int engine_stop(const struct config *cfg, const char *name, struct engine *e,
		struct error *err)
{
	_cleanup_close_ int sock = engine_connect(cfg, name);
	int status = -1, r = sock;
	char how[64];

	if (sock >= 0)
		r = engine_transact(sock, ENGINE_OP_STOP, STOP_TIMEOUT_MS, NULL,
				    0, NULL, 0);
	if (!r)
		r = process_wait(&e->process, STOP_TIMEOUT_MS, &status);
	engine_end_text(status, how, sizeof(how));
	engine_discard(cfg, name, e);
	if (r < 0)
		return error_set(err, r, VTPM_ERR_ENGINE,
				 "engine of %s did not stop in order (%s) and "
				 "was killed; what it answered is on disk",
				 name,
				 r == -EAGAIN ? "it waits for storage"
					      : strerror(-r));
	/* It has said that all is written; but something is wrong with it. */
	if (status > 0)
		return error_set(err, -EIO, VTPM_ERR_ENGINE,
				 "engine of %s, when it was stopped: %s", name,
				 how);
	return 0;
}

/* Its standard error, if it is one of the pipes that we make. */
static int reopen_log(pid_t pid)
{
	char path[48];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/2", pid);
	if (stat(path, &st) < 0 || !S_ISFIFO(st.st_mode))
		return -1;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fd;
}

int engine_adopt(const struct config *cfg, const char *name, int timeout_ms,
		 struct engine *out)
{
	struct engine e = ENGINE_NONE;
	struct engine_status status;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	_cleanup_close_ int sock = engine_connect(cfg, name);
	int r;

	if (sock == -ECONNREFUSED) {
		unlinkat(cfg->engine_fd, name, 0);
		return -ENOENT;
	}
	if (sock < 0)
		return sock;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	/* Who listens is the engine itself, see struct spawn. */
	if (cred.uid != cfg->engine_user.uid)
		return -EPERM;
	e.process.pid = cred.pid;
	e.process.pidfd = syscall(SYS_pidfd_open, cred.pid, 0);
	if (e.process.pidfd < 0)
		return -errno;
	/* It still answers, so the number was its own when we opened it. */
	r = engine_get_status(sock, timeout_ms, &status);
	if (!r && status.protocol != ENGINE_PROTOCOL_VERSION)
		r = -EPROTONOSUPPORT;
	if (r < 0) {
		engine_discard(cfg, name, &e);
		return r;
	}
	e.log_fd = reopen_log(cred.pid);
	*out = e;
	return 0;
}

void engine_log_lines(const char *name, int log_fd)
{
	char buf[4096], line[512], *next = buf, *end;
	ssize_t n = read(log_fd, buf, sizeof(buf) - 1);

	if (n <= 0)
		return;
	buf[n] = '\0';
	while (next < buf + n) {
		end = strchrnul(next, '\n');
		last_line(next, end - next, line, sizeof(line));
		if (line[0])
			log_info("engine of %s: %s", name, line);
		next = end + 1;
	}
}

void engine_end_text(int status, char *out, size_t size)
{
	if (status < 0)
		snprintf(out, size, "it ended");
	else if (status > 128)
		snprintf(out, size, "it was killed by signal %d (SIG%s)",
			 status - 128,
			 sigabbrev_np(status - 128) ? sigabbrev_np(status - 128)
						    : "?");
	else
		snprintf(out, size, "it exited with status %d", status);
}
