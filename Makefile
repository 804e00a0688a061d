# SPDX-License-Identifier: GPL-2.0-or-later
# vtpm: kernel module, helpers, tests. "make help" lists the targets.

all: helper module

include helper/build.mk

KVER ?= $(shell uname -r)

help:
	@sed -n 's/^## //p' Makefile

.PHONY: all help
