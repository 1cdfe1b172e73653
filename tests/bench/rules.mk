# SPDX-License-Identifier: Apache-2.0
# Figures: whole-system instructions per operation in a guest whose clock counts instructions, and the native ones.
bench_dir := $(B)/tests/bench
bench_compile := $(bench_dir)/compile.o $(policy_obj) $(names_obj) $(base_obj)

$(bench_dir)/ops: $(bench_dir)/ops.o $(bench_dir)/ops_more.o $(base_obj)
	$(call link,)
$(bench_dir)/peer_%: $(bench_dir)/peer_%.o $(base_obj)
	$(call link,)
$(bench_dir)/nop: tests/bench/nop.c
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) -O2 -Wall -Wextra -static -nostdlib -fno-stack-protector -no-pie $< -o $@
$(bench_dir)/fill: $(bench_dir)/fill.o $(base_obj)
	$(call link,)
$(bench_dir)/floor: $(bench_dir)/floor.o
	$(call link,-lbpf -lelf -lz)
$(bench_dir)/bench_decide: $(bench_dir)/bench_decide.o $(policy_obj) $(names_obj) $(base_obj)
	$(call link,-ljansson -lcrypto)
$(bench_dir)/sink: $(bench_dir)/sink.o $(audit_obj) $(bench_compile)
	$(call link,-ljansson -lcrypto)
$(bench_dir)/bench_hash: $(bench_dir)/bench_hash.o $(call obj,$(addprefix userspace/audit/,tree.c hash.c hash_wide.c)) $(base_obj)
	$(call link,-lcrypto)
$(bench_dir)/bench_swap: $(bench_dir)/bench_swap.o $(kernel_obj) $(bench_compile)
	$(call link,-ljansson -lbpf -lelf -lz -lcrypto -lseccomp -lcap)
$(bench_dir)/%.bpf.o: tests/bench/%.bpf.c $(B)/flags
	$(call say,BPF)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPFFLAGS) -MF $(@:.o=.d) -c $< -o $@

bench_built := $(addprefix $(bench_dir)/,ops nop peer_landlock peer_fanotify fill floor floor.bpf.o bench_decide bench_hash sink bench_swap)

bench: all $(bench_built)               ## cost per operation beside the floor, memory, native figures: a table and build/bench.json
	$(Q)userspace/dist/deps test bench
	$(Q)B=$(B) tests/bench/run $(BENCH)
bench-decide: $(bench_dir)/bench_decide  ## what one decision costs natively, with 10 and with 10,000 rules
	$(Q)$<
bench-hash: $(bench_dir)/bench_hash      ## what leaves and nodes of a record cost, in nanoseconds and in instructions
	$(Q)$< 512 400
	$(Q)! command -v valgrind >/dev/null || valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=batch $< 512 20 2>&1 | \
		awk '/Collected/ { printf "eight side by side: %.0f instructions a record\n", $$NF / 512 / 20 }'
# In memory, and on the disk that the build lies on.
bench-sink: $(bench_dir)/sink            ## kernel events a second into a signed log, and hashing's share
	$(Q)for base in /dev/shm '$(B)'; do d=$$(mktemp -d "$$base/polyward-sink-XXXXXX") && echo "# $$base" && \
		{ $< "$$d" $(or $(RECORDS),3000000) tests/bench/sink.pw; code=$$?; rm -rf "$$d"; [ $$code = 0 ] || exit 1; }; done
bench-build: $(bench_built)
.PHONY: bench bench-decide bench-hash bench-sink bench-build
