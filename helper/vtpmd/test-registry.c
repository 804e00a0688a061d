// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "util/log.h"
#include "util/testing/tree.h"
#include "vtpmd/registry.h"

struct fixture {
	char dir[32];
	struct config cfg;
};

static int set_up(void **state)
{
	static struct fixture f;

	snprintf(f.dir, sizeof(f.dir), "/tmp/test-registry.XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	f.cfg = (struct config){ .state_dir = f.dir };
	f.cfg.state_fd = open(f.dir, O_RDONLY | O_DIRECTORY);
	if (mkdirat(f.cfg.state_fd, "providers", 0700) < 0)
		return -1;
	f.cfg.providers_fd =
		openat(f.cfg.state_fd, "providers", O_RDONLY | O_DIRECTORY);
	if (mkdirat(f.cfg.state_fd, "ephemeral", 0700) < 0)
		return -1;
	f.cfg.ephemeral_fd =
		openat(f.cfg.state_fd, "ephemeral", O_RDONLY | O_DIRECTORY);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close(f->cfg.ephemeral_fd);
	close(f->cfg.providers_fd);
	close(f->cfg.state_fd);
	return tree_remove(f->dir);
}

static void put(int dir, const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int there(const struct config *cfg, const char *file)
{
	struct stat st;

	return !fstatat(cfg->state_fd, file, &st, AT_SYMLINK_NOFOLLOW);
}

#define NAMES_LEN 256

static int collect(const char *name, void *arg)
{
	char *names = arg;
	size_t n = strlen(names);

	snprintf(names + n, NAMES_LEN - n, "%s ", name);
	return 0;
}

static void scan(void **state)
{
	static const char *const others[] = { ".nvram",	     ".b.nvram.new",
					      "-c.nvram",    "d e.nvram",
					      "f.nvram.bak", "g.json",
					      "nvram",	     "..nvram" };
	struct fixture *f = *state;
	char names[NAMES_LEN] = "", file[80];
	struct error err = { 0 };

	put(f->cfg.state_fd, "a.nvram", "");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		put(f->cfg.state_fd, others[i], "");
	/* One that is too long. */
	memset(file, 'x', 64);
	snprintf(file + 64, sizeof(file) - 64, ".nvram");
	put(f->cfg.state_fd, file, "");
	assert_int_equal(registry_scan(&f->cfg, collect, names, &err), 0);
	assert_string_equal(names, "a ");
}

static void clean(void **state)
{
	struct fixture *f = *state;
	struct error err = { 0 };
	int fd;

	put(f->cfg.state_fd, "a.nvram", "kept");
	put(f->cfg.state_fd, ".a.nvram.new", "goes");
	put(f->cfg.state_fd, ".b.nvram.old", "goes");
	put(f->cfg.state_fd, ".b.nvram.else", "kept");
	put(f->cfg.state_fd, ".c.nvram.new", "in use");
	fd = openat(f->cfg.state_fd, ".c.nvram.new", O_RDWR);
	assert_int_equal(registry_lock(fd, "c", &err), 0);
	registry_clean(&f->cfg);
	assert_true(there(&f->cfg, "a.nvram"));
	assert_true(there(&f->cfg, ".b.nvram.else"));
	assert_true(there(&f->cfg, ".c.nvram.new"));
	assert_false(there(&f->cfg, ".a.nvram.new"));
	assert_false(there(&f->cfg, ".b.nvram.old"));
	close(fd);
}

static void lock(void **state)
{
	struct fixture *f = *state;
	struct error err = { 0 };
	int one, two, shared;

	put(f->cfg.state_fd, "a.nvram", "");
	assert_int_equal(registry_open(&f->cfg, "a", O_RDWR, &one, &err), 0);
	assert_int_equal(registry_open(&f->cfg, "a", O_RDWR, &two, &err), 0);
	assert_int_equal(registry_lock(one, "a", &err), 0);
	assert_int_equal(registry_lock(two, "a", &err), -EBUSY);
	assert_string_equal(err.code, VTPM_ERR_IN_USE);
	/* As an engine has it: the lock lives as long as its descriptor. */
	shared = dup(one);
	close(one);
	assert_int_equal(registry_lock(two, "a", &err), -EBUSY);
	close(shared);
	assert_int_equal(registry_lock(two, "a", &err), 0);
	close(two);
	assert_int_equal(registry_open(&f->cfg, "b", O_RDWR, &one, &err),
			 -ENOENT);
	assert_string_equal(err.code, VTPM_ERR_NOT_FOUND);
}

static void links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	struct error err = { 0 };
	int fd = -1;

	put(f->cfg.state_fd, "target", "");
	assert_int_equal(symlinkat("target", f->cfg.state_fd, "a.nvram"), 0);
	assert_int_equal(registry_open(&f->cfg, "a", O_RDWR, &fd, &err),
			 -ELOOP);
	assert_string_equal(err.code, VTPM_ERR_STORAGE);
}

static void settings(void **state)
{
	static const char *const bad[] = { "", "[]", "{\"autostart\":1}",
					   "{\"autostart\":tru" };
	struct fixture *f = *state;
	struct error err = { 0 };
	struct stat st;
	const struct settings on = { .autostart = true,
				     .uid = 1,
				     .gid = 2,
				     .mode = 0660,
				     .generation = 7,
				     .notes = "of the build farm" };
	struct settings s = on;

	assert_int_equal(registry_load_settings(&f->cfg, "a", &s, &err), 0);
	assert_false(s.autostart);
	assert_int_equal(s.mode, 0600);
	assert_int_equal(registry_save_settings(&f->cfg, "a", &on, &err), 0);
	assert_int_equal(registry_load_settings(&f->cfg, "a", &s, &err), 0);
	assert_true(s.autostart);
	assert_int_equal(s.uid, 1);
	assert_int_equal(s.gid, 2);
	assert_int_equal(s.mode, 0660);
	assert_int_equal(fstatat(f->cfg.state_fd, "a.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(there(&f->cfg, ".a.json.new"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(f->cfg.state_fd, "a.json", bad[i]);
		assert_int_equal(registry_load_settings(&f->cfg, "a", &s, &err),
				 -EBADMSG);
		/* Not to be started unasked, nor to be anybody else's. */
		assert_false(s.autostart);
		assert_int_equal(s.uid, 0);
		assert_int_equal(s.mode, 0600);
		assert_non_null(strstr(err.text, "a.json"));
	}
}

static void providers(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"type\":1}",
		"{\"type\":\"../sh\"}",
		"{\"type\":\"\"}",
		"{\"type\":\"native\",\"config\":[]}",
	};
	struct fixture *f = *state;
	struct provider_ref p = { .name = "p", .type = "native" }, q = { 0 };
	struct error err = { 0 };
	bool is_default = false;

	p.config = json_pack("{s:s}", "uri", "x");
	assert_int_equal(registry_save_provider(&f->cfg, &p, true, &err), 0);
	assert_int_equal(
		registry_load_provider(&f->cfg, "p", &q, &is_default, &err), 0);
	assert_string_equal(q.type, "native");
	assert_true(is_default);
	assert_true(json_equal(p.config, q.config));
	provider_ref_deinit(&p);
	provider_ref_deinit(&q);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(f->cfg.providers_fd, "p.json", bad[i]);
		if (registry_load_provider(&f->cfg, "p", &q, NULL, &err) !=
		    -EBADMSG)
			fail_msg("taken: %s", bad[i]);
		/* The provider's fault, not the vTPM's file's. */
		assert_string_equal(err.code, VTPM_ERR_PROVIDER);
	}
	assert_int_equal(registry_remove_provider(&f->cfg, "p", NULL), 0);
	assert_int_equal(registry_load_provider(&f->cfg, "p", &q, NULL, &err),
			 -ENOENT);
}

static void shred(void **state)
{
	struct fixture *f = *state;
	struct error err = { 0 };
	char data[9000], zeros[9000] = { 0 };
	int fd, other;

	memset(data, 'k', sizeof(data));
	data[sizeof(data) - 1] = '\0';
	put(f->cfg.state_fd, "a.nvram", data);
	assert_int_equal(registry_open(&f->cfg, "a", O_RDWR, &fd, &err), 0);
	other = openat(f->cfg.state_fd, "a.nvram", O_RDONLY);
	assert_int_equal(registry_shred(registry_folder(&f->cfg, false), fd,
					"a.nvram", &err),
			 0);
	assert_false(there(&f->cfg, "a.nvram"));
	assert_int_equal(read(other, data, sizeof(data)), sizeof(data) - 1);
	assert_memory_equal(data, zeros, sizeof(data) - 1);
	close(other);
	close(fd);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(scan),	TEST(clean),
		TEST(lock),	TEST(links_are_not_followed),
		TEST(settings), TEST(providers),
		TEST(shred),
	};

	log_init("test", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
