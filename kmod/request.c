// SPDX-License-Identifier: GPL-2.0
/*
 * One command at a time: the TPM core holds the chip's mutex around .send and
 * .recv, so vtpm_request_run() never runs twice at once for an instance. What
 * does run at the same time is the helper's answer, its death, the arrival of
 * the next one, an abort and the client's own death; inst->lock decides which
 * of them comes first, and the first to set req->finished wins.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "instance.h"
#include "netlink.h"
#include "request.h"
#include "response.h"
#include "trace.h"
#include "wait.h"

/* TPM 2.0 Library, Part 2, 6.6 (TPM_RC). */
enum {
	TPM_RC_FAILURE_CODE = 0x101,
};

int vtpm_request_init(struct vtpm_instance *inst)
{
	init_waitqueue_head(&inst->req.done);
	inst->req.buf = kmalloc(VTPM_BUFFER_SIZE, GFP_KERNEL_ACCOUNT);
	return inst->req.buf ? 0 : -ENOMEM;
}

void vtpm_request_exit(struct vtpm_instance *inst)
{
	/* It held commands, and commands hold secrets. */
	kfree_sensitive(inst->req.buf);
}

static void vtpm_request_finish(struct vtpm_instance *inst, int rc)
{
	lockdep_assert_held(&inst->lock);
	inst->req.rc = rc;
	WRITE_ONCE(inst->req.finished, true);
	wake_up(&inst->req.done);
}

void vtpm_request_abort(struct vtpm_instance *inst, int rc)
{
	lockdep_assert_held(&inst->lock);
	if (inst->req.active && !inst->req.finished)
		vtpm_request_finish(inst, rc);
}

static void vtpm_request_put_failure(struct vtpm_request *req)
{
	put_unaligned_be16(TPM2_ST_NO_SESSIONS, req->buf);
	put_unaligned_be32(TPM_RESPONSE_HEADER, req->buf + 2);
	put_unaligned_be32(TPM_RC_FAILURE_CODE, req->buf + 6);
	req->len = TPM_RESPONSE_HEADER;
}

void vtpm_request_abort_failure(struct vtpm_instance *inst)
{
	lockdep_assert_held(&inst->lock);
	if (inst->req.active && !inst->req.finished) {
		inst->stats.errors++;
		vtpm_request_put_failure(&inst->req);
		vtpm_request_finish(inst, 0);
	}
}

/* What a new command meets: 0 to go on, 1 answered, negative errno refused. */
static int vtpm_request_admit(struct vtpm_instance *inst)
{
	switch (inst->state) {
	case VTPM_STATE_READY:
		/* TPM2_Shutdown, and no client that could get in its way. */
		return inst->dying && current_work() != &inst->destroy_work ?
			       -ENODEV : 0;
	case VTPM_STATE_REGISTERING:
		return inst->dying || inst->helper_lost ? -ENODEV : 0;
	case VTPM_STATE_DETACHED:
		return inst->dying ? -ENODEV : 0;
	case VTPM_STATE_FAILED:
		if (inst->dying)
			return -ENODEV;
		vtpm_request_put_failure(&inst->req);
		return 1;
	default:
		return -ENODEV;
	}
}

static int vtpm_request_begin(struct vtpm_instance *inst, const u8 *cmd,
			      size_t len)
{
	struct vtpm_request *req = &inst->req;
	int rc;

	spin_lock(&inst->lock);
	inst->stats.commands++;
	rc = vtpm_request_admit(inst);
	inst->stats.errors += !!rc;
	if (!rc) {
		memcpy(req->buf, cmd, len);
		req->len = len;
		req->seq = ++inst->last_seq;
		req->locality = inst->locality;
		req->begun = ktime_get();
		req->finished = false;
		req->sent_to = 0;
		req->deliveries = 0;
		req->active = true;
	}
	spin_unlock(&inst->lock);
	return rc;
}

/*
 * Both the waiter and an attach come here; req->sent_to keeps the second of
 * them from sending the command again.
 */
