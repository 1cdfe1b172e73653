# SPDX-License-Identifier: Apache-2.0
# One Makefile, no recursion. `make help` lists the targets; V=1 shows the commands. Everything built is under build/.
# The object lists below are the privilege boundary: what is not in a process's list cannot run with its rights.

B       ?= build
CC      ?= cc
CLANG   ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
SAN     ?=
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-7s %s\n' $(1) $(patsubst $(B)/%,%,$@))

WARN := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wswitch-enum -Wundef -Wframe-larger-than=16384 $(if $(WERROR),-Werror)
CFLAGS   ?= -O2 -g
HARDEN   := -fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fPIE
override CFLAGS += -std=gnu17 $(WARN) $(HARDEN) $(SAN) -MMD -MP
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Iuserspace -I$(B) -DPW_VERSION='"$(VERSION)"' -DPW_LIBEXEC='"$(PREFIX)/libexec/polyward"'
LDFLAGS  += -pie -Wl,-z,relro,-z,now $(SAN)
ARCH_INC := $(shell $(CC) -print-multiarch 2>/dev/null)
BPFFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra -Wno-unused-parameter $(if $(WERROR),-Werror) -MMD -MP -Iinclude -Ibpf -I/usr/include/$(ARCH_INC)

src = $(sort $(wildcard $(1)))
obj = $(patsubst %.c,$(B)/%.o,$(1))

