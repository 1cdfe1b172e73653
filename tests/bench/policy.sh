#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: policy.sh RULES LOG DIR   Print a policy of RULES rules (at least 1) in which root may do everything in DIR/data, and make the
# folders of its other stores below DIR/more. One rule is about DIR/data; the rest are about up to 200 other stores, with conditions.
set -eu
rules=$1 log=$2 dir=$3
stores=$((rules / 50))
[ "$stores" -ge 9 ] || stores=9
awk -v rules="$rules" -v how="$log" -v dir="$dir" -v stores="$stores" 'BEGIN {
	print "polyward 1"
	print "policy bench { version 1 owner \"bench\" mode enforce log " how " }"
	print "store data { path " dir "/data modality image class phi }"
	print "role runner { members user:root }"
	print "role helper { members user:daemon }"
	print "rule run { allow runner to read, list, write, create, delete on data }"
	if (rules < 2)
		exit
	for (s = 0; s < stores; s++)
		print "store s" s " { path " dir "/more/s" s " modality image class other }"
	for (r = 1; r < rules; r++)
		print "rule r" r " { " (r % 3 ? "allow " : "deny ") (r % 2 ? "runner" : "helper") " to " (r % 7 ? "read" : "list") \
			" on s" r % stores " when user root }"
}'
[ "$rules" -lt 2 ] || (mkdir -p "$dir/more" && cd "$dir/more" && seq -f 's%.0f' 0 $((stores - 1)) | xargs mkdir -p)
