# SPDX-License-Identifier: Apache-2.0
"""Drivers of people's own through ssh -L: node-postgres, psycopg2 and pgbench, each with its own ways; and who may, from where."""
import json
import os
import re
import shutil

import pytest

import bastion
from bastion import wait_for
from forwarding import POLICY, events, forward_session, forwarded, key_line, psql, reload

ITEMS = "rules:\n  - { name: items, who: [engineers], on: orders, do: { sql: [copy_from], tables: [forward_items] }, effect: allow }\n"
CLIENTS = POLICY.replace("[select, show, explain]", "[select, show, explain, copy_to]").replace("rules:\n", ITEMS, 1)
HERE = "127.0.0.9"  # as the address of one laptop
LEDGER = f"""  ledger:
    kind: postgres
    address: {bastion.DB_HOST}:{bastion.DB_PORT}
    database: orders
    forward: true
    tls: {{ mode: verify-full, ca: {bastion.CA_DIR}/ca.pem }}
    login: {{ user: app_rw, password: {{ file: /etc/sallyport/secrets/orders }} }}
    labels: {{ env: books }}
rules:
  - {{ name: ledger, who: [engineers], on: ledger, from: [{HERE}/32], do: {{ sql: [select] }}, effect: allow }}
"""
MASKED = ["a***@example.net", "b***@example.net", "c***@example.net"]


@pytest.fixture(name="f", scope="module")
def fixture_f(shared):
    shared.db("create table forward_items (id int, item text); grant select, insert on forward_items to app_rw", "orders")
    reload(shared, CLIENTS)
    yield shared
    reload(shared, bastion.POLICY_YAML)
    shared.db("drop table forward_items", "orders")


def steps(b, argv, port=15432):
    """What each step said, by its name."""
    done = b.run(argv, user="lap-alice", env={"PGPORT": str(port)}, check=False, timeout=180)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [s.pop("step") for s in said] == argv[2:], done.stdout + done.stderr
    return dict(zip(argv[2:], said))


def no_secrets(text):
    assert not [s for s in bastion.SECRETS_IN_ROWS if s in text], text


def test_node_postgres(f):
    assert os.path.isdir(bastion.BUILD + "/pgclient"), "sp_deps_pgclient (scripts/lib/deps.sh) puts it there"
    node = os.path.realpath(shutil.which("node") or "/usr/bin/node")
    with forwarded(f):
        said = steps(f, [node, "/mnt/pgclient/pgclient.mjs", "pool", "prepared", "cursor", "transaction", "binary", "copy_out",
                         "copy_secrets", "copy_in", "denied", "cancel", "tls_required"])
        sid = forward_session(f)
    assert said["pool"] == {"sum": sum(range(1, 41)) + sum(range(101, 141)), "idle": 40, "made": 40}
    assert [r["name"] for r in said["prepared"]["rows"]] == ["Chen Lee", "Ada Young", "Ben Okoro"]
    assert [r["email"] for r in said["prepared"]["rows"]] == [MASKED[2], MASKED[0], MASKED[1]]
    assert said["cursor"] == {"sizes": [10, 10, 5], "after": 1}
    assert said["transaction"] == {"n": 9}
    assert [r[1] for r in said["binary"]["rows"]] == MASKED
    assert said["copy_out"]["text"] == "1,2\n2,4\n3,6\n"
    assert "COPY is refused here" in said["copy_secrets"]["error"]
    assert said["copy_in"] == {"count": 2}
    assert said["denied"] == {"refused": {"message": "Use a migration for this.", "code": "42501"}, "after": 1}
    assert said["cancel"] == {"code": "57014", "after": 1}
    assert said["tls_required"]["error"] == "The server does not support SSL connections"
    no_secrets(json.dumps(said))
    text = events(f, sid)
    assert "select id from orders where id <= $1 order by id" in text and "pgclient_cancel" in text
    assert "not-to-be-believed" not in text
    no_secrets(text)


