// SPDX-License-Identifier: GPL-2.0-or-later
/* One request, one reply: the process around an operation. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/provider.h"
#include "util/io.h"

static int read_request(struct request *r, struct error *err)
{
	size_t size = PROVIDER_MAX_REQUEST + 1, n = 0;
	_cleanup_free_ char *text = malloc(size);

	if (!text)
		return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER,
				 "out of memory");
	while (n < size) {
		ssize_t got = read(STDIN_FILENO, text + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, -errno, VTPM_ERR_PROVIDER,
					 "cannot read the request: %s",
					 strerror(errno));
		if (!got)
			break;
		n += got;
	}
	return request_parse(text, n, r, err);
}

int provider_send(const void *data, size_t len, struct error *err)
{
	int r = write_full(PROVIDER_SECRET_OUT, data, len);

	return r ? error_set(err, r, VTPM_ERR_PROVIDER,
			     "cannot write to descriptor %d: %s",
			     PROVIDER_SECRET_OUT, strerror(-r))
		 : 0;
}

static bool unwraps(enum operation o)
{
	return o == OP_UNWRAP || o == OP_UNWRAP_MANY;
}

static int run(const struct provider *p, json_t *reply, struct error *err)
{
	struct request r = { 0 };
	int e = read_request(&r, err);

	if (!e && !unwraps(r.operation) && !p->op[r.operation])
		e = error_set(err, -EOPNOTSUPP, VTPM_ERR_NOT_SUPPORTED,
			      "%s does not do this", p->program);
	if (!e)
		e = request_read_secret(&r, PROVIDER_SECRET_IN, err);
	if (!e)
		e = unwraps(r.operation)
			    ? unwrap_run(&p->unwrapper, &r, reply, err)
			    : p->op[r.operation](&r, reply, err);
	request_clear(&r);
	return e;
}

int provider_out_of_memory(struct error *err)
{
	return error_set(err, -ENOMEM, VTPM_ERR_PROVIDER, "out of memory");
}

int provider_put_text(json_t *reply, const char *name, const char *text,
		      struct error *err)
{
	return json_object_set_new(reply, name, json_string(text))
		       ? provider_out_of_memory(err)
		       : 0;
}

int provider_put_key_id(json_t *reply, const uint8_t id[UUID_LEN],
			struct error *err)
{
	char text[UUID_TEXT_LEN];

	uuid_format(id, text);
	return provider_put_text(reply, "key-id", text, err);
}

/* 0 or -EIO; without a reply the exit status has to tell. */
static int write_reply(json_t *reply)
{
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	int r = text ? write_full(STDOUT_FILENO, text, strlen(text)) : -EIO;

	if (!r)
		r = write_full(STDOUT_FILENO, "\n", 1);
	free(text);
	return r;
}

static int serve(const struct provider *p)
{
	struct error err = { .code = VTPM_ERR_PROVIDER };
	json_t *reply = json_object();
	int r;

	if (!reply)
		return EXIT_FAILURE;
	r = run(p, reply, &err);
	if (r) {
		json_decref(reply);
		reply = json_pack("{s:b,s:{s:s,s:s}}", "ok", 0, "error", "code",
				  err.code, "message", err.text);
	} else {
		json_object_set_new(reply, "ok", json_true());
	}
	r = write_reply(reply);
	json_decref(reply);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

int provider_main(const struct provider *p, int argc, char **argv)
{
	int r;

	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("%s %s\n", p->program, VTPM_VERSION);
		return EXIT_SUCCESS;
	}
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		printf("Usage: %s < REQUEST\n\n%s\n"
		       "vtpmd runs it, by the contract in key-providers.rst; "
		       "to manage providers\n"
		       "use \"vtpmctl provider\".\n",
		       p->program, p->about);
		return EXIT_SUCCESS;
	}
	if (argc != 1) {
		fprintf(stderr, "%s: takes no arguments; see --help\n",
			p->program);
		return EXIT_FAILURE;
	}
	umask(077);
	r = secret_init(NULL);
	if (r) {
		fprintf(stderr, "%s: cannot protect memory: %s\n", p->program,
			strerror(-r));
		return EXIT_FAILURE;
	}
	return serve(p);
}
