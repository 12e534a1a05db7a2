# SPDX-License-Identifier: Apache-2.0
"""The PostgreSQL kind against a real server of its own: needs root (to start it as postgres) and the built harness."""
import glob
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "tools"))
import pgwire as pg  # noqa: E402 pylint: disable=wrong-import-position

HARNESS = os.path.join(os.environ.get("SP_BUILDDIR", TOP), "tests", "tools", "pgproxy_harness")
BIN = max(glob.glob("/usr/lib/postgresql/*/bin"), default="")
SECRETS = (b"123-45-6789", b"987-65-4321", b"123456789", b"987654321", b"ann@example.com", b"9876-54-321")
pytestmark = [pytest.mark.skipif(os.geteuid() != 0 or not BIN, reason="needs root and PostgreSQL"),
              pytest.mark.skipif(not os.access(HARNESS, os.X_OK), reason="needs tests/tools/pgproxy_harness (SP_BUILDDIR)")]

POLICY = """version: 1
groups:
  engineers: {{ claim: groups, has: eng }}
  dba: {{ claim: groups, has: dba }}
connections:
  orders:
    kind: postgres
    address: localhost:{port}
    database: orders
    tls: {{ mode: verify-full, ca: {dir}/{ca} }}
    login: {{ user: app_rw, password: {{ file: {dir}/password }} }}
    labels: {{ env: test }}
rules:
  - name: read
    who: [engineers]
    on: {{ labels: {{ env: test }} }}
    do: {{ sql: [select, show, explain, copy_to, copy_from, cursor, set, insert, create, prepare, execute, deallocate, alter] }}
    effect: allow
    mask: {{ columns: ["*.ssn", "customers.email", "part.other", "pa.x"], detect: [credit_card, email, us_ssn, ipv4], with: partial }}
  - name: writes
    who: [engineers]
    on: {{ labels: {{ env: test }} }}
    do: {{ sql: [update, delete] }}
    effect: approve
    approve: {{ by: [dba], count: 1, within: 15m }}
  - name: unbounded
    do: {{ sql: [drop, truncate, update_without_where, delete_without_where] }}
    effect: deny
    message: Use a migration for this.
"""
# The same columns masked by a rule that none of the statements match: the mark holds in what other rules let through.
ELSEWHERE = POLICY.split("rules:")[0] + """rules:
  - name: marks
    who: [engineers]
    on: {{ labels: {{ env: test }} }}
    do: {{ sql: [select], tables: [no_such_table] }}
    effect: allow
    mask: {{ columns: ["*.ssn", "customers.email", "part.other", "pa.x"], detect: [iban], with: partial }}
  - name: other-people
    who: [dba]
    effect: allow
    mask: {{ columns: ["customers.name"] }}
  - name: everything-else
    who: [engineers]
    do: {{ sql: [select, show, explain, copy_to, copy_from, cursor, set, insert, create, prepare, execute, deallocate,
                 alter] }}
    effect: allow
"""
SCHEMA = """
create table customers(id int primary key, name text, email text, ssn text, note text);
insert into customers values (1,'Ann','ann@example.com','123-45-6789','x'),(2,'Ben','ben@example.com','987-65-4321',null);
create view cv as select id, ssn as hidden from customers;
create table leak(x text);
create table empty();
create table lazy(id int, email text unique deferrable initially deferred);
insert into lazy values (1, 'x'), (2, 'y');
create table part(id int, ssn text, other text) partition by list (id);
create table part_one partition of part for values in (1);
insert into part values (1, '123-45-6789', '987-65-4321');
create function lower(leak) returns text language sql as 'select ssn from customers order by id desc limit 1';
create function computed(leak) returns text language sql as 'select ssn from customers order by id desc limit 1';
create function getop(int, int) returns text language sql as 'select ssn from customers order by id desc limit 1';
create operator ### (leftarg = int, rightarg = int, function = getop);
create view by_operator as select 1 ### 2 as x;
create view by_overload as select lower(l) as x from leak l;
create view by_catalog as select stavalues1::text as x from pg_statistic;
insert into leak values ('row');
create table pa(x text);
create table pb(x text);
create table pc() inherits (pa, pb);
insert into pc values ('987-65-4321');
create table pd() inherits (pc);
insert into pd values ('123-45-6789');
create function getssn(int) returns text language sql as 'select ssn from customers where id=$1';
"""


