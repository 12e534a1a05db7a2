# SPDX-License-Identifier: Apache-2.0
"""Forwarding, mediated: ssh -L PORT:orders:5432 with the clients of one's own machine, and what else is tried through it."""
import re
import shlex
import signal
import subprocess

import pytest

import bastion
from bastion import wait_for
from forwarding import POLICY, address, events, forward_session, forwarded, key_line, listening, psql, reload, serve

UPDATE = "update orders set item = 'forwarded {}' where id = {}"
NOBODY = "only your own ssh to this bastion"


@pytest.fixture(name="f", scope="module")
def fixture_f(shared):
    yield from serve(shared)


def test_a_local_psql_is_decided_masked_and_recorded(f):
    with forwarded(f):
        done = psql(f, "select name, email, card from customers order by id", env={"PGPASSWORD": "not-to-be-believed"})
        assert done.returncode == 0, done.stderr
        assert "Ada Young" in done.stdout
        assert not [s for s in bastion.SECRETS_IN_ROWS if s in done.stdout], done.stdout
        done = psql(f, "delete from customers")
        assert done.returncode != 0 and "Use a migration for this" in done.stderr
        other = f.run(["psql", "-X", "-h", "127.0.0.1", "-p", "15432", "-d", "postgres", "-c", "select 1"], user="lap-alice",
                      check=False)
        assert other.returncode != 0 and "reaches the database of" in other.stderr
        sid = forward_session(f)
        text = events(f, sid)
        assert "select name, email, card" in text and "delete from customers" in text
        assert not [s for s in bastion.SECRETS_IN_ROWS if s in text]
        pids = f.session_pids()
        assert pids
    wait_for("its session to end", lambda: not set(pids) & set(f.session_pids()))
    text = wait_for("the end of its record", lambda: "session_end" in events(f, sid) and events(f, sid))
    assert re.search(r'auid\W+\d+', text) and re.search(r'"ses\W+\d+', text), text[:2000]
    assert "not-to-be-believed" not in text and "forward orders" in text
    assert psql(f, "select 1").returncode != 0
    if f.has_audit:
        wait_for("the kernel's records", lambda: re.search(rf"{sid}.*person_auid=\S+ person_ses=\d+", f.ausearch("-m", "USER_START,USER_CMD")))


