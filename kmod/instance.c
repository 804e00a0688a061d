// SPDX-License-Identifier: GPL-2.0
/*
 * The table of instances and their life cycle.
 *
 * Two works carry what takes time, because it needs the helper, which needs
 * netlink: registering the chip and destroying the instance. A message handler
 * only starts them, so that no handler ever waits for a helper.
 */
#include <linux/module.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "chip.h"
#include "instance.h"
#include "netlink.h"
#include "reply.h"
#include "request.h"
#include "trace.h"

/* By id: look-ups under RCU, changes under vtpm_table_lock. */
static DEFINE_XARRAY_ALLOC1(vtpm_table);
/* By netlink port, one instance a port; look-ups under RCU. */
static DEFINE_XARRAY(vtpm_ports);
/* By name, from before the instance is in the table until after. */
static const struct rhashtable_params vtpm_name_params = {
	.key_len = VTPM_MAX_NAME + 1,
	.key_offset = offsetof(struct vtpm_instance, name),
	.head_offset = offsetof(struct vtpm_instance, name_node),
	.automatic_shrinking = true,
};

static struct rhashtable vtpm_names;
static DEFINE_MUTEX(vtpm_table_lock);	/* ids are cyclic */
static u32 vtpm_next_id;
static struct workqueue_struct *vtpm_wq;

/* Documentation/lifecycle.rst, the table of transitions. */
static bool vtpm_transition_allowed(enum vtpm_state from, enum vtpm_state to)
{
	static const u8 allowed[] = {
		[VTPM_STATE_NEW] = BIT(VTPM_STATE_REGISTERING) |
				   BIT(VTPM_STATE_GONE),
		[VTPM_STATE_REGISTERING] = BIT(VTPM_STATE_READY) |
					   BIT(VTPM_STATE_NEW) |
					   BIT(VTPM_STATE_GONE),
		[VTPM_STATE_READY] = BIT(VTPM_STATE_DETACHED) |
				     BIT(VTPM_STATE_FAILED) |
				     BIT(VTPM_STATE_GONE),
		[VTPM_STATE_DETACHED] = BIT(VTPM_STATE_READY) |
					BIT(VTPM_STATE_FAILED) |
					BIT(VTPM_STATE_GONE),
		[VTPM_STATE_FAILED] = BIT(VTPM_STATE_READY) |
				      BIT(VTPM_STATE_GONE),
		[VTPM_STATE_GONE] = 0,
	};

	return allowed[from] & BIT(to);
}

void vtpm_instance_set_state(struct vtpm_instance *inst, enum vtpm_state state,
			     const char *reason)
{
	enum vtpm_state old = inst->state;

	lockdep_assert_held(&inst->lock);
	WARN_ON_ONCE(!vtpm_transition_allowed(old, state));
	WRITE_ONCE(inst->state, state);
	strscpy(inst->reason, reason, sizeof(inst->reason));
	trace_vtpm_state(inst->id, inst->name, old, state);
	vtpm_nl_state_event(inst, old);
}

void vtpm_instance_put(struct vtpm_instance *inst)
{
	put_device(&inst->dev);
}

static struct vtpm_instance *vtpm_instance_tryget(struct vtpm_instance *inst)
{
	return inst && kobject_get_unless_zero(&inst->dev.kobj) ? inst : NULL;
}

struct vtpm_instance *vtpm_instance_get(u32 id)
{
	struct vtpm_instance *inst;

	rcu_read_lock();
	inst = vtpm_instance_tryget(xa_load(&vtpm_table, id));
	rcu_read_unlock();
	return inst;
}

struct vtpm_instance *vtpm_instance_next(unsigned long *id)
{
	struct vtpm_instance *inst;

	rcu_read_lock();
	do {
		inst = xa_find(&vtpm_table, id, ULONG_MAX, XA_PRESENT);
	} while (inst && !vtpm_instance_tryget(inst) && ++*id);
	rcu_read_unlock();
	return inst;
}

