# SPDX-License-Identifier: Apache-2.0
"""The daemon, without its kernel programs, hands out the log and records what is made of it. Not a program."""
import hashlib, json, os, subprocess


def add_tests(test, run):
    @test
    def the_daemon_records_what_was_exported():
        if os.environ.get("SAN"):
            return "sanitizers do not live in the daemon's sandboxes"
        d = os.path.join(run.scratch, "daemon")
        for name in ("run", "state", "log"):
            os.makedirs(os.path.join(d, name))
        os.chmod(run.scratch, 0o711)
        script = f"""
            b={run.build}; d={d}; export POLYWARD_SOCKET=$d/run/control
            $b/polywardd --run-dir $d/run --state-dir $d/state --log-dir $d/log --libexec $b/libexec 2>$d/said & daemon=$!
            for i in $(seq 100); do $b/polyward log >/dev/null 2>&1 && break; sleep 0.1; done
            $b/polyward log export --ocsf --cursor $d/cursor >$d/out || exit 3
            $b/polyward log export --ocsf --cursor $d/cursor --kind gap || exit 4
            timeout -s TERM 2 $b/polyward log export --syslog --follow >$d/followed
            $b/polyward log --json
            kill $daemon; wait $daemon"""
        done = subprocess.run(["tests/privsep/with-users", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if b"# SKIP" in done.stdout:
            return "needs root and a mount namespace"
        run.need(done.returncode in (0, 143), done.returncode, done.stderr)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        out = open(f"{d}/out", "rb").read()
        evidence = [r for r in records if r["kind"] == "evidence"]
        run.same([(e["event"], e["actor_uid"], e["note"]) for e in evidence],
                 [("export", 0, "ocsf to standard output"), ("export", 0, "syslog to standard output, begun"), ("export", 0, "syslog to standard output")], "what is recorded")
        run.same(evidence[0]["rows"], out.count(b"\n"), "rows")
        run.same(evidence[0]["digest"], hashlib.sha256(out).hexdigest(), "digest of what went out")
        run.need("--cursor" in evidence[0]["query"], "the command line")
        followed = open(f"{d}/followed", "rb").read()
        run.same(evidence[2]["digest"], hashlib.sha256(followed).hexdigest(), "digest of what was followed")
        run.need(b", begun" in followed, "the export shows that it was begun")
        origin = open(f"{d}/log/records/log.vkey").read().split("+")[0]
        for line in out.splitlines():
            run.same(json.loads(line)["attestation_list"][0]["chain_uid"], origin, "origin")
        run.need(f"origin {origin}\n" in open(f"{d}/cursor").read(), "origin in the cursor")
