# SPDX-License-Identifier: Apache-2.0
# What the suites are called together. Each suite's own rules stand in its folder (tests/*/rules.mk).
check: all check-unit check-golden check-differential check-corpora check-faults check-export check-report check-evidence check-lint ## every change: no root, no virtual machine
check-asan:                             ## the same under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)$(MAKE) --no-print-directory B=build/asan SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer" check-unit check-golden check-corpora check-faults
test:                                   ## everything that CI needs; on a fresh Debian 12, as root
	$(Q)userspace/dist/deps build test neighbours demo browser
	$(Q)rm -f build/tests/results build/asan/tests/results
	$(Q)$(MAKE) --no-print-directory WERROR=1 all
	$(Q)tests/all
.PHONY: check check-asan test