struct vtpm_instance *vtpm_instance_get_by_name(const char *name)
{
	char key[VTPM_MAX_NAME + 1] = {};
	struct vtpm_instance *inst;

	strscpy(key, name, sizeof(key));
	rcu_read_lock();
	inst = rhashtable_lookup(&vtpm_names, key, vtpm_name_params);
	/* One that is being made is not to be found yet. */
	if (inst && xa_load(&vtpm_table, inst->id) != inst)
		inst = NULL;
	inst = vtpm_instance_tryget(inst);
	rcu_read_unlock();
	return inst;
}

static void vtpm_instance_release(struct device *dev)
{
	struct vtpm_instance *inst = to_instance(dev);

	vtpm_request_exit(inst);
	kfree_rcu(inst, rcu);
}

static void vtpm_register_work(struct work_struct *work);
static void vtpm_destroy_work(struct work_struct *work);
static void vtpm_grace_work(struct work_struct *work);

static struct vtpm_instance *
vtpm_instance_alloc(const struct vtpm_create_args *args)
{
	struct vtpm_instance *inst = kzalloc(sizeof(*inst), GFP_KERNEL_ACCOUNT);

	if (!inst)
		return NULL;
	if (vtpm_request_init(inst)) {
		kfree(inst);
		return NULL;
	}
	strscpy(inst->name, args->name, sizeof(inst->name));
	import_uuid(&inst->uuid, args->uuid);
	inst->timeout_ms = args->timeout_ms;
	inst->grace_ms = args->grace_ms;
	inst->created_with_port = args->port;
	inst->owner = args->owner;
	spin_lock_init(&inst->lock);
	INIT_WORK(&inst->register_work, vtpm_register_work);
	INIT_WORK(&inst->destroy_work, vtpm_destroy_work);
	INIT_DELAYED_WORK(&inst->grace_work, vtpm_grace_work);
	device_initialize(&inst->dev);
	inst->dev.class = &vtpm_class;
	inst->dev.release = vtpm_instance_release;
	return inst;
}

/*
 * Claims the name and the id, shows the parent device, and puts the instance
 * into the table. That comes last: anybody can find it then, and destroy it.
 */
static int vtpm_instance_publish(struct vtpm_instance *inst, const char **why)
{
	int rc;

	lockdep_assert_held(&vtpm_table_lock);
	rc = dev_set_name(&inst->dev, "%s", inst->name);
	if (rc)
		return rc;
	rc = rhashtable_lookup_insert_fast(&vtpm_names, &inst->name_node,
					   vtpm_name_params);
	if (rc) {
		if (rc == -EEXIST)
			*why = "there is an instance of this name";
		return rc;
	}
	/* Reserves the id; a look-up finds nothing there yet. */
	rc = xa_alloc_cyclic(&vtpm_table, &inst->id, NULL,
			     XA_LIMIT(1, INT_MAX), &vtpm_next_id,
			     GFP_KERNEL_ACCOUNT);
	if (rc < 0)
		goto err_name;
	rc = device_add(&inst->dev);
	if (rc) {
		*why = "the parent device cannot be added";
		goto err_id;
	}
	spin_lock(&inst->lock);
	trace_vtpm_state(inst->id, inst->name, inst->state, inst->state);
	vtpm_nl_state_event(inst, inst->state);
	spin_unlock(&inst->lock);
	get_device(&inst->dev);	/* one is the table's, one the caller's */
	/* Takes no memory, since the id is reserved. */
	xa_store(&vtpm_table, inst->id, inst, GFP_KERNEL_ACCOUNT);
	return 0;

err_id:
	xa_erase(&vtpm_table, inst->id);
err_name:
	rhashtable_remove_fast(&vtpm_names, &inst->name_node, vtpm_name_params);
	return rc;
}

