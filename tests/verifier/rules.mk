# SPDX-License-Identifier: Apache-2.0
# The verifier's view of each program, on the kernel that the guest runs.
$(B)/tests/verifier/budget.o: | $(B)/polyward.skel.h
$(B)/tests/verifier/budget: $(B)/tests/verifier/budget.o $(B)/userspace/kernel/variants.o $(base_obj)
	$(call link,-lbpf -lelf -lz)

check-verifier: $(B)/tests/verifier/budget ## instructions that each kernel's verifier goes through
	$(Q)tests/tap verifier $(foreach k,$(VM_KERNELS),'tests/vm/run --kernel $(k) -- $(B)/tests/verifier/budget')
.PHONY: check-verifier
