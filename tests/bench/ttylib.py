# SPDX-License-Identifier: Apache-2.0
"""What the terminal's benchmarks share: a bastion with a command to run on a terminal, and the same sshd without us."""
import benchlib as lib

PORT = 2222
PLAIN = f"""Port {PORT}
HostKey /etc/ssh/ssh_host_ed25519_key
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
AuthorizedKeysFile /etc/ssh/bench_keys
PidFile none
SetEnv LANG=C.UTF-8
"""
RULE = """  - name: bench
    who: [engineers]
    on: [%s]
    effect: allow
    mask: { detect: [email, credit_card, us_ssn, iban, secret], with: redact }
"""


def policy(name, command):
    """A connection of kind command, its output masked."""
    words = ", ".join('"%s"' % word for word in command)
    connection = f"  {name}:\n    kind: command\n    command: [{words}]\n"
    return lib.POLICY.replace("rules:\n", connection + "rules:\n" + RULE % name, 1)


def add_plain_sshd(b):
    """A second sshd, which knows nothing of us, for the user plain."""
    b.run(["sh", "-c", "echo 127.0.0.1 $(hostname).internal $(hostname) >>/etc/hosts; "
           "touch /run/utmp; chgrp utmp /run/utmp; chmod 664 /run/utmp"])  # tlog and sudo want both
    b.run(["useradd", "-m", "-s", "/bin/sh", "-p", "*", "plain"])
    b.run(["sh", "-c", "ssh-keygen -q -t ed25519 -N '' -f /home/lap-alice/.ssh/plain && chown lap-alice: /home/lap-alice/.ssh/plain* "
           "&& cp /home/lap-alice/.ssh/plain.pub /etc/ssh/bench_keys && sed 's/^bastion/[bastion]:2222/' /etc/ssh/ssh_known_hosts >/tmp/k "
           "&& cat /tmp/k >>/etc/ssh/ssh_known_hosts"])
    b.write("/etc/ssh/bench_sshd_config", PLAIN)
    b.service("sshd-plain", ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/bench_sshd_config"])
    lib.e2e.wait_for("the plain sshd", lambda: ":08AE " in b.run(["cat", "/proc/net/tcp"]).stdout)


def ours(b, words):
    return b.argv(["ssh", "-tt", "alice@bastion", words], "lap-alice")


def plain(b, words):
    return b.argv(["ssh", "-tt", "-p", str(PORT), "-o", "IdentitiesOnly=yes", "-o", "IdentityFile=/home/lap-alice/.ssh/plain",
                   "-F", "none", "plain@bastion", words], "lap-alice")