def test_an_approval_is_waited_for(f):
    with forwarded(f):
        with f.popen(["psql", "-X", "-h", "127.0.0.1", "-p", "15432", "-d", "orders", "-c", UPDATE.format("A", 3)],
                     user="lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
            wait_for("the request", lambda: "forwarded A" in f.ssh("bob", "approvals").stdout)
            assert not any("forwarded A" in s for s in f.pg_log())
            rid = re.search(r"\b([0-9A-HJKMNP-TV-Z]{6,26})\b", f.ssh("bob", "approvals").stdout).group(1)
            assert f.ssh("bob", "approve", rid).returncode == 0
            out = p.communicate(timeout=60)[0]
            assert "UPDATE 1" in out and rid in out, out
    assert [s for s in f.pg_log() if "forwarded A" in s] == [UPDATE.format("A", 3)]


def test_many_connections_at_once_are_one_session(f):
    f.write("/tmp/forward.sql", "select count(*) from orders where id < 10;\n")
    before = set(f.session_pids())
    with forwarded(f):
        done = f.run(["/usr/lib/postgresql/15/bin/pgbench", "-h", "127.0.0.1", "-p", "15432", "-n", "-f", "/tmp/forward.sql",
                      "-c", "16", "-j", "2", "-t", "5", "orders"], user="lap-alice", check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "actually processed: 80/80" in done.stdout, done.stdout
        assert len(set(f.session_pids()) - before) == 1


def test_ctrl_c_cancels_the_statement(f):
    marker = "sallyport_cancel_me"
    with forwarded(f):
        argv = ["psql", "-X", "-h", "127.0.0.1", "-p", "15432", "-d", "orders", "-c",
                f"select count(*) as {marker} from orders a, orders b, orders c, orders d, orders e, orders f"]
        with f.popen(argv, user="lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                     text=True) as p:
            wait_for("the statement to run", lambda: any(marker in s for s in f.pg_log()))
            p.send_signal(signal.SIGINT)
            assert "canceling statement due to user request" in p.communicate(timeout=60)[0]


CONNECT = """
import os,socket,struct,sys
s=socket.create_connection((sys.argv[1],5432),10)
body=struct.pack('>I',196608)+b'user\\0alice\\0database\\0orders\\0\\0'
s.sendall(struct.pack('>I',len(body)+4)+body)
s.settimeout(10)
data=b''
try:
    while True:
        piece=s.recv(4096)
        if not piece: break
        data+=piece
except OSError as e:
    data+=b' '+str(e).encode()
print(data)
"""


def test_nobody_else_on_the_machine_gets_anything(f):
    """Another user; the same user outside of sshd; root: while a forwarding of alice's is open."""
    with forwarded(f):
        assert psql(f, "select 1").stdout == "1\n"
        for where in (address(f), "::ffff:" + address(f)):
            for who in ("alice", "bob", "lap-alice", None):
                done = f.run(["/usr/bin/python3", "-c", CONNECT, where], user=who, check=False)
                assert NOBODY in done.stdout and "FATAL" in done.stdout, f"{who}: {done.stdout}{done.stderr}"
        assert psql(f, "select 1").stdout == "1\n"
    for who in ("alice", "bob", "lap-alice", "root"):
        uid = f.run(["id", "-u", who]).stdout.strip()
        assert f"a connection of uid {uid} to orders is refused" in f.read("/var/log/sallyportd.log")


def test_a_socket_that_was_passed_on_is_nobodys(f):
    """Made and connected by one process, used by another, with the first one gone."""
    code = ("import os,socket,struct,sys,time\ns=socket.create_connection((sys.argv[1],5432),10)\n"
            "if os.fork(): os._exit(0)\nos.setsid()\ntime.sleep(0.2)\ns.settimeout(10)\n"
            "body=struct.pack('>I',196608)+b'user\\0a\\0\\0'\n"
            "s.sendall(struct.pack('>I',len(body)+4)+body)\nprint(s.recv(4096),flush=True)\n")
    with forwarded(f):
        done = f.run(["/usr/bin/python3", "-c", code, address(f)], user="alice", check=False)
        assert NOBODY in done.stdout, done.stdout + done.stderr


OTHERS = [("-L", "15433:[::ffff:{address}]:5432"), ("-L", "15433:db1.internal:5432"), ("-L", "15433:orders:22"), ("-L", "15433:orders:5433"), ("-L", "15433:localhost:22"),
          ("-L", "15433:ORDERS:5432"), ("-L", "15433:orders.:5432"), ("-L", "15433:{address}:5432"), ("-L", "15433:127.0.0.2:5432"),
          ("-L", "15433:/run/sallyport/session.sock")]


@pytest.mark.parametrize("how, what", OTHERS, ids=[w for _, w in OTHERS])
def test_nothing_else_is_forwarded_to(f, how, what):
    code = ("import socket;s=socket.create_connection(('127.0.0.1',15433),5);s.settimeout(5);"
            "s.sendall(b'\\0\\0\\0\\x08\\x04\\xd2\\x16\\x2f');print(s.recv(100))")
    options = ("-N", how, "127.0.0.1:" + what.format(address=address(f)))
    with f.popen(f.ssh_argv("alice", [], options=options), user="lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.STDOUT, text=True) as p:
        wait_for("the local port", lambda: listening(f, 15433))
        done = f.run(["/usr/bin/python3", "-c", code], user="lap-alice", check=False)
        p.kill()
        said = p.communicate(timeout=30)[0]
    assert "b'N'" not in done.stdout and "b'S'" not in done.stdout and "SSH-2" not in done.stdout, done.stdout
    assert "open failed" in said, said


@pytest.mark.parametrize("options", [("-R", "15434:127.0.0.1:22"), ("-R", "15434:orders:5432"), ("-R", "15434"),
                                     ("-R", "/tmp/pwned.sock:127.0.0.1:22"), ("-w", "0:0")], ids=" ".join)
def test_the_other_forwardings_stay_shut(f, options):
    argv = f.ssh_argv("alice", [], options=("-N", "-o", "ExitOnForwardFailure=yes", *options))
    with f.popen(argv, user="lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
        said = p.communicate(timeout=60)[0]  # it ends by itself, as it was told to
    assert p.returncode != 0 and re.search("failed|refused|denied|not permitted|prohibited|Could not", said), said
    assert not listening(f, 15434)


def test_dynamic_forwarding_reaches_what_is_permitted_and_no_more(f):
    code = ("import socket,struct,sys\n"
            "def ask(host,port):\n"
            " s=socket.create_connection(('127.0.0.1',15435),5);s.settimeout(10);s.sendall(b'\\5\\1\\0');s.recv(2)\n"
            " s.sendall(b'\\5\\1\\0\\3'+bytes([len(host)])+host.encode()+struct.pack('>H',port));d=s.recv(10)\n"
            " if len(d)<2 or d[1]: return 'refused'\n"
            " s.sendall(b'\\0\\0\\0\\x08\\x04\\xd2\\x16\\x2f');return repr(s.recv(1))\n"
            "print(ask('orders',5432),ask('db1.internal',5432),ask('localhost',22),ask(sys.argv[1],5432))\n")
    argv = f.ssh_argv("alice", [], options=("-N", "-D", "127.0.0.1:15435"))
    with f.popen(argv, user="lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
        wait_for("the local port", lambda: listening(f, 15435))
        done = f.run(["/usr/bin/python3", "-c", code, address(f)], user="lap-alice", check=False)
        p.kill()
        p.wait(30)
    words = shlex.split(done.stdout, posix=False)
    assert words[0] == "b'N'", done.stdout + done.stderr
    assert "b'N'" not in words[1:] and "b'S'" not in words[1:], done.stdout


def test_who_may_not_reach_it_may_not_forward_to_it(f):
    """carol is in no group of the rules."""
    with forwarded(f, user="carol", port=15436) as said:
        done = psql(f, "select 1", user="carol", port=15436)
        assert done.returncode != 0 and done.stdout == ""
    assert "administratively prohibited" in said[0], said


def test_a_changed_policy_holds_for_what_is_forwarded(f):
    with forwarded(f):
        assert psql(f, "select 1").stdout == "1\n"
        reload(f, bastion.POLICY_YAML)
        done = wait_for("the refusal", lambda: (lambda d: d.returncode != 0 and d)(psql(f, "select 1")), every=0.2)
        assert "not to be forwarded to" in done.stderr, done.stderr
        reload(f, POLICY)
        wait_for("it to be back", lambda: psql(f, "select 1").stdout == "1\n", every=0.2)


def test_an_operator_ends_it(f):
    with forwarded(f):
        argv = ["psql", "-X", "-h", "127.0.0.1", "-p", "15432", "-d", "orders"]
        with f.popen(argv, user="lap-alice", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
            p.stdin.write("select 41 + 1;\n")
            p.stdin.flush()
            wait_for("its answer", lambda: "42" in p.stdout.readline())
            assert f.sallyport("end", "--reason", "change freeze", forward_session(f)).returncode == 0
            p.stdin.write("select 43 + 1;\n")
            p.stdin.close()
            assert "your session on the bastion has ended" in p.stdout.read()


def test_without_the_name_service_there_is_no_forwarding(f):
    text = f.read("/etc/nsswitch.conf")
    assert re.search(r"^hosts:\s+files sallyport\b", text, re.M), text
    f.write("/etc/nsswitch.conf", text.replace(" sallyport", ""))
    try:
        assert f.ssh("alice", "whoami").returncode == 0
        with forwarded(f, port=15437) as said:
            assert psql(f, "select 1", port=15437).returncode != 0
        assert "administratively prohibited" in said[0], said
    finally:
        f.write("/etc/nsswitch.conf", text)


def test_sshd_is_told_exactly_that(f):
    assert key_line(f).startswith('restrict,port-forwarding,permitopen="orders:5432",pty,cert-authority,')
    assert key_line(f, "carol").startswith("restrict,pty,cert-authority,")
    reload(f, bastion.POLICY_YAML)
    assert key_line(f).startswith("restrict,pty,cert-authority,")
