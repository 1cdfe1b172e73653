# SPDX-License-Identifier: Apache-2.0
# Real enforcement, in the guest: the LSM suite and the daemons' suite, on one kernel or on all.
VM_KERNEL  ?= 6.1
VM_KERNELS ?= 6.1 6.12 6.18 7.3

lsm_obj := $(call obj,$(call src,tests/vm/suites/*.c) tests/attacks/ring.c)
$(B)/tests/vm/lsm: $(lsm_obj) $(kernel_obj) $(policy_obj) $(names_obj) $(base_obj)
	$(call link,-lbpf -lelf -lz -lcap -lcrypto -ljansson)

$(B)/tests/vm/load: $(call obj,tests/vm/daemons/load.c) $(record_obj) $(base_obj)
	$(call link,-lcrypto)

$(B)/tests/vm/flood: $(call obj,tests/vm/daemons/flood.c) $(record_obj) $(base_obj)
	$(call link,-lcrypto)

# The longest first: two guests run at a time.
vm_core = 'tests/vm/run --kernel $(1) --timeout 1500 -- $(B)/tests/vm/lsm' \
	'BUILD=$(B) tests/vm/run --kernel $(1) --timeout 1500 -- tests/attacks/run' \
	'tests/vm/run --kernel $(1) -- $(B)/tests/verifier/budget tests/verifier/budget.tsv' \
	$(foreach s,run guard,'BUILD=$(B) tests/vm/run --kernel $(1) -- tests/vm/daemons/$(s).sh') \
	'BUILD=$(B) tests/vm/run --kernel $(1) --append polyward.off -- tests/vm/daemons/off.sh'
vm_more = $(foreach s,strict tighten many evidence,'BUILD=$(B) tests/vm/run --kernel $(1) -- tests/vm/daemons/$(s).sh') \
	'BUILD=$(B) tests/vm/run --kernel $(1) -- tests/vm/daemons/storm.sh $(VM_KILLS)' \
	'tests/vm/run --kernel $(1) --systemd -- tests/vm/systemd/run.sh $(B)' \
	'BUILD=$(B) tests/vm/run --kernel $(1) --cpus 2 -- tests/vm/daemons/flood.sh' \
	$(foreach s,conformance spaces,'BUILD=$(B) tests/vm/run --kernel $(1) -- tests/neighbours/$(s).sh')
VM_KILLS ?= 150

vm_built := $(B)/tests/vm/lsm $(B)/tests/vm/load $(B)/tests/vm/flood $(B)/tests/verifier/budget
vm-built: all attacks neighbours-build $(vm_built)
	$(Q)$(MAKE) --no-print-directory -s install DESTDIR=$(B)/stage >/dev/null

check-vm: vm-built                      ## the suites that need a kernel that lets us in, on Linux 6.1
	$(Q)TAP_JOBS=2 tests/tap vm-$(VM_KERNEL) $(call vm_core,$(VM_KERNEL)) $(call vm_more,$(VM_KERNEL))
check-vm-core: vm-built                 ## hooks, guard and attacks alone
	$(Q)TAP_JOBS=2 tests/tap vm-$(VM_KERNEL) $(call vm_core,$(VM_KERNEL))
check-storm: vm-built                   ## a thousand kills under load
	$(Q)tests/tap storm 'BUILD=$(B) tests/vm/run --kernel $(VM_KERNEL) -- tests/vm/daemons/storm.sh 1000'
check-kernels:                          ## the same on every kernel that we claim
	$(Q)status=0; for k in $(VM_KERNELS); do $(MAKE) --no-print-directory check-vm VM_KERNEL=$$k || status=1; done; exit $$status
.PHONY: vm-built check-vm check-vm-core check-storm check-kernels
