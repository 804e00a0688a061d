// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of the family "vtpm". The policy and the table of operations are
 * generated from the YAML specification and included here.
 *
 * Handlers run with the family's parallel_ops and under genetlink's cb_lock,
 * held for reading. They must not wait for a helper: a writer that queues for
 * cb_lock (any module that registers a family) would keep the helper's answer
 * from being handled. What takes long is answered later, by a work.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "instance.h"
#include "netlink.h"
#include "reply.h"
#include "request.h"

#include "genl.c"

static struct genl_family vtpm_family;

/* NL_SET_ERR_MSG() for a text that is constant, but not known here. */
static void vtpm_nl_explain(struct genl_info *info, const char *why)
{
	if (info->extack && why)
		info->extack->_msg = why;
}

/*
 * Whoever makes TPMs for the host must be its administrator, not that of a
 * container: both the socket's opener and the sender, in the initial namespace.
 */
static int vtpm_nl_check_admin(struct sk_buff *skb, struct genl_info *info)
{
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	GENL_SET_ERR_MSG(info, "CAP_SYS_ADMIN in the initial user namespace is needed");
	return -EPERM;
}

static int vtpm_nl_missing(struct genl_info *info, int attr, const char *name)
{
	if (info->attrs[attr])
		return 0;
	vtpm_nl_explain(info, name);
	return -EINVAL;
}

/* The instance that the message is about, with a reference, or an ERR_PTR. */
static struct vtpm_instance *vtpm_nl_instance(struct genl_info *info)
{
	struct vtpm_instance *inst;

	if (vtpm_nl_missing(info, VTPM_A_ID, "the attribute id is missing"))
		return ERR_PTR(-EINVAL);
	inst = vtpm_instance_get(nla_get_u32(info->attrs[VTPM_A_ID]));
	if (inst)
		return inst;
	GENL_SET_ERR_MSG(info, "there is no instance of this id");
	return ERR_PTR(-ENOENT);
}

static int vtpm_nl_put_nodes(struct sk_buff *skb,
			     const struct vtpm_instance *inst)
{
	if (!inst->nodes.valid)
		return 0;
	if (nla_put_u32(skb, VTPM_A_TPM_NUMBER, inst->nodes.number) ||
	    nla_put_u32(skb, VTPM_A_TPM_MAJOR, MAJOR(inst->nodes.tpm)) ||
	    nla_put_u32(skb, VTPM_A_TPM_MINOR, MINOR(inst->nodes.tpm)) ||
	    nla_put_u32(skb, VTPM_A_TPMRM_MAJOR, MAJOR(inst->nodes.tpmrm)) ||
	    nla_put_u32(skb, VTPM_A_TPMRM_MINOR, MINOR(inst->nodes.tpmrm)))
		return -EMSGSIZE;
	return 0;
}

static int vtpm_nl_put_identity(struct sk_buff *skb,
				const struct vtpm_instance *inst)
{
	if (nla_put_u32(skb, VTPM_A_ID, inst->id) ||
	    nla_put_string(skb, VTPM_A_NAME, inst->name) ||
	    nla_put(skb, VTPM_A_UUID, VTPM_UUID_LEN, &inst->uuid) ||
	    nla_put_u32(skb, VTPM_A_STATE, inst->state) ||
	    (inst->reason[0] &&
	     nla_put_string(skb, VTPM_A_REASON, inst->reason)))
		return -EMSGSIZE;
	return 0;
}

static int vtpm_nl_put_settings(struct sk_buff *skb,
				const struct vtpm_instance *inst)
{
	const struct vtpm_ownership *o = &inst->owner;

	if (nla_put_u32(skb, VTPM_A_TIMEOUT_MS, inst->timeout_ms) ||
	    nla_put_u32(skb, VTPM_A_GRACE_MS, inst->grace_ms) ||
	    nla_put_u32(skb, VTPM_A_BUFFER_SIZE, VTPM_BUFFER_SIZE) ||
	    nla_put_u32(skb, VTPM_A_OWNER_UID, from_kuid(&init_user_ns, o->uid)) ||
	    nla_put_u32(skb, VTPM_A_OWNER_GID, from_kgid(&init_user_ns, o->gid)) ||
	    nla_put_u32(skb, VTPM_A_MODE, o->mode))
		return -EMSGSIZE;
	return 0;
}

