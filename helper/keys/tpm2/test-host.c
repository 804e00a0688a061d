// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys/tpm2/host.h"
#include "util/testing/tree.h"

/* A sysfs of our own, in which /dev/null, 1:3, is a TPM below @parent. */
static char sysfs[] = "/tmp/vtpm-sysfs.XXXXXX";

static void make_dir(const char *path)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", sysfs, path);
	if (mkdir(whole, 0700) < 0)
		assert_int_equal(errno, EEXIST);
}

static void point(const char *from, const char *to)
{
	char link[PATH_MAX], target[PATH_MAX];

	snprintf(link, sizeof(link), "%s/%s", sysfs, from);
	snprintf(target, sizeof(target), "%s/%s", sysfs, to);
	unlink(link);
	assert_int_equal(symlink(target, link), 0);
}

static void tpm_below(const char *parent)
{
	char tpm[PATH_MAX], device[PATH_MAX];

	make_dir(parent);
	snprintf(tpm, sizeof(tpm), "%s/tpmrm0", parent);
	make_dir(tpm);
	snprintf(device, sizeof(device), "%s/device", tpm);
	point(device, parent);
	point("dev/char/1:3", tpm);
}

static int set_up(void **state)
{
	static const char *const dirs[] = { "dev",
					    "dev/char",
					    "devices",
					    "devices/virtual",
					    "devices/virtual/vtpm",
					    "devices/platform" };

	(void)state;
	if (!mkdtemp(sysfs))
		return -1;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		make_dir(dirs[i]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return tree_remove(sysfs);
}

static void own_tpm(void **state)
{
	struct error err = { 0 };

	(void)state;
	tpm_below("devices/platform/MSFT0101:00");
	assert_int_equal(host_check_device(sysfs, "/dev/null", &err), 0);
}

static void virtual_tpm(void **state)
{
	struct error err = { 0 };

	(void)state;
	tpm_below("devices/virtual/vtpm/web1");
	assert_int_equal(host_check_device(sysfs, "/dev/null", &err), -EINVAL);
	assert_string_equal(err.code, VTPM_ERR_INVALID);
	assert_non_null(strstr(err.text, "is the virtual TPM web1"));
}

static void cannot_tell(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(host_check_device(sysfs, "/dev/zero", &err), -ENODEV);
	assert_non_null(strstr(err.text, "cannot tell whose TPM"));
	assert_int_equal(host_check_device(sysfs, sysfs, &err), -ENODEV);
	assert_non_null(strstr(err.text, "not a character device"));
	assert_int_equal(host_check_device(sysfs, "/dev/none", &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_tpm),
		cmocka_unit_test(virtual_tpm),
		cmocka_unit_test(cannot_tell),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
