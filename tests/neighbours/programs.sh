#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# One ordinary program at work in the current directory, which is empty. What it prints must not depend on where that is, on the
# clock or on chance: ordinary.sh compares it between places. Must never look whether polyward is there.
# Usage: programs.sh NAME BESIDE REPO    BESIDE: a directory elsewhere on the filesystem, for what comes from outside
set -u
set -o pipefail
what=$1 beside=$2 repo=$3
export LC_ALL=C TZ=UTC HOME=$PWD GIT_CONFIG_NOSYSTEM=1
umask 022

tree() { # tree DIR: everything about it but times and the sizes of directories
	(
		cd "$1" || exit
		find . -type d -printf '%P|d|%m|%n\n' -o -printf '%P|%y|%m|%s|%n|%l\n' | sort | sha256sum
		find . -type f -print0 | sort -z | xargs -0r sha256sum | sha256sum
		find . | wc -l
	)
}

many() { # many DIR DIRS FILES: DIRS * FILES small files
	seq -f "$1/d%g" "$2" | xargs mkdir -p
	awk -v dir="$1" -v dirs="$2" -v files="$3" 'BEGIN {
		for (d = 1; d <= dirs; d++)
			for (f = 1; f <= files; f++) {
				name = dir "/d" d "/f" f
				print "file " f " of directory " d >name
				close(name)
			}
	}'
}

do_tar() {
	many source 100 20
	setfattr -n user.origin -v scanner source/d1/f1
	setfacl -m u:4002:r source/d1/f2
	truncate -s 8M source/sparse && printf x | dd of=source/sparse bs=1 seek=4000000 conv=notrunc status=none
	ln source/d1/f1 source/d2/link && ln -s d1/f1 source/symlink && mkfifo source/fifo
	chmod 600 source/d3/f3 && touch -d @1000000000 source/d4/f4
	tar --xattrs --acls -Scf all.tar source || return
	mkdir out && tar --xattrs --acls -Sxpf all.tar -C out || return
	tree source && tree out
	tar --xattrs --acls -df all.tar && echo same
	[ source/d1/f1 -ef source/d2/link ] && [ out/source/d1/f1 -ef out/source/d2/link ] && echo linked
	getfattr --only-values -n user.origin out/source/d1/f1; echo
	getfacl -c out/source/d1/f2
	[ "$(stat -c %b out/source/sparse)" -lt 1000 ] && echo sparse
	stat -c %Y out/source/d4/f4
	tar czf - source | tar tzf - | wc -l
	rm -rf out source && ls
}

