/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's control socket: what the manager (and, through it, the identity
 * program) says to a running engine. See Documentation/architecture.rst,
 * "Engine control".
 *
 * The socket is a listening AF_UNIX SOCK_SEQPACKET one that the manager made,
 * bound in a directory only root can enter, and handed over. One message is
 * one packet: a header and @len bytes. Every request has exactly one reply
 * with the same op. Byte order is the host's: both ends are on one host.
 */
#ifndef VTPM_ENGINE_PROTOCOL_H
#define VTPM_ENGINE_PROTOCOL_H

#include <stdint.h>

#include "nvram/store.h"

#define ENGINE_PROTOCOL_VERSION 1

/* Largest secret of a source or target, bytes: it follows the data key in the
 * pipe. */
#define ENGINE_MAX_SOURCE_SECRET 4096

/* Largest TPM command or response in bytes. */
#define ENGINE_MAX_COMMAND 4096

enum engine_op {
	/*
	 * Request: nothing. Reply: struct engine_status. The first one also
	 * tells when the state is loaded and TPM2_Startup has run: the engine
	 * takes no control message before.
	 */
	ENGINE_OP_STATUS = 1,
	/*
	 * Request: struct engine_execute and a TPM command. Reply: the TPM
	 * response, durable like any other.
	 */
	ENGINE_OP_EXECUTE = 2,
	/*
	 * Request: nothing. The engine writes what is not yet written in both
	 * slots, replies with nothing, and exits with status 0.
	 */
	ENGINE_OP_STOP = 3,
	/*
	 * Request: struct engine_rekey. Reply: nothing; the file has it then.
	 * -EKEYREJECTED: @key is not the data key in use, and not deep. Any
	 * failure leaves the file with the data key and wraps that it had.
	 * An engine of before this was there answers -EOPNOTSUPP.
	 */
	ENGINE_OP_REKEY = 4,
	/*
	 * As EXECUTE, but -EAGAIN at once while another command is executed:
	 * for what is worth no wait, in which no other message is answered.
	 */
	ENGINE_OP_TRY_EXECUTE = 5,
};

struct engine_header {
	uint32_t op;	/* enum engine_op */
	uint32_t len;	/* bytes after the header */
	int32_t errnum; /* reply: 0 or a negative errno */
};

struct engine_execute {
	uint8_t locality; /* 0 to 4 */
};

struct engine_rekey {
	uint32_t deep; /* 0: @key is the one in use; 1: it replaces that */
	uint32_t n_wraps;
	uint8_t key[NVRAM_KEY_LEN];
	uint8_t wraps[NVRAM_WRAPS_LEN]; /* nvram_encode_wraps() */
};
_Static_assert(sizeof(struct engine_rekey) <= ENGINE_MAX_COMMAND, "a message");

/* What keeps an engine from answering, if anything. */
enum engine_condition {
	ENGINE_RUNNING = 0,
	/* A write to the state file failed; it is tried again and again. */
	ENGINE_WAITING_FOR_STORAGE = 1,
};

struct engine_status {
	uint32_t protocol;	/* ENGINE_PROTOCOL_VERSION */
	uint32_t condition;	/* enum engine_condition */
	int32_t storage_errnum; /* why it waits, negative errno */
	uint32_t libtpms;	/* TPMLIB_GetVersion() */
	uint64_t generation;	/* of the newest record in the file */
	uint64_t commands;	/* executed since the start */
	uint64_t commits;	/* durable writes since the start */
};

/*
 * Exit status of vtpm-engine before it serves; one line for a person is on
 * standard error. The manager turns it into a struct error.
 */
enum engine_exit {
	ENGINE_EXIT_OK = 0,
	ENGINE_EXIT_USAGE = 2,
	ENGINE_EXIT_CORRUPT = 10,   /* VTPM_ERR_CORRUPT */
	ENGINE_EXIT_KEY_WRONG = 11, /* VTPM_ERR_KEY_WRONG */
	ENGINE_EXIT_VERSION = 12,   /* VTPM_ERR_VERSION */
	ENGINE_EXIT_STORAGE = 13,   /* VTPM_ERR_STORAGE */
	ENGINE_EXIT_NO_SPACE = 14,  /* VTPM_ERR_NO_SPACE */
	ENGINE_EXIT_FAILED = 15,    /* VTPM_ERR_ENGINE */
	ENGINE_EXIT_INVALID = 16,   /* VTPM_ERR_INVALID */
};

#endif