void vtpm_request_deliver(struct vtpm_instance *inst, struct sk_buff *skb)
{
	struct vtpm_request *req = &inst->req;
	unsigned int delivery;
	u32 port = 0;
	size_t len;
	u64 seq;
	int rc = 0;

	spin_lock(&inst->lock);
	if (req->active && !req->finished && inst->port &&
	    req->sent_to != inst->port) {
		port = inst->port;
		seq = req->seq;
		len = req->len;
		rc = vtpm_nl_command_fill(skb, inst->id, seq, req->locality,
					  req->buf, len);
		req->sent_to = port;
		delivery = ++req->deliveries;
		inst->stats.bytes_sent += len;
		inst->stats.redeliveries += delivery > 1;
	}
	spin_unlock(&inst->lock);

	if (!port) {
		kfree_skb(skb);
		return;
	}
	if (rc)
		kfree_skb(skb);
	else
		rc = vtpm_nl_send(skb, port);
	trace_vtpm_deliver(inst->id, seq, len, port, delivery, rc);
	if (rc == -ECONNREFUSED) {
		vtpm_instance_detach(inst, port);
	} else if (rc) {
		/* Its queue is full: it does not read, and that is an error. */
		spin_lock(&inst->lock);
		if (req->seq == seq && req->sent_to == port)
			vtpm_request_abort(inst, -EBUSY);
		spin_unlock(&inst->lock);
	}
}

static ssize_t vtpm_request_end(struct vtpm_instance *inst, long left)
{
	struct vtpm_request *req = &inst->req;
	u32 cancel_port = 0;
	ssize_t rc;

	spin_lock(&inst->lock);
	if (req->finished) {
		rc = req->rc ? req->rc : (ssize_t)req->len;
		if (rc > 0)
			vtpm_wait_learn(req, vtpm_stats_latency(&inst->stats,
								req->begun));
	} else {
		rc = left < 0 ? -EINTR : -ETIME;
		cancel_port = req->sent_to == inst->port ? inst->port : 0;
		inst->stats.cancels += !!cancel_port;
		/* The core goes on probing after one silence; not with us. */
		if (inst->state == VTPM_STATE_REGISTERING)
			inst->helper_lost = true;
	}
	inst->stats.errors += rc < 0;
	req->active = false;
	spin_unlock(&inst->lock);

	if (cancel_port)
		vtpm_nl_cancel(cancel_port, inst->id, req->seq);
	return rc;
}

ssize_t vtpm_request_run(struct vtpm_instance *inst, const u8 *cmd, size_t len)
{
	struct sk_buff *skb;
	ssize_t rc;

	if (len > VTPM_BUFFER_SIZE)
		return -E2BIG;
	skb = vtpm_nl_command_alloc(len);
	if (!skb)
		return -ENOMEM;
	rc = vtpm_request_begin(inst, cmd, len);
	if (rc) {
		kfree_skb(skb);
		return rc < 0 ? rc : (ssize_t)inst->req.len;
	}
	vtpm_request_deliver(inst, skb);
	rc = vtpm_request_end(inst, vtpm_wait(inst));
	trace_vtpm_done(inst->id, inst->req.seq, rc < 0 ? rc : 0);
	return rc;
}

ssize_t vtpm_request_copy(struct vtpm_instance *inst, u8 *buf, size_t size)
{
	struct vtpm_request *req = &inst->req;

	if (req->len > size)
		return -E2BIG;
	memcpy(buf, req->buf, req->len);
	return req->len;
}

void vtpm_request_cancel(struct vtpm_instance *inst)
{
	struct vtpm_request *req = &inst->req;
	u32 port = 0;
	u64 seq;

	spin_lock(&inst->lock);
	if (req->active && !req->finished && req->sent_to == inst->port) {
		port = inst->port;
		seq = req->seq;
		inst->stats.cancels += !!port;
	}
	spin_unlock(&inst->lock);
	if (port)
		vtpm_nl_cancel(port, inst->id, seq);
}

int vtpm_request_answer(struct vtpm_instance *inst, u32 port, u64 seq,
			const u8 *data, size_t len, const char **why)
{
	struct vtpm_request *req = &inst->req;
	int rc = 0;

	spin_lock(&inst->lock);
	if (!inst->port || port != inst->port) {
		rc = -EPERM;
		*why = "this socket is not the one attached to the instance";
	} else if (!req->active || req->finished || seq != req->seq ||
		   req->sent_to != port) {
		rc = -ESTALE;
		*why = "no command with this number is in flight";
	} else if (!vtpm_response_valid(data, len)) {
		rc = -EBADMSG;
		*why = "not a TPM response: wrong tag, or size not as in its header";
	} else if (inst->state == VTPM_STATE_REGISTERING &&
		   !vtpm_response_safe(req->buf, req->len, data, len)) {
		rc = -EBADMSG;
		*why = "not a list of PCR selections for 24 PCRs";
	} else {
		memcpy(req->buf, data, len);
		req->len = len;
		inst->stats.bytes_received += len;
		vtpm_request_finish(inst, 0);
	}
	inst->stats.refused += rc < 0;
	spin_unlock(&inst->lock);
	trace_vtpm_answer(inst->id, seq, len, port, rc);
	return rc;
}
