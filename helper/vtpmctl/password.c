// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "vtpmctl/vtpmctl.h"

/* Fits into a pipe at once, so that nobody has to read while we write. */
#define MAX_PASSWORD 1024

static struct secret *read_line(int fd)
{
	_cleanup_(secret) struct secret *buf = secret_new(MAX_PASSWORD);
	struct secret *line;
	size_t n = 0;

	/* Byte by byte: what follows the line is not ours. */
	while (buf && n < buf->len && read(fd, buf->data + n, 1) == 1 &&
	       buf->data[n] != '\n')
		n++;
	if (!buf || !n || n == buf->len)
		return NULL;
	line = secret_new(n);
	if (line)
		memcpy(line->data, buf->data, n);
	return line;
}

static struct secret *ask(int tty, const char *prompt)
{
	struct termios before, quiet;
	struct secret *s;

	if (tcgetattr(tty, &before) < 0)
		return NULL;
	quiet = before;
	quiet.c_lflag &= ~ECHO;
	tcsetattr(tty, TCSAFLUSH, &quiet);
	dprintf(tty, "%s: ", prompt);
	s = read_line(tty);
	dprintf(tty, "\n");
	tcsetattr(tty, TCSAFLUSH, &before);
	return s;
}

static struct secret *ask_terminal(const char *prompt, bool confirm)
{
	_cleanup_close_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	_cleanup_(secret) struct secret *again = NULL;
	struct secret *s;

	if (tty < 0) {
		fprintf(stderr,
			"vtpmctl: there is no terminal to ask for the password; use --password-file\n");
		return NULL;
	}
	s = ask(tty, prompt);
	if (!s || !confirm)
		return s;
	again = ask(tty, "Once more");
	if (again && again->len == s->len &&
	    !memcmp(again->data, s->data, s->len))
		return s;
	fprintf(stderr, "vtpmctl: the two are not the same\n");
	secret_free(s);
	return NULL;
}

static struct secret *read_file(const char *file)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct secret *s;

	if (fd < 0) {
		fprintf(stderr, "vtpmctl: %s: %s\n", file, strerror(errno));
		return NULL;
	}
	s = read_line(fd);
	if (!s)
		fprintf(stderr,
			"vtpmctl: %s: the first line is no password of 1 to %d bytes\n",
			file, MAX_PASSWORD - 1);
	return s;
}

int password_pipe(const char *file, const char *prompt, bool confirm)
{
	_cleanup_(secret) struct secret *s = NULL;
	int fd = -1, r;

	if (secret_init(NULL) < 0) {
		fprintf(stderr, "vtpmctl: no memory for secrets\n");
		return -1;
	}
	s = file ? read_file(file) : ask_terminal(prompt, confirm);
	if (!s)
		return -1;
	r = secret_pipe(s, &fd);
	if (r < 0)
		fprintf(stderr, "vtpmctl: password: %s\n", strerror(-r));
	return fd;
}