base_obj    := $(call obj,$(call src,userspace/base/*.c))
image_obj   := $(call obj,userspace/policy/image.c userspace/policy/table.c)
policy_obj  := $(call obj,$(call src,userspace/policy/*.c))
names_obj   := $(call obj,$(call src,userspace/names/*.c))
ipc_obj     := $(call obj,$(call src,userspace/ipc/*.c))
sandbox_obj := $(call obj,$(call src,userspace/sandbox/*.c))
probe_obj   := $(call obj,userspace/kernel/features.c userspace/kernel/variants.c userspace/kernel/hierarchy.c)
ring_obj    := $(call obj,userspace/kernel/ring.c)
kernel_obj  := $(call obj,$(call src,userspace/kernel/*.c))
record_obj  := $(call obj,$(addprefix userspace/audit/,record.c render.c read.c read_tail.c read_bundles.c unseal.c abridged.c tree.c hash.c hash_wide.c note.c grow.c seal_open.c tiles.c verify.c complete.c proof.c))
index_obj   := $(call obj,userspace/audit/index.c userspace/audit/index_block.c)
# Writing the log, and reading it as far as its writer has to: no index, no proofs.
audit_obj   := $(call obj,$(addprefix userspace/audit/,record.c render.c read.c read_tail.c read_bundles.c unseal.c abridged.c tree.c hash.c hash_wide.c note.c \
	seal_open.c event.c gaps.c group.c grow.c log.c log_open.c log_keys.c log_policy.c log_tail.c log_tree.c log_fold.c retention.c seal.c signer.c))
report_obj  := $(call obj,$(call src,userspace/report/*.c))
cli_obj     := $(call obj,$(call src,userspace/cli/*.c))
export_obj  := $(call obj,$(filter-out userspace/export/kafka.c,$(call src,userspace/export/*.c)))

# ---- what runs with which privilege ----------------------------------------------------------------------------------
role_obj       := $(call obj,userspace/roles/role.c userspace/roles/sandboxes.c)
held_obj       := $(call obj,userspace/roles/held.c)
supervisor_obj := $(call obj,$(call src,userspace/roles/supervisor*.c)) $(role_obj) $(ipc_obj) $(sandbox_obj) $(base_obj)
kernel_role    := $(call obj,$(call src,userspace/roles/kernel*.c))     $(held_obj) $(role_obj) $(kernel_obj) $(image_obj) $(ipc_obj) $(sandbox_obj) $(base_obj)
control_role   := $(call obj,$(call src,userspace/roles/control*.c))    $(role_obj) $(ipc_obj) $(sandbox_obj) $(base_obj)
audit_role     := $(call obj,$(call src,userspace/roles/audit*.c))      $(held_obj) $(role_obj) $(audit_obj) $(ring_obj) $(image_obj) $(ipc_obj) $(sandbox_obj) $(base_obj)
compile_role   := $(call obj,userspace/roles/compile.c)    $(role_obj) $(policy_obj) $(names_obj) $(ipc_obj) $(sandbox_obj) $(base_obj)
export_role    := $(call obj,userspace/roles/export.c userspace/export/kafka.c) $(base_obj)
witness_role   := $(call obj,userspace/roles/witness.c $(call src,userspace/witness/*.c) $(addprefix userspace/audit/,tree.c hash.c hash_wide.c note.c proof.c)) \
	$(sandbox_obj) $(base_obj)
cli_role       := $(cli_obj) $(report_obj) $(export_obj) $(policy_obj) $(names_obj) $(record_obj) $(index_obj) $(probe_obj) $(ipc_obj) $(base_obj)

libs_supervisor := -lseccomp -lcap
libs_kernel     := -lbpf -lelf -lz -lcrypto -lseccomp -lcap
libs_control    := -lseccomp -lcap
libs_audit      := -lcrypto -lseccomp -lcap
libs_compile    := -ljansson -lcrypto -lseccomp -lcap
libs_export     := -lrdkafka
libs_witness    := -lmicrohttpd -lcurl -lcrypto -lseccomp -lcap
libs_cli        := -ljansson -lsqlite3 -lcrypto -lbpf -lelf -lz -lcap

bins := $(B)/polyward $(B)/polywardd $(addprefix $(B)/libexec/polyward-,kernel control audit compile export witness)

define link
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(filter %.o,$^) $(1) -o $@
endef

all: $(bins)                            ## build everything

# The processes that the guard trusts are static: LD_PRELOAD, /etc/ld.so.preload or an exchanged library bring no code into them.
trusted := $(B)/polywardd $(addprefix $(B)/libexec/polyward-,kernel control audit)
# --no-warnings: libcrypto holds calls of dlopen and the resolver, which warn in a static program; nothing here reaches them.
$(trusted): LDFLAGS := $(if $(SAN),$(LDFLAGS),-static-pie -Wl,--no-warnings $(filter-out -pie,$(LDFLAGS)))

$(B)/polyward: $(cli_role);                     $(call link,$(libs_cli))
$(B)/polywardd: $(supervisor_obj);              $(call link,$(libs_supervisor))
$(B)/libexec/polyward-kernel: $(kernel_role);   $(call link,$(libs_kernel))
$(B)/libexec/polyward-control: $(control_role); $(call link,$(libs_control))
$(B)/libexec/polyward-audit: $(audit_role);     $(call link,$(libs_audit))
$(B)/libexec/polyward-compile: $(compile_role); $(call link,$(libs_compile))
$(B)/libexec/polyward-export: $(export_role);   $(call link,$(libs_export))
$(B)/libexec/polyward-witness: $(witness_role); $(call link,$(libs_witness))


$(B)/%.o: %.c $(B)/flags
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# ---- kernel programs: one object a file, linked, then a skeleton ---------------------------------------------------------
# maps first: bpftool before 7.2 loses the place of a map whose definition comes after its declaration.
bpf_obj := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.bpf.o,bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c,$(call src,bpf/*.bpf.c)))

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(B)/flags
	$(call say,BPF)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPFFLAGS) -MF $(@:.o=.d) -c $< -o $@

$(B)/polyward.bpf.o: $(bpf_obj)
	$(call say,BPFLINK)
	$(Q)$(BPFTOOL) gen object $@ $(bpf_obj)

$(B)/polyward.skel.h: $(B)/polyward.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name polyward_bpf > $@.tmp && mv $@.tmp $@

$(B)/userspace/kernel/load.o $(B)/userspace/kernel/pins.o: | $(B)/polyward.skel.h

# Rewritten only when a setting changes, so a changed flag rebuilds and an unchanged one does not.
$(B)/flags: FORCE
	@mkdir -p $(B); echo '$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) | $(CLANG) $(BPFFLAGS)' > $@.new; \
	cmp -s $@.new $@ && rm -f $@.new || mv $@.new $@

deps:                                   ## install what the build needs (root on Debian), or say how
	$(Q)userspace/dist/deps build
deps-test:                              ## ... and what the tests need
	$(Q)userspace/dist/deps build test neighbours demo

# Each suite is a folder with its own rules: what it builds, and one line to run it.
-include $(call src,tests/*/rules.mk)
-include tests/suites.mk userspace/dist/rules.mk docs/rules.mk

help:                                   ## list targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 18
clean:                                  ## remove the build directory, but not the downloaded kernels
	$(Q)find $(B) -mindepth 1 -maxdepth 1 ! -name vm -exec rm -rf {} +

-include $(shell find $(B) -type f -name '*.d' -not -path '$(B)/vm/*' 2>/dev/null)
.PHONY: all deps deps-test help clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
