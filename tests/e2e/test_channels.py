# SPDX-License-Identifier: Apache-2.0
"""P7, live: each attempt of tests/attacks/channels/live.txt, and what sshd itself says (sshd -T)."""
import os
import re
import shlex
import subprocess
import time

import pytest

import bastion

CASES = os.path.join(bastion.TOP, "tests", "attacks/channels", "live.txt")


def cases():
    with open(CASES, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, options, words = line.rstrip("\n").split("\t")
                yield pytest.param(options, words.replace("\\n", "\n"), id=name)


def listening(b, port):
    return f":{port:04X} " in "".join(x for x in b.run(["sh", "-c", "cat /proc/net/tcp /proc/net/tcp6"]).stdout.splitlines(True)
                                       if " 0A " in x)


def through(b, port):
    """What answers on a forwarded port, if anything."""
    code = ("import socket,sys;s=socket.create_connection(('127.0.0.1',%d),2);s.settimeout(2);s.sendall(b'\\0\\0\\0\\x08\\x04\\xd2\\x16\\x2f');"
            "print(s.recv(100))" % port)
    return b.run(["/usr/bin/python3", "-c", code], check=False).stdout


@pytest.mark.parametrize("options, words", list(cases()))
def test_no_second_channel(b, options, words):
    b.run(["sh", "-c", "rm -rf /tmp/pwned* /tmp/x"])
    b.run(["sh", "-c", "printf '\\\\! touch /tmp/pwned\\n' >/home/alice/rc"])
    argv = b.argv(b.ssh_argv("alice", [words] if words else [], options=shlex.split(options)), "lap-alice")
    waits = "-N" in options.split()
    with subprocess.Popen(argv, stdin=subprocess.PIPE if waits else subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as p:
        answer = ""
        if waits:
            time.sleep(1.0)
            if "-R" not in options and listening(b, 9999):  # the client's own end; does anything come through it?
                answer = through(b, 9999)
            elif "-R" in options:
                assert not listening(b, 9999), "sshd listens for us"
            p.terminate()
        try:
            output = p.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            p.kill()
            output = p.communicate()[0]
            pytest.fail(f"still there after 20 s: {output}")
    assert b.run(["sh", "-c", "ls -d /tmp/pwned*"], check=False).stdout == ""
    assert answer in ("", "b''\n"), f"bytes came through: {answer}"
    assert not re.search(r"uid=\d+|root:.*:0:0:|SSH-2\.0-|root@|C0644", output), output
    assert p.returncode != 0 or waits or "psqlrc" in output or words.startswith("psql"), f"succeeded: {output}"


REFUSED = {"allowtcpforwarding": "no", "allowstreamlocalforwarding": "no", "allowagentforwarding": "no", "x11forwarding": "no",
           "permittunnel": "no", "permituserenvironment": "no", "permituserrc": "no", "passwordauthentication": "no",
           "kbdinteractiveauthentication": "no", "hostbasedauthentication": "no", "gatewayports": "no"}


@pytest.mark.parametrize("keyword", REFUSED)
def test_sshd_says_so_itself(b, keyword):
    done = b.run(["/usr/sbin/sshd", "-T", "-C", "user=alice,host=laptop,addr=192.0.2.7"])
    assert f"\n{keyword} {REFUSED[keyword]}\n" in done.stdout


def test_user_rc_and_environment_files_are_not_read(b):
    b.run(["sh", "-c", "mkdir -p -m 700 /home/alice/.ssh; echo 'touch /tmp/pwned' >/home/alice/.ssh/rc; "
           "echo 'LD_PRELOAD=/tmp/x.so' >/home/alice/.ssh/environment; echo 'touch /tmp/pwned' >/home/alice/.bashrc; "
           "cp /home/lap-ops/.ssh/id_ed25519.pub /home/alice/.ssh/authorized_keys; chown -R alice: /home/alice"])
    try:
        assert b.ssh("alice", "whoami").returncode == 0
        assert b.run(["test", "-e", "/tmp/pwned"], check=False).returncode != 0
        done = b.ssh("alice", "whoami", laptop="ops")
        assert done.returncode == 255, "her own authorized_keys file opened her account"
    finally:
        b.run(["sh", "-c", "rm -rf /home/alice/.ssh /home/alice/.bashrc /tmp/pwned"])


def test_client_tools(b):
    """sftp and scp as people type them."""
    for argv in (["sftp", "-b", "/dev/null", "alice@bastion"], ["scp", "/etc/hostname", "alice@bastion:/tmp/pwned"],
                 ["scp", "-O", "/etc/hostname", "alice@bastion:/tmp/pwned"], ["scp", "alice@bastion:/etc/passwd", "/tmp/pwned"]):
        done = b.run(argv, user="lap-alice", check=False)
        assert done.returncode != 0, argv
        assert b.run(["test", "-e", "/tmp/pwned"], check=False).returncode != 0


def test_a_session_cannot_reach_the_daemons(b):
    """What the sockets of the daemons say to a person."""
    for path in ("pam.sock", "monitor.sock", "control/control.sock", "recorder/recorder.sock", "identity/identity.sock"):
        code = ("import socket;s=socket.socket(socket.AF_UNIX);s.settimeout(3);s.connect('/run/sallyport/%s');"
                "s.sendall(b'\\0\\0\\0\\x06\\x01\\x03\\0\\0\\0\\x01');print('reply',len(s.recv(4096)))" % path)
        done = b.run(["/usr/bin/python3", "-c", code], user="alice", check=False)
        assert "reply" not in done.stdout or "reply 0" in done.stdout, path


def test_connection_to_the_database_without_the_bastion(b):
    """The password is what keeps alice from the database: without it the server does not let her in."""
    done = b.run(["psql", "-w", "host=db1.internal dbname=orders user=app_rw sslmode=require", "-c", "select 1"], user="alice",
                 check=False)
    assert done.returncode != 0


