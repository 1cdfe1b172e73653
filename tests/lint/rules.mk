# SPDX-License-Identifier: Apache-2.0
# What a reader would otherwise have to check by eye. Each program here prints TAP; lint/build compares what make does, so it runs last.
check-lint: all                         ## layers, sizes, words, symbols, tables, manual pages, install, rebuild
	$(Q)B='$(B)' SAN='$(SAN)' tests/tap lint tests/lint/source tests/lint/objects tests/lint/tables tests/lint/build
.PHONY: check-lint
