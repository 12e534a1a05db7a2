#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tty-bulk: output on a terminal, read over ssh: recorded and masked by us, against `script -q`, `tlog-rec` with its file
writer and sudo's I/O log, which record and do not mask. All are run in turn, by the same ssh client and sshd.

usage: scripts/bench tty-bulk [ROUNDS [MEGABYTES]]"""
import random
import subprocess
import sys
import time

import benchlib as lib
import ttylib

ROUNDS, MEGABYTES, PART = 3, 1000, 20  # PART: megabytes of the file, which is shown as often as it takes
TEXT, LOG = "/srv/bench.txt", "/srv/bench.log"
NOTE = ("{megabytes:,} MB of a service's log on a terminal, over one ssh. `ssh alone` is the ceiling: the same without anybody recording it, "
        "{alone:.1f} MB/s here.{over}")
EMAIL = "bob@example.com"
WORDS = ("starting stopped request from worker queue shard took reading the replica for table orders slow retry with timeout "
         "connection accepted closed by peer checkpoint complete wrote buffers index scan of customers page level info").split()
SUDO = f"""Defaults:plain log_output, !syslog, !lecture, iolog_dir={LOG}, iolog_file=io
plain ALL=(ALL) NOPASSWD: ALL
"""


def make_text():
    """Lines of a service's log, some with colours, one in a hundred with a person's address."""
    rand, lines, size = random.Random(7), [], 0
    while size < PART * 1000000:
        words = " ".join(rand.choice(WORDS) for _ in range(rand.randint(6, 14)))
        line = f"2026-11-22 {rand.randint(10, 23)}:{rand.randint(10, 59)}:{rand.randint(10, 59)}.{rand.randint(100, 999)} {words}"
        kind = rand.randint(0, 99)
        if kind == 0:
            line += " for " + EMAIL
        elif kind < 8:
            line = "\x1b[1;32m" + line[:23] + "\x1b[0m" + line[23:]
        elif kind < 20:
            line += f" id={rand.randint(1000, 99999)} ms={rand.randint(1, 900)}"
        lines.append(line + "\n")
        size += len(line) + 1
    return "".join(lines)


def measure(argv, least):
    """Seconds from the first byte on; least bytes at least must come."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as proc:
        count = len(proc.stdout.read(1))
        start = time.perf_counter()
        while chunk := proc.stdout.read1(1 << 20):
            count += len(chunk)
        took = time.perf_counter() - start
        said = proc.stderr.read().decode("utf-8", "replace")
        proc.stdin.close()
        if proc.wait(60) or count < least:
            raise SystemExit(f"{argv[-1][:60]}: exit {proc.returncode} after {count} bytes\n{said}")
    return took


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else MEGABYTES
    text = make_text()
    times = max(1, round(megabytes * 1000000 / len(text)))
    size = times * len(text)
    show = ["/usr/bin/cat"] + [TEXT] * times
    with lib.open_bastion(policy=ttylib.policy("bulk", show)) as b:
        b.login("alice")
        ttylib.add_plain_sshd(b)
        b.write(TEXT, text)
        b.write("/etc/sudoers.d/bench", SUDO, mode="0440")
        shown = b.run(["ssh", "-tt", "alice@bastion", "run bulk"], "lap-alice", timeout=600).stdout
        if EMAIL in shown or "[masked:" not in shown or "\x1b[1;32m" not in shown:
            raise SystemExit("the output is not masked, or not there")
        del shown
        line = " ".join(show)
        ways = {
            "sallyport": ttylib.ours(b, "run bulk"),
            "script": ttylib.plain(b, f"script -q -c '{line}' {LOG}"),
            "tlog-rec": ttylib.plain(b, f"tlog-rec --writer=file --file-path={LOG} {line}"),
            "sudo": ttylib.plain(b, f"sudo {line}"),
            "ssh alone": ttylib.plain(b, line),
        }
        speeds = {name: [] for name in ways}
        for _ in range(rounds):
            for name, argv in ways.items():
                b.run(["sh", "-c", f"rm -rf {LOG}; chmod 1777 /srv"])
                speeds[name].append(size / 1e6 / measure(argv, size))
                kept = b.run(["sh", "-c", f"du -sk {LOG} 2>/dev/null || true"]).stdout.split()
                if name not in ("sallyport", "ssh alone") and (not kept or int(kept[0]) < 100):
                    raise SystemExit(f"{name} has recorded nothing")
        figures = {name: lib.median(values) for name, values in speeds.items()}
        for name, values in speeds.items():
            lib.say(f"{name:10} min / median / max  {lib.spread(values)} MB/s")
        ours, parts = figures["sallyport"], []
        for name, reach in (("script", 1), ("sudo", 1), ("tlog-rec", 3)):
            parts.append({"name": name, "ours": round(ours, 1), "peer": round(figures[name], 1), "ratio": round(ours / figures[name], 3),
                          "reach": reach})
        alone = figures["ssh alone"]
        over = " ".join(f"{part['reach']} times {part['name']} is {part['reach'] * part['peer']:.1f} MB/s, more than that: nothing behind "
                        "this ssh can reach it." for part in parts if part["reach"] * part["peer"] > alone)
        parts.append({"name": "ssh alone", "ours": round(ours, 1), "peer": round(alone, 1), "ratio": round(ours / alone, 3)})
        lib.report("tty-bulk", "MB/s", ours, max(part["peer"] for part in parts if "reach" in part), rounds, megabytes=round(size / 1e6), parts=parts,
                   note=NOTE.format(megabytes=round(size / 1e6), alone=alone, over=" " + over if over else ""))


if __name__ == "__main__":
    main()
