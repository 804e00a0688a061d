/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict checking of the parameters of a call. */
#ifndef VTPM_VTPMD_PARAMS_H
#define VTPM_VTPMD_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define PARAMS_MAX 12

enum param_type {
	PARAM_STRING,
	PARAM_BOOL,
	PARAM_OBJECT,
	PARAM_ARRAY,
	PARAM_INT
};

struct param {
	const char *name; /* NULL ends a table */
	enum param_type type;
	bool optional;
};

/* In the order of the table; NULL where an optional one is not given. */
struct param_values {
	json_t *v[PARAMS_MAX];
};

/*
 * Take the parameters of @table out of @object, which may be NULL. Returns 0,
 * or -EINVAL with *bad naming the one that is missing, of the wrong type or
 * unknown; it lives as long as @object and the table. A null counts as not
 * given.
 */
int params_take(json_t *object, const struct param table[],
		struct param_values *out, const char **bad);

/* For PARAM_STRING, NULL if not given; for PARAM_BOOL. */
const char *param_string(const struct param_values *in, size_t i);
bool param_bool(const struct param_values *in, size_t i, bool otherwise);

#endif
