# SPDX-License-Identifier: Apache-2.0
# Real enforcement, in the guest: the LSM suite and the daemons' suite, on one kernel or on all.
VM_KERNEL  ?= 6.1
VM_KERNELS ?= 6.1 6.12 6.18 7.3

lsm_obj := $(call obj,$(call src,tests/vm/suites/*.c))
$(B)/tests/vm/lsm: $(lsm_obj) $(kernel_obj) $(policy_obj) $(names_obj) $(base_obj)
	$(call link,-lbpf -lelf -lz -lcap -lcrypto -ljansson)

$(B)/tests/vm/load: $(call obj,tests/vm/daemons/load.c) $(record_obj) $(base_obj)
	$(call link,)

vm_cases = 'tests/vm/run --kernel $(1) -- $(B)/tests/vm/lsm' 'tests/vm/run --kernel $(1) -- $(B)/tests/verifier/budget tests/verifier/budget.tsv' \
	$(foreach s,$(filter-out %/lib.sh %/off.sh,$(wildcard tests/vm/daemons/*.sh)),'BUILD=$(B) tests/vm/run --kernel $(1) -- $(s)') \
	'BUILD=$(B) tests/vm/run --kernel $(1) --append polyward.off -- tests/vm/daemons/off.sh' \
	'BUILD=$(B) tests/vm/run --kernel $(1) -- tests/attacks/run' \
	$(call neighbours_cases,$(1))

check-vm: all attacks neighbours-build $(B)/tests/vm/lsm $(B)/tests/vm/load $(B)/tests/verifier/budget ## the suites that need a kernel that lets us in, on Linux 6.1
	$(Q)tests/tap vm-$(VM_KERNEL) $(call vm_cases,$(VM_KERNEL))
check-kernels:                          ## the same on every kernel that we claim
	$(Q)status=0; for k in $(VM_KERNELS); do $(MAKE) --no-print-directory check-vm VM_KERNEL=$$k || status=1; done; exit $$status
.PHONY: check-vm check-kernels
