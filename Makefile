# SPDX-License-Identifier: GPL-2.0-or-later
# vtpm: kernel module, helpers, tests.

## make                build the programs and the module
## make demo           install what is missing, build, and show it at work
## make check          all tests; ends with "N passed, N failed, N skipped"
## make check-kernels  the module on Debian's 6.1, 6.12 and 7.x
## make check-debug    the module in a debug kernel: KASAN, lockdep, kmemleak
## make soak-kernel    the same for an hour; FUZZ_MINUTES=30, DEATHS=1000, ...
## make soak-powercut  50,000 power cuts of the state file; POWERCUT_POINTS=
## make soak-rekey     1,000 kills in the middle of a rekey; ROUNDS=
## make shell          a root shell with a vTPM ready (in a guest if need be)
## make bench          against libtpms in process and swtpm; build/bench.json,
##                     and the figures of Documentation/performance.rst
## make scale          1,000 vTPMs in 2 GiB: memory and time of each; swtpm's
## make fuzz           the fuzz targets, FUZZ_SECONDS=60 each
## make style          checkpatch, sparse, shellcheck and the like
## make deps           install the packages that building and testing need
## make install        DESTDIR=, prefix=/usr/local; also uninstall
## make dkms-check     build the module as DKMS does
## make clean

all: helper module

include helper/build.mk
-include tools/testing/fuzz/fuzz.mk

help:
	@sed -n 's/^## //p' Makefile

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build

# For the running kernel where it has headers, else for the guest's.
module:
	@if [ -d $(KDIR) ]; then \
		echo "  MODULE  $(KVER)"; \
		tools/kbuild.sh $(KDIR) build/kmod/$(KVER) >/dev/null; \
	else \
		echo "  MODULE  Debian 6.1 (no headers of $(KVER) here)"; \
		tools/testing/vm/build-module.sh 6.1 >/dev/null; \
	fi

deps:
	@tools/deps.sh test

demo: deps
	@$(MAKE) --no-print-directory helper man
	@tools/testing/here-or-guest.sh tools/demo.sh

shell: deps
	@$(MAKE) --no-print-directory helper man
	@tools/testing/here-or-guest.sh --shell

check: deps
	@tools/testing/check.sh

check-kernels: deps
	@tools/testing/check-kernels.sh

check-debug: deps
	@tools/testing/check-debug.sh

soak-kernel: deps
	@tools/testing/check-debug.sh --soak

soak-powercut: deps
	@$(MAKE) --no-print-directory build/release/test/helper/nvram/test-powercut
	@POWERCUT_POINTS=$${POWERCUT_POINTS:-50000} CMOCKA_MESSAGE_OUTPUT=TAP \
		build/release/test/helper/nvram/test-powercut

soak-rekey: deps
	@$(MAKE) --no-print-directory helper
	@ROUNDS=$${ROUNDS:-1000} tools/testing/e2e/rekey-kill.sh

soak-kill: deps
	@$(MAKE) --no-print-directory helper man build/torture/torture \
		build/release/test/helper/engine/test-kill
	@KILLS=$${KILLS:-10000} CMOCKA_MESSAGE_OUTPUT=TAP \
		build/release/test/helper/engine/test-kill
	@KILLS=$${KILLS:-10000} VTPM_PASS="KILLS DEVICES SEED" \
		VTPM_TIMEOUT=7200 VTPM_DISK=256 tools/testing/here-or-guest.sh \
		tools/testing/e2e/torture.sh

bench: deps
	@$(MAKE) --no-print-directory helper man bench-programs
	@build/bench/bench-engine build/bench | tee build/bench/native
	@tools/testing/bench/bench.sh
	@tools/testing/bench/load.sh
	@tools/testing/bench/create.sh --here | tee build/bench/create
	@tools/testing/bench/draw.py

scale: deps
	@$(MAKE) --no-print-directory helper man bench-programs
	@tools/testing/bench/scale.sh | tee build/bench/scale
	@tools/testing/bench/draw.py

style: deps
	@tools/style.sh

dkms-check: deps
	@tools/testing/dkms-check.sh

regen:
	@tools/regen.sh

clean:
	rm -rf build/release build/asan build/kmod build/man build/selftests build/bench

# --- installation -----------------------------------------------------------

prefix ?= /usr/local
bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
libexecdir ?= $(prefix)/libexec/vtpm
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/vtpm
completiondir ?= $(prefix)/share/bash-completion/completions
# These have one place each on a system, whatever the prefix.
systemdunitdir ?= /usr/lib/systemd/system
sysusersdir ?= /usr/lib/sysusers.d
tmpfilesdir ?= /usr/lib/tmpfiles.d
udevrulesdir ?= /usr/lib/udev/rules.d
modulesloaddir ?= /usr/lib/modules-load.d
dkmsdir ?= /usr/src/vtpm-$(VERSION)

