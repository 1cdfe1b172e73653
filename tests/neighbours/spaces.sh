#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# In the guest: namespaces, chroots, overlay roots and services with private mounts, without polyward, then outside of stores and inside
# one for a role. Labels belong to inodes, so a container is nothing special. Prints TAP. Run by: tests/vm/run -- tests/neighbours/spaces.sh
set -u
. tests/neighbours/lib.sh
places

# A file below DIR read and written in every kind of place; one line each.
tour() { # tour DIR
	local dir=$1
	mkdir -p "$dir/data" "$dir/root" "$dir/up" "$dir/work"
	chmod 1777 "$dir" "$dir"/*
	echo text >"$dir/data/f"
	echo "plain: $(cat "$dir/data/f" 2>&1)"
	echo "user namespace: $(as first unshare -Ur cat "$dir/data/f" 2>&1)"
	echo "user and mount namespace, bind: $(as first unshare -Urm sh -c "mount --bind $dir/data /mnt && cat /mnt/f && echo more >/mnt/new.first && cat /mnt/new.first" 2>&1 | tr '\n' ' ')"
	echo "pid namespace: $(as first unshare -Urpf --mount-proc sh -c "cat $dir/data/f; ls /proc | grep -c '^[0-9]'" 2>&1 | tr '\n' ' ')"
	echo "all namespaces: $(unshare -muinpfC --mount-proc cat "$dir/data/f" 2>&1)"
	mkdir -p "$dir/root/bin" && cp /run/vm/busybox "$dir/root/bin/sh" && echo inside >"$dir/root/f"
	echo "chroot: $(chroot "$dir/root" /bin/sh -c 'read x </f; echo $x; echo new >/g; read y </g; echo $y' 2>&1 | tr '\n' ' ')"
	echo "chroot of a user: $(as first unshare -Ur chroot "$dir/root" /bin/sh -c 'read x </f; echo $x' 2>&1)"
	echo "pivot_root: $(unshare -m sh -c "mount --bind $dir/root $dir/root && cd $dir/root && mkdir -p old && pivot_root . old && exec /bin/sh -c 'read x </f; echo \$x; exec busybox 2>/dev/null; echo done'" 2>&1 | tr '\n' ' ')"
	echo "overlay over it: $(unshare -m sh -c "mount -t overlay none -o lowerdir=$dir/data,upperdir=$dir/up,workdir=$dir/work /mnt && cat /mnt/f && echo over >/mnt/f && cat /mnt/f && mv /mnt/f /mnt/g && ls /mnt | head -n 5" 2>&1 | tr '\n' ' ')"
	echo "below as before: $(cat "$dir/data/f" 2>&1) $(ls "$dir/up" | tr '\n' ' ')"
	echo "a private tmpfs beside it: $(unshare -m sh -c "mount -t tmpfs none $dir/up && echo private >$dir/up/x && cat $dir/up/x" 2>&1)"
	echo "read-only bind: $(unshare -m sh -c "mount --bind $dir /mnt && mount -o remount,bind,ro /mnt && cat /mnt/data/f && touch /mnt/data/no" 2>&1 | sed 's/.*: //' | tr '\n' ' ')"
	echo "inaccessible: $(unshare -m sh -c "mkdir -p /run/hide && chmod 0 /run/hide && mount --bind /run/hide $dir/data && ls $dir/data | wc -l" 2>&1)"
	echo "propagation: $(unshare -m --propagation private sh -c "mount --make-rslave / && cat $dir/data/f" 2>&1)"
	echo "sandbox of a service: $(setpriv --no-new-privs --bounding-set=-all --inh-caps=-all cat "$dir/data/f" 2>&1)"
	echo "nested: $(as first unshare -Urm unshare -Urm sh -c "mount --bind $dir/data /mnt && cat /mnt/f" 2>&1)"
	rm -rf "$dir"
}

tour /srv/plain/tour >$results/before 2>&1
said=0
grep -i 'denied\|not permitted\|cannot\|invalid' $results/before | sed 's/^/# /' | grep . && said=1
ok $said "without polyward $(wc -l <$results/before) kinds of places work"
begin
tour /srv/plain/tour >$results/outside 2>&1
diff $results/before $results/outside | sed 's/^/# /'
cmp -s $results/before $results/outside
ok $? 'outside of stores all do as before'
tour /far/tour >$results/elsewhere 2>&1
diff $results/before $results/elsewhere | sed 's/^/# /'
cmp -s $results/before $results/elsewhere
ok $? 'on another filesystem too'
denied=$(counter denied)
[ "$denied" -eq 0 ]
ok $? "nothing of that was refused ($denied)"
tour /srv/store/tour >$results/inside 2>&1
diff $results/before $results/inside | sed 's/^/# /'
cmp -s $results/before $results/inside
ok $? 'in a store, for who may, all do as before'
denied=$(counter denied)

echo secret >/srv/store/secret
chmod 644 /srv/store/secret
[ "$(as reader unshare -Urm sh -c 'mount --bind /srv/store /mnt && cat /mnt/secret' 2>&1)" = secret ]
ok $? 'a reader in a container reads'
! as reader unshare -Urm sh -c 'mount --bind /srv/store /mnt && echo x >/mnt/new' 2>/dev/null && [ ! -e /srv/store/new ]
ok $? '... and does not write'
! as stranger unshare -Urm sh -c 'mount --bind /srv/store /mnt && cat /mnt/secret' >/run/out 2>&1 && ! grep -q secret$ /run/out
ok $? 'a stranger in a container does not read'
[ "$(counter denied)" -ge $((denied + 2)) ]
ok $? '... which is counted'
sleep 0.5
polyward log --deny --json 2>/dev/null | jq -rs 'map(select(.uid == 4009 or .uid == 4011)) | length >= 2' | grep -q true
said=$?
[ $said -eq 0 ] || polyward log --deny --last 3 --json | sed 's/^/# /'
ok $said '... and recorded under their own users'
finish
