// SPDX-License-Identifier: GPL-2.0-or-later
/* The state table: what may be asked for in which state. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/log.h"
#include "vtpmd/manager.h"

/* As Documentation/lifecycle.rst has it, in the order of enum vtpm_op. */
#define OPS (OP_SET + 1)
static const struct {
	enum vtpm_life state;
	const char *name;
	const char *may; /* start, stop, delete, rekey, check, upgrade,
			    import, export, reset, rename,
			    set */
} want[] = {
	{ VTPM_STOPPED, "stopped", "y.yyy.yy.yy" },
	{ VTPM_STARTING, "starting", "..........." },
	{ VTPM_RUNNING, "running", ".y.y.y..y.y" },
	{ VTPM_STOPPING, "stopping", "..........." },
	{ VTPM_RESUMING, "resuming", ".y........." },
	{ VTPM_FAILED, "failed", ".y......y.y" },
	{ VTPM_LOCKED, "locked", "yyyyy....yy" },
	{ VTPM_DAMAGED, "damaged", "y.y.y....yy" },
};

static void table(void **state)
{
	struct vtpm v = { .name = "web1" };

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		v.state = want[i].state;
		assert_string_equal(vtpm_state_name(v.state), want[i].name);
		for (int op = OP_START; op < OPS; op++) {
			struct error err = { 0 };
			int r = vtpm_check(&v, op, &err);

			if ((r == 0) != (want[i].may[op] == 'y'))
				fail_msg("%s, operation %d: %d", want[i].name,
					 op, r);
			if (r == 0)
				continue;
			assert_string_equal(err.code, VTPM_ERR_STATE);
			/* Which one, what it is, and what to do. */
			assert_non_null(strstr(err.text, "web1"));
			assert_non_null(strstr(err.text, want[i].name));
			assert_non_null(strstr(err.text, "vtpmctl"));
		}
	}
}

/* It waits for its turn: what may be asked of a stopped one, and stop. */
static void queued(void **state)
{
	struct vtpm v = { .name = "web1", .want_start = true };

	(void)state;
	assert_true(vtpm_is_queued(&v));
	for (int op = OP_START; op < OPS; op++) {
		bool may = op == OP_STOP || want[VTPM_STOPPED].may[op] == 'y';

		assert_int_equal(vtpm_check(&v, op, NULL) == 0, may);
	}
	v.busy = 1;
	assert_int_equal(vtpm_check(&v, OP_STOP, NULL), -EBUSY);
	/* A retry of one that is locked is seen if it goes well. */
	v.state = VTPM_LOCKED;
	assert_false(vtpm_is_queued(&v));
}

static void busy(void **state)
{
	struct vtpm v = { .name = "web1", .busy = true };

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		v.state = want[i].state;
		for (int op = OP_START; op < OPS; op++) {
			struct error err = { 0 };

			assert_int_equal(vtpm_check(&v, op, &err), -EBUSY);
			assert_string_equal(err.code, VTPM_ERR_BUSY);
		}
	}
}

