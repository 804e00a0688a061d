// SPDX-License-Identifier: GPL-2.0-or-later
/* Start an engine and wait until it serves. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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
		r = engine_bind_control(cfg, args->name, &control_fd, err);
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
