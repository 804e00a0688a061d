# SPDX-License-Identifier: GPL-2.0-or-later
# libFuzzer targets, included by the top Makefile.
#
#   make fuzz                   each target for FUZZ_SECONDS
#   make fuzz-TARGET            one of them: nvram-header, nvram-slot, ...
#
# What is found while running is kept in build/fuzz/corpus; the seeds of
# tools/testing/fuzz/corpus are checked in. A crash is left in build/fuzz.

FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
FUZZ_DIR := tools/testing/fuzz
FUZZ_OUT := build/fuzz
FUZZ_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DVTPM_VERSION='"fuzz"' -Ihelper \
	-Ikmod/uapi -Wall -Wextra -Werror -O1 -g -fno-omit-frame-pointer \
	-fno-sanitize-recover=all -fsanitize=address,undefined

FUZZ_TARGETS := $(patsubst $(FUZZ_DIR)/fuzz-%.c,%,$(wildcard $(FUZZ_DIR)/fuzz-*.c))
FUZZ_COMMON := $(call sources,helper/util)
FUZZ_SRC_nvram-header := $(call sources,helper/nvram)
FUZZ_SRC_nvram-slot := $(call sources,helper/nvram)
FUZZ_SRC_checkpoint := $(call sources,helper/nvram)
FUZZ_SRC_swtpm-state := $(call sources,helper/swtpm)
FUZZ_SRC_key-request := $(call sources,helper/keys)
FUZZ_SRC_provider-reply := $(addprefix helper/vtpmd/,provider-reply.c capture.c spawn.c filter.c \
	landlock.c)
FUZZ_SRC_native-wrapped := $(addprefix helper/keys/,key-dir.c key-destroyed.c salted-wrap.c) \
	$(filter-out %/main.c %/check.c,$(call sources,helper/keys/native))
# The target is the server. Its corpus has keys with the label p.
FUZZ_SRC_kmip-ttlv := $(FUZZ_DIR)/ttlv-mutator.c helper/keys/key-cache.c \
	$(filter-out %/main.c %/check.c %/servers.c %/tls.c %/config.c,$(call sources,helper/keys/kmip))
FUZZ_SRC_native-document := $(FUZZ_SRC_native-wrapped)
FUZZ_SRC_tpm2-key := $(addprefix helper/keys/,key-dir.c key-destroyed.c tpm2/keyfile.c tpm2/pcrs.c)
FUZZ_SRC_ca-request := helper/ca/request.c helper/ca/request-member.c
FUZZ_SRC_ca-check := $(filter-out %/main.c,$(call sources,helper/ca))

fuzz: $(addprefix fuzz-,$(FUZZ_TARGETS))
.PHONY: fuzz $(addprefix fuzz-,$(FUZZ_TARGETS))

# Objects are shared: most targets need most of helper/util.
$(FUZZ_OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(FUZZ_CFLAGS),fuzzer-no-link -MMD -MP -c $< -o $@

fuzz_objects = $(patsubst %.c,$(FUZZ_OUT)/obj/%.o,$(1))
.SECONDARY: $(call fuzz_objects,$(FUZZ_COMMON))
-include $(shell find $(FUZZ_OUT)/obj -name '*.d' 2>/dev/null)

define fuzz_rule
$(FUZZ_OUT)/$(1): $(call fuzz_objects,$(FUZZ_DIR)/fuzz-$(1).c $(FUZZ_SRC_$(1)) $(FUZZ_COMMON))
	@mkdir -p $$(@D)
	@echo "  FUZZ-LD $$@"
	@$(FUZZ_CC) $(FUZZ_CFLAGS),fuzzer -o $$@ $$^ $(LIBS_common) $(LIBS_fuzz)

fuzz-$(1): $(FUZZ_OUT)/$(1)
	@mkdir -p $(FUZZ_OUT)/corpus/$(1)
	$(FUZZ_OUT)/$(1) -max_total_time=$(FUZZ_SECONDS) -max_len=16384 \
		-timeout=30 -print_final_stats=1 \
		-artifact_prefix=$(FUZZ_OUT)/crash-$(1)- \
		$(FUZZ_OUT)/corpus/$(1) $(FUZZ_DIR)/corpus/$(1)
endef
# The rest of helper/util, for who needs more than libc.
LIBS_fuzz := -lsystemd -lseccomp
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_rule,$(t))))