int vtpm_nl_put_instance(struct sk_buff *skb, struct vtpm_instance *inst,
			 u32 port, u32 seq, int flags, u8 cmd)
{
	void *hdr = genlmsg_put(skb, port, seq, &vtpm_family, flags, cmd);
	int rc;

	if (!hdr)
		return -EMSGSIZE;
	spin_lock(&inst->lock);
	rc = vtpm_nl_put_identity(skb, inst);
	if (!rc)
		rc = vtpm_nl_put_nodes(skb, inst);
	if (!rc)
		rc = nla_put_u32(skb, VTPM_A_PORT, inst->port);
	if (!rc)
		rc = vtpm_nl_put_settings(skb, inst);
	if (!rc)
		rc = vtpm_stats_put(skb, inst);
	spin_unlock(&inst->lock);
	if (rc) {
		genlmsg_cancel(skb, hdr);
		return rc;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int vtpm_nl_send_instance(struct vtpm_instance *inst, u32 port, u32 seq,
				 u8 cmd)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	int rc;

	if (!skb)
		return -ENOMEM;
	rc = vtpm_nl_put_instance(skb, inst, port, seq, 0, cmd);
	if (rc) {
		nlmsg_free(skb);
		return rc;
	}
	return genlmsg_unicast(&init_net, skb, port);
}

int vtpm_nl_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vtpm_instance *inst;
	int rc;

	if (info->attrs[VTPM_A_NAME] && !info->attrs[VTPM_A_ID]) {
		inst = vtpm_instance_get_by_name(nla_data(info->attrs[VTPM_A_NAME]));
		if (!inst) {
			GENL_SET_ERR_MSG(info, "there is no instance of this name");
			return -ENOENT;
		}
	} else {
		inst = vtpm_nl_instance(info);
		if (IS_ERR(inst))
			return PTR_ERR(inst);
	}
	rc = vtpm_nl_send_instance(inst, info->snd_portid, info->snd_seq,
				   VTPM_CMD_GET);
	vtpm_instance_put(inst);
	return rc;
}

int vtpm_nl_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned long id = cb->args[0];
	struct vtpm_instance *inst;
	int rc = 0;

	while (!rc && (inst = vtpm_instance_next(&id))) {
		rc = vtpm_nl_put_instance(skb, inst,
					  NETLINK_CB(cb->skb).portid,
					  cb->nlh->nlmsg_seq, NLM_F_MULTI,
					  VTPM_CMD_GET);
		vtpm_instance_put(inst);
		if (!rc)
			id++;
	}
	cb->args[0] = id;
	return skb->len;
}

static bool vtpm_name_valid(const char *name)
{
	const char *p;

	if (!*name || *name == '.' || *name == '-')
		return false;
	for (p = name; *p; p++) {
		if (!isascii(*p) ||
		    (!isalnum(*p) && *p != '.' && *p != '_' && *p != '-'))
			return false;
	}
	return true;
}

static u32 vtpm_nl_u32_or(struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

static int vtpm_nl_owner(struct genl_info *info, struct vtpm_ownership *owner)
{
	u32 mode = vtpm_nl_u32_or(info, VTPM_A_MODE, 0600);

	owner->uid = make_kuid(&init_user_ns,
			       vtpm_nl_u32_or(info, VTPM_A_OWNER_UID, 0));
	owner->gid = make_kgid(&init_user_ns,
			       vtpm_nl_u32_or(info, VTPM_A_OWNER_GID, 0));
	owner->mode = mode;
	if (!uid_valid(owner->uid) || !gid_valid(owner->gid)) {
		GENL_SET_ERR_MSG(info, "owner-uid or owner-gid is none");
		return -EINVAL;
	}
	if (mode & ~0666) {
		GENL_SET_ERR_MSG(info, "mode has bits beyond 0666");
		return -EINVAL;
	}
	return 0;
}

static int vtpm_nl_create_args(struct genl_info *info,
			       struct vtpm_create_args *args)
{
	if (vtpm_nl_missing(info, VTPM_A_NAME, "the attribute name is missing") ||
	    vtpm_nl_missing(info, VTPM_A_UUID, "the attribute uuid is missing"))
		return -EINVAL;
	args->name = nla_data(info->attrs[VTPM_A_NAME]);
	args->uuid = nla_data(info->attrs[VTPM_A_UUID]);
	args->port = vtpm_nl_u32_or(info, VTPM_A_PORT, 0);
	args->timeout_ms = vtpm_nl_u32_or(info, VTPM_A_TIMEOUT_MS,
					  VTPM_TIMEOUT_DEFAULT_MS);
	args->grace_ms = vtpm_nl_u32_or(info, VTPM_A_GRACE_MS,
					VTPM_GRACE_DEFAULT_MS);
	if (!vtpm_name_valid(args->name)) {
		GENL_SET_ERR_MSG(info, "a name has letters, digits, '.', '_' and '-', and starts with neither '.' nor '-'");
		return -EINVAL;
	}
	if (args->timeout_ms < VTPM_TIMEOUT_MIN_MS ||
	    args->timeout_ms > VTPM_TIMEOUT_MAX_MS) {
		GENL_SET_ERR_MSG(info, "timeout-ms is not within 100 and 3600000");
		return -ERANGE;
	}
	if (args->grace_ms > VTPM_GRACE_MAX_MS) {
		GENL_SET_ERR_MSG(info, "grace-ms is above 3600000");
		return -ERANGE;
	}
	return vtpm_nl_owner(info, &args->owner);
}

/* -EINTR has netlink send no ACK: the work will. */
static int vtpm_nl_later(void)
{
	return -EINTR;
}

int vtpm_nl_create_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vtpm_create_args args = {};
	struct vtpm_instance *inst;
	const char *why = NULL;
	int rc;

	rc = vtpm_nl_check_admin(skb, info);
	if (rc)
		return rc;
	rc = vtpm_nl_create_args(info, &args);
	if (!rc && args.port)
		rc = vtpm_reply_prepare(info, &args.reply_to);
	if (rc)
		return rc;
	inst = vtpm_instance_create(&args, &why);
	if (IS_ERR(inst)) {
		vtpm_reply_drop(&args.reply_to);
		vtpm_nl_explain(info, why);
		return PTR_ERR(inst);
	}
	if (args.port)
		rc = vtpm_nl_later();
	else
		rc = vtpm_nl_send_instance(inst, info->snd_portid,
					   info->snd_seq, VTPM_CMD_CREATE);
	vtpm_instance_put(inst);
	return rc;
}

