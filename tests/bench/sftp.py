#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sftp: one file of 2 GB put to a target host, and got from it, by OpenSSH's sftp through the bastion, against the same sftp
straight to that host ("direct"), and through a bastion that is OpenSSH's alone ("ssh -J"). MB/s of wall time, login and all.
Each is decided and recorded with its SHA-256. All files are in memory.

usage: scripts/bench sftp [ROUNDS [MEGABYTES]]"""
import sys

import benchlib as lib
import ttylib

ROUNDS, MEGABYTES = 3, 2000
WEB, PORT, KEY = "files.internal", 2228, "/etc/sallyport/secrets/files"
HOST, LAPTOP = "/srv/host", "/srv/laptop"
SSHD = f"""Port {PORT}
ListenAddress 127.0.0.8
HostKey /etc/files/host
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile /etc/files/keys
StrictModes no
Subsystem sftp /usr/lib/openssh/sftp-server
"""
CONNECTION = """  files:
    kind: ssh
    address: %s:%d
    host_keys: ["%s"]
    login: { user: filer, key: { file: %s } }
"""
RULE = """  - name: files
    who: [engineers]
    on: [files]
    do: { file: [list, stat, read, write, create, remove, setstat], path: [/srv/host, /srv/host/**] }
    effect: allow
"""

NOTE = ("MB/s of a large file sent and fetched by OpenSSH's sftp through us, decided, hashed and on record, against the same sftp to "
        "the same host: `direct`, which is one encrypted leg where ours are two, and by `ssh -J` through a plain bastion, which is two.")


def prepare(b, megabytes):
    b.login("alice")
    ttylib.add_plain_sshd(b)
    b.run(["sh", "-c", f"""set -e; umask 022; mkdir -p /etc/files {HOST} {LAPTOP}; cd /etc/files
useradd -m -s /bin/sh -p '*' filer
ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -C files -f {KEY}
cat {KEY}.pub /home/lap-alice/.ssh/plain.pub >keys
echo 127.0.0.8 {WEB} >>/etc/hosts; echo "[{WEB}]:{PORT} $(cut -d' ' -f1,2 host.pub)" >>/etc/ssh/ssh_known_hosts
mount -t tmpfs -o size=80% tmpfs {HOST}; mount -t tmpfs -o size=80% tmpfs {LAPTOP}; chown filer {HOST}; chown lap-alice {LAPTOP}
head -c 20000000 /dev/urandom >/tmp/part
for i in $(seq {megabytes // 20}); do cat /tmp/part; done >{HOST}/there; cp {HOST}/there {LAPTOP}/here"""], timeout=120)
    b.write("/etc/files/sshd_config", SSHD)
    b.service("files", ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/files/sshd_config"])
    lib.e2e.wait_for("the host", lambda: ":08B4 " in b.run(["cat", "/proc/net/tcp"]).stdout)
    key = " ".join(b.read("/etc/files/host.pub").split()[:2])
    b.set_policy(lib.POLICY.replace("rules:\n", CONNECTION % (WEB, PORT, key, KEY) + "rules:\n" + RULE, 1))
    lib.e2e.wait_for("the policy", lambda: "files" in b.ssh("alice", "connections").stdout)


def copies(b, line):
    """The three ways to carry out one line of sftp's."""
    own = ["-o", "IdentitiesOnly=yes", "-o", "IdentityFile=/home/lap-alice/.ssh/plain"]
    jump = f"ssh -F none {' '.join(own)} -p {ttylib.PORT} -W %h:%p plain@bastion"
    host = ["-P", str(PORT), f"filer@{WEB}"]

    def argv(words, there):
        command = line.format(there=there)
        return b.argv(["sh", "-c", 'printf "%s\\n" "$1" | { shift; sftp -q -b - "$@"; }', "-", command, *words], "lap-alice")
    return {"sallyport": argv(["alice@bastion"], "files" + HOST), "direct": argv(["-F", "none", *own, *host], HOST),
            "ssh -J": argv(["-F", "none", *own, "-o", f"ProxyCommand={jump}", *host], HOST)}


def check_that_it_records(b):
    b.run(["cmp", f"{HOST}/here", f"{LAPTOP}/there"], timeout=60)
    sid = max(lib.re.findall(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", b.sallyport("sessions", "--user", "alice").stdout))
    digest = b.run(["sha256sum", f"{LAPTOP}/there"], timeout=60).stdout.split()[0]
    if digest not in b.sallyport("replay", "--events", sid, timeout=60).stdout:
        raise SystemExit("the transfer is not on record with its digest")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else MEGABYTES
    lines = {"up": f"put {LAPTOP}/here {{there}}/here", "down": f"get {{there}}/there {LAPTOP}/there"}
    with lib.open_bastion() as b:
        prepare(b, megabytes)
        parts = []
        for way, line in lines.items():
            rates = {name: [] for name in copies(b, line)}
            for _ in range(rounds):
                for name, argv in copies(b, line).items():
                    b.run(["rm", "-f", f"{HOST}/here" if way == "up" else f"{LAPTOP}/there"])
                    rates[name].append(megabytes / lib.timed(argv, timeout=600))
            for name, values in rates.items():
                lib.say(f"{way:5} {name:10} min / median / max  {lib.spread(values)} MB/s")
            ours = lib.median(rates["sallyport"])
            for name in ("direct", "ssh -J"):
                peer = lib.median(rates[name])
                parts.append({"name": f"{way}, {name}", "ours": round(ours, 1), "peer": round(peer, 1), "ratio": round(ours / peer, 3)})
                if name == "direct":
                    parts[-1]["reach"] = 0.7
        b.run(["rm", "-f", f"{LAPTOP}/there"])
        lib.timed(copies(b, lines["down"])["sallyport"], timeout=600)
        check_that_it_records(b)
        worst = min((p for p in parts if "direct" in p["name"]), key=lambda p: p["ratio"])
        lib.report("sftp", "MB/s", worst["ours"], worst["peer"], rounds, megabytes=megabytes, parts=parts, note=NOTE)


if __name__ == "__main__":
    main()
