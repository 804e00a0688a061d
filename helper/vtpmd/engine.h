/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One engine process and what is said to it on its control socket. These wait
 * and belong into jobs, but for engine_log_lines().
 */
#ifndef VTPM_VTPMD_ENGINE_H
#define VTPM_VTPMD_ENGINE_H

#include "engine/protocol.h"
#include "util/secret.h"
#include "vtpmd/spawn.h"

struct engine {
	struct process process;
	int log_fd;    /* its standard error, or -1 */
	uint32_t port; /* of its netlink socket; 0 if adopted */
	/*
	 * That socket too, or -1: until the kernel has been told of it, so that
	 * nobody else can get the port of an engine that has died, and the
	 * kernel sees its end.
	 */
	int netlink_fd;
};

#define ENGINE_NONE       \
	((struct engine){ \
		.process = { .pidfd = -1 }, .log_fd = -1, .netlink_fd = -1 })

#define ENGINE_MAX_REPLY 128 /* bytes that the manager takes */

/* No family has it: for an engine that will not meet the kernel. */
#define ENGINE_NO_FAMILY 1

struct engine_args {
	const char *name;
	int nvram_fd; /* locked; the engine shares the lock */
	const struct secret *key;
	uint16_t family; /* or ENGINE_NO_FAMILY */
	bool manufacture;
	const char *profile; /* of a TPM that is made; NULL: libtpms' default */
	bool offline;	     /* no TPM: only to be rekeyed */
	bool resume;	     /* go on from the checkpoint */
	bool set_name;	     /* @name is also what it is called in the header */
	/* The state of a new file is to be that of another: engine/source.h. */
	const char *from; /* its kind, or NULL */
	int from_fd;
	const struct secret *from_secret; /* or NULL */
	/* Offline: write it as another program has it, too: engine/target.h. */
	const char *to; /* its kind, or NULL */
	int to_fd;
	const struct secret *to_secret; /* or NULL */
};

/*
 * Returns when the engine serves; nothing is left of it otherwise. -EINTR: it
 * was killed by a SIGKILL, and the next one may not be.
 */
int engine_start(const struct config *cfg, const struct engine_args *args,
		 struct engine *out, struct engine_status *status,
		 struct error *err);

/* Get ready to start engines quickly. */
void engine_prepare(const struct config *cfg);

/* The kernel has been told: the socket is the engine's alone from now on. */
void engine_introduced(struct engine *e);

/* Bound, not listening: that is for the new process to do. */
int engine_bind_control(const struct config *cfg, const char *name, int *out,
			struct error *err);
/*
 * A connection to the engine of @name. -ECONNREFUSED or -ENOENT: there is none;
 * -ETIMEDOUT: there is one, and it hangs. What is sent on it times out, too.
 */
int engine_connect(const struct config *cfg, const char *name);
/* -ETIMEDOUT, -EPIPE for an end, or what the engine answered. */
int engine_get_status(int sock, int timeout_ms, struct engine_status *out);

/*
 * Give the engine on @sock other wraps of the data key @key, or with @deep a
 * new data key. An error leaves the file with what it had, but for one of the
 * connection: then it has either.
 */
int engine_rekey(int sock, const char *name, bool deep,
		 const struct secret *key, const struct nvram_wrap *wraps,
		 uint32_t n, struct error *err);

/*
 * One request of @req_len bytes and its reply of exactly @len. -ETIMEDOUT,
 * -EPIPE for an end, or what the engine answered.
 */
int engine_transact(int sock, uint32_t op, int timeout_ms, const void *req,
		    size_t req_len, void *data, size_t len);

/*
 * The same for a TPM command of ours, at locality 0, unless another one is being
 * executed, which is -EAGAIN. Its response has at most ENGINE_MAX_REPLY
 * bytes, and is as long as that of no other outcome.
 */
int engine_try_execute(int sock, int timeout_ms, const uint8_t *cmd,
		       size_t cmd_len, void *resp, size_t len);

/*
 * Ask the engine to stop and wait for its end; kill it if it does not. The
 * error says what may be lost; the engine is gone in any case.
 */
int engine_stop(const struct config *cfg, const char *name, struct engine *e,
		struct error *err);
/* Kill it if it still runs, forget it, remove its socket. */
void engine_discard(const struct config *cfg, const char *name,
		    struct engine *e);

/*
 * Take over the engine that an earlier manager left. -ENOENT: there is none;
 * a socket file without one is removed. One that does not answer within
 * @timeout_ms is killed: another goes on from its checkpoint.
 */
int engine_adopt(const struct config *cfg, const char *name, int timeout_ms,
		 struct engine *out);

/* Pass on to the log what the engine wrote. */
void engine_log_lines(const char *name, int log_fd);
/* Why a process that is gone is gone, for a person. */
void engine_end_text(int status, char *out, size_t size);

#endif
