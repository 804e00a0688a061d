// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/io.h"
#include "util/text.h"
#include "vtpmctl/output.h"

#define MAX_INPUT (64 * 1024)
#define PEM_LINE 64

void output_keep(struct ctl *ctl, json_t *reply, void *arg)
{
	(void)ctl;
	*(json_t **)arg = json_incref(reply);
}

static int complain(const char *file)
{
	fprintf(stderr, "vtpmctl: %s: %s\n", file, strerror(errno));
	return CTL_STORAGE;
}

int output_write(const char *file, const void *data, size_t len)
{
	struct out_file out;
	int status, r;

	if (!file)
		return write_full(STDOUT_FILENO, data, len)
			       ? complain("standard output")
			       : CTL_OK;
	status = out_file_open(&out, file, true);
	if (status)
		return status;
	r = write_full(out.fd, data, len);
	errno = -r;
	/* All of it is public. */
	if (r || fchmod(out.fd, 0644) < 0)
		status = complain(file);
	return out_file_close(&out, status);
}

char *pem_of_base64(const char *label, const char *base64)
{
	size_t n = strlen(base64);
	char *out = malloc(n + n / PEM_LINE + 2 * strlen(label) + 64), *p = out;

	if (!out)
		return NULL;
	p += sprintf(p, "-----BEGIN %s-----\n", label);
	for (size_t off = 0; off < n; off += PEM_LINE)
		p += sprintf(p, "%.*s\n", PEM_LINE, base64 + off);
	sprintf(p, "-----END %s-----\n", label);
	return out;
}

char *input_pem(const char *file)
{
	static const char begin[] = "-----BEGIN ";
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *data = calloc(1, MAX_INPUT + 2);
	_cleanup_free_ char *base64 = NULL;
	size_t n = 0;
	ssize_t got = -1;

	if (fd < 0 || !data) {
		complain(file);
		return NULL;
	}
	while (n <= MAX_INPUT &&
	       (got = read(fd, data + n, MAX_INPUT + 1 - n)) > 0)
		n += got;
	if (got < 0) {
		complain(file);
		return NULL;
	}
	if (!n || n > MAX_INPUT) {
		fprintf(stderr, "vtpmctl: %s: %s\n", file,
			n ? "longer than any certificate" : "empty");
		return NULL;
	}
	if (memmem(data, n, begin, sizeof(begin) - 1))
		return TAKE_PTR(data);
	base64 = base64_encode(data, n);
	return base64 ? pem_of_base64("CERTIFICATE", base64) : NULL;
}
