// SPDX-License-Identifier: GPL-2.0-or-later
/* A file is looked at here, without a key; a name is vtpmd's, which has one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "nvram/check.h"
#include "vtpmctl/vtpmctl.h"

static const char *header_text(int status)
{
	if (!status)
		return "whole";
	return status == -ENOTSUP ? "of a newer version" : "damaged";
}

static void print_report(const char *file, const struct nvram_report *r)
{
	for (int i = 0; i < 2; i++)
		printf("header %c  %s, generation %llu\n", 'A' + i,
		       header_text(r->header[i].status),
		       (unsigned long long)r->header[i].generation);
	for (int i = 0; i < 2 && r->readable; i++)
		printf("slot %d    %u sectors, %u blank, %u broken; %s %llu\n",
		       i, r->slot[i].sectors, r->slot[i].blank,
		       r->slot[i].broken,
		       r->slot[i].record ? "record of generation" : "no record",
		       (unsigned long long)r->slot[i].generation);
	for (uint32_t i = 0; i < r->info.n_wraps; i++)
		printf("key       %s of provider %s\n", r->info.wrap[i].key_id,
		       r->info.wrap[i].provider);
	if (!r->readable)
		printf("%s\n", r->problem.text);
	else if (r->whole)
		printf("%s looks whole; whether it is authentic shows with its key: vtpmctl check NAME\n",
		       file);
	else
		printf("%s is damaged; what can be mended is mended by: vtpmctl repair NAME\n",
		       file);
}

static json_t *report_json(const struct nvram_report *r)
{
	json_t *headers = json_array(), *slots = json_array();

	for (int i = 0; i < 2; i++)
		json_array_append_new(
			headers,
			json_pack("{s:s, s:I}", "state",
				  header_text(r->header[i].status),
				  "generation",
				  (json_int_t)r->header[i].generation));
	for (int i = 0; i < 2 && r->readable; i++)
		json_array_append_new(
			slots,
			json_pack("{s:i, s:i, s:i, s:b, s:I}", "sectors",
				  r->slot[i].sectors, "blank", r->slot[i].blank,
				  "broken", r->slot[i].broken, "record",
				  r->slot[i].record, "generation",
				  (json_int_t)r->slot[i].generation));
	return json_pack("{s:b, s:b, s:o, s:o}", "whole", r->whole, "readable",
			 r->readable, "headers", headers, "slots", slots);
}

static int check_file(struct ctl *ctl, const char *file)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct nvram_report r;
	struct error err = { 0 };

	if (fd < 0) {
		fprintf(stderr, "vtpmctl: %s: %s\n", file, strerror(errno));
		return errno == ENOENT ? CTL_NOT_FOUND : CTL_STORAGE;
	}
	if (nvram_check(fd, file, &r, &err) < 0) {
		fprintf(stderr, "vtpmctl: %s\n", err.text);
		return CTL_STORAGE;
	}
	if (ctl->json) {
		json_t *out = report_json(&r);

		client_print_json(out);
		json_decref(out);
	} else {
		print_report(file, &r);
	}
	return r.whole ? CTL_OK : CTL_STORAGE;
}

static void print_good(struct ctl *ctl, json_t *p, void *arg)
{
	(void)ctl;
	printf("%s %s\n", json_text(json_object_get(p, "vtpm"), "name"),
	       (const char *)arg);
}

static int call(struct ctl *ctl, const char *method, const char *name,
		const char *text)
{
	return client_call(
		ctl, &(struct client_call){
			     .method = method,
			     .parameters = json_pack("{s:s}", "name", name),
			     .more = true,
			     .on_reply = print_good,
			     .arg = (void *)text });
}

static bool is_file(const char *name)
{
	size_t n = strlen(name);

	return strchr(name, '/') || (n > 6 && !strcmp(name + n - 6, ".nvram"));
}

static int run_check(struct ctl *ctl, const struct verb *v, int argc,
		     char **argv)
{
	const char *name;
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, &name, 1, &status) < 0)
		return status;
	if (is_file(name))
		return check_file(ctl, name);
	return call(ctl, "Check", name,
		    "opens: its headers and its newest state are authentic");
}

static int run_repair(struct ctl *ctl, const struct verb *v, int argc,
		      char **argv)
{
	const char *name;
	int status;

	if (ctl_parse(ctl, v, argc, argv, NULL, &name, 1, &status) < 0)
		return status;
	if (is_file(name)) {
		fprintf(stderr,
			"vtpmctl: repair needs the key, so it takes the name of a vTPM; put the file into the state directory as NAME.nvram\n");
		return CTL_USAGE;
	}
	return call(ctl, "Repair", name,
		    "is whole: both headers and both slots have its state");
}

const struct verb verb_check = {
	.name = "check",
	.summary = "see whether a state file is whole",
	.help = "Usage: vtpmctl check NAME|FILE [--json]\n"
		"\n"
		"NAME of a vTPM that does not run: all of its file is verified with its key, on\n"
		"a copy in memory. FILE, with a slash or ending in .nvram: what can be seen\n"
		"without a key. Nothing is written.\n"
		"\n"
		"Examples:\n"
		"  vtpmctl check web1\n"
		"  vtpmctl check /backup/web1.nvram\n",
	.run = run_check,
};

const struct verb verb_repair = {
	.name = "repair",
	.summary = "mend what is damaged in the file of a vTPM",
	.help = "Usage: vtpmctl repair NAME [--json]\n"
		"\n"
		"Opens the file of a vTPM that does not run and writes both headers and both\n"
		"slots from what is whole of them. Where the newest state is lost it refuses,\n"
		"names the part and changes nothing.\n"
		"\n"
		"Example:\n"
		"  vtpmctl repair web1\n",
	.run = run_repair,
};
