#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tty-echo: from a key sent by the ssh client to its echo, on a terminal whose output is recorded and masked, against the
same ssh client and sshd without us. One key in each in turn; what is reported is what we add.

usage: scripts/bench tty-echo [KEYS]"""
import os
import select
import subprocess
import sys
import time

import benchlib as lib
import ttylib

KEYS, LINE, FIRST, PAUSE = 4000, 40, 200, 0.002  # LINE: keys before a return; FIRST: keys that are not counted
WAIT = 20


class Terminal:
    def __init__(self, argv):
        # pylint: disable-next=consider-using-with
        self.proc = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.fd, self.keys = self.proc.stdout.fileno(), 0

    def read(self, least):
        """At least so many bytes."""
        got = b""
        while len(got) < least:
            if not select.select([self.fd], [], [], WAIT)[0]:
                raise SystemExit(f"no echo: {got!r}")
            chunk = os.read(self.fd, 4096)
            if not chunk:
                raise SystemExit("the session is over")
            got += chunk
        return got

    def until(self, what):
        got = b""
        while what not in got:
            got += self.read(1)

    def key(self):
        """Microseconds until the echo."""
        if self.keys == LINE:
            self.proc.stdin.write(b"\r")
            self.read(LINE + 4)  # \r\n, the line by cat, \r\n
            self.keys = 0
        start = time.perf_counter_ns()
        self.proc.stdin.write(b"k")
        self.read(1)
        took = time.perf_counter_ns() - start
        self.keys += 1
        return took / 1000

    def close(self):
        self.proc.stdin.write(b"\x03")
        self.proc.stdin.close()
        self.proc.wait(WAIT)
        self.proc.stdout.close()


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main():
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else KEYS
    command = ["/bin/sh", "-c", "echo ready; exec cat"]
    with lib.open_bastion(policy=ttylib.policy("echo", command)) as b:
        b.login("alice")
        ttylib.add_plain_sshd(b)
        pair = [Terminal(ttylib.ours(b, "run echo")), Terminal(ttylib.plain(b, "echo ready; exec cat"))]
        took = [[], []]
        for t in pair:
            t.until(b"ready\r\n")
        for i in range(keys + FIRST):
            for t, values in zip(pair, took):
                time.sleep(PAUSE)
                us = t.key()
                if i >= FIRST:
                    values.append(us)
        for t in pair:
            t.close()
        added = {}
        for part in (0.5, 0.99):
            ours, peer = (quantile(values, part) for values in took)
            added[part] = ours - peer
            lib.say(f"p{part * 100:.0f}  sallyport {ours:.0f} us   ssh alone {peer:.0f} us   added {ours - peer:.0f} us")
        lib.report("tty-echo", "us", quantile(took[0], 0.99), quantile(took[1], 0.99), keys, added_p50=round(added[0.5]),
                   added_p99=round(added[0.99]), reach_text="p99 ≤ 300 us more")


if __name__ == "__main__":
    main()
