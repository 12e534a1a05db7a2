# SPDX-License-Identifier: Apache-2.0
"""What the tests of forwarded connections have in common."""
import contextlib
import json
import subprocess

import bastion
from bastion import wait_for

POLICY = bastion.POLICY_YAML.replace("    durability: process\n", "    durability: process\n    forward: true\n")


def key_line(b, user="alice"):
    """What sshd is told of the person's key."""
    cert = b.read(f"/home/lap-{user}/.ssh/op/id-cert.pub").split()
    return b.run(["/usr/libexec/sallyport/sallyport-authkeys", user, cert[0], cert[1]], user="sallyport-authkeys").stdout


def reload(b, text):
    b.set_policy(text)
    wait_for("the policy to be in force", lambda: ("permitopen=" in key_line(b)) == ("forward: true" in text))


def serve(shared):
    """The shared bastion, where orders can be forwarded to; a generator, for a fixture."""
    assert POLICY != bastion.POLICY_YAML
    reload(shared, POLICY)
    yield shared
    reload(shared, bastion.POLICY_YAML)


def listening(b, port):
    return f":{port:04X} " in "".join(x for x in b.run(["sh", "-c", "cat /proc/net/tcp"]).stdout.splitlines(True) if " 0A " in x)


@contextlib.contextmanager
def forwarded(b, user="alice", port=15432, to="orders:5432", options=()):
    """ssh -N -L; what it said is in the list when it has ended."""
    said = []
    argv = b.ssh_argv(user, [], options=("-N", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{port}:{to}", *options))
    with b.popen(argv, user="lap-" + user, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                 text=True) as p:
        try:
            wait_for("the local port", lambda: p.poll() is not None or listening(b, port))
            yield said
        finally:
            p.kill()  # not SIGTERM: ssh may have looked for one just before it waits, and then waits on
            said.append(p.communicate(timeout=30)[0])
    wait_for("the local port to be gone", lambda: not listening(b, port))


def psql(b, sql, user="alice", port=15432, host="127.0.0.1", **kwargs):
    return b.run(["psql", "-X", "-A", "-t", "-h", host, "-p", str(port), "-d", "orders", "-c", sql], user="lap-" + user,
                 check=False, **kwargs)


def events(b, sid):
    return b.sallyport("replay", "--events", sid, check=False).stdout


def sessions(b):
    return [json.loads(line) for line in b.sallyport("sessions", "--json").stdout.splitlines()]


def forward_session(b):
    """The newest record of what was forwarded."""
    return max(s["id"] for s in sessions(b) if s.get("forward"))


def address(b):
    return b.run(["/usr/bin/python3", "-c", "import socket; print(socket.gethostbyname('orders'))"]).stdout.strip()
