/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the methods, for who takes a call. */
#ifndef VTPM_VTPMD_API_METHODS_H
#define VTPM_VTPMD_API_METHODS_H

#include <stdbool.h>

#include "vtpmd/api.h"
#include "vtpmd/server.h"

#define SERVICE "org.varlink.service"
#define INTERFACE "io.vtpm"

struct method {
	const char *name;
	method_fn fn;
	enum right right;
	bool changes; /* refused while vtpmd ends */
	struct param params[PARAMS_MAX + 1];
};

/* NULL for what is no method. */
const struct method *api_find_method(const char *name);

#endif
