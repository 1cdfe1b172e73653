# SPDX-License-Identifier: Apache-2.0
# Faults: polyward's own objects, linked so that memory, files and renames can be made to fail (tests/faults/fault.h). The state
# directory has a program of its own: it is linked with the loader.
fault_calls := malloc calloc realloc reallocarray strdup strndup free openat open fopen read pread write pwrite fsync fdatasync renameat \
	renameat2 linkat unlinkat ftruncate fallocate mmap memfd_create
fault_base  := $(call obj,tests/faults/fault.c tests/faults/tools.c) $(policy_obj) $(names_obj) $(base_obj)
fault_bins  := $(B)/tests/faults/faults $(B)/tests/faults/state

$(B)/tests/faults/cli_main.o: $(B)/userspace/cli/main.o
	$(call say,OBJCOPY)
	$(Q)mkdir -p $(@D) && objcopy --redefine-sym main=cli_main $< $@

$(B)/tests/faults/faults: $(call obj,$(addprefix tests/faults/,faults.c compile.c log.c cli.c)) $(B)/tests/faults/cli_main.o \
	$(filter-out %/cli/main.o,$(cli_role)) $(audit_obj)
$(B)/tests/faults/state: $(call obj,tests/faults/state.c) $(filter-out %/roles/kernel.o,$(kernel_role))

$(fault_bins): $(fault_base)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(foreach c,$(fault_calls),-Wl,--wrap=$(c)) $(sort $(filter %.o,$^)) -ljansson -lsqlite3 -lcrypto -lbpf \
		-lelf -lz -lseccomp -lcap -o $@

check-faults: $(fault_bins)             ## every allocation, read, write, sync and rename fails once, over the real code
	$(Q)tests/tap faults $(fault_bins)
.PHONY: check-faults
