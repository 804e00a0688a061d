// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting programs, with a shell as the program: what it inherits, how its
 * end is told, what it cannot do to us. As root it checks the change of user.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "vtpmd/engine.h"
#include "vtpmd/provider.h"
#include "vtpmd/spawn.h"

static struct account user;

static int shell(const char *script, int timeout_ms, struct capture *c,
		 struct error *err)
{
	char *argv[] = { "sh", "-c", (char *)script, NULL };
	struct spawn s = {
		.path = "/bin/sh",
		.argv = argv,
		.fds = { -1, -1, -1 },
		.n_fds = 3,
		.user = &user,
		.cwd_fd = -1,
		.listen_fd = -1,
	};

	return capture_run(&s, "the script", timeout_ms, c, err);
}

/* What @script writes. */
static void writes(const char *script, const char *want)
{
	struct error err = { 0 };
	struct capture c;

	assert_int_equal(shell(script, 10000, &c, &err), 0);
	assert_int_equal(c.status, 0);
	assert_string_equal(c.out ? c.out : "", want);
	capture_deinit(&c);
}

static void inherits_nothing(void **state)
{
	/* Without close-on-exec, above what a helper is given. */
	int leak = fcntl(1, F_DUPFD, 40);
	char script[64];

	(void)state;
	setenv("SECRET", "x", 1);
	writes("echo $SECRET", "\n");
	snprintf(script, sizeof(script), "test -e /proc/self/fd/%d || echo no",
		 leak);
	writes(script, "no\n");
	writes("pwd", "/\n");
	writes("umask", "0077\n");
	writes("ulimit -c; ulimit -n", "0\n64\n");
	writes("grep 'Max file size' /proc/self/limits | tr -s ' '",
	       "Max file size 67108864 67108864 bytes \n");
	writes("grep -E 'NoNewPrivs|SigBlk' /proc/self/status",
	       "SigBlk:\t0000000000000000\nNoNewPrivs:\t1\n");
	close(leak);
}

static void other_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	writes("grep -E '^(Uid|Gid|Groups|CapPrm|CapEff|CapBnd|CapAmb):' "
	       "/proc/self/status",
	       "Uid:\t65534\t65534\t65534\t65534\n"
	       "Gid:\t65534\t65534\t65534\t65534\n"
	       "Groups:\t \n"
	       "CapPrm:\t0000000000000000\n"
	       "CapEff:\t0000000000000000\n"
	       "CapBnd:\t0000000000000000\n"
	       "CapAmb:\t0000000000000000\n");
}

static void descriptors_in_order(void **state)
{
	char *argv[] = { "sh", "-c", "cat <&4; cat <&3", NULL };
	struct spawn s = { .path = "/bin/sh",
			   .argv = argv,
			   .n_fds = 5,
			   .user = &user,
			   .cwd_fd = -1,
			   .listen_fd = -1 };
	struct error err = { 0 };
	struct capture c;
	int three[2], four[2];

	(void)state;
	assert_int_equal(pipe(three), 0);
	assert_int_equal(pipe(four), 0);
	assert_int_equal(write(three[1], "three", 5), 5);
	assert_int_equal(write(four[1], "four ", 5), 5);
	close(three[1]);
	close(four[1]);
	s.fds[0] = -1;
	s.fds[3] = three[0];
	s.fds[4] = four[0];
	assert_int_equal(capture_run(&s, "sh", 10000, &c, &err), 0);
	assert_string_equal(c.out, "four three");
	capture_deinit(&c);
	close(three[0]);
	close(four[0]);
}

static void ends(void **state)
{
	struct error err = { 0 };
	struct capture c;
	char text[64];

	(void)state;
	assert_int_equal(shell("echo a >&2; printf 'b\\033[1m\\n' >&2; exit 7",
			       10000, &c, &err),
			 0);
	assert_int_equal(c.status, 7);
	assert_string_equal(c.line, "b?[1m");
	capture_deinit(&c);
	assert_int_equal(shell("kill -9 $$", 10000, &c, &err), 0);
	assert_int_equal(c.status, 128 + SIGKILL);
	engine_end_text(c.status, text, sizeof(text));
	assert_non_null(strstr(text, "SIGKILL"));
	capture_deinit(&c);
}

