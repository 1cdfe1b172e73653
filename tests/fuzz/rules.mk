# SPDX-License-Identifier: Apache-2.0
# Every tests/fuzz/fuzz_NAME.c is a target: built with libFuzzer and sanitizers under $(B)/fuzz, and with a plain main for replay.
fuzz_names  := $(patsubst tests/fuzz/fuzz_%.c,%,$(call src,tests/fuzz/fuzz_*.c))
fuzz_src    := $(call src,userspace/policy/*.c userspace/names/*.c userspace/ipc/*.c userspace/audit/*.c userspace/base/*.c) $(filter-out userspace/export/kafka.c,$(call src,userspace/export/*.c)) \
	userspace/witness/state.c userspace/witness/answer.c
fuzz_obj    := $(patsubst %.c,$(B)/fuzz/%.o,$(fuzz_src))
fuzz_libs   := -ljansson -lcrypto
FUZZ_S      ?= 20
FUZZ_SAN    := -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_FLAGS  := -std=gnu17 -O1 -g -fno-omit-frame-pointer $(FUZZ_SAN) -fsanitize=fuzzer-no-link -MMD -MP

$(B)/fuzz/%.o: %.c $(B)/flags
	$(call say,FUZZCC)
	$(Q)mkdir -p $(@D) && $(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -c $< -o $@

# An archive, so that a target links what it calls and no module of another one.
$(B)/fuzz/lib.a: $(fuzz_obj)
	$(call say,AR)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/fuzz/fuzz_%: $(B)/fuzz/tests/fuzz/fuzz_%.o $(B)/fuzz/lib.a
	$(call say,LINK)
	$(Q)$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer $^ $(fuzz_libs) -o $@

$(B)/tests/fuzz/lib.a: $(patsubst %.c,$(B)/%.o,$(fuzz_src))
	$(call say,AR)
	$(Q)mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^

$(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(B)/tests/fuzz/lib.a
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ $(fuzz_libs) -o $@

fuzz-smoke: $(addprefix $(B)/fuzz/fuzz_,$(fuzz_names))  ## each fuzz target for FUZZ_S (20) seconds, all at once
	$(Q)tests/tap fuzz "tests/fuzz/smoke $(FUZZ_S) $(B)/fuzz $(fuzz_names)"
fuzz: $(B)/fuzz/fuzz_$(T)               ## T=name: one fuzz target until it finds something
	$(Q)mkdir -p $(B)/fuzz/new/$(T) $(B)/fuzz/found/$(T)
	$(Q)$< -timeout=10 -rss_limit_mb=2048 $(addprefix -dict=,$(wildcard tests/fuzz/$(T).dict)) -artifact_prefix=$(B)/fuzz/found/$(T)/ $(B)/fuzz/new/$(T) $(shell tests/fuzz/seeds $(T))
check-corpora: $(addprefix $(B)/tests/fuzz/replay_,$(fuzz_names)) ## all inputs that are kept, once, without a fuzzer
	$(Q)tests/tap corpora $(foreach t,$(fuzz_names),"$(B)/tests/fuzz/replay_$(t) $(shell tests/fuzz/seeds $(t) | tr '\n' ' ')")
.PHONY: fuzz-smoke fuzz check-corpora