struct vtpm_instance *vtpm_instance_create(const struct vtpm_create_args *args,
					   const char **why)
{
	struct vtpm_instance *inst;
	int rc = -ENOMEM;

	/* For the works; destroy gives it back. Not while rmmod waits for us. */
	if (!try_module_get(THIS_MODULE)) {
		*why = "the module is being removed";
		return ERR_PTR(-ENODEV);
	}
	inst = vtpm_instance_alloc(args);
	if (!inst)
		goto err_module;
	mutex_lock(&vtpm_table_lock);
	rc = vtpm_instance_publish(inst, why);
	mutex_unlock(&vtpm_table_lock);
	if (rc < 0)
		goto err_put;
	/* From here on only destroy takes the instance apart. */
	if (!args->port)
		return inst;

	rc = vtpm_instance_attach(inst, args->port, false, &args->reply_to,
				  why);
	if (rc < 0) {
		vtpm_instance_destroy(inst, NULL, 0);
		vtpm_instance_put(inst);
		return ERR_PTR(rc);
	}
	return inst;

err_put:
	vtpm_instance_put(inst);
err_module:
	module_put(THIS_MODULE);
	return ERR_PTR(rc);
}

/* Reserve @port for @inst; after it vtpm_port_released() finds the instance. */
static int vtpm_port_claim(struct vtpm_instance *inst, u32 port)
{
	void *old = xa_cmpxchg(&vtpm_ports, port, NULL, inst,
			       GFP_KERNEL_ACCOUNT);

	if (xa_is_err(old))
		return xa_err(old);
	return old ? -EBUSY : 0;
}

static void vtpm_port_unclaim(struct vtpm_instance *inst, u32 port)
{
	xa_cmpxchg(&vtpm_ports, port, inst, NULL, GFP_ATOMIC);
}

static int vtpm_attach_locked(struct vtpm_instance *inst, u32 port, bool reset,
			      const struct vtpm_reply_to *to, const char **why)
{
	if (inst->dying) {
		*why = "the instance is being destroyed";
		return -ENODEV;
	}
	switch (inst->state) {
	case VTPM_STATE_NEW:
		inst->port = port;
		inst->helper_lost = false;
		inst->register_reply = *to;
		vtpm_instance_set_state(inst, VTPM_STATE_REGISTERING, "");
		/* Before a destroy can look for it, which waits for its end. */
		queue_work(vtpm_wq, &inst->register_work);
		return 1;
	case VTPM_STATE_FAILED:
		if (!reset) {
			*why = "the running state is lost: attach with reset to begin anew";
			return -EUCLEAN;
		}
		fallthrough;
	case VTPM_STATE_DETACHED:
		inst->port = port;
		cancel_delayed_work(&inst->grace_work);
		/* A command cannot go on in a TPM that was switched off. */
		if (reset)
			vtpm_request_abort_failure(inst);
		vtpm_instance_set_state(inst, VTPM_STATE_READY, "");
		return 0;
	default:
		*why = "a helper is attached already";
		return -EBUSY;
	}
}

int vtpm_instance_attach(struct vtpm_instance *inst, u32 port, bool reset,
			 const struct vtpm_reply_to *to, const char **why)
{
	struct sk_buff *skb;
	int rc;

	/* The kernel's own; nothing would ever be sent there or be released. */
	if (!port) {
		*why = "port 0 is no helper's";
		return -EINVAL;
	}
	/* First of all, so that a command in flight is delivered for sure. */
	skb = vtpm_nl_command_alloc(VTPM_BUFFER_SIZE);
	if (!skb) {
		*why = "out of memory";
		return -ENOMEM;
	}
	rc = vtpm_port_claim(inst, port);
	if (rc) {
		kfree_skb(skb);
		*why = rc == -EBUSY ? "this socket serves an instance already" :
				      "out of memory";
		return rc;
	}
	spin_lock(&inst->lock);
	rc = vtpm_attach_locked(inst, port, reset, to, why);
	spin_unlock(&inst->lock);

	if (rc < 0)
		vtpm_port_unclaim(inst, port);
	if (rc)
		kfree_skb(skb);
	else
		vtpm_request_deliver(inst, skb);
	return rc;
}

