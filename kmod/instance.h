/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An instance: one virtual TPM, from create to destroy. States and
 * transitions: Documentation/lifecycle.rst; locks: Documentation/locking.rst.
 */
#ifndef _VTPM_INSTANCE_H
#define _VTPM_INSTANCE_H

#include <linux/device.h>
#include <linux/netlink.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/vtpm.h>

#include "compat.h"
#include "stats.h"

enum vtpm_limits {
	VTPM_TIMEOUT_DEFAULT_MS = 300 * 1000,
	VTPM_TIMEOUT_MIN_MS = 100,
	VTPM_TIMEOUT_MAX_MS = 3600 * 1000,
	VTPM_GRACE_DEFAULT_MS = 30 * 1000,
	VTPM_GRACE_MAX_MS = 3600 * 1000,
	VTPM_LOCALITY_MAX = 4,
	/* How long a wait may be that nobody can end with a signal. */
	VTPM_UNKILLABLE_WAIT_MS = 5 * 1000,
};

/*
 * Who waits for the outcome of a create, attach or destroy. The messages are
 * allocated with the request, so that none fails to be answered when memory is
 * short. See reply.h.
 */
struct vtpm_reply_to {
	u32 port;		/* 0: nobody */
	struct nlmsghdr hdr;
	struct sk_buff *skb;	/* for the answer, or the error */
	struct sk_buff *ack;	/* NULL: not asked for */
};

/*
 * The command in flight. The TPM core serialises, so there is one at most.
 * @buf holds the command until it is done, for another delivery, and the
 * response from then on. Protected by the instance's lock, but for @buf and
 * @len once the waiter has seen @finished.
 */
struct vtpm_request {
	wait_queue_head_t done;	/* for @finished */
	ktime_t begun;
	u64 seq;
	bool active;		/* a client waits */
	bool finished;		/* @rc or the response is there */
	int rc;			/* of a finished one: 0 or negative errno */
	u32 sent_to;		/* port of the last delivery, or 0 */
	u8 locality;
	unsigned int deliveries;
	u64 usual_us8;		/* 8 times the time of an answer, on average */
	size_t len;
	u8 *buf;		/* VTPM_BUFFER_SIZE */
};

struct vtpm_instance {
	struct device dev;	/* holds the instance's reference count */
	struct rcu_head rcu;
	struct rhash_head name_node;

	/* Set at create, constant afterwards. */
	u32 id;
	char name[VTPM_MAX_NAME + 1];	/* filled up with NULs: a hash key */
	uuid_t uuid;
	u32 timeout_ms;
	u32 grace_ms;
	bool created_with_port;
	struct vtpm_ownership {
		kuid_t uid;
		kgid_t gid;
		umode_t mode;
	} owner;		/* of both device nodes */

	/* Owned by the register and the destroy work, which never overlap. */
	struct tpm_chip *chip;
	struct task_struct *closer;	/* who unregisters it; others keep out */
	struct vtpm_reply_to register_reply;

	/* Written once, by whoever sets @dying. */
	struct vtpm_reply_to destroy_reply;
	int destroy_rc;

	spinlock_t lock;	/* all below */
	enum vtpm_state state;
	char reason[VTPM_MAX_REASON + 1];
	u32 port;		/* of the helper, or 0 */
	bool dying;
	bool helper_lost;	/* while registering */
	unsigned long grace_end;	/* jiffies, while detached */
	u8 locality;		/* of the commands from now on */
	u64 last_seq;
	struct vtpm_request req;
	struct vtpm_stats stats;
	struct {
		bool valid;
		int number;
		dev_t tpm;
		dev_t tpmrm;
	} nodes;

	struct work_struct register_work;
	struct work_struct destroy_work;
	struct delayed_work grace_work;
};

static inline struct vtpm_instance *to_instance(struct device *dev)
{
	return container_of(dev, struct vtpm_instance, dev);
}

/* Of the parent devices, in device.c. */
extern struct class vtpm_class;

struct vtpm_create_args {
	const char *name;
	const u8 *uuid;
	u32 port;
	u32 timeout_ms;
	u32 grace_ms;
	struct vtpm_ownership owner;
	struct vtpm_reply_to reply_to;
};

int vtpm_instances_init(void);
void vtpm_instances_exit(void);

/*
 * Make an instance. With a port the registration is started and will answer
 * args->reply_to, which it takes over. Returns the instance with a reference
 * for the caller, or an ERR_PTR with *why set to a constant text.
 */
struct vtpm_instance *vtpm_instance_create(const struct vtpm_create_args *args,
					   const char **why);
/*
 * Give the instance the helper at @port. 0: done; 1: the TPM device is being
 * registered and @to was taken over, to be answered; negative errno: refused,
 * *why says why.
 */
int vtpm_instance_attach(struct vtpm_instance *inst, u32 port, bool reset,
			 const struct vtpm_reply_to *to, const char **why);
int vtpm_instance_fail(struct vtpm_instance *inst, const char *reason,
		       const char **why);
/*
 * Start to destroy; @to is taken over and answered at the end, with @rc and,
 * unless that is 0, the instance's reason. -EBUSY: under way already.
 */
int vtpm_instance_destroy(struct vtpm_instance *inst,
			  const struct vtpm_reply_to *to, int rc);
/* The helper at @port has gone, or cannot be reached. */
void vtpm_instance_detach(struct vtpm_instance *inst, u32 port);
/* As above, for whichever instance @port serves. */
void vtpm_port_released(u32 port);

/* Look-ups return with a reference (vtpm_instance_put) or NULL. */
struct vtpm_instance *vtpm_instance_get(u32 id);
struct vtpm_instance *vtpm_instance_get_by_name(const char *name);
/* The first instance whose id is not below *id; sets *id to its own. */
struct vtpm_instance *vtpm_instance_next(unsigned long *id);
void vtpm_instance_put(struct vtpm_instance *inst);

/* Go to @state and tell everybody. Takes nothing; holds inst->lock. */
void vtpm_instance_set_state(struct vtpm_instance *inst, enum vtpm_state state,
			     const char *reason);

#endif