def test_psycopg2(f):
    with forwarded(f):
        said = steps(f, ["/usr/bin/python3", "/mnt/tests/tools/pgclient/pgclient.py", "pool", "prefer", "required", "cursor",
                         "prepared", "copy_out", "copy_in", "cancel"])
    assert said["pool"] == {"sum": sum(i * 10 + n + 1 for i in range(8) for n in range(5)), "count": 40}
    assert said["prefer"] == {"tls": False, "one": 1}
    assert "server does not support SSL" in said["required"]["error"]
    assert said["cursor"] == {"ids": list(range(1, 26))}
    assert said["prepared"] == {"row": ["Chen Lee", MASKED[2]]}
    assert said["copy_out"] == {"text": "1\t2\n2\t4\n3\t6\n"}
    assert said["copy_in"] == {"count": 2}
    assert said["cancel"] == {"code": "57014", "after": 1}
    no_secrets(json.dumps(said))


@pytest.mark.parametrize("mode", ["extended", "prepared"])
def test_a_pipeline(f, mode):
    """Many statements on their way before the first answer."""
    f.write("/tmp/pipeline.sql", "\\startpipeline\n" + "select id from orders where id = 7;\n" * 50 + "\\endpipeline\n")
    with forwarded(f):
        done = f.run(["/usr/lib/postgresql/15/bin/pgbench", "-h", "127.0.0.1", "-p", "15432", "-n", "-M", mode,
                      "-f", "/tmp/pipeline.sql", "-c", "4", "-t", "3", "orders"], user="lap-alice", check=False, timeout=120)
        text = events(f, forward_session(f))
    assert done.returncode == 0 and "actually processed: 12/12" in done.stdout, done.stdout + done.stderr
    assert text.count("select id from orders where id = 7") >= 4 * 3 * 50


PROBES = r"""
import json,socket,struct
def ask(*pieces):
    s=socket.create_connection(("127.0.0.1",15432),30); s.settimeout(30); got=[]
    try:
        for p in pieces:
            s.sendall(p); got.append(s.recv(4096))
    except OSError as e: got.append(repr(e).encode())
    return got
ssl,gss=struct.pack(">II",8,80877103),struct.pack(">II",8,80877104)
body=struct.pack(">I",196608)+b"user\0x\0database\0orders\0\0"
hello=struct.pack(">I",len(body)+4)+body
tls=bytes.fromhex("16030100c8010000c40303")+bytes(194)
for pieces in ((ssl,hello),(gss,ssl,hello),(gss,hello),(ssl,gss,hello),(tls,)):
    print(json.dumps([x.hex() for x in ask(*pieces)]))
"""


def test_encryption_is_declined_as_the_protocol_has_it(f):
    """SSLRequest and GSSENCRequest in any order get an N and then their session; TLS at once, as of PostgreSQL 17, gets none."""
    with forwarded(f):
        said = f.run(["/usr/bin/python3", "-c", PROBES], user="lap-alice", timeout=120).stdout.splitlines()
        answers = [[bytes.fromhex(piece) for piece in json.loads(line)] for line in said]
        for answer, n in zip(answers, (1, 2, 1, 2)):
            assert answer[:-1] == [b"N"] * n and answer[-1].startswith(b"R\0\0\0\x08\0\0\0\0"), answers
        assert len(answers) == 5 and not any(a.startswith((b"\x16", b"S")) for a in answers[4]), answers
        assert psql(f, "select 1").stdout == "1\n"


def test_a_connection_for_some_networks_only(f):
    """sshd is told of it for logins from there, and for no other."""
    reload(f, CLIENTS.replace("rules:\n", LEDGER, 1))
    try:
        wait_for("the address", lambda: f.run(["getent", "hosts", "ledger"], check=False).stdout)
        assert 'permitopen="ledger:5432"' not in key_line(f)  # asked by nobody who comes from somewhere
        with forwarded(f, port=15440, to="ledger:5432", options=("-b", HERE)):
            done = wait_for("it to be let through", lambda: (lambda d: d.returncode == 0 and d)(psql(f, "select 1", port=15440)), every=0.3)
            assert done.stdout == "1\n"
            with forwarded(f, port=15441, to="ledger:5432") as said:
                assert psql(f, "select 1", port=15441).returncode != 0
                assert psql(f, "select 1", port=15440).stdout == "1\n"
            assert "administratively prohibited" in said[0], said
            status = json.loads(re.search(r"^sallyportd (.*)$", f.sallyport("status").stdout, re.M).group(1))
            assert {x["name"]: x["sessions"] for x in status["forwards"] if x["name"] != "orders"} == {"ledger": 1}, status
            assert all(re.fullmatch(r"127\.77\.\d+\.\d+:5432", x["address"]) and "problem" not in x for x in status["forwards"])
    finally:
        reload(f, CLIENTS)
