# SPDX-License-Identifier: Apache-2.0
# The verifier's view of each program, on the kernel that the guest runs, beside the committed one.
verifier_budget := tests/verifier/budget.tsv

$(B)/tests/verifier/budget.o: | $(B)/polyward.skel.h
$(B)/tests/verifier/budget: $(B)/tests/verifier/budget.o $(B)/userspace/kernel/variants.o $(base_obj)
	$(call link,-lbpf -lelf -lz)

check-verifier: $(B)/tests/verifier/budget ## instructions that each kernel's verifier goes through, beside budget.tsv
	$(Q)tests/tap verifier $(foreach k,$(VM_KERNELS),'tests/vm/run --kernel $(k) -- $(B)/tests/verifier/budget $(verifier_budget)')
verifier-update: $(B)/tests/verifier/budget ## rewrite budget.tsv from all kernels: about a minute
	$(Q)tests/verifier/update $(B)/tests/verifier/budget $(verifier_budget) $(VM_KERNELS)
.PHONY: check-verifier verifier-update
