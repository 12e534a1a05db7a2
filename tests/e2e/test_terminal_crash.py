# SPDX-License-Identifier: Apache-2.0
"""P2 by force, for terminals: kill -9 of each process, stopped processes, a full disk, while a shell prints without pause.

Every byte that the client got must be in the record, in the same place; where the blow ends a session, its terminal closes
and nothing of it runs on. SALLYPORT_CRASH_TERMINALS rounds (two of each blow), SALLYPORT_CRASH_SEED (1).
"""
import json
import os
import random
import subprocess
import threading
import time

import pytest

import bastion
import load
from bastion import wait_for

SEED = int(os.environ.get("SALLYPORT_CRASH_SEED", "1"))
POLICY = bastion.POLICY_YAML.replace("rules:\n", """  shell:
    kind: shell
rules:
  - name: people-shell
    who: [engineers]
    on: [shell]
    do: { interactive: true, argv: ["/usr/bin/* **"] }
    effect: allow
    mask: { detect: [email], with: redact }
""", 1)
BLOWS = [blow for blow in load.BLOWS if blow.name not in ("kill psql", "kill bwrap", "bytes into a channel")]
RUNS = int(os.environ.get("SALLYPORT_CRASH_TERMINALS", str(2 * len(BLOWS))))


@pytest.fixture(scope="module")
def own():
    """A bastion of its own, whose service manager is quick."""
    bad = bastion.Bastion(audit=False, log_size="1g", restart_sec=0.2, policy=POLICY)
    try:
        bad.start()
        bad.login("alice")
    except Exception as e:  # pylint: disable=broad-except
        bad.stop()
        pytest.fail(f"the bastion did not start: {e}", pytrace=False)
    yield bad
    bad.stop()


class Printer(threading.Thread):
    """A client in whose session a loop of the shell's own counts lines, an address to mask in each of them; keeps every byte."""

    def __init__(self, b, mark, tty):
        super().__init__()
        words = f"shell -c 'i=0; while :; do echo {mark}-$((i+=1)) of alice.a@example.com; done'"
        argv = b.argv(b.ssh_argv("alice", [words], options=["-tt"] if tty else []), "lap-alice")
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL if not tty else subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = bytearray(), b""
        self.start()

    def run(self):
        while chunk := self.process.stdout.read1(1 << 16):
            self.out += chunk
        self.err = self.process.stderr.read()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.join(30)


def shown(b, sid):
    """What the record says was shown."""
    text = b.run(["sallyport", "export", sid, "--format", "asciicast"], timeout=120).stdout
    return "".join(json.loads(line)[2] for line in text.splitlines()[1:] if json.loads(line)[1] == "o").encode()


def session_of(b, mark):
    done = b.sallyport("sessions", "--json").stdout.splitlines()
    found = [s["id"] for s in map(json.loads, done) if mark in s["command"]]
    return found[0] if len(found) == 1 else None


def one(b, run):
    """A printer, a blow at a moment of its own, and what came of it."""
    rng, blow, mark = random.Random(SEED * 7919 + run), BLOWS[run % len(BLOWS)], f"t{run}x{SEED}"
    p = Printer(b, mark, tty=run // len(BLOWS) % 2 == 0)
    try:
        wait_for("the first lines", lambda: len(p.out) > 1000 or p.process.poll() is not None, timeout=30)
        assert p.process.poll() is None, bytes(p.out[-500:]) + p.err
        sid = wait_for("the session", lambda: session_of(b, mark))
        time.sleep(rng.uniform(0, 0.3))
        struck = blow.strike(b, rng)
        if blow.ends and struck and blow.name != "kill audit":
            wait_for(f"the client's end after {blow.name}", lambda: p.process.poll() is not None, timeout=30)
        elif not blow.ends:
            size = len(p.out)
            wait_for(f"more lines after {blow.name}", lambda: len(p.out) > size + 1000, timeout=30)
    finally:
        p.close()
    for name in bastion.DAEMONS:
        b.wait_ready(name)
    wait_for("the loop to be gone", lambda: not load.pids(b, mark), timeout=30)
    wait_for("its processes to be gone", lambda: not b.session_pids() and not load.pids(b, *load.OF_A_SESSION["forcecmd"]), timeout=30)
    wait_for("its record to be closed", lambda: sid not in b.sallyport("sessions", "--state", "open").stdout, timeout=45)
    seen = bytes(p.out).split(b"sallyport: ")[0]  # what sallyport-forcecmd says of a session that is gone is its own
    held = shown(b, sid)
    at = p.out.find(b"alice.a")
    assert at < 0, f"{blow.name}: an unmasked value at byte {at} of {len(p.out)}: {bytes(p.out[max(at - 60, 0):at + 60])!r}"
    assert b"[masked:email]" in seen, (blow.name, bytes(p.out[:300]))
    where = next((i for i, (x, y) in enumerate(zip(seen, held)) if x != y), min(len(seen), len(held)))
    assert held.startswith(seen), (f"{blow.name}: byte {where} of {len(seen)} shown is not that of {len(held)} on record: "
                                   f"{seen[where - 40:where + 40]!r}, {held[where - 40:where + 40]!r}")
    return blow.name if struck else None, len(seen)


def test_storm(own):
    done = [one(own, run) for run in range(RUNS)]
    struck = [name for name, _ in done if name]
    print(f"\n{len(struck)} blows, seed {SEED}; {sum(n for _, n in done)} bytes shown, all on record")
    assert len(struck) >= RUNS * 9 // 10, "too few blows landed"
    verify = own.sallyport("verify", check=False, timeout=120)
    assert verify.returncode == 0, verify.stdout + verify.stderr
