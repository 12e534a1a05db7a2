#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""exec: a run of configure, and a loop of 10,000 execs, in a command each of whose execs is decided and on record by us,
against the same without us ("plain"), and under sudo with `intercept`, which decides each too.

The time is taken by the script itself, from its first line to its last: no login is in it.

usage: scripts/bench exec [ROUNDS [EXECS]]"""
import re
import subprocess
import sys

import benchlib as lib
import ttylib

ROUNDS, EXECS = 3, 10000
REACH = {"configure, plain": "≤ 1.15", "configure, sudo": "< 1", "loop, sudo": "< 1"}
NOTE = ("Seconds of a run of our own `configure`, and of {execs:,} execs one after the other, in a command each of whose execs is "
        "decided and on record; against the same without us (`plain`), and under sudo with `intercept`.")
WORK, SOURCE = "/srv/work.sh", "/srv/source"
SCRIPT = r"""case $1 in
configure) rm -rf "$HOME/build" && mkdir "$HOME/build" && cd "$HOME/build" || exit 1 ;;
esac
start=$(date +%%s%%N)
case $1 in
configure) %(source)s/configure -q >"$HOME/said" 2>&1 || { tail "$HOME/said"; exit 1; } ;;
loop) i=0; while [ $i -lt %(execs)d ]; do /usr/bin/true; i=$((i + 1)); done ;;
esac
end=$(date +%%s%%N)
echo "took $((end - start)) ns"
case $1 in
refused) /usr/bin/id && echo "id ran" ;;
esac
true
"""
CONNECTION = """  work:
    kind: command
    command: [/bin/sh, %s, "{what}"]
    parameters: { what: "configure|loop|refused" }
"""
RULES = """  - name: work
    who: [engineers]
    on: [work]
    effect: allow
  - name: what-it-compiles
    who: [engineers]
    on: [work]
    do: { unresolved: true }
    effect: allow
  - name: not-id
    on: [work]
    do: { argv: ["id **"] }
    effect: deny
"""
SUDO = """Defaults:plain intercept, log_subcmds, !syslog, !lecture, logfile=/var/log/sudo.log
plain ALL=(ALL) NOPASSWD: ALL, !/usr/bin/id
"""


def measure(argv):
    """Seconds by the script's own clock."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    took = re.search(r"took (\d+) ns", done.stdout)
    if done.returncode or not took:
        raise SystemExit(f"{argv[-1]}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return int(took.group(1)) / 1e9


def check_that_it_decides(name, argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if "took" not in done.stdout or "id ran" in done.stdout:
        raise SystemExit(f"{name} has let through what its rules forbid:\n{done.stdout}\n{done.stderr}")


def prepare(b, execs):
    b.login("alice")
    ttylib.add_plain_sshd(b)
    subprocess.run(["bash", "-c", f". scripts/lib/source.sh && sp_source_copy . {b.out}/source && cd {b.out}/source && autoreconf -fi"],
                   cwd=lib.TOP, check=True, capture_output=True)
    b.run(["sh", "-c", f"cp -R /mnt/out/source {SOURCE} && chmod -R a+rX {SOURCE} && rm -rf /mnt/out/source"], timeout=120)
    b.write(WORK, SCRIPT % {"source": SOURCE, "execs": execs})
    b.write("/etc/sudoers.d/bench", SUDO, mode="0440")


def decided(b):
    """How many execs are on record."""
    sid = max(re.findall(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", b.sallyport("sessions", "--user", "alice").stdout))
    return b.sallyport("export", sid, "--format", "json", timeout=300).stdout.count('"event":"statement"')


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    execs = int(sys.argv[2]) if len(sys.argv) > 2 else EXECS
    policy = lib.POLICY.replace("rules:\n", CONNECTION % WORK + "rules:\n" + RULES, 1)
    with lib.open_bastion(policy=policy) as b:
        prepare(b, execs)

        def ways(what):
            return {"sallyport": b.argv(["ssh", "alice@bastion", f"run work what={what}"], "lap-alice"),
                    "plain": ttylib.plain(b, f"/bin/sh {WORK} {what}"),
                    "sudo": ttylib.plain(b, f"sudo -u plain -H /bin/sh {WORK} {what}")}
        for name in ("sallyport", "sudo"):
            check_that_it_decides(name, ways("refused")[name])
        parts = []
        for what in ("configure", "loop"):
            times = {name: [] for name in ways(what)}
            for _ in range(rounds):
                for name, argv in ways(what).items():
                    times[name].append(measure(argv))
            for name, values in times.items():
                lib.say(f"{what:9} {name:9} min / median / max  {min(values):.2f} / {lib.median(values):.2f} / {max(values):.2f} s")
            figures = {name: lib.median(values) for name, values in times.items()}
            for peer in ("plain", "sudo"):
                parts.append({"name": f"{what}, {peer}", "ours": round(figures["sallyport"], 2), "peer": round(figures[peer], 2),
                              "ratio": round(figures["sallyport"] / figures[peer], 3)})
                if f"{what}, {peer}" in REACH:
                    parts[-1]["reach_text"] = REACH[f"{what}, {peer}"]
        if (count := decided(b)) < execs:
            raise SystemExit(f"only {count} execs are on record")
        lib.report("exec", "s", parts[0]["ours"], parts[0]["peer"], rounds, execs=execs, parts=parts, note=NOTE.format(execs=execs))


if __name__ == "__main__":
    main()
