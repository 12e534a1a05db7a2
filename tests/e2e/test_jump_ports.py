# SPDX-License-Identifier: Apache-2.0
"""Ports of a host through `ssh -J bastion web1`: what Visual Studio Code's Remote-SSH does, and what else is tried."""
import contextlib
import hashlib
import os
import re
import subprocess

import pytest

from bastion import wait_for
from test_jump import CONF, argv, events, policy, ssh, use
from test_jump import j  # noqa: F401 pylint: disable=unused-import

FIRST, LAST = 40000, 40010
RULE = f"""  - name: jump-ports
    who: [engineers]
    on: {{ labels: {{ fleet: jumps }} }}
    do: {{ network: ["tcp 127.0.0.1 {FIRST}-{LAST}"] }}
    effect: allow
"""
HELD = """  - name: jump-ports-held
    who: [engineers]
    on: { labels: { fleet: jumps } }
    do: { network: ["tcp 127.0.0.1 40009"] }
    effect: approve
    approve: { by: [dba], count: 1, within: 15m }
"""

# What the editor's server does on the host: it listens at a port of its loopback from a span, and says which.
SERVER = r"""
import hashlib, socket, sys, threading
listener = socket.socket()
for port in range(40000, 40011):
    try:
        listener.bind(("127.0.0.1", port))
        break
    except OSError:
        pass
listener.listen(64)
print("listeningOn==%d==" % port, flush=True)
def serve(s):
    size, digest = 0, hashlib.sha256()
    while chunk := s.recv(65536):
        size += len(chunk)
        digest.update(chunk)
    s.sendall(("%d %s\n" % (size, digest.hexdigest())).encode())
    s.close()
def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
"""

# What the laptop does through its SOCKS port: asks for a port of the host, sends, and reads what comes back.
CLIENT = r"""
import hashlib, socket, struct, sys, threading
socks, host, port, n, size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
def one(i, told):
    s = socket.create_connection(("127.0.0.1", socks), 60)
    s.sendall(b"\5\1\0")
    assert s.recv(2) == b"\5\0"
    name = host.encode()
    s.sendall(b"\5\1\0\3" + bytes([len(name)]) + name + struct.pack(">H", port))
    head = s.recv(4)
    if len(head) < 2 or head[1] != 0:
        told[i] = "refused"
        return
    s.recv(6)
    body = bytes([i]) * size
    try:
        s.sendall(body)
        s.shutdown(socket.SHUT_WR)
        said = b""
        while chunk := s.recv(65536): said += chunk
    except OSError:
        said = b""
    told[i] = "ok" if said.decode() == "%d %s\n" % (size, hashlib.sha256(body).hexdigest()) else "nothing" if not said else repr(said)
told = [None] * n
threads = [threading.Thread(target=one, args=(i, told)) for i in range(n)]
for t in threads: t.start()
for t in threads: t.join()
print(" ".join(told))
"""


def with_ports(b, more=RULE + HELD):
    return policy(b).replace("rules:\n", "rules:\n" + more, 1)


@pytest.fixture(scope="module")
def p(j):  # noqa: F811 pylint: disable=redefined-outer-name
    use(j, with_ports(j))
    j.write("/tmp/ports-server.py", SERVER)
    j.write("/tmp/ports-client.py", CLIENT)
    yield j
    use(j, policy(j))


