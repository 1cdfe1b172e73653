# SPDX-License-Identifier: Apache-2.0
# The demo: the main job, shown in a throw-away virtual machine. Installs, builds and fetches what is missing first.
$(B)/tests/demo/opentree: $(B)/tests/demo/opentree.o
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $(filter %.o,$^) -o $@

demo:                                   ## see it work, in a virtual machine, in under two minutes once kernel and packages are here
	$(Q)userspace/dist/deps build test demo
	$(Q)$(MAKE) --no-print-directory all $(B)/tests/demo/opentree
	$(Q)BUILD=$(B) tests/demo/run
.PHONY: demo