do_cc() {
	cp "$repo"/userspace/base/*.[ch] .
	mkdir base && mv ./*.h base/
	cat >main.c <<-'END'
		#include <stdio.h>
		#include "base/num.h"
		int main(void)
		{
			uint64_t n = 0;
			int status = num_parse("4711", 4, 10000, &n);
			printf("%d %d\n", status, (int)n);
			return 0;
		}
	END
	printf '%b' 'objects = num.o err.o main.o\nprogram: $(objects) libbase.a\n\t$(CC) -o $@ $(objects)\n' \
		'libbase.a: num.o err.o\n\tar rcs $@ $^\n%.o: %.c\n\t@$(CC) -std=gnu17 -D_GNU_SOURCE -I. -O0 -pipe -c $< -o $@\n' >Makefile
	make -j2 -s 2>&1 && make -s && ./program && ar t libbase.a
	touch num.c && make -s && ./program
	sha256sum program libbase.a ./*.o | sha256sum
	strip program && ./program && ldd program | wc -l
}

do_git() {
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
	export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000' GIT_CEILING_DIRECTORIES=$PWD
	git init -q -b main work && cd work || return
	git config gc.auto 0
	many . 4 10
	git add . && git commit -qm one && git rev-parse HEAD
	git checkout -qb side && echo side >d1/f1 && git commit -qam side && git checkout -q main
	echo main >d2/f2 && git commit -qam two && git merge -q --no-edit side && git rev-parse HEAD
	git mv d3/f3 d3/moved && git stash -q && git stash pop -q && git commit -qm moved && git status --short
	git gc -q && git count-objects -v | grep -v size
	git fsck --strict 2>&1 && git log --format='%h %s'
	cd .. && git clone -q --local work copy && git -C copy rev-parse HEAD
	stat -c %h copy/.git/objects/pack/*.pack
	git -C work worktree add -q ../tree side && cat tree/d1/f1 && git -C work worktree remove tree && ls
	git clone -q --no-local --depth 1 "file://$PWD/work" shallow && git -C shallow log --format=%s
	git -C work grep -c 'file 1 of' | wc -l
}

do_rsync() {
	local from=$beside/rsync.$$
	many "$from/s" 5 40
	ln "$from/s/d1/f1" "$from/s/d2/link" && ln -s d1/f1 "$from/s/symlink"
	setfattr -n user.a -v b "$from/s/d1/f2" && setfacl -m u:4002:rw "$from/s/d1/f3"
	rsync -aHAX "$from/s/" into/ && tree into
	rsync -aHAX --delete into/ again/ && tree again
	echo changed >into/d1/f1 && rm into/d3/f3 && touch -d @1000000000 into/d4/f4
	rsync -aHAXi --delete into/ again/ | sort && tree again
	rsync -a --inplace --no-whole-file --checksum into/ again/ && tree again
	rsync -aHAX --link-dest="$PWD/into" into/ third/ && stat -c %h third/d1/f5
	getfattr --only-values -n user.a again/d1/f2; echo
	rsync -a --remove-source-files third/ fourth/ && find third -type f | wc -l
	rm -rf "$from"
}

do_sqlite() {
	local mode
	for mode in WAL DELETE; do
		sqlite3 "$mode.db" "PRAGMA journal_mode=$mode; CREATE TABLE t(n INTEGER PRIMARY KEY, who TEXT, v INTEGER);"
		python3 - "$mode.db" <<-'END'
			import os, sqlite3, sys
			children = []
			for who in ("a", "b"):
			    pid = os.fork()
			    if pid == 0:
			        db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
			        for i in range(15):
			            db.execute("BEGIN IMMEDIATE")
			            db.execute("INSERT INTO t(who, v) VALUES(?, ?)", (who, i))
			            db.execute("ROLLBACK" if i % 5 == 4 else "COMMIT")
			        db.close()
			        os._exit(0)
			    children.append(pid)
			print([os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in children])
		END
		sqlite3 "$mode.db" 'PRAGMA integrity_check; SELECT who, count(*), sum(v) FROM t GROUP BY who; VACUUM; SELECT count(*) FROM t;'
	done
	sqlite3 WAL.db '.backup copy.db' && sqlite3 copy.db 'SELECT count(*) FROM t' && ls
}

do_edit() {
	many . 2 5
	sed -i 's/file/line/' d1/f1 && cat d1/f1
	vim -es -u NONE -N -c '%s/file/vim/' -c wq d1/f2 </dev/null; cat d1/f2
	cp --reflink=auto d1/f1 copy && cp -a d1 dd && cp -al dd linked && stat -c %h linked/f1
	mv copy d2/ && mv d2 d3 && mv -n d1/f3 d3/f4 && cat d3/f4
	mv d1/f4 "$beside/edit.$$" && cat "$beside/edit.$$" && mv "$beside/edit.$$" d1/f4 && cat d1/f4
	mv d1/f5 "/far/edit.$$" && mv "/far/edit.$$" d1/f5 && cat d1/f5
	install -m 640 d1/f1 installed && stat -c %a installed
	ln -sfn d1 current && ln -sfn d3 current && readlink current
	rm "$(mktemp -p .)" && echo "$RANDOM" >t.tmp && mv -f t.tmp final && test -s final && echo replaced
	dd if=d1/f1 of=direct bs=4096 oflag=direct conv=notrunc status=none 2>/dev/null; stat -c %s direct
	split -l 1 d1/f1 part. && cat part.* && truncate -s 3 direct && shred -u direct && ls
	flock d1/f1 -c 'echo locked' && sort -o d1/f1 d1/f1 && tac d1/f1 && tee x y <d1/f1 >/dev/null && cmp x y && rm -rf d1
	ls | wc -l
}

do_logs() {
	printf '%s\n' "$PWD/app.log {" '  rotate 2' '  size 1' '  create 0640' '  compress' '  delaycompress' '}' \
		"$PWD/cut.log {" '  rotate 2' '  size 1' '  copytruncate' '}' >rotate.conf
	chmod 600 rotate.conf
	echo first >app.log && echo first >cut.log && chmod 640 app.log
	tail -n +1 -F app.log >seen 2>/dev/null &
	local tail=$!
	sleep 0.5
	for n in 1 2 3; do
		/usr/sbin/logrotate -s state rotate.conf 2>&1
		echo "line $n" >>app.log && echo "line $n" >>cut.log
		sleep 0.4
	done
	kill $tail && wait $tail 2>/dev/null
	cat seen && ls && zcat app.log.2.gz && cat cut.log.1 && stat -c %a app.log
}

do_tmpfiles() {
	printf '%s\n' "d $PWD/run 0750 - - -" "f $PWD/run/file 0640 - - - text" "L $PWD/run/link - - - - file" \
		"p $PWD/run/pipe 0600 - - -" "D $PWD/gone 0755 - - 1s" "C $PWD/copy - - - - $PWD/run" "z $PWD/run/file 0604 - - -" >conf
	systemd-tmpfiles --create "$PWD/conf" 2>&1 && tree run && tree copy && cat run/file && touch gone/x && sleep 1.5
	systemd-tmpfiles --clean "$PWD/conf" 2>&1 && ls gone && systemd-tmpfiles --remove "$PWD/conf" 2>&1 && ls
}

do_walk() {
	many . 10 30
	find . -type f -name 'f1*' | wc -l && find . -newer d1/f1 -type d | wc -l >/dev/null
	du -a --apparent-size . | wc -l && du -sl --inodes . | cut -f1 && ls -lR . | wc -l && grep -rl 'file 7 of' . | sort | sha256sum
	find . -type f -print0 | xargs -0 cat | sort | sha256sum && find . -empty | wc -l
	updatedb -U . -o db --prunepaths '' --prunefs '' --prune-bind-mounts no -l no 2>&1 && locate -d db f30 | wc -l
	find . -depth -mindepth 1 -delete && ls -A
}

do_python() {
	mkdir -p package && cat >package/__init__.py <<-'END'
		from . import inner
	END
	echo 'value = 4711' >package/inner.py
	cp "$(python3 -c 'import _json; print(_json.__file__)')" . 2>/dev/null
	python3 -c 'import sys; sys.path.insert(0, "."); import package; print(package.inner.value)' && ls package/__pycache__
	python3 -c 'import sys; sys.path.insert(0, "."); import package; print(package.inner.__cached__[-4:])'
	cp "$(python3 -c 'import _ctypes; print(_ctypes.__file__)')" extension.so
	python3 -c 'import ctypes; ctypes.CDLL("./extension.so"); print("loaded")'
	python3 - <<-'END'
		import mmap, os, shelve, tempfile, zipfile, json
		with open("m", "wb") as f: f.truncate(8192)
		with open("m", "r+b") as f, mmap.mmap(f.fileno(), 0) as m: m[0:4] = b"mmap"; m.flush()
		print(open("m", "rb").read(4))
		with zipfile.ZipFile("z.zip", "w") as z: z.write("m")
		print(zipfile.ZipFile("z.zip").testzip())
		with tempfile.TemporaryFile(dir=".") as t: t.write(b"x"); print(t.tell())
		with shelve.open("s") as s: s["k"] = [1, 2]
		print(shelve.open("s")["k"])
		json.dump({"a": 1}, open("j", "w")); os.replace("j", "k"); print(json.load(open("k")))
		print(sorted(e.name for e in os.scandir(".") if e.is_file() and not e.name.startswith("_json"))[:3])
	END
}

# The Debian packages' own checkers. What they print is full of figures; what counts is that they found no fault.
do_stress() {
	local n
	for n in access chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dup fallocate fcntl fiemap filename flock fpunch \
		fstat handle hdd inotify io iomix lease link locka lockf lockofd metamix mknod mmapfork open readahead rename revio \
		seek sendfile splice symlink sync-file touch truncate unlink utime verity xattr; do
		stress-ng --"$n" 1 --"$n"-ops 5 --timeout 4 --temp-path . --verify --hdd-bytes 1M --iomix-bytes 1M --readahead-bytes 1M \
			--revio-bytes 1M --copy-file-bytes 1M --fallocate-bytes 1M --seek-size 1M --filename-opts posix >out 2>&1
		echo "$n: $? $(grep -c 'fail:' out)"
	done
}

do_fio() {
	local engine
	for engine in psync mmap libaio io_uring splice; do
		fio --name=v --filename=f --size=1M --bs=4k --rw=randwrite --verify=crc32c --do_verify=1 --randseed=7 --ioengine=$engine \
			--fallocate=none --minimal >out 2>&1
		echo "$engine: $? $(grep -ci 'verify.*fail\|bad' out)"
	done
}

"do_$what"
echo "status $?"
