/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The methods of io.vtpm.varlink and of org.varlink.service. The table in
 * api-methods.c says which parameters each takes and which right it needs.
 */
#ifndef VTPM_VTPMD_API_H
#define VTPM_VTPMD_API_H

#include <jansson.h>

#include "util/error.h"
#include "vtpmd/params.h"

struct call;
struct manager;

/* A call_handler with the manager as its argument. */
void api_handle(struct call *call, void *arg);

/*
 * A method: 0 once it has taken over @call, or a negative errno with @err
 * filled in; then @call is answered for it.
 */
typedef int (*method_fn)(struct manager *m, struct call *call,
			 const struct param_values *in, struct error *err);

struct create_options;
/* What every method that makes a vTPM begins its parameters with. */
void api_take_create(const struct param_values *in, struct create_options *o);

int api_get_info(struct manager *m, struct call *call,
		 const struct param_values *in, struct error *err);
int api_get_description(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err);
int api_list(struct manager *m, struct call *call,
	     const struct param_values *in, struct error *err);
int api_show(struct manager *m, struct call *call,
	     const struct param_values *in, struct error *err);
int api_create(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err);
int api_start(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err);
int api_stop(struct manager *m, struct call *call,
	     const struct param_values *in, struct error *err);
int api_stop_all(struct manager *m, struct call *call,
		 const struct param_values *in, struct error *err);
int api_delete(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err);
int api_monitor(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err);
int api_reset(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err);
int api_upgrade(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err);
int api_upgrade_all(struct manager *m, struct call *call,
		    const struct param_values *in, struct error *err);
int api_provider_add(struct manager *m, struct call *call,
		     const struct param_values *in, struct error *err);
int api_check(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err);
int api_repair(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err);
int api_unlock(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err);
int api_unlock_all(struct manager *m, struct call *call,
		   const struct param_values *in, struct error *err);
int api_provider_attach(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err);
int api_provider_detach(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err);
int api_provider_forget(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err);
int api_rekey(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err);
int api_rekey_all(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err);
int api_provider_list(struct manager *m, struct call *call,
		      const struct param_values *in, struct error *err);
int api_provider_show(struct manager *m, struct call *call,
		      const struct param_values *in, struct error *err);
int api_provider_check(struct manager *m, struct call *call,
		       const struct param_values *in, struct error *err);
int api_provider_get_default(struct manager *m, struct call *call,
			     const struct param_values *in, struct error *err);
int api_provider_set_default(struct manager *m, struct call *call,
			     const struct param_values *in, struct error *err);
int api_clone(struct manager *m, struct call *call,
	      const struct param_values *in, struct error *err);
int api_rename(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err);
int api_backup(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err);
int api_verify_backup(struct manager *m, struct call *call,
		      const struct param_values *in, struct error *err);
int api_restore(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err);
int api_import_swtpm(struct manager *m, struct call *call,
		     const struct param_values *in, struct error *err);
int api_export_swtpm(struct manager *m, struct call *call,
		     const struct param_values *in, struct error *err);
int api_set(struct manager *m, struct call *call, const struct param_values *in,
	    struct error *err);
int api_provider_new_key(struct manager *m, struct call *call,
			 const struct param_values *in, struct error *err);
int api_provider_destroy_key(struct manager *m, struct call *call,
			     const struct param_values *in, struct error *err);
int api_provider_remove(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err);
int api_provider_backup(struct manager *m, struct call *call,
			const struct param_values *in, struct error *err);
int api_provider_restore(struct manager *m, struct call *call,
			 const struct param_values *in, struct error *err);

int api_ca_init(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err);
int api_ca_show(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err);
int api_ca_export(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err);
int api_ca_renew(struct manager *m, struct call *call,
		 const struct param_values *in, struct error *err);
int api_ca_rekey(struct manager *m, struct call *call,
		 const struct param_values *in, struct error *err);
int api_ca_crl(struct manager *m, struct call *call,
	       const struct param_values *in, struct error *err);
int api_ca_revoke(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err);
int api_ca_remove(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err);
int api_ek_show(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err);
int api_ek_list(struct manager *m, struct call *call,
		const struct param_values *in, struct error *err);
int api_ek_request(struct manager *m, struct call *call,
		   const struct param_values *in, struct error *err);
int api_ek_import(struct manager *m, struct call *call,
		  const struct param_values *in, struct error *err);

#endif