static void vtpm_grace_begin(struct vtpm_instance *inst)
{
	unsigned long delay = msecs_to_jiffies(inst->grace_ms);

	lockdep_assert_held(&inst->lock);
	inst->grace_end = jiffies + delay;
	/* "mod", since the work of the last detach may still wait. */
	mod_delayed_work(vtpm_wq, &inst->grace_work, delay);
}

void vtpm_instance_detach(struct vtpm_instance *inst, u32 port)
{
	bool was = false;

	spin_lock(&inst->lock);
	if (inst->port == port) {
		was = true;
		inst->port = 0;
		inst->req.sent_to = 0;
		if (inst->state == VTPM_STATE_REGISTERING) {
			inst->helper_lost = true;
			vtpm_request_abort(inst, -ENODEV);
		} else if (inst->state == VTPM_STATE_READY) {
			vtpm_instance_set_state(inst, VTPM_STATE_DETACHED,
						"the helper's socket was closed");
			if (inst->dying)
				vtpm_request_abort(inst, -ENODEV);
			else
				vtpm_grace_begin(inst);
		}
	}
	spin_unlock(&inst->lock);
	if (was)
		vtpm_port_unclaim(inst, port);
}

void vtpm_port_released(u32 port)
{
	struct vtpm_instance *inst;

	rcu_read_lock();
	inst = vtpm_instance_tryget(xa_load(&vtpm_ports, port));
	rcu_read_unlock();
	if (inst) {
		vtpm_instance_detach(inst, port);
		vtpm_instance_put(inst);
	}
}

static void vtpm_fail_locked(struct vtpm_instance *inst, const char *reason)
{
	vtpm_instance_set_state(inst, VTPM_STATE_FAILED, reason);
	vtpm_request_abort_failure(inst);
}

int vtpm_instance_fail(struct vtpm_instance *inst, const char *reason,
		       const char **why)
{
	u32 port = 0;
	int rc = 0;

	spin_lock(&inst->lock);
	if (inst->state == VTPM_STATE_READY ||
	    inst->state == VTPM_STATE_DETACHED) {
		/* A helper that is still there has nothing more to say. */
		port = inst->port;
		inst->port = 0;
		vtpm_fail_locked(inst, reason);
	} else {
		rc = -EINVAL;
		*why = "only a ready or detached instance can fail";
	}
	spin_unlock(&inst->lock);
	if (port)
		vtpm_port_unclaim(inst, port);
	return rc;
}

static void vtpm_grace_work(struct work_struct *work)
{
	struct vtpm_instance *inst = container_of(to_delayed_work(work),
						  struct vtpm_instance,
						  grace_work);

	spin_lock(&inst->lock);
	/* Not if we are of an earlier detach and were too late to be cancelled. */
	if (inst->state == VTPM_STATE_DETACHED && !inst->dying &&
	    time_after_eq(jiffies, inst->grace_end))
		vtpm_fail_locked(inst, "no helper came back within the grace time");
	spin_unlock(&inst->lock);
}

/* The first reason found for a registration that did not succeed. */
static const char *vtpm_register_reason(struct vtpm_instance *inst, int rc)
{
	if (inst->dying)
		return "the instance was destroyed while the TPM core probed it";
	if (!inst->port)
		return "the helper closed its socket while the TPM core probed it";
	if (inst->helper_lost)
		return "the helper did not answer while the TPM core probed it";
	if (rc == -ENOMEM)
		return "out of memory";
	return "the TPM core does not accept the helper's TPM, see the kernel log";
}

static void vtpm_register_failed(struct vtpm_instance *inst, int rc)
{
	struct vtpm_reply_to to = inst->register_reply;
	u32 port;

	spin_lock(&inst->lock);
	strscpy(inst->reason, vtpm_register_reason(inst, rc),
		sizeof(inst->reason));
	if (inst->helper_lost)
		rc = inst->port ? -ETIMEDOUT : -EPIPE;
	else if (rc != -ENOMEM)
		rc = -EIO;
	port = inst->port;
	inst->port = 0;
	if (!inst->dying && !inst->created_with_port)
		vtpm_instance_set_state(inst, VTPM_STATE_NEW, inst->reason);
	spin_unlock(&inst->lock);
	if (port)
		vtpm_port_unclaim(inst, port);

	if (inst->created_with_port) {
		/* Answered by the destroy, when nothing is left. */
		if (!vtpm_instance_destroy(inst, &to, rc))
			return;
	}
	vtpm_reply_status(&to, rc, inst->reason);
}