int vtpm_nl_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vtpm_instance *inst;
	struct vtpm_reply_to to;
	const char *why = NULL;
	int rc;

	rc = vtpm_nl_check_admin(skb, info);
	if (rc)
		return rc;
	inst = vtpm_nl_instance(info);
	if (IS_ERR(inst))
		return PTR_ERR(inst);
	rc = vtpm_reply_prepare(info, &to);
	if (rc)
		goto out;
	rc = vtpm_instance_attach(inst,
				  vtpm_nl_u32_or(info, VTPM_A_PORT,
						 info->snd_portid),
				  info->attrs[VTPM_A_RESET], &to, &why);
	if (rc == 1) {
		rc = vtpm_nl_later();
		goto out;
	}
	vtpm_reply_drop(&to);
	if (!rc)
		rc = vtpm_nl_send_instance(inst, info->snd_portid,
					   info->snd_seq, VTPM_CMD_ATTACH);
	else
		vtpm_nl_explain(info, why);
out:
	vtpm_instance_put(inst);
	return rc;
}

int vtpm_nl_fail_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *reason = "the manager declared the running state lost";
	struct vtpm_instance *inst;
	const char *why = NULL;
	int rc;

	rc = vtpm_nl_check_admin(skb, info);
	if (rc)
		return rc;
	inst = vtpm_nl_instance(info);
	if (IS_ERR(inst))
		return PTR_ERR(inst);
	if (info->attrs[VTPM_A_REASON])
		reason = nla_data(info->attrs[VTPM_A_REASON]);
	rc = vtpm_instance_fail(inst, reason, &why);
	vtpm_nl_explain(info, why);
	vtpm_instance_put(inst);
	return rc;
}

int vtpm_nl_destroy_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vtpm_instance *inst;
	struct vtpm_reply_to to;
	int rc;

	rc = vtpm_nl_check_admin(skb, info);
	if (rc)
		return rc;
	inst = vtpm_nl_instance(info);
	if (IS_ERR(inst))
		return PTR_ERR(inst);
	rc = vtpm_reply_prepare(info, &to);
	if (rc)
		goto out;
	rc = vtpm_instance_destroy(inst, &to, 0);
	if (rc) {
		vtpm_reply_drop(&to);
		GENL_SET_ERR_MSG(info, "the instance is being destroyed already");
	} else {
		rc = vtpm_nl_later();
	}
out:
	vtpm_instance_put(inst);
	return rc;
}

/*
 * A helper has no privilege, but its socket is one that an administrator
 * opened for it. Without that, anybody could take the port number of a helper
 * that has just died and speak for the TPM until its death is noticed.
 */
static int vtpm_nl_check_socket(struct sk_buff *skb, struct genl_info *info)
{
	const struct file *file = NETLINK_CB(skb).sk->sk_socket->file;

	if (file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN))
		return 0;
	GENL_SET_ERR_MSG(info, "this socket was not opened with CAP_SYS_ADMIN in the initial user namespace");
	return -EPERM;
}

