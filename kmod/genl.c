// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vtpm.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "genl.h"

#include <uapi/linux/vtpm.h>

/* VTPM_CMD_GET - do */
const struct nla_policy vtpm_get_nl_policy[VTPM_A_NAME + 1] = {
	[VTPM_A_ID] = { .type = NLA_U32, },
	[VTPM_A_NAME] = { .type = NLA_NUL_STRING, .len = VTPM_MAX_NAME, },
};

/* VTPM_CMD_CREATE - do */
const struct nla_policy vtpm_create_nl_policy[VTPM_A_MODE + 1] = {
	[VTPM_A_NAME] = { .type = NLA_NUL_STRING, .len = VTPM_MAX_NAME, },
	[VTPM_A_UUID] = NLA_POLICY_EXACT_LEN(VTPM_UUID_LEN),
	[VTPM_A_PORT] = { .type = NLA_U32, },
	[VTPM_A_TIMEOUT_MS] = { .type = NLA_U32, },
	[VTPM_A_GRACE_MS] = { .type = NLA_U32, },
	[VTPM_A_OWNER_UID] = { .type = NLA_U32, },
	[VTPM_A_OWNER_GID] = { .type = NLA_U32, },
	[VTPM_A_MODE] = { .type = NLA_U32, },
};

/* VTPM_CMD_ATTACH - do */
const struct nla_policy vtpm_attach_nl_policy[VTPM_A_RESET + 1] = {
	[VTPM_A_ID] = { .type = NLA_U32, },
	[VTPM_A_PORT] = { .type = NLA_U32, },
	[VTPM_A_RESET] = { .type = NLA_FLAG, },
};

/* VTPM_CMD_FAIL - do */
const struct nla_policy vtpm_fail_nl_policy[VTPM_A_REASON + 1] = {
	[VTPM_A_ID] = { .type = NLA_U32, },
	[VTPM_A_REASON] = { .type = NLA_NUL_STRING, .len = VTPM_MAX_REASON, },
};

/* VTPM_CMD_DESTROY - do */
const struct nla_policy vtpm_destroy_nl_policy[VTPM_A_ID + 1] = {
	[VTPM_A_ID] = { .type = NLA_U32, },
};

/* VTPM_CMD_RESPONSE - do */
const struct nla_policy vtpm_response_nl_policy[VTPM_A_PAYLOAD + 1] = {
	[VTPM_A_ID] = { .type = NLA_U32, },
	[VTPM_A_SEQ] = { .type = NLA_U64, },
	[VTPM_A_PAYLOAD] = { .type = NLA_BINARY, },
};

/* Ops table for vtpm */
const struct genl_ops vtpm_nl_ops[6] = {
	{
		.cmd		= VTPM_CMD_GET,
		.doit		= vtpm_nl_get_doit,
		.dumpit		= vtpm_nl_get_dumpit,
		.policy		= vtpm_get_nl_policy,
		.maxattr	= VTPM_A_NAME,
	},
	{
		.cmd		= VTPM_CMD_CREATE,
		.doit		= vtpm_nl_create_doit,
		.policy		= vtpm_create_nl_policy,
		.maxattr	= VTPM_A_MODE,
	},
	{
		.cmd		= VTPM_CMD_ATTACH,
		.doit		= vtpm_nl_attach_doit,
		.policy		= vtpm_attach_nl_policy,
		.maxattr	= VTPM_A_RESET,
	},
	{
		.cmd		= VTPM_CMD_FAIL,
		.doit		= vtpm_nl_fail_doit,
		.policy		= vtpm_fail_nl_policy,
		.maxattr	= VTPM_A_REASON,
	},
	{
		.cmd		= VTPM_CMD_DESTROY,
		.doit		= vtpm_nl_destroy_doit,
		.policy		= vtpm_destroy_nl_policy,
		.maxattr	= VTPM_A_ID,
	},
	{
		.cmd		= VTPM_CMD_RESPONSE,
		.doit		= vtpm_nl_response_doit,
		.policy		= vtpm_response_nl_policy,
		.maxattr	= VTPM_A_PAYLOAD,
	},
};

static const struct genl_multicast_group vtpm_nl_mcgrps[] = {
	[VTPM_NLGRP_EVENTS] = { "events", },
};
