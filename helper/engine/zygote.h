/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The zygote: one process with libtpms and OpenSSL loaded, set up and tested,
 * that the manager has fork engines. See Documentation/architecture.rst,
 * "Zygote".
 *
 * The manager's end of a SOCK_SEQPACKET pair has one request under way. The
 * packet is a struct zygote_request with the descriptors that become 0, 1, 2,
 * ... of the engine; the reply is a struct zygote_reply. Byte order is the
 * host's, and both ends are of one installation.
 */
#ifndef VTPM_ENGINE_ZYGOTE_H
#define VTPM_ENGINE_ZYGOTE_H

#include <stddef.h>
#include <stdint.h>

/* Of the engine's command line; the path of a state file is in it. */
#define ZYGOTE_ARGS_LEN 8192
#define ZYGOTE_MAX_ARGS 32
/* The zygote's last argument is as long: room for an engine's title. */
#define ZYGOTE_TITLE_LEN 512

struct zygote_request {
	uint32_t n_fds;
	uint32_t listen_fd; /* one of the engine's, for it to listen() on */
	uint32_t args_len;
	char args[ZYGOTE_ARGS_LEN]; /* each ends with NUL; @args_len of it */
};

struct zygote_reply {
	int32_t errnum; /* 0 or a negative errno */
	int32_t pid;	/* the engine; a child of the manager by now */
};

/*
 * Serve @sock until its end; never returns. @title is where the arguments of
 * this process are, which an engine replaces by its own. @engine_main is what
 * an engine runs.
 */
void zygote_run(int sock, char *title, size_t title_len,
		int (*engine_main)(int argc, char **argv))
	__attribute__((noreturn));

#endif
