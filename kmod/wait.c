// SPDX-License-Identifier: GPL-2.0
/*
 * How a client waits for the answer to its command: a moment awake, where that
 * pays, and then asleep, until the helper has answered, the client is killed
 * or the time is over.
 */
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "instance.h"
#include "wait.h"

/*
 * A wake-up costs more than most answers take, so with a second CPU, for the
 * helper, the client stays awake a moment. Not longer, and not where the
 * answers before took longer: the time would be lost.
 */
static unsigned int spin_us = 400;
module_param(spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us, "Microseconds a client waits awake for an answer that usually comes within them, 0 never (default: 400)");

/* The average forgets an eighth with each answer. */
#define VTPM_USUAL_SHIFT 3

void vtpm_wait_learn(struct vtpm_request *req, u64 us)
{
	/* One that took seconds must not count for hundreds of others. */
	u64 most = 4ULL * READ_ONCE(spin_us);

	req->usual_us8 += min(us, most);
	req->usual_us8 -= req->usual_us8 >> VTPM_USUAL_SHIFT;
}

/*
 * A destroy, a process that is ending (it closes /dev/tpmrmN, and the TPM core
 * flushes its sessions) and a host that goes down: no signal ends their wait.
 */
static bool vtpm_wait_unkillable(struct vtpm_instance *inst)
{
	return READ_ONCE(inst->dying) || current->flags & PF_EXITING ||
	       system_state > SYSTEM_RUNNING;
}

/*
 * Does the time that has passed count? Not while there is no helper: the
 * grace time ends that. And a helper that has just got the command has the
 * whole time for it.
 */
static bool vtpm_wait_overdue(struct vtpm_instance *inst,
			      unsigned int *deliveries)
{
	struct vtpm_request *req = &inst->req;
	bool overdue;

	spin_lock(&inst->lock);
	overdue = req->finished || vtpm_wait_unkillable(inst) ||
		  (inst->state != VTPM_STATE_DETACHED &&
		   req->deliveries == *deliveries);
	*deliveries = req->deliveries;
	spin_unlock(&inst->lock);
	return overdue;
}

/*
 * Killable and not interruptible: a signal with SA_RESTART would have the
 * write() started anew, and the TPM run the command twice. Freezable: at a
 * suspend the helper may be frozen first, and cannot answer any more. "Unsafe"
 * since the TPM core's locks of this chip are held; nothing that runs with user
 * space frozen wants them: see locking.rst, "Suspend". Returns 0 out of time,
 * -ERESTARTSYS killed, else finished.
 */
static long vtpm_wait_sleep(struct vtpm_request *req, long timeout)
{
	long __ret = timeout;	/* the name ___wait_cond_timeout() knows */

	might_sleep();
	if (___wait_cond_timeout(READ_ONCE(req->finished)))
		return __ret;
	return ___wait_event(req->done,
			     ___wait_cond_timeout(READ_ONCE(req->finished)),
			     (TASK_KILLABLE | TASK_FREEZABLE_UNSAFE), 0, timeout,
			     __ret = schedule_timeout(__ret));
}

static void vtpm_wait_awake(const struct vtpm_request *req)
{
	unsigned int limit = READ_ONCE(spin_us);
	ktime_t end;

	if (!limit || num_online_cpus() == 1 ||
	    req->usual_us8 >> VTPM_USUAL_SHIFT > limit)
		return;
	end = ktime_add_us(req->begun, limit);
	while (!READ_ONCE(req->finished) && !need_resched() &&
	       !signal_pending(current) && ktime_before(ktime_get(), end))
		cpu_relax();
}

long vtpm_wait(struct vtpm_instance *inst)
{
	unsigned int ms, deliveries = 1;
	long left;

	vtpm_wait_awake(&inst->req);
	do {
		ms = inst->timeout_ms;
		if (vtpm_wait_unkillable(inst))
			ms = min_t(unsigned int, ms, VTPM_UNKILLABLE_WAIT_MS);
		left = vtpm_wait_sleep(&inst->req, msecs_to_jiffies(ms));
	} while (!left && !vtpm_wait_overdue(inst, &deliveries));
	return left;
}
