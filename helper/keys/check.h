/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of the operation "check"; key-providers.rst says what they are. */
#ifndef VTPM_KEYS_CHECK_H
#define VTPM_KEYS_CHECK_H

#include "keys/provider.h"

struct check {
	json_t *steps;
	bool no_memory;
};

/* @c belongs to the caller until check_end(). */
void check_begin(struct check *c);
/*
 * Note that @step went well if @r is 0, with the text @fmt, or else failed,
 * with that of @why. Returns whether it went well. @c may be NULL: then
 * nothing is noted.
 */
bool check_step(struct check *c, const char *step, int r,
		const struct error *why, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Put the steps into @reply: what failed is no error of the operation. */
int check_end(struct check *c, json_t *reply, struct error *err);

/* The last step of a provider whose @unwrap gave @back for @value. */
int check_same(const struct secret *value, const struct secret *back,
	       struct error *err);

#endif
