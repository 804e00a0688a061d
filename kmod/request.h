/* SPDX-License-Identifier: GPL-2.0 */
/* The command in flight of an instance, from the client to the helper. */
#ifndef _VTPM_REQUEST_H
#define _VTPM_REQUEST_H

#include <linux/types.h>

struct sk_buff;
struct vtpm_instance;

int vtpm_request_init(struct vtpm_instance *inst);
void vtpm_request_exit(struct vtpm_instance *inst);

/*
 * Have the helper execute a command and wait for the answer, killable, within
 * the instance's timeout. Called by the TPM core with the chip locked. Returns
 * the length of the response, which vtpm_request_copy() then yields, or a
 * negative errno: -EINTR the client is being killed, -ETIME the helper did not
 * answer in time, -ENODEV the instance is going away or never got ready.
 */
ssize_t vtpm_request_run(struct vtpm_instance *inst, const u8 *cmd, size_t len);
/* Copy the response of the last vtpm_request_run(), at most @size bytes. */
ssize_t vtpm_request_copy(struct vtpm_instance *inst, u8 *buf, size_t size);

/*
 * Deliver the command in flight, if any, to the helper that is attached, once
 * for each helper. @skb has room for it and is consumed.
 */
void vtpm_request_deliver(struct vtpm_instance *inst, struct sk_buff *skb);

/* Tell the helper that the command in flight need not be finished. */
void vtpm_request_cancel(struct vtpm_instance *inst);

/*
 * The helper's answer. 0, or a negative errno with *why set to a constant
 * text: -EPERM not the attached socket, -ESTALE not the command in flight,
 * -EBADMSG not a TPM response, or one that would harm the TPM core.
 */
int vtpm_request_answer(struct vtpm_instance *inst, u32 port, u64 seq,
			const u8 *data, size_t len, const char **why);

/* End the command in flight; holds inst->lock. */
void vtpm_request_abort(struct vtpm_instance *inst, int rc);
/* End it with TPM_RC_FAILURE, as a TPM in failure mode does. */
void vtpm_request_abort_failure(struct vtpm_instance *inst);

#endif
