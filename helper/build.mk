# SPDX-License-Identifier: GPL-2.0-or-later
# Userspace programs and their unit tests; included by the top Makefile.
#
# VARIANT=release (default) or asan: ASan+UBSan, for tests.

VARIANT ?= release
OUT := build/$(VARIANT)

CC ?= gcc
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wvla \
	-Wmissing-prototypes -Wno-format-truncation -Wformat-security
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-fPIE -fno-strict-aliasing
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifeq ($(VARIANT),asan)
OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
OPT_LD := -fsanitize=address,undefined
else
OPT := -O2 -g -D_FORTIFY_SOURCE=2
endif
VERSION := $(shell cat VERSION)
HELPER_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DVTPM_VERSION='"$(VERSION)"' \
	-Ihelper -Ikmod/uapi $(WARN) $(HARDEN) $(OPT) $(CFLAGS)
HELPER_LDFLAGS = $(HARDEN_LD) $(OPT_LD) $(LDFLAGS)

# All sources of a folder but its tests and fuzz targets.
sources = $(filter-out $(wildcard $(1)/test-*.c $(1)/fuzz-*.c),$(wildcard $(1)/*.c))
objects = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

LIBS_common := -lcrypto -ljansson -lpthread
COMMON_OBJ := $(call objects,$(call sources,helper/util) $(call sources,helper/nvram) \
	$(call sources,helper/swtpm))
KEYS_OBJ := $(call objects,$(call sources,helper/keys))

PROGRAMS := vtpmd vtpmctl vtpmctl-full vtpm-engine vtpm-key-native vtpm-key-pkcs11 \
	vtpm-key-kmip vtpm-key-tpm2 vtpm-identity vtpm-ca
SRC_vtpmd := $(call sources,helper/vtpmd)
LIBS_vtpmd := -lsystemd -lmnl -lseccomp
# The verbs that are called most do without libcrypto, which takes longer to load
# than all that they do; the others are in the program of all verbs.
SRC_vtpmctl := $(addprefix helper/vtpmctl/,quick.c client.c options.c \
	one-or-all.c confirm.c create.c create-options.c start.c stop.c list.c \
	show.c delete.c monitor.c unlock.c upgrade.c reset.c set.c)
SRC_vtpmctl-full := $(filter-out %/quick.c,$(call sources,helper/vtpmctl))
SRC_vtpm-engine := $(call sources,helper/engine)
LIBS_vtpm-engine := -ltpms -lseccomp -lmnl
SRC_vtpm-key-native := $(call sources,helper/keys) $(call sources,helper/keys/native)
SRC_vtpm-key-pkcs11 := $(call sources,helper/keys) $(call sources,helper/keys/pkcs11)
LIBS_vtpm-key-pkcs11 := -lp11-kit
SRC_vtpm-key-kmip := $(call sources,helper/keys) $(call sources,helper/keys/kmip)
LIBS_vtpm-key-kmip := -lssl
SRC_vtpm-key-tpm2 := $(call sources,helper/keys) $(call sources,helper/keys/tpm2)
LIBS_vtpm-key-tpm2 := -ltss2-esys -ltss2-tctildr -ltss2-mu -ltss2-rc
SRC_vtpm-identity := $(call sources,helper/identity)
LIBS_vtpm-identity := -ltss2-esys -ltss2-mu -ltss2-rc
SRC_vtpm-ca := $(call sources,helper/ca)

PROGRAM_FILES := $(addprefix $(OUT)/,$(PROGRAMS))

# test-X.c beside X.c tests that folder: it is linked with the folder's own
# objects but main.o, with what its tests share in testing/, and with what they
# need of helper/keys and the common ones.
TEST_SRC := $(wildcard helper/*/test-*.c helper/*/*/test-*.c)
TESTS := $(patsubst %.c,$(OUT)/test/%,$(TEST_SRC))
LIBS_test := -lcmocka -lmnl -lsystemd

helper: $(PROGRAM_FILES)
helper-tests: $(TESTS)
.PHONY: helper helper-tests

$(OUT)/libcommon.a: $(COMMON_OBJ)
	@echo "  AR      $@"
	@rm -f $@ && $(AR) rcs $@ $^

$(OUT)/libkeys.a: $(KEYS_OBJ)
	@echo "  AR      $@"
	@rm -f $@ && $(AR) rcs $@ $^

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(HELPER_CFLAGS) -MMD -MP -c $< -o $@

# Debian has the headers in a folder named after the interface's version.
$(OUT)/obj/helper/keys/pkcs11/%.o: HELPER_CFLAGS += -I/usr/include/p11-kit-1

define program_rule
$(OUT)/$(1): $(call objects,$(SRC_$(1))) $(OUT)/libcommon.a
	@echo "  LD      $$@"
	@$(CC) $(HELPER_LDFLAGS) -o $$@ $$^ $(if $(filter vtpmctl,$(1)),-ljansson,$(LIBS_$(1)) $(LIBS_common))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

# The Varlink interface text is part of vtpmd: it serves it by introspection.
$(OUT)/obj/helper/vtpmd/api-service.o: HELPER_CFLAGS += -I$(OUT)/gen
$(OUT)/obj/helper/vtpmd/api-service.o: $(OUT)/gen/io.vtpm.varlink.h
$(OUT)/gen/io.vtpm.varlink.h: helper/vtpmd/io.vtpm.varlink
	@mkdir -p $(@D)
	@sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $< > $@

define test_rule
$(OUT)/test/$(1:.c=): $(OUT)/obj/$(1:.c=.o) $(filter-out %/main.o,$(call objects,$(call sources,$(patsubst %/,%,$(dir $(1)))))) $(call objects,$(wildcard $(dir $(1))testing/*.c)) $(OUT)/libkeys.a $(OUT)/libcommon.a
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$(CC) $(HELPER_LDFLAGS) -o $$@ $$(sort $$(filter %.o,$$^)) $(OUT)/libkeys.a $(OUT)/libcommon.a $(LIBS_test) $(LIBS_$(notdir $(patsubst %/,%,$(dir $(1))))) $(LIBS_common)
endef
LIBS_engine := $(LIBS_vtpm-engine)
LIBS_kmip := $(LIBS_vtpm-key-kmip)
LIBS_identity := $(LIBS_vtpm-identity)
LIBS_tpm2 := $(LIBS_vtpm-key-tpm2)
$(foreach t,$(TEST_SRC),$(eval $(call test_rule,$(t))))

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
.SECONDARY:
