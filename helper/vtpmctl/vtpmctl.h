/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vtpmctl: a thin client of io.vtpm (helper/vtpmd/io.vtpm.varlink), one file
 * a verb. What a verb prints without --json is for people and may change.
 */
#ifndef VTPM_VTPMCTL_H
#define VTPM_VTPMCTL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "util/secret.h"

/* Exit status; stable, in vtpmctl(1). */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_FOUND = 3,
	CTL_CONFLICT = 4, /* exists, in use, busy, wrong state */
	CTL_DENIED = 5,
	CTL_NO_SERVICE = 6, /* daemon or module not there */
	CTL_KEY = 7,	    /* missing, wrong, not backed up; password */
	CTL_STORAGE = 8,    /* damaged, full, not readable */
};

struct ctl {
	const char *socket;
	bool json;
};

/* With what the environment says. */
struct ctl ctl_new(void);

struct verb {
	const char *name;
	const char *summary; /* one line */
	const char *help;    /* usage and examples */
	int (*run)(struct ctl *ctl, const struct verb *v, int argc,
		   char **argv);
};

extern const struct verb verb_backup, verb_verify_backup, verb_restore;
extern const struct verb verb_import, verb_export;
extern const struct verb verb_create, verb_start, verb_stop, verb_list,
	verb_show, verb_delete, verb_monitor, verb_provider, verb_version,
	verb_rekey, verb_unlock, verb_upgrade, verb_check, verb_repair,
	verb_reset, verb_rename, verb_clone, verb_set, verb_ca, verb_ek;
extern const struct verb verb_ca_init, verb_ca_show, verb_ca_export,
	verb_ca_renew, verb_ca_rekey, verb_ca_crl, verb_ca_revoke,
	verb_ca_remove;
extern const struct verb verb_ek_show, verb_ek_list, verb_ek_export,
	verb_ek_request, verb_ek_import;
extern const struct verb verb_provider_add, verb_provider_list,
	verb_provider_show, verb_provider_backup, verb_provider_restore,
	verb_provider_attach, verb_provider_detach, verb_provider_check,
	verb_provider_default, verb_provider_remove, verb_provider_forget,
	verb_provider_new_key, verb_provider_destroy_key;

/*
 * A new file, mode 0600, that is there under its name once all has gone well.
 * Both return an exit status and say what is wrong; after a failed open there
 * is nothing to close.
 */
struct out_file {
	const char *file;
	char tmp[4096];
	bool force; /* replace what is there */
	int fd;
};

int out_file_open(struct out_file *out, const char *file, bool force);
/* @status other than 0: it is not to be. */
int out_file_close(struct out_file *out, int status);

/* Run the verb of @verbs (ended by NULL) that argv[0] names. */
int verb_dispatch(struct ctl *ctl, const struct verb *const *verbs,
		  const char *prefix, int argc, char **argv);
/* The same for a verb @v that has verbs of its own. */
int verb_group(struct ctl *ctl, const struct verb *v,
	       const struct verb *const *verbs, const char *prefix, int argc,
	       char **argv);
/* Print how to use @v on standard error; returns CTL_USAGE. */
int verb_usage(const struct verb *v);

/*
 * An option of a verb. Every verb has --help and --json besides.
 * Exactly one of @flag and @value is set.
 */
struct ctl_option {
	const char *name; /* without the hyphens */
	bool *flag;
	const char **value;
};
/* Options of a verb that makes a vTPM: CTL_CREATE_OPTIONS() among its own. */
struct ctl_create {
	const char *provider, *owner, *mode;
	bool no_start, autostart, ephemeral;
};

#define CTL_CREATE_OPTIONS(c)                                    \
	{ .name = "provider", .value = &(c).provider },          \
		{ .name = "owner", .value = &(c).owner },        \
		{ .name = "mode", .value = &(c).mode },          \
		{ .name = "no-start", .flag = &(c).no_start },   \
		{ .name = "autostart", .flag = &(c).autostart }, \
	{                                                        \
		.name = "ephemeral", .flag = &(c).ephemeral      \
	}
/* The parameters of the call; NULL after a message. */
json_t *ctl_create_parameters(const char *name, const struct ctl_create *c);

/*
 * Parse argv[1..]: options may stand anywhere. @args takes exactly @n_args
 * operands. Returns 0, or -1 where the verb ends with *status.
 */
int ctl_parse(struct ctl *ctl, const struct verb *v, int argc, char **argv,
	      const struct ctl_option *options, const char **args,
	      size_t n_args, int *status);

/* The same with @min to @max operands; *args of those left out is untouched. */
int ctl_parse_optional(struct ctl *ctl, const struct verb *v, int argc,
		       char **argv, const struct ctl_option *options,
		       const char **args, size_t min, size_t max, int *status);

/*
 * For a verb that takes --all or else one operand: sets *all, and *name where
 * that is not given. Returns as ctl_parse() does.
 */
int ctl_parse_name_or_all(struct ctl *ctl, const struct verb *v, int argc,
			  char **argv, const char **name, bool *all,
			  int *status);

/*
 * Ask on the terminal, unless @yes, what cannot be undone. False where the verb
 * ends with *status.
 */
bool ctl_confirm(const struct verb *v, bool yes, int *status,
		 const char *question, ...)
	__attribute__((format(printf, 4, 5)));

/* Called with each reply; the parameters belong to the caller. */
typedef void (*client_reply_fn)(struct ctl *ctl, json_t *parameters, void *arg);

struct client_call {
	const char *method; /* without "io.vtpm." */
	json_t *parameters; /* stolen; NULL: none */
	bool more;	    /* several replies; progress is shown */
	const int *fds;	    /* stay the caller's */
	size_t n_fds;
	client_reply_fn on_reply; /* NULL: nothing to print */
	client_reply_fn on_last;  /* of the last reply, with --json too */
	void *arg;
};
/*
 * Call and print: with --json the reply as it is, else on_reply's view of it.
 * An error is printed on standard error. Returns an exit status.
 */
int client_call(struct ctl *ctl, const struct client_call *call);
/* A verb that is for NAME and has no options: @call's arg becomes the name. */
int client_call_named(struct ctl *ctl, const struct verb *v, int argc,
		      char **argv, struct client_call call);
/*
 * A verb that is for NAME, by the method @one, which answers with the vTPM, or
 * for --all, by the method @all_of_them, whose answer @on_all prints.
 */
int client_call_one_or_all(struct ctl *ctl, const struct verb *v, int argc,
			   char **argv, const char *one,
			   const char *all_of_them, client_reply_fn on_all);
void client_print_json(const json_t *value);
/* A line of a view, unless @value is empty. */
void ctl_line(const char *label, const char *value);
/* A member that is a text, unless @value is NULL. */
void ctl_put_text(json_t *object, const char *key, const char *value);

/* "" where the member is not there. */
const char *json_text(const json_t *object, const char *key);

/*
 * A password from @file or, if that is NULL, from the terminal, asked twice if
 * @confirm. Returns a pipe that holds it and belongs to the caller, or -1
 * after a message.
 */
int password_pipe(const char *file, const char *prompt, bool confirm);

#endif