MAN_SRC := $(wildcard Documentation/man/*.rst)
MAN := $(patsubst Documentation/man/%.rst,build/man/%,$(MAN_SRC))

man: $(MAN)
build/man/%: Documentation/man/%.rst
	@mkdir -p $(@D)
	@echo "  MAN     $@"
	@rst2man $< $@

INSTALL ?= install
# For whoever writes a provider.
CONTRACT := Documentation/key-providers.rst Documentation/key-provider.schema.json
UNITS := $(notdir $(wildcard packaging/systemd/*.service))
LIBEXEC_PROGRAMS := $(filter-out %/vtpmd %/vtpmctl,$(PROGRAM_FILES))

install: helper man
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) \
		$(DESTDIR)$(libexecdir) $(DESTDIR)$(mandir)/man1 \
		$(DESTDIR)$(mandir)/man8 $(DESTDIR)$(completiondir) \
		$(DESTDIR)$(systemdunitdir) $(DESTDIR)$(sysusersdir) \
		$(DESTDIR)$(tmpfilesdir) $(DESTDIR)$(udevrulesdir) \
		$(DESTDIR)$(modulesloaddir) $(DESTDIR)$(dkmsdir) \
		$(DESTDIR)$(docdir)
	$(INSTALL) -m 755 $(OUT)/vtpmctl $(DESTDIR)$(bindir)
	$(INSTALL) -m 755 $(OUT)/vtpmd $(DESTDIR)$(sbindir)
	$(INSTALL) -m 755 $(LIBEXEC_PROGRAMS) $(DESTDIR)$(libexecdir)
	$(INSTALL) -m 644 $(filter %.1,$(MAN)) $(DESTDIR)$(mandir)/man1
	$(INSTALL) -m 644 $(filter %.8,$(MAN)) $(DESTDIR)$(mandir)/man8
	$(INSTALL) -m 644 $(CONTRACT) $(DESTDIR)$(docdir)
	$(INSTALL) -m 644 packaging/bash-completion/vtpmctl \
		$(DESTDIR)$(completiondir)
	for unit in $(UNITS); do \
		sed 's|/usr/sbin/vtpmd|$(sbindir)/vtpmd|; s|/usr/bin/vtpmctl|$(bindir)/vtpmctl|' \
			packaging/systemd/$$unit \
			> $(DESTDIR)$(systemdunitdir)/$$unit || exit; \
	done
	$(INSTALL) -m 644 packaging/sysusers.d/vtpm.conf $(DESTDIR)$(sysusersdir)
	$(INSTALL) -m 644 packaging/tmpfiles.d/vtpm.conf $(DESTDIR)$(tmpfilesdir)
	$(INSTALL) -m 644 packaging/udev/60-vtpm.rules $(DESTDIR)$(udevrulesdir)
	$(INSTALL) -m 644 packaging/modules-load.d/vtpm.conf \
		$(DESTDIR)$(modulesloaddir)
	for f in Kbuild VERSION $$(find kmod -type f); do \
		$(INSTALL) -D -m 644 $$f $(DESTDIR)$(dkmsdir)/$$f; \
	done
	sed 's/@VERSION@/$(VERSION)/' dkms.conf > $(DESTDIR)$(dkmsdir)/dkms.conf

uninstall:
	rm -f $(DESTDIR)$(bindir)/vtpmctl $(DESTDIR)$(sbindir)/vtpmd \
		$(DESTDIR)$(completiondir)/vtpmctl \
		$(addprefix $(DESTDIR)$(systemdunitdir)/,$(UNITS)) \
		$(DESTDIR)$(sysusersdir)/vtpm.conf \
		$(DESTDIR)$(tmpfilesdir)/vtpm.conf \
		$(DESTDIR)$(udevrulesdir)/60-vtpm.rules \
		$(DESTDIR)$(modulesloaddir)/vtpm.conf \
		$(addprefix $(DESTDIR)$(mandir)/man1/,$(notdir $(filter %.1,$(MAN)))) \
		$(addprefix $(DESTDIR)$(mandir)/man8/,$(notdir $(filter %.8,$(MAN))))
	rm -rf $(DESTDIR)$(libexecdir) $(DESTDIR)$(docdir) $(DESTDIR)$(dkmsdir)

# --- test programs ----------------------------------------------------------

selftests:
	@$(MAKE) -s -C tools/testing/selftests/vtpm OUTPUT=$(CURDIR)/build/selftests

BENCH := build/bench/bench-tpm build/bench/bench-echo build/bench/bench-engine \
	build/bench/bench-load build/bench/bench-plain build/bench/make-states
bench-programs: $(BENCH)
selftest_dir := tools/testing/selftests/vtpm
build/bench/bench-echo: tools/testing/bench/bench-echo.c \
		$(addprefix $(selftest_dir)/,nl.c nl.h fake.c fake.h)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(HELPER_CFLAGS) -I$(selftest_dir) -o $@ $(filter %.c,$^) -pie \
		-lpthread
build/bench/bench-plain: $(selftest_dir)/nl.c
build/bench/bench-engine build/bench/make-states build/bench/bench-plain: \
		build/bench/%: tools/testing/bench/%.c \
		$(call objects,$(filter-out %/main.c,$(call sources,helper/engine))) \
		$(call objects,$(wildcard helper/engine/testing/*.c)) \
		$(OUT)/libcommon.a
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(HELPER_CFLAGS) -I$(selftest_dir) -o $@ $^ -pie \
		$(LIBS_vtpm-engine) $(LIBS_common)
build/bench/%: tools/testing/bench/%.c kmod/uapi/linux/vtpm.h
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(HELPER_CFLAGS) -o $@ $< -pie -ltpms -lmnl

build/torture/torture: tools/testing/e2e/torture.c \
		$(foreach f,commands owner,$(wildcard helper/engine/testing/$(f).[ch]))
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(HELPER_CFLAGS) -o $@ $(filter %.c,$^) -pie -lcrypto -lpthread

.PHONY: all help module deps demo shell check check-kernels check-debug \
	soak-kernel soak-powercut soak-rekey soak-kill bench scale style dkms-check regen \
	clean man install uninstall selftests bench-programs
