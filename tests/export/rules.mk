# SPDX-License-Identifier: Apache-2.0
# The log in other people's formats: every kind of record through every projection and every sink, against parsers and receivers of our own.
$(B)/tests/export/make_log: $(call obj,tests/export/make_log.c) $(audit_obj) $(image_obj) $(base_obj)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(filter %.o,$^) -lcrypto -o $@
$(B)/tests/export/kafka_cluster: $(call obj,tests/export/kafka_cluster.c) $(base_obj)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(filter %.o,$^) -lrdkafka -o $@

export_test := $(addprefix $(B)/tests/export/,make_log kafka_cluster) $(bins)
check-export: $(export_test)            ## `polyward log export`: OCSF, syslog, the journal, Kafka
	$(Q)tests/tap export "tests/export/run $(B)"
.PHONY: check-export
