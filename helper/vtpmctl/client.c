// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/error.h"
#include "util/io.h"
#include "util/varlink.h"
#include "vtpmctl/vtpmctl.h"

const char *json_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

void ctl_line(const char *label, const char *value)
{
	if (*value)
		printf("%-12s %s\n", label, value);
}

void ctl_put_text(json_t *object, const char *key, const char *value)
{
	if (value)
		json_object_set_new(object, key, json_string(value));
}

void client_print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
	fflush(stdout);
}

static int exit_status(const char *code)
{
	static const struct {
		const char *code;
		enum ctl_exit status;
	} map[] = {
		{ VTPM_ERR_INVALID, CTL_USAGE },
		{ VTPM_ERR_NOT_FOUND, CTL_NOT_FOUND },
		{ VTPM_ERR_EXISTS, CTL_CONFLICT },
		{ VTPM_ERR_IN_USE, CTL_CONFLICT },
		{ VTPM_ERR_BUSY, CTL_CONFLICT },
		{ VTPM_ERR_STATE, CTL_CONFLICT },
		{ VTPM_ERR_ROLLBACK, CTL_CONFLICT },
		{ VTPM_ERR_DENIED, CTL_DENIED },
		{ VTPM_ERR_NO_MODULE, CTL_NO_SERVICE },
		{ VTPM_ERR_KEY_MISSING, CTL_KEY },
		{ VTPM_ERR_KEY_WRONG, CTL_KEY },
		{ VTPM_ERR_KEY_DESTROYED, CTL_KEY },
		{ VTPM_ERR_NOT_BACKED_UP, CTL_KEY },
		{ VTPM_ERR_PASSWORD, CTL_KEY },
		{ VTPM_ERR_STORAGE, CTL_STORAGE },
		{ VTPM_ERR_NO_SPACE, CTL_STORAGE },
		{ VTPM_ERR_CORRUPT, CTL_STORAGE },
		{ VTPM_ERR_VERSION, CTL_STORAGE },
		{ VTPM_ERR_CERTIFICATE, CTL_KEY },
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (!strcmp(code, map[i].code))
			return map[i].status;
	}
	return CTL_FAILED;
}

static int connect_daemon(struct ctl *ctl)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(ctl->socket) >= sizeof(sa.sun_path)) {
		fprintf(stderr, "vtpmctl: the socket path is too long\n");
		return -1;
	}
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", ctl->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (void *)&sa, sizeof(sa)))
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		fprintf(stderr,
			"vtpmctl: vtpmd is not running on %s; start it with: systemctl start vtpmd\n",
			ctl->socket);
	else
		fprintf(stderr, "vtpmctl: %s: %s\n", ctl->socket,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int send_call(int fd, const struct client_call *call)
{
	_cleanup_(json) json_t *msg = NULL;
	_cleanup_free_ char *data = NULL;
	char method[64];
	size_t len;
	ssize_t n;

	snprintf(method, sizeof(method), "io.vtpm.%s", call->method);
	msg = json_pack("{s:s, s:o}", "method", method, "parameters",
			call->parameters ? call->parameters : json_object());
	if (!msg)
		return -ENOMEM;
	if (call->more)
		json_object_set_new(msg, "more", json_true());
	data = varlink_format(msg, &len);
	if (!data)
		return -ENOMEM;
	n = send_with_fds(fd, data, len, call->fds, call->n_fds, 0);
	if (n < 0)
		return n;
	return write_full(fd, data + n, len - n);
}

static int print_error(struct ctl *ctl, const struct varlink_reply *reply)
{
	const char *code = strrchr(reply->error, '.');
	const char *text = json_text(reply->parameters, "message");

	code = code ? code + 1 : reply->error;
	if (ctl->json) {
		_cleanup_(json) json_t *out =
			json_pack("{s:s, s:s}", "error", code, "message", text);

		client_print_json(out);
	}
	fprintf(stderr, "vtpmctl: %s\n", *text ? text : reply->error);
	return exit_status(code);
}

static void print_reply(struct ctl *ctl, const struct client_call *call,
			const struct varlink_reply *reply)
{
	const char *progress = json_text(reply->parameters, "progress");

	if (reply->continues && *progress) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "%s ...\n", progress);
		return;
	}
	if (ctl->json)
		client_print_json(reply->parameters);
	else if (call->on_reply)
		call->on_reply(ctl, reply->parameters, call->arg);
	if (!reply->continues && call->on_last)
		call->on_last(ctl, reply->parameters, call->arg);
}

/* 1 to go on, or 0 with *status: the call has ended. */
static int handle_reply(struct ctl *ctl, const struct client_call *call,
			json_t *msg, int *status)
{
	struct varlink_reply reply;

	*status = CTL_FAILED;
	if (varlink_reply_parse(msg, &reply) < 0) {
		fprintf(stderr, "vtpmctl: vtpmd sent what is no reply\n");
		return 0;
	}
	if (reply.error) {
		*status = print_error(ctl, &reply);
		return 0;
	}
	print_reply(ctl, call, &reply);
	*status = CTL_OK;
	return reply.continues;
}

static int receive(struct ctl *ctl, const struct client_call *call, int fd)
{
	struct varlink_input in = { 0 };
	int status = CTL_FAILED, r = 1;
	char buf[4096];

	while (r > 0) {
		_cleanup_(json) json_t *msg = NULL;
		ssize_t n;

		r = varlink_input_next(&in, &msg);
		if (r > 0) {
			r = handle_reply(ctl, call, msg, &status);
			continue;
		}
		n = r ? r : read(fd, buf, sizeof(buf));
		if (n <= 0) {
			fprintf(stderr,
				"vtpmctl: vtpmd closed the connection; see its log: journalctl -u vtpmd\n");
			status = CTL_FAILED;
			break;
		}
		r = varlink_input_add(&in, buf, n) < 0 ? -1 : 1;
	}
	varlink_input_deinit(&in);
	return status;
}

int client_call(struct ctl *ctl, const struct client_call *call)
{
	_cleanup_close_ int fd = connect_daemon(ctl);
	int r;

	if (fd < 0) {
		json_decref(call->parameters);
		return CTL_NO_SERVICE;
	}
	r = send_call(fd, call);
	if (r < 0) {
		fprintf(stderr, "vtpmctl: cannot send to vtpmd: %s\n",
			strerror(-r));
		return CTL_FAILED;
	}
	return receive(ctl, call, fd);
}
