# SPDX-License-Identifier: Apache-2.0
"""--kafka against librdkafka's mock cluster, with errors injected, brokers away, and a topic that refuses. Not a program."""
import json, os, signal, subprocess, time

import receivers

TOPIC = "audit.polyward"


class Cluster:
    def __init__(self, build):
        self.run = subprocess.Popen([f"{build}/tests/export/kafka_cluster", TOPIC], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.brokers = self.run.stdout.readline().decode().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run.stdin.close()
        self.run.wait(10)

    def say(self, line):
        self.run.stdin.write(line.encode() + b"\n")
        self.run.stdin.flush()
        answer = []
        while (got := self.run.stdout.readline()) != b".\n":
            if not got:
                raise AssertionError("the cluster ended")
            answer.append(got.decode().split(" "))
        return answer

    def consume(self, most):
        return [(int(p), bytes.fromhex(key).decode(), int(seq), leaf, bytes.fromhex(value.strip())) for p, key, seq, leaf, value in self.say(f"consume {most}")]


def add_tests(test, run):
    def words(cluster, *more):
        return ("--kafka", cluster.brokers, "--topic", TOPIC, *more)

    def check(cluster, log, extra=0):
        want, records = run.export(log, "--ocsf").stdout.splitlines(), run.records_on_disk(log)
        got = cluster.consume(len(want) + extra)
        run.same([seq for _, _, seq, _, _ in got], list(range(len(want))), "numbers, in order")
        run.same([value for *_, value in got], want, "values, byte for byte")
        run.same([leaf for _, _, _, leaf, _ in got], [run.leaf(r) for r in records], "leaf hashes")
        run.same(len({p for p, *_ in got}), 1, "partitions of one log")

    @test
    def kafka_gets_every_event_in_order_through_errors():
        log, cursor = run.make_log("kafka", 2000), f"{run.scratch}/kafka.cursor"
        with Cluster(run.build) as c:
            c.say("errors 6")
            run.export(log, *words(c, "--cursor", cursor))
            check(c, log)
            total = len(run.records_on_disk(log))
            run.need(f"next {total}\n" in open(cursor).read(), "cursor")
            run.make_log("kafka", 5)
            run.export(log, *words(c, "--cursor", cursor))
            check(c, log)

    @test
    def kafka_messages_of_a_signed_log_have_its_origin_as_key():
        log, _ = run.make_signed("kafka-signed", 10)
        with Cluster(run.build) as c:
            run.export(log, *words(c))
            check(c, log)
            origin = open(f"{log}/checkpoint").readline().strip()
            run.same({key for _, key, *_ in c.consume(len(run.records_on_disk(log)))}, {origin}, "keys")

    @test
    def kafka_brokers_that_go_away_are_waited_for():
        log, cursor = run.make_log("kafka-away", 50), f"{run.scratch}/kafka-away.cursor"
        with Cluster(run.build) as c:
            c.say("down")
            going = subprocess.Popen([f"{run.build}/polyward", "log", "export", "--dir", log, *words(c, "--cursor", cursor)], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE)
            time.sleep(1.5)
            run.same(going.poll(), None, "it waits")
            run.need(not os.path.exists(cursor) or "next 0\n" in open(cursor).read(), "nothing counts as exported")
            c.say("up")
            _, said = going.communicate(timeout=30)
            run.same(going.returncode, 0, said)
            run.need(b"trying again" in said, said)
            check(c, log)

    @test
    def kafka_that_refuses_is_an_error_and_moves_no_cursor():
        cursor = f"{run.scratch}/kafka-refused.cursor"
        with Cluster(run.build) as c:
            c.say("refuse")
            done = run.export(run.small, *words(c, "--cursor", cursor), check=False)
            run.same(done.returncode, 3, done.stderr)
            run.need(b"authorization" in done.stderr.lower(), done.stderr)
            run.need("next 0\n" in open(cursor).read(), "cursor")

    @test
    def kafka_settings_come_from_a_file_but_not_the_promise():
        config = f"{run.scratch}/kafka.conf"
        for text, want in (("acks=1\n", b"is not to be set"), ("nonsense=1\n", b"nonsense"), ("no equals sign\n", b"NAME=VALUE"),
                           ("# a comment\n\ncompression.codec=zstd\nlinger.ms=1\n", None)):
            with open(config, "w") as f:
                f.write(text)
            with Cluster(run.build) as c:
                done = run.export(run.small, *words(c, "--kafka-config", config), check=False)
                if want:
                    run.need(done.returncode == 3 and want in done.stderr, text, done.stderr)
                else:
                    run.same(done.returncode, 0, done.stderr)
                    check(c, run.small)

    @test
    def a_helper_that_dies_is_an_error():
        log, cursor = run.make_log("helper", 30000), f"{run.scratch}/helper.cursor"
        with Cluster(run.build) as c:
            c.say("down")
            going = subprocess.Popen([f"{run.build}/polyward", "log", "export", "--dir", log, *words(c, "--cursor", cursor)], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE)

            def child():
                found = open(f"/proc/{going.pid}/task/{going.pid}/children").read().split()
                return found and os.path.basename(os.readlink(f"/proc/{found[0]}/exe")) == "polyward-export" and int(found[0])

            def powerless():
                lines = [l.split()[1:] for l in open(f"/proc/{child()}/status") if l.startswith(("Uid:", "Gid:", "NoNewPrivs:"))]
                return os.geteuid() != 0 or ("0" not in lines[0] + lines[1] and lines[2] == ["1"])

            receivers.wait_for(child)
            receivers.wait_for(powerless)
            os.kill(child(), signal.SIGKILL)
            _, said = going.communicate(timeout=20)
            run.same(going.returncode, 3, said)
            run.need(b"polyward-export was ended by signal 9" in said, said)
            run.need("next 0\n" in open(cursor).read(), "cursor")
