#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""memory: proportional set size of all of Sallyport's processes at 200 idle sessions, each an open psql with one answered
query, less the same at none, for each session. The peer is the promise: 3 MB. (psql, bubblewrap and sshd are not ours.)
A person may have 64 sessions, so four have 50 each."""
import os
import time

import benchlib as lib

SESSIONS, PROMISE_MB = 200, 3.0
OURS = ("sallyportd", "sallyport-")
MORE = ("dave", "erin")  # beside those of every bastion
PEOPLE = ("alice", "bob", *MORE)


def pss(b):
    """Kilobytes of all our processes in the bastion, by name."""
    net = os.readlink(f"/proc/{b.holder.pid}/ns/net")
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))
            if not name.startswith(OURS) or not b.same_net(pid, net):
                continue
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                kb = next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
        n, total = found.get(name, (0, 0))
        found[name] = (n + 1, total + kb)
    return found


def make_people(b):
    for name in MORE:
        b.run(["sh", "-c", "useradd -m -s %s %s && useradd -m -s /bin/bash lap-%s && cp -r /home/lap-alice/.ssh /home/lap-%s/ && "
               "rm -rf /home/lap-%s/.ssh/op && chown -R lap-%s: /home/lap-%s/.ssh" % (lib.e2e.FORCECMD, *[name] * 6)])
    for name in PEOPLE:
        b.login(name)


def main():
    with lib.open_bastion(audit=True) as b:
        make_people(b)
        b.db("alter system set max_connections = 400")
        b.restart("postgres")
        lib.e2e.wait_for("PostgreSQL", lambda: b.db("select 1", check=False).returncode == 0)
        before = sum(kb for _, kb in pss(b).values())
        children = []
        try:
            for i in range(SESSIONS):
                who = PEOPLE[i % len(PEOPLE)]
                c = b.popen(b.ssh_argv(who, ["psql orders -X -A -t"]), user="lap-" + who, stdin=-1, stdout=-1)
                c.stdin.write(b"select 1;\n")
                c.stdin.flush()
                if c.stdout.readline() != b"1\n":
                    raise SystemExit(f"session {i + 1} did not answer\n{b.daemon_logs()}")
                children.append(c)
            time.sleep(2)
            found = pss(b)
        finally:
            for c in children:
                c.stdin.close()
            for c in children:
                c.wait(30)
        for name, (n, kb) in sorted(found.items()):
            lib.say(f"{name:22s} {n:4d} processes  {kb / 1024:8.1f} MB   {kb / n:8.0f} KB each")
        total = sum(kb for _, kb in found.values())
        per = (total - before) / SESSIONS / 1024
        lib.report("memory", "MB", per, PROMISE_MB, 1, reach_text=f"≤ {PROMISE_MB} MB", sessions=SESSIONS, all_mb=round(total / 1024, 1),
                   all_per_session_mb=round(total / SESSIONS / 1024, 3))


if __name__ == "__main__":
    main()