int vtpm_nl_response_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct vtpm_instance *inst;
	const char *why = NULL;
	int rc;

	rc = vtpm_nl_check_socket(skb, info);
	if (rc)
		return rc;
	if (vtpm_nl_missing(info, VTPM_A_SEQ, "the attribute seq is missing") ||
	    vtpm_nl_missing(info, VTPM_A_PAYLOAD,
			    "the attribute payload is missing"))
		return -EINVAL;
	inst = vtpm_nl_instance(info);
	if (IS_ERR(inst))
		return PTR_ERR(inst);
	rc = vtpm_request_answer(inst, info->snd_portid,
				 nla_get_u64(a[VTPM_A_SEQ]),
				 nla_data(a[VTPM_A_PAYLOAD]),
				 nla_len(a[VTPM_A_PAYLOAD]), &why);
	vtpm_nl_explain(info, why);
	vtpm_instance_put(inst);
	return rc;
}

struct sk_buff *vtpm_nl_command_alloc(size_t len)
{
	return genlmsg_new(nla_total_size(sizeof(u32)) +
			   nla_total_size_64bit(sizeof(u64)) +
			   nla_total_size(sizeof(u8)) + nla_total_size(len),
			   GFP_KERNEL);
}

int vtpm_nl_command_fill(struct sk_buff *skb, u32 id, u64 seq, u8 locality,
			 const u8 *data, size_t len)
{
	void *hdr = genlmsg_put(skb, 0, 0, &vtpm_family, 0, VTPM_CMD_COMMAND);

	if (!hdr || nla_put_u32(skb, VTPM_A_ID, id) ||
	    nla_put_u64_64bit(skb, VTPM_A_SEQ, seq, VTPM_A_PAD) ||
	    nla_put_u8(skb, VTPM_A_LOCALITY, locality) ||
	    nla_put(skb, VTPM_A_PAYLOAD, len, data))
		return -EMSGSIZE;
	genlmsg_end(skb, hdr);
	return 0;
}

int vtpm_nl_send(struct sk_buff *skb, u32 port)
{
	return genlmsg_unicast(&init_net, skb, port);
}

void vtpm_nl_cancel(u32 port, u32 id, u64 seq)
{
	struct sk_buff *skb = vtpm_nl_command_alloc(0);
	void *hdr;

	if (!skb)
		return;
	hdr = genlmsg_put(skb, 0, 0, &vtpm_family, 0, VTPM_CMD_CANCEL);
	if (!hdr || nla_put_u32(skb, VTPM_A_ID, id) ||
	    nla_put_u64_64bit(skb, VTPM_A_SEQ, seq, VTPM_A_PAD)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_unicast(&init_net, skb, port);
}

void vtpm_nl_state_event(const struct vtpm_instance *inst,
			 enum vtpm_state old_state)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_ATOMIC);
	void *hdr;

	if (!skb)
		return;
	hdr = genlmsg_put(skb, 0, 0, &vtpm_family, 0, VTPM_CMD_STATE_NTF);
	if (!hdr || vtpm_nl_put_identity(skb, inst) ||
	    nla_put_u32(skb, VTPM_A_OLD_STATE, old_state) ||
	    (inst->nodes.valid &&
	     nla_put_u32(skb, VTPM_A_TPM_NUMBER, inst->nodes.number))) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&vtpm_family, skb, 0, VTPM_NLGRP_EVENTS, GFP_ATOMIC);
}

static int vtpm_nl_notify(struct notifier_block *nb, unsigned long event,
			  void *data)
{
	struct netlink_notify *n = data;

	if (event == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC &&
	    net_eq(n->net, &init_net))
		vtpm_port_released(n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block vtpm_nl_notifier = {
	.notifier_call = vtpm_nl_notify,
};

static struct genl_family vtpm_family __ro_after_init = {
	.name = VTPM_FAMILY_NAME,
	.version = VTPM_FAMILY_VERSION,
	.module = THIS_MODULE,
	.netnsok = false,
	.parallel_ops = true,
	.maxattr = VTPM_A_MAX,
	.ops = vtpm_nl_ops,
	.n_ops = ARRAY_SIZE(vtpm_nl_ops),
	.mcgrps = vtpm_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(vtpm_nl_mcgrps),
};

int vtpm_netlink_init(void)
{
	int rc = netlink_register_notifier(&vtpm_nl_notifier);

	if (rc)
		return rc;
	rc = genl_register_family(&vtpm_family);
	if (rc)
		netlink_unregister_notifier(&vtpm_nl_notifier);
	return rc;
}

void vtpm_netlink_exit(void)
{
	genl_unregister_family(&vtpm_family);
	netlink_unregister_notifier(&vtpm_nl_notifier);
}
