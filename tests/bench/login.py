#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""login: `ssh alice@bastion whoami` against the same sshd program with a plain key and ForceCommand /bin/true.
Both are run in turn (A B A B ...), so a change of the machine's speed meets both."""
import benchlib as lib

RUNS = 50
PLAIN = """Port 2222
HostKey /etc/ssh/ssh_host_ed25519_key
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile /etc/ssh/bench_keys
ForceCommand /bin/true
PidFile none
"""


def main():
    with lib.open_bastion(audit=True) as b:
        b.login("alice")
        # People of the bastion have Sallyport's login shell; the peer's has the plainest there is.
        b.run(["useradd", "-m", "-s", "/bin/sh", "plain"])
        b.run(["sh", "-c", "ssh-keygen -q -t ecdsa -N '' -f /home/lap-alice/.ssh/plain && chown lap-alice: /home/lap-alice/.ssh/plain* "
               "&& cp /home/lap-alice/.ssh/plain.pub /etc/ssh/bench_keys && sed 's/^bastion/[bastion]:2222/' /etc/ssh/ssh_known_hosts >/tmp/k "
               "&& cat /tmp/k >>/etc/ssh/ssh_known_hosts"])
        b.write("/etc/ssh/bench_sshd_config", PLAIN)
        # The same program under another name: sshd's PAM service is called after it, so this one has Debian's stack as it was.
        b.run(["sh", "-c", "cp /usr/sbin/sshd /usr/sbin/sshd-plain && sed /sallyport/d /etc/pam.d/sshd >/etc/pam.d/sshd-plain"])
        b.service("sshd-plain", ["/usr/sbin/sshd-plain", "-D", "-e", "-f", "/etc/ssh/bench_sshd_config"])
        lib.e2e.wait_for("the plain sshd", lambda: ":08AE " in b.run(["cat", "/proc/net/tcp"]).stdout)
        ours = b.argv(["ssh", "alice@bastion", "whoami"], "lap-alice")
        peer = b.argv(["ssh", "-p", "2222", "-o", "IdentitiesOnly=yes", "-o", "IdentityFile=/home/lap-alice/.ssh/plain", "-F", "none",
                       "plain@bastion", "true"], "lap-alice")
        for argv in (ours, peer):
            lib.timed(argv)
        a, p = [], []
        for _ in range(RUNS):
            a.append(lib.timed(ours) * 1000)
            p.append(lib.timed(peer) * 1000)
        lib.say(f"sallyport  min / median / max  {lib.spread(a)} ms")
        lib.say(f"stock sshd min / median / max  {lib.spread(p)} ms")
        lib.report("login", "ms", lib.median(a), lib.median(p), RUNS, added_ms=round(lib.median(a) - lib.median(p), 1),
                   reach_text="≤ 1.15 and ≤ 25 ms more")


if __name__ == "__main__":
    main()