static void after_a_failed_start(void **state)
{
	static const struct {
		const char *code;
		enum vtpm_life state;
	} cases[] = {
		{ VTPM_ERR_KEY_MISSING, VTPM_LOCKED },
		{ VTPM_ERR_KEY_DESTROYED, VTPM_LOCKED },
		{ VTPM_ERR_CORRUPT, VTPM_DAMAGED },
		{ VTPM_ERR_VERSION, VTPM_DAMAGED },
		/* Not damaged, not locked: nothing but the key is wrong. */
		{ VTPM_ERR_KEY_WRONG, VTPM_STOPPED },
		{ VTPM_ERR_NO_MODULE, VTPM_STOPPED },
		{ VTPM_ERR_IN_USE, VTPM_STOPPED },
		{ VTPM_ERR_PROVIDER, VTPM_LOCKED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct error err = { .code = cases[i].code };

		assert_int_equal(vtpm_state_after(&err), cases[i].state);
	}
}

static void names(void **state)
{
	static const char *const bad[] = { "",	       ".",	"..",  "a/b",
					   "-a",       ".a",	"a b", "a\n",
					   "\xc3\xa4", "a\x7f", "a%s" };
	char text[66];
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (name_check(bad[i], &err) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_string_equal(err.code, VTPM_ERR_INVALID);
	}
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_int_equal(name_check(text, &err), 0);
	text[63] = 'a';
	text[64] = '\0';
	assert_int_equal(name_check(text, &err), -EINVAL);
}

/* A name is taken from the moment somebody makes a vTPM of it. */
static void being_made(void **state)
{
	struct manager m = { 0 };
	const struct create_options o = { .name = "web1" };
	struct error err = { 0 };
	struct vtpm *v;

	(void)state;
	TAILQ_INIT(&m.vtpms);
	TAILQ_INIT(&m.providers);
	v = vtpm_new(&m, "web1");
	v->new = true;
	assert_int_equal(vtpm_create(&m, &o, NULL, &err), -EBUSY);
	assert_string_equal(err.code, VTPM_ERR_BUSY);
	v->new = false;
	assert_int_equal(vtpm_create(&m, &o, NULL, &err), -EEXIST);
	assert_string_equal(err.code, VTPM_ERR_EXISTS);
	assert_ptr_equal(TAILQ_FIRST(&m.vtpms), v);
	assert_null(TAILQ_NEXT(v, link));
	vtpm_free(v);
}

/* A copy of a file does not start while the vTPM runs from another one. */
static void copied(void **state)
{
	struct manager m = { 0 };
	struct error err = { 0 };
	struct vtpm *v, *copy;

	(void)state;
	TAILQ_INIT(&m.vtpms);
	v = vtpm_new(&m, "web1");
	copy = vtpm_new(&m, "web2");
	v->have_info = copy->have_info = true;
	v->info.uuid[15] = copy->info.uuid[15] = 1;
	v->state = VTPM_RUNNING;
	v->in_kernel = true;
	assert_int_equal(vtpm_check_copies(copy, false, &err), -EBUSY);
	assert_string_equal(err.code, VTPM_ERR_IN_USE);
	assert_non_null(strstr(err.text, "web1"));
	v->state = VTPM_STARTING;
	v->in_kernel = false;
	v->busy = true;
	assert_int_equal(vtpm_check_copies(copy, false, &err), -EBUSY);
	vtpm_free(copy);
	vtpm_free(v);
}

/* A clone with the same keys only if that is asked for. */
static void same_identity(void **state)
{
	struct manager m = { 0 };
	struct error err = { 0 };
	struct vtpm *v, *clone, *another;

	(void)state;
	TAILQ_INIT(&m.vtpms);
	v = vtpm_new(&m, "web1");
	clone = vtpm_new(&m, "web2");
	another = vtpm_new(&m, "web3");
	v->have_info = clone->have_info = another->have_info = true;
	v->info.uuid[15] = clone->info.origin[15] = 1;
	another->info.origin[15] = 1;
	clone->info.uuid[15] = 2;
	another->info.uuid[15] = 3;
	assert_int_equal(vtpm_check_copies(clone, false, &err), 0);
	v->in_kernel = true;
	assert_int_equal(vtpm_check_copies(clone, false, &err), -EBUSY);
	assert_string_equal(err.code, VTPM_ERR_IN_USE);
	assert_non_null(strstr(err.text, "--allow-duplicate"));
	assert_int_equal(vtpm_check_copies(clone, true, &err), 0);
	/* Nor two clones of one, nor the one beside its clone. */
	v->in_kernel = false;
	clone->in_kernel = true;
	assert_int_equal(vtpm_check_copies(another, false, &err), -EBUSY);
	assert_int_equal(vtpm_check_copies(v, false, &err), -EBUSY);
	/* But one UUID is in one place, whatever is asked for. */
	v->info.uuid[15] = 2;
	assert_int_equal(vtpm_check_copies(v, true, &err), -EBUSY);
	another->info.origin[15] = 0;
	assert_int_equal(vtpm_check_copies(another, false, &err), 0);
	vtpm_free(another);
	vtpm_free(clone);
	vtpm_free(v);
}

/* The members and their types are what the interface text promises. */
static void json(void **state)
{
	struct manager m = { .config.state_dir = "/s" };
	struct vtpm v = { .m = &m, .name = "a", .engine = ENGINE_NONE };
	json_t *j;

	(void)state;
	j = vtpm_to_json(&v);
	assert_int_equal(json_object_size(j), 16);
	assert_null(json_object_get(j, "device"));
	assert_null(json_object_get(j, "reason"));
	assert_null(json_object_get(j, "enginePid"));
	json_decref(j);

	v.state = VTPM_RUNNING;
	v.have_info = true;
	v.info.generation = 7;
	v.info.data_key = 2;
	v.info.n_wraps = 2;
	strcpy(v.info.wrap[0].provider, "one");
	strcpy(v.info.wrap[1].provider, "two");
	assert_true(vtpm_uses_provider(&v, "two"));
	assert_false(vtpm_uses_provider(&v, "three"));
	v.info.library_version = 0x000a0102;
	v.in_kernel = true;
	v.instance.has_device = true;
	v.instance.tpm_number = 3;
	v.engine.process = (struct process){ .pid = 42, .pidfd = 1000 };
	v.settings = (struct settings){ .uid = 5, .gid = 6, .mode = 0640 };
	strcpy(v.reason, "bad \xff byte");
	j = vtpm_to_json(&v);
	assert_int_equal(json_integer_value(json_object_get(j, "ownerUid")), 5);
	assert_int_equal(json_integer_value(json_object_get(j, "ownerGid")), 6);
	assert_string_equal(json_string_value(json_object_get(j, "mode")),
			    "0640");
	assert_string_equal(json_string_value(json_object_get(j, "provider")),
			    "one");
	assert_int_equal(json_array_size(json_object_get(j, "wraps")), 2);
	assert_int_equal(json_integer_value(json_object_get(j, "dataKey")), 2);
	assert_string_equal(json_string_value(json_object_get(j, "file")),
			    "/s/a.nvram");
	assert_string_equal(
		json_string_value(json_object_get(j, "libraryVersion")),
		"10.1.2");
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(j, "device"), "tpmrm")),
			    "/dev/tpmrm3");
	assert_int_equal(json_integer_value(json_object_get(j, "enginePid")),
			 42);
	assert_string_equal(json_string_value(json_object_get(j, "reason")),
			    "bad ? byte");
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(queued),
		cmocka_unit_test(busy),
		cmocka_unit_test(after_a_failed_start),
		cmocka_unit_test(names),
		cmocka_unit_test(being_made),
		cmocka_unit_test(copied),
		cmocka_unit_test(same_identity),
		cmocka_unit_test(json),
	};

	log_init("test", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
