/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request to a provider program, for provider*.c alone. */
#ifndef VTPM_VTPMD_PROVIDER_CALL_H
#define VTPM_VTPMD_PROVIDER_CALL_H

#include "vtpmd/provider.h"
#include "vtpmd/spawn.h"

#define PROVIDER_TIMEOUT_MS 60000
#define PROVIDER_PROGRAM_LEN (NAME_MAX_LEN + 16)

void provider_program(const char *type, char name[PROVIDER_PROGRAM_LEN]);
/*
 * Start the program of @p in its sandbox, with @fds as its descriptors 0, 3 and
 * 4, of which -1 is none; @ahead, to wait for its request.
 */
int provider_spawn(const struct config *cfg, const struct provider_ref *p,
		   const int fds[3], bool ahead, struct running *out,
		   struct error *err);

/*
 * @members is consumed: what the operation adds to the request, NULL if memory
 * is short. The program reads @in_fd as descriptor 3 and writes @out_fd as 4;
 * they stay the caller's, -1 is none. *reply, a new reference, may be NULL.
 */
int provider_call(const struct config *cfg, const struct provider_ref *p,
		  const char *operation, json_t *members, int in_fd, int out_fd,
		  json_t **reply, struct error *err);

/* The same with another limit than PROVIDER_TIMEOUT_MS. */
int provider_call_within(const struct config *cfg, const struct provider_ref *p,
			 const char *operation, json_t *members, int in_fd,
			 int out_fd, int timeout_ms, json_t **reply,
			 struct error *err);

/* -EPROTO: the program does not keep to the contract. */
int provider_failed(struct error *err, const char *name, const char *what);

#endif