static void cannot_start(void **state)
{
	char *argv[] = { "x", NULL };
	const struct spawn s = { .path = "/nonexistent/x",
				 .argv = argv,
				 .fds = { -1, -1, -1 },
				 .n_fds = 3,
				 .user = &user,
				 .cwd_fd = -1,
				 .listen_fd = -1 };
	struct error err = { 0 };
	struct process p;

	(void)state;
	assert_int_equal(spawn_process(&s, &p, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/x"));
}

static void limits(void **state)
{
	struct error err = { 0 };
	struct capture c;
	time_t begin = time(NULL);

	(void)state;
	assert_int_equal(shell("sleep 30", 300, &c, &err), -ETIMEDOUT);
	assert_int_equal(shell("yes", 60000, &c, &err), -E2BIG);
	/* Endless output must not put off the end. */
	assert_int_equal(shell("yes >&2", 1000, &c, &err), -ETIMEDOUT);
	/* A grandchild that keeps the pipes must not, either. */
	assert_int_equal(shell("sleep 30 & echo done", 60000, &c, &err), 0);
	assert_string_equal(c.out, "done\n");
	capture_deinit(&c);
	assert_true(time(NULL) - begin < 20);
}

/* Is there a process of that number that is not a zombie? */
static bool runs(const char *pid)
{
	char path[64], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", strtol(pid, NULL, 10));
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return text[0] && !strstr(text, ") Z ");
}

static void leaves_nothing(void **state)
{
	static const char *const scripts[] = {
		"sleep 30 & echo $!",
		"sleep 30 >&- 2>&- & echo $!",
		"sleep 30 & echo $!; exit 1",
	};
	struct error err = { 0 };
	struct capture c;

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		time_t end = time(NULL) + 10;

		assert_int_equal(shell(scripts[i], 60000, &c, &err), 0);
		while (runs(c.out) && time(NULL) < end)
			usleep(1000);
		assert_false(runs(c.out));
		capture_deinit(&c);
	}
}

static void last_lines(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },	      { "\n\n", "" },
		{ "a", "a" },	      { "a\nb", "b" },
		{ "a\nb\n\n", "b" },  { "a\tb", "a?b" },
		{ "\xc3\xa4", "??" }, { "0123456789", "0123456" },
	};
	char out[8];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		last_line(cases[i].in, strlen(cases[i].in), out, sizeof(out));
		assert_string_equal(out, cases[i].out);
	}
}

static void provider_replies(void **state)
{
	static const struct {
		const char *text, *code;
	} cases[] = {
		{ NULL, VTPM_ERR_PROVIDER },
		{ "x", VTPM_ERR_PROVIDER },
		{ "{}", VTPM_ERR_PROVIDER },
		{ "{\"ok\":1}", VTPM_ERR_PROVIDER },
		{ "{\"ok\":true}{}", VTPM_ERR_PROVIDER },
		{ "{\"ok\":true,\"ok\":false}", VTPM_ERR_PROVIDER },
		{ "{\"ok\":false}", VTPM_ERR_PROVIDER },
		{ "{\"ok\":false,\"error\":{\"code\":\"KeyMissing\"}}",
		  VTPM_ERR_PROVIDER },
		{ "{\"ok\":false,\"error\":{\"code\":\"Other\","
		  "\"message\":\"m\"}}",
		  VTPM_ERR_PROVIDER },
		/* Not every code of ours is one that a provider may use. */
		{ "{\"ok\":false,\"error\":{\"code\":\"PermissionDenied\","
		  "\"message\":\"m\"}}",
		  VTPM_ERR_PROVIDER },
		{ "{\"ok\":false,\"error\":{\"code\":\"KeyMissing\","
		  "\"message\":\"m\"}}",
		  VTPM_ERR_KEY_MISSING },
		{ "{\"ok\":false,\"error\":{\"code\":\"KeyWrong\","
		  "\"message\":\"m\"}}",
		  VTPM_ERR_KEY_WRONG },
		{ "{\"ok\":false,\"error\":{\"code\":\"PasswordWrong\","
		  "\"message\":\"m\"}}",
		  VTPM_ERR_PASSWORD },
		{ "{\"ok\":true}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].text;
		struct error err = { 0 };
		json_t *reply = NULL;
		int r = provider_parse_reply("p", text, text ? strlen(text) : 0,
					     &reply, &err);

		assert_int_equal(r == 0, cases[i].code == NULL);
		assert_int_equal(reply != NULL, r == 0);
		if (r < 0)
			assert_string_equal(err.code, cases[i].code);
		json_decref(reply);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inherits_nothing),
		cmocka_unit_test(other_user),
		cmocka_unit_test(descriptors_in_order),
		cmocka_unit_test(ends),
		cmocka_unit_test(cannot_start),
		cmocka_unit_test(limits),
		cmocka_unit_test(leaves_nothing),
		cmocka_unit_test(last_lines),
		cmocka_unit_test(provider_replies),
	};

	user = (struct account){ "nobody", 65534, 65534 };
	/* So that there are some to be dropped. */
	if (!geteuid())
		setgroups(2, (gid_t[]){ 0, 1 });
	else
		user = (struct account){ "this user", geteuid(), getegid() };
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