def sh(*argv, **kw):
    return subprocess.run(argv, check=True, capture_output=True, text=True, **kw)


class Server:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sppg")
        os.chmod(self.dir, 0o755)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.certificates()
        with open(self.dir + "/password", "w", encoding="ascii") as f:
            f.write("pgsecret")
        os.mkdir(self.dir + "/data")
        shutil.chown(self.dir + "/data", "postgres", "postgres")
        self.as_postgres(BIN + "/initdb", "-D", self.dir + "/data", "-A", "scram-sha-256",
                         "--pwfile=" + self.dir + "/password", "-U", "app_rw")
        with open(self.dir + "/data/postgresql.conf", "a", encoding="ascii") as f:
            f.write(f"port={self.port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\nssl=on\nfsync=off\n"
                    f"ssl_cert_file='{self.dir}/server.pem'\nssl_key_file='{self.dir}/server.key'\nlog_statement=all\n")
        self.log = self.dir + "/data/log.txt"
        self.as_postgres(BIN + "/pg_ctl", "-D", self.dir + "/data", "-l", self.log, "-w", "start")
        self.direct("create database orders", "postgres")
        self.direct(SCHEMA)
        self.direct("analyze customers")

    def as_postgres(self, *argv):
        sh("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *argv, cwd="/")

    def certificates(self):
        d = self.dir
        new = ("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        for ca in ("ca", "other"):
            sh(*new, "-x509", "-days", "2", "-subj", "/CN=test " + ca, "-keyout", f"{d}/{ca}.key", "-out", f"{d}/{ca}.pem")
        sh(*new, "-subj", "/CN=localhost", "-keyout", d + "/server.key", "-out", d + "/server.csr")
        with open(d + "/ext", "w", encoding="ascii") as f:
            f.write("subjectAltName=DNS:localhost\n")
        sh("openssl", "x509", "-req", "-in", d + "/server.csr", "-CA", d + "/ca.pem", "-CAkey", d + "/ca.key",
           "-CAcreateserial", "-days", "2", "-extfile", d + "/ext", "-out", d + "/server.pem")
        shutil.chown(d + "/server.key", "postgres", "postgres")
        os.chmod(d + "/server.key", 0o600)

    def direct(self, sql, database="orders"):
        return sh("psql", "-qAt", f"host=127.0.0.1 port={self.port} user=app_rw dbname={database} password=pgsecret",
                  "-c", sql).stdout

    def logged(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def stop(self):
        self.as_postgres(BIN + "/pg_ctl", "-D", self.dir + "/data", "-m", "immediate", "stop")
        shutil.rmtree(self.dir)


class Proxy:
    def __init__(self, server, ca="ca.pem", policy=POLICY):
        self.dir = tempfile.mkdtemp(prefix="sppx")
        self.events = self.dir + "/events"
        with open(self.dir + "/policy.yaml", "w", encoding="utf-8") as f:
            f.write(policy.format(port=server.port, dir=server.dir, ca=ca))
        self.proc = subprocess.Popen([HARNESS, self.dir + "/policy.yaml", "orders", self.dir, server.dir + "/password",
                                      self.events], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.heard = b""
        self.said("ready")
        self.env = {**os.environ, "PGHOST": self.dir, "PGUSER": "alice", "PGDATABASE": "orders"}

    def command(self, word):
        self.proc.stdin.write(word.encode() + b"\n")
        self.proc.stdin.flush()

    def said(self, needle):
        """The next line of the harness with needle in it."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            line, nl, rest = self.heard.partition(b"\n")
            if nl:
                self.heard = rest
                if needle.encode() in line:
                    return line.decode()
            elif select.select([self.proc.stdout], [], [], 1)[0]:
                self.heard += os.read(self.proc.stdout.fileno(), 65536)
        raise TimeoutError(needle)

    def psql(self, *argv, **kw):
        return subprocess.run(["psql", "-XqAt", *argv], env=self.env, capture_output=True, text=True, timeout=30,
                              check=False, **kw)

    def stop(self):
        self.proc.stdin.close()
        assert self.proc.wait(10) == 0
        shutil.rmtree(self.dir)


@pytest.fixture(scope="module")
def server():
    s = Server()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def proxy(server):
    p = Proxy(server)
    yield p
    p.stop()


@pytest.fixture(scope="module")
def elsewhere(server):
    p = Proxy(server, policy=ELSEWHERE)
    yield p
    p.stop()


@pytest.fixture
def wire(proxy):
    w = pg.Wire(proxy.dir)
    yield w
    w.close()


def codes(messages):
    return [pg.fields(b).get("C") for k, b in messages if k in (b"E", b"N")]


def attacks(name):
    with open(os.path.join(TOP, "tests", "attacks", "pg", name), encoding="utf-8") as f:
        return [tuple(line.rstrip("\n").split("\t", 1)) for line in f if not line.startswith("#")]


@pytest.mark.parametrize("expected,sql", attacks("masks.txt"))
@pytest.mark.parametrize("protocol", ["simple", "text", "binary"])
def test_masks_hold(server, proxy, expected, sql, protocol):
    if protocol != "simple" and ";" in sql and "$$" not in sql:
        pytest.skip("several statements")
    w = pg.Wire(proxy.dir)
    if protocol == "simple":
        got = w.run(pg.query(sql))
    else:
        got = w.run(pg.parse("", sql) + pg.bind("", "", result=protocol == "binary") + pg.execute("") + pg.SYNC)
    w.close()
    data = b"".join(b for _, b in got)
    for secret in SECRETS:
        assert secret not in data
    if expected == "refused":
        assert "42501" in codes(got), got
        assert "statement: " + sql not in server.logged() and ": " + sql + "\n" not in server.logged()


@pytest.mark.parametrize("expected,sql", attacks("masks.txt"))
def test_marks_hold_whatever_rule_lets_through(elsewhere, expected, sql):
    w = pg.Wire(elsewhere.dir)
    got = w.run(pg.query(sql))
    w.close()
    data = b"".join(b for _, b in got)
    for secret in SECRETS:
        assert secret not in data
    if expected == "refused" and not sql.startswith(("copy (select 'x')", "copy leak")):  # those are for detectors
        assert "42501" in codes(got), got


def test_a_mark_is_only_for_its_people_and_columns(elsewhere):
    assert elsewhere.psql("-c", "select id, name from customers order by id").stdout == "1|Ann\n2|Ben\n"
    # What a mask detects stays with its rule.
    assert elsewhere.psql("-c", "select 'DE89370400440532013000' from leak").stdout == "DE89370400440532013000\n"
    assert elsewhere.psql("-c", "select email from customers where id = 1").stdout == "a***@example.com\n"


@pytest.mark.parametrize("expected,sql", attacks("detectors.txt"))
@pytest.mark.parametrize("result", [0, 1])
def test_detectors_look_inside(wire, expected, sql, result):
    got = wire.run(pg.parse("", sql) + pg.bind("", "", result=result) + pg.execute("") + pg.SYNC)
    cell = [pg.cells(b) for k, b in got if k == b"D"][0][0]
    if expected == "pass":
        assert cell is not None and b"[masked" not in cell
    else:
        assert cell is None or b"[masked" in cell or b"***" in cell


@pytest.mark.parametrize("expected,messages", attacks("sessions.txt"))
def test_masks_hold_over_messages(proxy, wire, expected, messages):
    got = []
    for sql in messages.split(" ;; "):
        wire.send(pg.query(sql))
        one = wire.until(b"Z")
        got += one
    for secret in SECRETS:
        assert secret not in b"".join(b for _, b in got)
    if expected == "refused":
        assert "42501" in codes(got), got


# Of the functions that policy/pgfunction.c calls safe, those that the server calls volatile: each was read.
READ_ONE_BY_ONE = set("""clock_timestamp currval gen_random_uuid lastval nextval pg_blocking_pids
pg_collation_actual_version pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn
pg_database_collation_actual_version pg_database_size pg_indexes_size pg_is_in_recovery pg_jit_available
pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status
pg_notification_queue_usage pg_partition_ancestors pg_partition_tree pg_relation_size pg_sequence_last_value
pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls
pg_stat_get_xact_function_self_time pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans
pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_hot_updated
pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated pg_stat_have_stats
pg_table_size pg_tablespace_size pg_total_relation_size pg_xact_commit_timestamp pg_xact_status random timeofday
txid_status""".split())


def test_the_table_of_functions_is_the_servers(server):
    if "(PostgreSQL) 15." not in sh(BIN + "/postgres", "--version").stdout:
        pytest.skip("the table is of PostgreSQL 15")
    with open(TOP + "/policy/pgfunction.c", encoding="ascii") as f:
        safe, dangerous = (set(re.findall(r'"(\w+)"', part)) for part in re.findall(r"\[\] = \{(.*?)\n\};", f.read(), re.S))
    rows = server.direct("select proname, bool_or(provolatile = 'v') from pg_proc where pronamespace in "
                         "('pg_catalog'::regnamespace, 'information_schema'::regnamespace) group by 1").split()
    is_volatile = {row.split("|")[0]: row.endswith("|t") for row in rows}
    assert len(safe) > 1500 and len(dangerous) > 150 and not safe & dangerous
    assert safe | dangerous <= set(is_volatile)
    assert {name for name in safe if is_volatile[name]} == READ_ONE_BY_ONE


def test_refused_never_arrives_and_session_goes_on(server, wire):
    assert codes(wire.run(pg.query("delete from customers -- marker1"))) == ["42501"]
    assert "marker1" not in server.logged()
    assert pg.kinds(wire.run(pg.query("select 1"))) == "TDCZ"
    # in a transaction a refusal aborts it, as any error would, and the status byte says so
    assert wire.run(pg.query("begin"))[-1][1] == b"T"
    assert wire.run(pg.query("delete from customers -- marker2"))[-1][1] == b"E"
    assert codes(wire.run(pg.query("select 1"))) == ["25P02"]
    assert wire.run(pg.query("rollback"))[-1][1] == b"I"


def test_pipeline_keeps_order(wire):
    one = pg.parse("", "select 1") + pg.bind("", "") + pg.execute("")
    bad = pg.parse("", "delete from customers") + pg.bind("", "") + pg.execute("")
    assert pg.kinds(wire.run(one + bad + one + pg.SYNC)) == "12DCEZ"
    n = 3000
    got = wire.run(b"".join(pg.parse("", f"select {i}") + pg.bind("", "") + pg.execute("") for i in range(n)) + pg.SYNC)
    assert [pg.cells(b)[0] for k, b in got if k == b"D"] == [str(i).encode() for i in range(n)]


def test_a_name_never_runs_another_text(wire):
    """A Parse that fails or is skipped does not change what is judged."""
    wire.run(pg.parse("s", "select 'first'") + pg.SYNC)
    assert codes(wire.run(pg.parse("s", "select 'second'") + pg.SYNC)) == ["42P05"]
    got = wire.run(pg.bind("", "s") + pg.execute("") + pg.SYNC)
    assert pg.cells(got[1][1]) == [b"first"]
    got = wire.run(pg.close("S", "s") + pg.parse("s", "select 'third'") + pg.bind("", "s") + pg.execute("") + pg.SYNC)
    assert pg.kinds(got) == "312DCZ"
    assert codes(wire.run(pg.bind("", "nobody") + pg.execute("") + pg.SYNC)) == ["26000"]


def test_names_that_are_one_to_the_server(server, wire):
    """The server keeps 63 bytes of a name, and cursors and portals under the same names."""
    sql = "update customers set note = 'unapproved' where id = 2 returning id"
    long = "a" * 63
    wire.run(pg.parse(long + "y", "select 'harmless'") + pg.SYNC)
    got = wire.run(pg.close("S", long + "x") + pg.parse(long + "x", sql) + pg.bind("", long + "y") + pg.execute("") + pg.SYNC)
    assert codes(got) == ["42622"]
    for name in ("b" * 62 + "\u00e9", "b" * 70):
        assert codes(wire.run(pg.query(f"prepare {name} as select 1"))) == ["42501"]
    wire.run(pg.query("begin"))
    wire.run(pg.query("declare k cursor for select 1"))
    wire.run(pg.query("close k"))
    wire.run(pg.parse("", sql) + pg.bind("k", "") + pg.SYNC)
    assert codes(wire.run(pg.query("fetch all from k"))) == ["42501"]
    wire.run(pg.query("rollback"))
    assert server.direct("select count(*) from customers where note = 'unapproved'") == "0\n"


def test_cursors_go_on(wire):
    for _ in range(20):
        wire.run(pg.query("begin"))
        wire.run(pg.query("declare k cursor for select id from customers"))
        assert pg.kinds(wire.run(pg.query("fetch 1 from k"))) == "TDCZ"
        wire.run(pg.query("commit"))
    for _ in range(20):
        wire.run(pg.query("declare h cursor with hold for select id from customers"))
        assert pg.kinds(wire.run(pg.query("fetch 1 from h"))) == "TDCZ"
        wire.run(pg.query("close h"))
    wire.run(pg.parse("s", "select 1") + pg.SYNC)
    wire.run(pg.query("close all"))
    assert pg.kinds(wire.run(pg.bind("", "s") + pg.execute("") + pg.SYNC)) == "2DCZ"


def test_every_byte_alone(wire):
    for byte in pg.parse("", "select id, ssn from customers where id = $1") + pg.bind("", "", [b"1"]) + pg.execute("") + pg.SYNC:
        wire.send(bytes([byte]))
    assert [pg.cells(b) for k, b in wire.until(b"Z") if k == b"D"] == [[b"1", b"*******6789"]]


def test_copy_in_and_large_values(wire):
    wire.run(pg.query("create temp table k(a text)"))
    wire.send(pg.parse("", "copy k from stdin") + pg.bind("", "") + pg.execute("") + pg.SYNC)
    wire.until(b"G")
    wire.send(b"".join(pg.message(b"d", b"row %d\n" % i) for i in range(100000)) + pg.message(b"c") + pg.SYNC)
    assert pg.kinds(wire.until(b"Z")) == "CZ"
    got = wire.run(pg.query("select repeat('a@b.com ', 1000000)"))
    assert len(got[1][1]) > 8000000 and b"a@b.com" not in got[1][1]


def test_copy_at_once(wire):
    wire.run(pg.query("create temp table once(a text)"))
    data = pg.message(b"d", b"x\n") + pg.message(b"c")
    assert pg.kinds(wire.run(pg.query("copy once from stdin") + data)) == "GCZ"
    assert pg.kinds(wire.run(pg.parse("", "copy once from stdin") + pg.bind("", "") + pg.execute("") + data + pg.SYNC)) == "12GCZ"
    assert pg.cells(wire.run(pg.query("select count(*) from once"))[1][1]) == [b"2"]


def test_approval(server, proxy, wire):
    sql = "update customers set note = 'approved' where id = 2"
    for word, code in (("deny", "42501"), ("expire", "57014")):
        wire.send(pg.query(sql))
        assert codes(wire.until(b"N")) == ["00000"]
        proxy.command(word)
        assert codes(wire.until(b"Z")) == [code]
    wire.send(pg.query(sql))
    wire.until(b"N")
    cancel(proxy, wire)
    assert codes(wire.until(b"Z")) == ["57014"]
    assert sql not in server.logged()
    wire.send(pg.query(sql))
    wire.until(b"N")
    proxy.command("approve")
    assert pg.kinds(wire.until(b"Z")) == "CZ"
    assert server.logged().count("statement: " + sql) == 1
    # another parameter is another statement
    ask = pg.parse("u", "update customers set note = $1 where id = 2") + pg.bind("", "u", [b"one"]) + pg.execute("") + pg.SYNC
    wire.send(ask)
    wire.until(b"N")
    proxy.command("approve")
    assert "C" in pg.kinds(wire.until(b"Z"))
    wire.send(pg.bind("", "u", [b"two"]) + pg.execute("") + pg.SYNC)
    wire.until(b"N")
    proxy.command("deny")
    assert codes(wire.until(b"Z")) == ["42501"]
    assert server.direct("select note from customers where id = 2").strip() == "one"


def test_approvers_see_what_runs(server, proxy, wire):
    """Not another text that a name could have stood for, nor only a name, nor only the beginning."""
    def answered(needle, word):
        wire.until(b"N")
        said = proxy.said(needle)
        proxy.command(word)
        wire.until(b"E" if word == "deny" else b"C")
        wire.until(b"Z")
        return said

    update = "update customers set note = $1 where id = 2"
    wire.run(pg.parse("s", "update customers set note = 'old' where id = 2") + pg.SYNC)
    wire.send(pg.parse("s", "update customers set note = 'new' where id = 2") + pg.SYNC)
    wire.send(pg.bind("", "s") + pg.execute("") + pg.SYNC)
    answered("note = 'old'", "deny")
    wire.send(pg.query("prepare q(text) as " + update))
    answered("prepare q(text)", "approve")
    wire.send(pg.query("execute q('x')"))
    assert update in answered("execute q('x')", "deny")
    typed = pg.message(b"P", b"\0" + update.encode() + b"\0" + struct.pack("!HI", 1, 25))
    wire.send(typed + pg.bind("", "", [b"x" * 5000 + b"end"]) + pg.execute("") + pg.SYNC)
    assert "xend" in answered('"types":[25]', "deny")
    assert codes(wire.run(pg.query("update customers set note = 'x' /*" + "x" * 40000 + "*/ where id = 2"))) == ["42501"]
    assert server.direct("select count(*) from customers where id = 2 and note in ('old', 'new', 'x')") == "0\n"


def test_an_end_while_approval_is_waited_for(server):
    p = Proxy(server)
    w = pg.Wire(p.dir)
    w.send(pg.parse("", "update customers set note = 'never' where id = 2") + pg.bind("", "") + pg.execute("") + pg.SYNC)
    w.until(b"N")
    p.stop()
    w.close()
    assert server.direct("select count(*) from customers where note = 'never'") == "0\n"


def cancel(proxy, wire):
    key = [b for k, b in wire.greeting if k == b"K"][0]
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(proxy.dir + "/.s.PGSQL.5432")
        s.sendall(struct.pack("!II", 16, 80877102) + key)
        assert s.recv(1) == b""


def test_cancel_reaches_the_server(proxy, wire):
    wire.send(pg.query("select count(*) from generate_series(1, 10000000000)"))
    time.sleep(0.3)
    cancel(proxy, wire)
    assert codes(wire.until(b"Z")) == ["57014"]


def test_nothing_without_its_record(server, proxy, wire):
    proxy.command("full")
    time.sleep(0.2)
    wire.send(pg.query("select 'held'"))
    wire.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        wire.recv()
    assert "'held'" not in server.logged()
    proxy.command("ok")
    wire.sock.settimeout(10)
    assert pg.kinds(wire.until(b"Z")) == "TDCZ"


@pytest.mark.parametrize("data", [b"Q\0\0\0\0", b"Q\0\0\0\3", b"Q\xff\xff\xff\xff", b"Q\x80\0\0\0", b"S\x7f\xff\xff\xff", b"z\0\0\0\4",
                                  pg.message(b"Q", b"ab"), pg.message(b"B", b"\0\0\0\0\xff\xff\0\0"),
                                  pg.message(b"B", b"\0\0\0\1\0\7\0\0\0\0"), pg.message(b"P", b"\0select 1\0\xff\xff"),
                                  pg.message(b"Q", b"select 1\0; delete from customers\0"),
                                  struct.pack("!II", 8, 80877103), pg.message(b"p", b"secret\0")])
def test_desync(wire, data):
    wire.send(data)
    got = wire.until(b"EOF")
    assert pg.kinds(got[:-1]) == "E" and codes(got) == ["08P01"]


@pytest.mark.parametrize("options,code", [({"options": "-c x=1"}, "42501"), ({"replication": "true"}, "42501"),
                                          ({"search_path": "x"}, "42501"), ({"user": "bob"}, "28000"),
                                          ({"database": "postgres"}, "3D000"), ({"client_encoding": "SJIS"}, "42501")])
def test_startup_options(proxy, options, code):
    w = pg.Wire(proxy.dir, login=False)
    w.startup(**{"user": "alice", "database": "orders", **options})
    assert codes(w.until(b"Z")) == [code]


def test_newer_minor_and_encryption_requests(proxy):
    w = pg.Wire(proxy.dir, login=False)
    w.send(struct.pack("!II", 8, 80877103))
    assert w.sock.recv(1) == b"N"
    w.startup(version=196609, user="alice", database="orders")
    assert pg.kinds(w.until(b"Z")).startswith("vR")


def test_wrong_authority_is_refused(server):
    p = Proxy(server, ca="other.pem")
    out = p.psql("-c", "select 1")
    p.stop()
    assert out.returncode == 2 and "certificate refused" in out.stderr and "app_rw" not in out.stderr


def test_psql(proxy):
    assert "customers" in proxy.psql("-c", r"\d").stdout
    assert "ssn|text" in proxy.psql("-c", r"\d customers").stdout
    out = proxy.psql("-c", "delete from customers", "-c", "select 1")
    assert "Use a migration for this." in out.stderr and out.stdout == "1\n"
    assert proxy.psql(input="\\c orders\nselect 2;\n").stdout.endswith("2\n")


def test_events(proxy):
    with open(proxy.events, encoding="utf-8") as f:
        text = f.read()
    assert '"type":"statement"' in text and '"type":"result"' in text
    for secret in SECRETS[:1]:
        assert secret.decode() not in "".join(x for x in text.splitlines() if '"type":"result"' in x)
