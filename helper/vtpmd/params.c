// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "vtpmd/params.h"

static bool has_type(const json_t *v, enum param_type type)
{
	switch (type) {
	case PARAM_STRING:
		return json_is_string(v);
	case PARAM_BOOL:
		return json_is_boolean(v);
	case PARAM_OBJECT:
		return json_is_object(v);
	case PARAM_ARRAY:
		return json_is_array(v);
	case PARAM_INT:
		return json_is_integer(v);
	}
	return false;
}

static bool is_known(const char *name, const struct param table[])
{
	for (; table->name; table++) {
		if (!strcmp(name, table->name))
			return true;
	}
	return false;
}

int params_take(json_t *object, const struct param table[],
		struct param_values *out, const char **bad)
{
	struct param_values values = { 0 };
	const char *name;
	json_t *v;

	json_object_foreach(object, name, v) {
		if (!is_known(name, table)) {
			*bad = name;
			return -EINVAL;
		}
	}
	for (size_t i = 0; table[i].name; i++) {
		v = json_object_get(object, table[i].name);
		if (json_is_null(v))
			v = NULL;
		if (v ? !has_type(v, table[i].type) : !table[i].optional) {
			*bad = table[i].name;
			return -EINVAL;
		}
		values.v[i] = v;
	}
	*out = values;
	return 0;
}

const char *param_string(const struct param_values *in, size_t i)
{
	return json_string_value(in->v[i]);
}

bool param_bool(const struct param_values *in, size_t i, bool otherwise)
{
	return in->v[i] ? json_is_true(in->v[i]) : otherwise;
}