@contextlib.contextmanager
def editor(b, socks=18080, user="alice"):
    """`ssh -T -D PORT web1 bash`, as the editor starts it: its script on stdin. Yields the process and the server's port."""
    with b.popen(argv(["bash"], user, ("-T", "-D", f"127.0.0.1:{socks}", "-o", "ExitOnForwardFailure=yes")), user="lap-" + user,
                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as ed:
        try:
            ed.stdin.write("uname -rsv; echo architecture==$(uname -m)==; exec python3 /tmp/ports-server.py\n")
            ed.stdin.flush()
            said = ""
            while "listeningOn" not in said:
                line = ed.stdout.readline()
                assert line, said
                said += line
            yield ed, int(re.search(r"listeningOn==(\d+)==", said).group(1))
        finally:
            ed.kill()


def asks(b, port, host="127.0.0.1", n=1, size=1000, socks=18080, user="alice"):
    done = b.run(["/usr/bin/python3", "/tmp/ports-client.py", str(socks), host, str(port), str(n), str(size)], user="lap-" + user,
                 check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_as_the_editor_does_it(p):
    """The archive of its server is uploaded, a shell starts it, and many connections go to its port at once."""
    p.run(["sh", "-c", "rm -rf /tmp/jump.in; mkdir -m 777 /tmp/jump.in; head -c 3000000 /dev/urandom >/home/lap-alice/out/server.tgz;"
           " chown lap-alice: /home/lap-alice/out/server.tgz"])
    done = p.run(["scp", "-F", f"{CONF}.alice", "/home/lap-alice/out/server.tgz", "web1:/tmp/jump.in/server.tgz"], user="lap-alice", check=False)
    assert done.returncode == 0, done.stderr
    with editor(p) as (_, port):
        assert asks(p, port, n=12, size=200000) == ["ok"] * 12
        assert asks(p, port, host="localhost") == ["ok"]
        done = p.run(["sftp", "-F", f"{CONF}.alice", "-b", "-", "web1"], user="lap-alice", stdin="ls /tmp/jump.in\n", check=False)
        assert done.returncode == 0 and "server.tgz" in done.stdout
        sids = [line.split()[0] for line in p.sallyport("sessions").stdout.splitlines() if " forward web1" in line]
        assert sids, p.sallyport("sessions").stdout
        text = p.sallyport("replay", "--events", max(sids)).stdout
        assert text.count(f"tcp 127.0.0.1 {port}") >= 13 and "jump-ports" in text, text
        assert text.count(": 200000 bytes to the host, 72 bytes from it") == 12 and '"through"' in text, text
    wait_for("its record to be closed", lambda: p.sallyport("verify", max(sids), check=False).returncode == 0)


def test_one_port_by_name(p):
    """-L, as a person would; and a port where nobody listens."""
    with editor(p) as (_, port):
        with p.popen(argv([], options=("-N", "-L", f"19090:localhost:{port}", "-L", "19091:127.0.0.1:40010")), user="lap-alice",
                     stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as own:
            wait_for("it to listen", lambda: ":4A92 " in p.run(["cat", "/proc/net/tcp"]).stdout)
            script = ("import socket\nfor port in (19090, 19091):\n s = socket.create_connection(('127.0.0.1', port)); s.sendall(b'abc')\n"
                      " s.shutdown(socket.SHUT_WR)\n print(repr(s.recv(100)))\n")
            done = p.run(["/usr/bin/python3", "-c", script], user="lap-alice")
            assert done.stdout.splitlines() == [repr(f"3 {hashlib.sha256(b'abc').hexdigest()}\n".encode()), "b''"], done
            own.kill()
    assert "nothing listens at that port" in events(p) or any(
        "nothing listens at that port" in p.sallyport("replay", "--events", line.split()[0]).stdout
        for line in p.sallyport("sessions").stdout.splitlines() if " forward web1" in line)


@pytest.mark.parametrize("host,port", [("127.0.0.1", 22), ("127.0.0.1", 39999), ("127.0.0.1", 40011), ("localhost", 2251), ("::1", 40000),
                                       ("127.0.0.2", 40000), ("127.0.0.9", 2251), ("web1", 22), ("web2", 22), ("orders", 5432),
                                       ("jump1.internal", 2251), ("bastion", 22), ("0.0.0.0", 40000)], ids=lambda x: str(x))
def test_nowhere_else(p, host, port):
    with editor(p) as _:
        assert asks(p, port, host) == ["refused"]


def test_sshd_is_in_a_network_of_its_own(p):
    """Whose loopback has nothing but the ports of the rule, and whatever else it is asked for cannot be reached."""
    with editor(p) as _:
        parents = dict(x.split() for x in p.run(["ps", "-e", "-o", "pid=,ppid="]).stdout.splitlines())
        sshd = str(p.pid("sshd"))
        mine = [pid for pid in parents if parents.get(parents[pid]) == sshd]  # the daemon's children's, which are the person's
        ports = [listens(pid) for pid in mine if os.readlink(f"/proc/{pid}/ns/net") != os.readlink(f"/proc/{p.holder.pid}/ns/net")]
        assert ports == [(list(range(FIRST, LAST + 1)), ["lo"])], ports


def listens(pid):
    """The ports of its network's loopback, all else that listens there being one of them too, and its interfaces."""
    text = subprocess.run(["nsenter", "-t", pid, "-n", "cat", "/proc/self/net/tcp", "/proc/self/net/tcp6", "/proc/self/net/dev"],
                          capture_output=True, text=True, check=True).stdout
    ports = [int(x, 16) for x in re.findall(r"^ *\d+: \w+:([0-9A-F]{4}) \w+:0000 0A", text, re.M)]
    assert text.count(" 0100007F:") >= len(ports)
    return sorted(ports), re.findall(r"^ *([a-z]+\d*):", text, re.M)


def test_no_other_way_out(p):
    """Sockets of Unix, listening, and a login of another's."""
    done = ssh(p, "true", options=("-o", "ExitOnForwardFailure=yes", "-R", "40003:127.0.0.1:22"))
    assert done.returncode != 0, done
    with p.popen(argv([], options=("-N", "-L", "19095:/run/sallyport/pam.sock")), user="lap-alice", stdin=subprocess.DEVNULL,
                 stderr=subprocess.PIPE) as own:
        wait_for("it to listen", lambda: ":4A97 " in p.run(["cat", "/proc/net/tcp"]).stdout)
        done = p.run(["/usr/bin/python3", "-c", "import socket; s = socket.create_connection(('127.0.0.1', 19095)); print(s.recv(1))"],
                     user="lap-alice", check=False)
        assert "b''" in done.stdout or "reset" in done.stderr, done
        own.kill()
    done = p.run(["ssh", "-F", f"{CONF}.alice", "-W", "127.0.0.1:40000", "bastion"], user="lap-alice", check=False)
    assert done.returncode != 0 and "prohibited" in done.stderr, done  # an ordinary login


def test_it_waits_for_an_approval(p):
    with editor(p) as _, p.popen(["/usr/bin/python3", "/tmp/ports-client.py", "18080", "127.0.0.1", "40009", "1", "10"], user="lap-alice",
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as asked:
        wait_for("the request", lambda: "tcp 127.0.0.1 40009" in p.ssh("bob", "approvals").stdout)
        rid = re.search(r"\b([0-9A-HJKMNP-TV-Z]{6,26})\b", p.ssh("bob", "approvals").stdout).group(1)
        assert p.ssh("bob", "deny", rid).returncode == 0
        assert asked.communicate(timeout=60)[0].split() == ["nothing"]


def test_what_policy_takes_back_is_cut(p):
    """Also the connection that is open, with nothing asked."""
    with editor(p) as (_, port):
        script = (f"import socket,struct\ns = socket.create_connection(('127.0.0.1', 18080)); s.sendall(b'\\5\\1\\0'); s.recv(2)\n"
                  f"s.sendall(b'\\5\\1\\0\\1\\x7f\\0\\0\\1' + struct.pack('>H', {port})); s.recv(10); s.sendall(b'x'); print('open', flush=True)\n"
                  "print(repr(s.recv(1)), flush=True)\n")
        with p.popen(["/usr/bin/python3", "-c", script], user="lap-alice", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as held:
            assert held.stdout.readline() == "open\n"
            wait_for("it to be carried", lambda: [x for x in p.sallyport("sessions", "--state", "open").stdout.splitlines() if "forward web1" in x])
            try:
                use(p, with_ports(p, ""))
                assert held.communicate(timeout=60)[0] in ("b''\n",) or held.returncode != 0
                assert asks(p, port) != ["ok"]
            finally:
                held.kill()
                use(p, with_ports(p))
