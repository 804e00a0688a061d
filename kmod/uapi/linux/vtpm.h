/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vtpm.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_VTPM_H
#define _UAPI_LINUX_VTPM_H

#define VTPM_FAMILY_NAME	"vtpm"
#define VTPM_FAMILY_VERSION	1

#define VTPM_MAX_NAME	63
#define VTPM_MAX_REASON	255
#define VTPM_UUID_LEN	16

/**
 * enum vtpm_state - Where an instance is in its life, see
 *   Documentation/lifecycle.rst.
 * @VTPM_STATE_NEW: No helper has been attached yet; there is no TPM device.
 * @VTPM_STATE_REGISTERING: A helper is attached, the TPM core is probing it.
 * @VTPM_STATE_READY: The TPM device is there and a helper answers it.
 * @VTPM_STATE_DETACHED: The helper is gone; commands wait for the next one.
 * @VTPM_STATE_FAILED: The running state is lost; commands fail until a reset.
 * @VTPM_STATE_GONE: Destroyed; the last event of an instance.
 */
enum vtpm_state {
	VTPM_STATE_NEW,
	VTPM_STATE_REGISTERING,
	VTPM_STATE_READY,
	VTPM_STATE_DETACHED,
	VTPM_STATE_FAILED,
	VTPM_STATE_GONE,
};

enum {
	VTPM_A_ID = 1,
	VTPM_A_NAME,
	VTPM_A_UUID,
	VTPM_A_STATE,
	VTPM_A_OLD_STATE,
	VTPM_A_TPM_NUMBER,
	VTPM_A_TPM_MAJOR,
	VTPM_A_TPM_MINOR,
	VTPM_A_TPMRM_MAJOR,
	VTPM_A_TPMRM_MINOR,
	VTPM_A_PORT,
	VTPM_A_TIMEOUT_MS,
	VTPM_A_GRACE_MS,
	VTPM_A_BUFFER_SIZE,
	VTPM_A_SEQ,
	VTPM_A_LOCALITY,
	VTPM_A_PAYLOAD,
	VTPM_A_RESET,
	VTPM_A_REASON,
	VTPM_A_PAD,
	VTPM_A_OWNER_UID,
	VTPM_A_OWNER_GID,
	VTPM_A_MODE,
	VTPM_A_STATS,

	__VTPM_A_MAX,
	VTPM_A_MAX = (__VTPM_A_MAX - 1)
};

enum {
	VTPM_A_STATS_PAD = 1,
	VTPM_A_STATS_COMMANDS,
	VTPM_A_STATS_ERRORS,
	VTPM_A_STATS_CANCELS,
	VTPM_A_STATS_REDELIVERIES,
	VTPM_A_STATS_REFUSED,
	VTPM_A_STATS_BYTES_SENT,
	VTPM_A_STATS_BYTES_RECEIVED,
	VTPM_A_STATS_LATENCY,

	__VTPM_A_STATS_MAX,
	VTPM_A_STATS_MAX = (__VTPM_A_STATS_MAX - 1)
};

enum {
	VTPM_CMD_GET = 1,
	VTPM_CMD_CREATE,
	VTPM_CMD_ATTACH,
	VTPM_CMD_FAIL,
	VTPM_CMD_DESTROY,
	VTPM_CMD_RESPONSE,
	VTPM_CMD_COMMAND,
	VTPM_CMD_CANCEL,
	VTPM_CMD_STATE_NTF,

	__VTPM_CMD_MAX,
	VTPM_CMD_MAX = (__VTPM_CMD_MAX - 1)
};

#define VTPM_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_VTPM_H */
