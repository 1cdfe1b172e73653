# SPDX-License-Identifier: Apache-2.0
"""The other ends: a syslog collector over TCP, a receiver of the journal's native protocol, and the real journal in a mount namespace of its
own. Not a program."""
import array, json, os, socket, struct, subprocess, threading, time

import rfc5424


def wait_for(condition, seconds=10):
    end = time.time() + seconds
    while not condition():
        if time.time() > end:
            raise AssertionError("it does not come")
        time.sleep(0.02)


class Collector:
    """Takes connections one after the other. hang_up_after: after so many messages it resets the n-th connection."""

    def __init__(self, hang_up_after=()):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.plan, self.got, self.connections, self.bad = list(hang_up_after), [], 0, None
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self.read(connection, self.plan.pop(0) if self.plan else None)
            except rfc5424.Bad as why:
                self.bad = why

    def read(self, connection, most):
        rest, count = b"", 0
        while data := connection.recv(4096 if most else 65536):
            found, rest = rfc5424.frames(rest + data)
            self.got += found
            count += len(found)
            if most and count >= most:
                # Whatever is in flight is thrown away: the sender sees a reset.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                break
        connection.close()

    def messages(self, at_least):
        wait_for(lambda: self.bad or len(set(self.got)) >= at_least)
        if self.bad:
            raise self.bad
        return list(self.got)


# ---- the journal ----

def native(data):
    """One entry of the native serialization as a list of (name, value); written from its public description."""
    fields, at = [], 0
    while at < len(data):
        end = data.index(b"\n", at)
        line = data[at:end]
        name, equals, value = line.partition(b"=")
        at = end + 1
        if not equals:
            size = struct.unpack("<Q", data[at:at + 8])[0]
            value = data[at + 8:at + 8 + size]
            if data[at + 8 + size:at + 9 + size] != b"\n":
                raise AssertionError("a value without its newline")
            at += 9 + size
        text = name.decode("ascii")
        if not text or len(text) > 64 or text[0] in "_0123456789" or text.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"):
            raise AssertionError(f"{text} is no name of a field")
        fields.append((text, value))
    return fields


def receive(sock):
    data, ancillary, _, _ = sock.recvmsg(1 << 20, 64)
    for level, kind, payload in ancillary:
        fd = array.array("i", payload[:4])[0]
        seals = __import__("fcntl").fcntl(fd, 1034)  # F_GET_SEALS
        if data or seals & 14 != 14:
            raise AssertionError("a file must be sealed against change and come alone")
        with os.fdopen(fd, "rb") as f:
            return f.read(), True
    return data, False


def add_journal_tests(test, run):
    @test
    def a_receiver_of_the_native_protocol_reads_every_entry():
        path = f"{run.scratch}/journal"
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(path)
        entries, files = [], 0

        def listen():
            nonlocal files
            while len(entries) < len(run.records_on_disk(run.small)):
                data, file = receive(sock)
                entries.append(native(data))
                files += file

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        run.export(run.small, "--journald", "--to", path)
        thread.join(10)
        records, theirs = run.records_on_disk(run.small), run.json_log(run.small)
        run.same(len(entries), len(records), "entries")
        for entry, record, there in zip(entries, records, theirs):
            fields = dict(entry)
            run.same(len(fields), len(entry), "names stand once")
            run.same(fields["POLYWARD_SEQ"], str(there["seq"]).encode(), "seq")
            run.same(fields["POLYWARD_LEAF"].decode(), run.leaf(record), "leaf")
            run.same(fields["SYSLOG_IDENTIFIER"], b"polyward", "identifier")
            run.need(b"\n" not in fields["MESSAGE"], "one line for people")
            for key in ("path", "comm", "note"):
                if key in there:
                    raw = fields["POLYWARD_" + key.upper()]
                    run.need(raw in record, f"{key}: the bytes as they are in the record")
        run.need(any(b"\x1b" in v for e in entries for _, v in e), "some hostile bytes were there")

    @test
    def an_entry_that_is_too_long_for_a_datagram_comes_as_a_sealed_file():
        path = f"{run.scratch}/narrow"
        ours, theirs = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), []
        ours.bind(path)
        # The sender's own buffer is what limits a datagram; a note as long as a record can hold is longer than the default.
        long_log = os.path.join(run.scratch, "long")
        os.makedirs(long_log)
        subprocess.run([f"{run.build}/tests/export/make_log", long_log, "0", "65000"], check=True)
        thread = threading.Thread(target=lambda: theirs.extend(receive(ours) for _ in run.records_on_disk(long_log)), daemon=True)
        thread.start()
        run.export(long_log, "--journald", "--to", path)
        thread.join(10)
        run.same(len(theirs), len(run.records_on_disk(long_log)), "entries")
        longest = max(theirs, key=lambda t: len(t[0]))
        run.need(len(longest[0]) > 65000, "a long one was there")
        run.same(dict(native(longest[0]))["POLYWARD_NOTE"], b"x" * 65000, "its note")

    @test
    def the_real_journal_keeps_every_entry():
        if os.geteuid() != 0 or not os.path.exists("/lib/systemd/systemd-journald"):
            return "needs root and systemd-journald"
        script = f"""
            mount -t tmpfs tmpfs /run || exit 77
            mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d
            printf '[Journal]\\nStorage=volatile\\nRateLimitIntervalSec=0\\nForwardToSyslog=no\\nForwardToWall=no\\nReadKMsg=no\\nAudit=no\\n' >/run/systemd/journald.conf.d/x.conf
            /lib/systemd/systemd-journald >&2 & journal=$!
            for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -S /run/systemd/journal/socket ] && break; sleep 0.1; done
            {run.build}/polyward log export --journald --dir {run.small} >&2; status=$?
            kill -RTMIN+1 $journal; sleep 0.2
            journalctl -D /run/log/journal -t polyward -o json --all --no-pager
            kill $journal; wait $journal
            exit $status"""
        done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if done.returncode == 77 or b"unshare failed" in done.stderr:
            return "no mount namespace here"
        run.same(done.returncode, 0, done.stderr.decode())
        entries = [json.loads(line) for line in done.stdout.splitlines()]
        records, theirs = run.records_on_disk(run.small), run.json_log(run.small)
        run.same([e["POLYWARD_SEQ"] for e in entries], [str(r["seq"]) for r in theirs], "records")
        for entry, record, there in zip(entries, records, theirs):
            run.same(entry["POLYWARD_LEAF"], run.leaf(record), "leaf")
            if there.get("verdict") == "deny":
                run.same(entry["PRIORITY"], "4", "a refusal is a warning")