static void vtpm_register_work(struct work_struct *work)
{
	struct vtpm_instance *inst = container_of(work, struct vtpm_instance,
						  register_work);
	bool ready = false;
	int rc;

	rc = vtpm_chip_register(inst);
	if (!rc) {
		spin_lock(&inst->lock);
		ready = !inst->dying && inst->port && !inst->helper_lost;
		if (ready)
			vtpm_instance_set_state(inst, VTPM_STATE_READY, "");
		spin_unlock(&inst->lock);
	}
	if (ready) {
		vtpm_reply_instance(&inst->register_reply, inst);
		return;
	}
	if (!rc) {
		vtpm_chip_unregister(inst);
		rc = -EPIPE;
	}
	vtpm_register_failed(inst, rc);
}

int vtpm_instance_destroy(struct vtpm_instance *inst,
			  const struct vtpm_reply_to *to, int rc)
{
	bool first;

	spin_lock(&inst->lock);
	first = !inst->dying;
	if (first) {
		WRITE_ONCE(inst->dying, true);
		if (to)
			inst->destroy_reply = *to;
		inst->destroy_rc = rc;
		/* Whoever waits, waits in vain; it would hold up the removal. */
		vtpm_request_abort(inst, -ENODEV);
	}
	spin_unlock(&inst->lock);
	if (!first)
		return -EBUSY;
	queue_work(vtpm_wq, &inst->destroy_work);
	return 0;
}

/*
 * The mirror of create; why each step suffices is in locking.rst. It may be
 * the register work that queued us, so that one has to end first.
 */
static void vtpm_destroy_work(struct work_struct *work)
{
	struct vtpm_instance *inst = container_of(work, struct vtpm_instance,
						  destroy_work);
	struct vtpm_reply_to to;
	u32 port;

	flush_work(&inst->register_work);
	if (inst->chip)
		vtpm_chip_unregister(inst);
	cancel_delayed_work_sync(&inst->grace_work);

	spin_lock(&inst->lock);
	port = inst->port;
	inst->port = 0;
	vtpm_instance_set_state(inst, VTPM_STATE_GONE,
				inst->destroy_rc ? inst->reason : "");
	spin_unlock(&inst->lock);
	if (port)
		vtpm_port_unclaim(inst, port);

	device_del(&inst->dev);
	xa_erase(&vtpm_table, inst->id);
	rhashtable_remove_fast(&vtpm_names, &inst->name_node, vtpm_name_params);
	to = inst->destroy_reply;
	vtpm_reply_status(&to, inst->destroy_rc, inst->reason);
	vtpm_instance_put(inst);
	module_put(THIS_MODULE);
}

int vtpm_instances_init(void)
{
	int rc;

	rc = rhashtable_init(&vtpm_names, &vtpm_name_params);
	if (rc)
		return rc;
	/* A registration sleeps most of its time: let them all go on. */
	vtpm_wq = alloc_workqueue("vtpm", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!vtpm_wq) {
		rc = -ENOMEM;
		goto err_names;
	}
	rc = class_register(&vtpm_class);
	if (rc)
		goto err_wq;
	return 0;

err_wq:
	destroy_workqueue(vtpm_wq);
err_names:
	rhashtable_destroy(&vtpm_names);
	return rc;
}

void vtpm_instances_exit(void)
{
	/* Every instance holds the module, so only ends of works are left. */
	destroy_workqueue(vtpm_wq);
	vtpm_chip_exit();
	class_unregister(&vtpm_class);
	WARN_ON(!xa_empty(&vtpm_table));
	xa_destroy(&vtpm_table);
	xa_destroy(&vtpm_ports);
	rhashtable_destroy(&vtpm_names);
}
