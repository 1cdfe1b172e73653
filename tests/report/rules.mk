# SPDX-License-Identifier: Apache-2.0
# Reports over logs made by the real writer: every clause state, every figure counted again by its own query, golden texts, OSCAL's schema.
report_tools := $(B)/tests/report/make_log
report_test_objs := $(sort $(report_obj) $(record_obj) $(audit_obj) $(policy_obj) $(names_obj) $(base_obj))

$(B)/tests/report/make_log: $(B)/tests/report/make_log.o $(report_test_objs)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(filter %.o,$^) -ljansson -lcrypto -o $@

check-report: $(report_tools) $(bins) ## reports: golden texts, figures counted again, proofs, OSCAL's schema
	$(Q)tests/tap report "tests/report/run $(B)" "tests/privsep/with-users tests/report/daemon $(B)"
report-update: $(report_tools) $(B)/polyward ## write what reports say now as expected; read the diff before it is committed
	$(Q)tests/report/run --update $(B)
check-report-browser: $(report_tools) $(B)/polyward ## the HTML of reports in Chromium: no request, no error, prints
	$(Q)userspace/dist/deps browser
	$(Q)tests/tap report-browser "tests/report/browser $(B)"
.PHONY: check-report report-update check-report-browser
