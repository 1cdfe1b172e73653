#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: policy.sh RULES LOG DIR   Print a policy of RULES rules (1 to 10,000) in which root may do everything in DIR/data, and make the
# folders of its other stores below DIR/more. One rule is about DIR/data; the rest are about up to 500 other stores. No two say the same.
set -eu
rules=$1 log=$2 dir=$3
stores=$((rules / 20))
[ "$stores" -ge 9 ] || stores=9
awk -v rules="$rules" -v how="$log" -v dir="$dir" -v stores="$stores" 'BEGIN {
	split("read list write create delete exec attr link lock watch", action)
	print "polyward 1"
	print "policy bench { version 1 owner \"bench\" mode enforce log " how " }"
	print "store data { path " dir "/data modality image class phi }"
	print "role runner { members user:root }"
	print "role helper { members user:daemon }"
	print "rule run { allow runner to read, list, write, create, delete, exec, attr on data }"
	if (rules < 2)
		exit
	for (s = 0; s < stores; s++)
		print "store s" s " { path " dir "/more/s" s " modality image class other }"
	for (r = 1; r < rules; r++) {
		round = int(r / stores)
		print "rule r" r " { allow " (round % 2 ? "runner" : "helper") " to " action[1 + int(round / 2) % 10] " on s" r % stores \
			(r % 3 ? "" : " when user root") " }"
	}
}'
[ "$rules" -lt 2 ] || (mkdir -p "$dir/more" && cd "$dir/more" && seq -f 's%.0f' 0 $((stores - 1)) | xargs mkdir -p)
