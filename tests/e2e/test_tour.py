# SPDX-License-Identifier: Apache-2.0
"""The README's tour, line by line, with an unmodified ssh client."""
import json
import re
import time

import pexpect
import pytest

import bastion
from bastion import SECRETS_IN_ROWS, plain, wait_for

PROMPT = "orders=[>#] "
ID = re.compile(r"\brequest\s+([0-9A-HJKMNP-TV-Z]{8})\b")
ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")


def open_psql(b, user="alice", **kwargs):
    child = b.ssh_tty(user, "psql", "orders", **kwargs)
    child.expect(PROMPT)
    return child


def ask(child, sql, until=PROMPT):
    """Types a statement, returns what came back before the next prompt."""
    child.sendline(sql)
    child.expect(until)
    return plain(child.before)


def quit_psql(child):
    child.sendline(r"\q")
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def request_id(text):
    """The id that the list of requests, or the notice of a held statement, names."""
    found = ID.findall(text)
    assert found, f"no request id in: {text}"
    return found[0]


def sessions_of(b):
    return json.loads(b.sallyport("sessions", "--json").stdout)


def last_session(b):
    """The newest session's id, from the reviewer's list."""
    ids = ULID.findall(b.sallyport("sessions").stdout)
    assert ids, "sallyport sessions lists nothing"
    return max(ids)


# 1. identity ------------------------------------------------------------------------------------------------


def test_whoami_shows_the_verified_identity(b):
    done = b.ssh("alice", "whoami")
    assert done.returncode == 0, done.stderr
    for word in ("alice", "eng", bastion.ISSUER):
        assert word in done.stdout
    assert ULID.search(done.stdout), "no session id"
    assert re.search(r"20\d\d-\d\d-\d\d", done.stdout), "no expiry"


def test_ed25519_key(b):
    b.login("alice", key="ed25519")
    try:
        assert b.ssh("alice", "whoami").returncode == 0
    finally:
        b.login("alice")


def test_another_persons_certificate_does_not_open_an_account(b):
    done = b.ssh("alice", "whoami", laptop="bob")
    assert done.returncode == 255 and "Permission denied" in done.stderr


def test_a_plain_key_does_not_open_an_account(b):
    done = b.ssh("alice", "whoami", laptop="ops")
    assert done.returncode == 255 and "Permission denied" in done.stderr


def test_an_administrator_keeps_a_plain_login(b):
    done = b.ssh("ops", "id -un")
    assert (done.returncode, done.stdout) == (0, "ops\n"), done.stderr


# 2. the real psql -------------------------------------------------------------------------------------------


def test_psql_is_the_real_one(b):
    child = open_psql(b)
    assert "Ada Young" in ask(child, "select name from customers order by id;")
    assert "customers" in ask(child, r"\d")
    assert quit_psql(child) == 0


def test_tab_completion(b):
    child = open_psql(b)
    child.send("select * from custo\t")
    child.expect("customers")
    child.send("\x03")
    child.expect(PROMPT)
    assert quit_psql(child) == 0


def test_an_error_is_the_servers_own(b):
    child = open_psql(b)
    text = ask(child, "select nosuch from customers;")
    assert 'column "nosuch" does not exist' in text and "^" in text
    assert quit_psql(child) == 0


def test_ctrl_c_cancels_the_statement_not_the_session(b):
    child = open_psql(b)
    child.sendline("select count(*) from generate_series(1, 100000000000) g;")
    active = "select count(*) from pg_stat_activity where state = 'active' and usename = 'app_rw' and query like '%100000000000%'"
    wait_for("the statement to run", lambda: b.db(active).stdout == "1\n")
    child.send("\x03")
    child.expect("canceling statement due to user request")
    child.expect(PROMPT)
    assert re.search(r"\b2\b", ask(child, "select 1 + 1;"))
    assert quit_psql(child) == 0


def test_window_size_and_resize(b):
    child = b.ssh_tty("alice", "psql orders --pset=pager=off --pset=format=wrapped", size=(30, 60))
    child.expect(PROMPT)
    narrow = ask(child, "select repeat('x', 200) as x;", until=r"\(1 row\)")  # a resize draws the prompt again
    child.setwinsize(30, 150)

    def widest(text):
        return max(map(len, re.findall("x{20,}", text)))

    def again():
        return widest(ask(child, "select repeat('x', 200) as x;", until=r"\(1 row\)"))
    wait_for("the new size", lambda: again() > 60, every=0.2)
    longest = [widest(narrow), again()]
    assert longest[0] < 60 <= longest[1] < 150
    assert quit_psql(child) == 0


def test_scripts_status_stdout_stderr(b):
    done = b.psql("alice", "select 1 as one", "-A", "-t")
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    done = b.psql("alice", "select nosuch")
    assert done.returncode == 1 and done.stdout == "" and "does not exist" in done.stderr


def test_sql_on_stdin(b):
    done = b.ssh("alice", "psql orders -X -A -t", stdin="select 20 + 1;\nselect 'b';\n")
    assert (done.returncode, done.stdout) == (0, "21\nb\n"), done.stderr


def test_copy_out_and_stdin_of_size(b):
    done = b.psql("alice", "select generate_series(1, 20000)", "-A", "-t")
    assert done.stdout.split() == [str(n) for n in range(1, 20001)]


def test_the_password_is_in_no_process_of_hers(b):
    child = open_psql(b)
    script = r"""for p in $(pgrep -u alice); do cat /proc/$p/environ /proc/$p/cmdline 2>/dev/null; done | tr '\0' '\n'"""
    assert bastion.DB_PASSWORD not in b.run(["sh", "-c", script]).stdout
    done = b.run(["sh", "-c", "ls -l /etc/sallyport/secrets; cat /etc/sallyport/secrets/orders"], user="alice", check=False)
    assert bastion.DB_PASSWORD not in done.stdout and "Permission denied" in done.stderr
    assert quit_psql(child) == 0


@pytest.mark.parametrize("escape", [r"\! cat /etc/passwd", r"\! id", r"\o | cat /etc/passwd", r"\i /etc/passwd",
                                    r"\copy customers to /tmp/stolen", r"\g | cat /etc/shadow"])
def test_psql_reaches_nothing_of_the_host(b, escape):
    child = open_psql(b)
    text = ask(child, escape)
    child.sendcontrol("c")
    child.expect(PROMPT)
    assert "root:" not in text and "/bin/bash" not in text
    assert b.run(["test", "-e", "/tmp/stolen"], check=False).returncode != 0
    child.close(force=True)


# 3. masking -------------------------------------------------------------------------------------------------


def test_rows_are_masked(b):
    done = b.psql("alice", "select * from customers order by id", "-A", "-t")
    assert done.returncode == 0, done.stderr
    assert [line.split("|")[1] for line in done.stdout.splitlines()] == ["Ada Young", "Ben Okoro", "Chen Lee"]
    for secret in SECRETS_IN_ROWS:
        assert secret not in done.stdout


@pytest.mark.parametrize("sql", [
    "select email::text || '' from customers", "select upper(ssn) from customers", "select c from customers c",
    "select row_to_json(c) from customers c", "select string_agg(card, ',') from customers",
    "select ssn as harmless from customers", "select x from (select email as x from customers) s",
    "with t as (select ssn s from customers) select s from t", "select ssn from customers union all select 'x'",
    "copy customers to stdout", "copy (select email from customers) to stdout", "copy customers to stdout with (format binary)",
    "select encode(convert_to(ssn, 'utf8'), 'hex') from customers", "select substr(ssn, 1, 6), substr(ssn, 7) from customers",
    "select reverse(email) from customers", "select max(ssn) from customers"])
def test_no_road_around_the_mask(b, sql):
    done = b.psql("alice", sql, "-A", "-t")
    text = done.stdout + done.stderr
    for secret in SECRETS_IN_ROWS:
        for form in (secret, secret.upper(), secret[::-1], secret.encode().hex()):
            assert form not in text
    for ssn in (c[3] for c in bastion.CUSTOMERS):
        assert ssn[:6] not in text


def test_errors_and_notices_are_masked(b):
    done = b.psql("alice", "select ('ada.young' || '@example.net')::int")
    assert done.returncode != 0 and "ada.young@example.net" not in done.stderr
    assert "invalid input syntax" in done.stderr
    done = b.psql("alice", "select cast(ssn as int) from customers")
    assert all(c[3] not in done.stderr for c in bastion.CUSTOMERS)


# 4. denial --------------------------------------------------------------------------------------------------


def test_denied_statement_never_reaches_the_server(b):
    child = open_psql(b)
    before = len(b.pg_log())
    ask(child, r"\set VERBOSITY verbose")
    text = ask(child, "delete from customers;")
    assert "42501" in text and "Use a migration for this." in text
    assert re.search(r"\b3\b", ask(child, "select count(*) from customers;"))
    assert not any("delete" in s.lower() for s in b.pg_log()[before:])
    assert quit_psql(child) == 0


@pytest.mark.parametrize("sql", [
    "select 1; drop table orders", "with d as (delete from customers returning *) select * from d", "truncate orders",
    "do $$ begin delete from customers; end $$", "explain analyze delete from customers", "copy orders to program 'id'",
    "select * into stolen from customers", "prepare p as delete from customers", "update customers set name = name",
    "/* select */ delete from customers", "create function f() returns int language sql as 'select 1'",
    "select pg_read_file('/etc/passwd')", "set role postgres", "selec 1"])
def test_dangerous_statements_are_refused_and_not_sent(b, sql):
    before = len(b.pg_log())
    done = b.psql("alice", sql, timeout=30)
    assert done.returncode != 0 and done.stderr.strip()
    assert not any(s.strip() == sql or "drop" in s or "delete" in s for s in b.pg_log()[before:])


# 5. approval ------------------------------------------------------------------------------------------------


UPDATE = "update orders set item = 'changed {}' where id = {};"


def pending(b):
    """What bob sees waiting."""
    return b.ssh("bob", "approvals").stdout


def test_approved_statement_runs_exactly_once(b):
    child = open_psql(b)
    child.sendline(UPDATE.format("A", 3))
    wait_for("the request in bob's list", lambda: "changed A" in pending(b))
    rid = request_id(pending(b))
    assert not any("changed A" in s for s in b.pg_log())
    done = b.ssh("alice", "approve", rid)
    assert done.returncode != 0, "alice approved her own request"
    done = b.ssh("carol", "approve", rid)
    assert done.returncode != 0, "carol is in no group that may approve"
    assert not any("changed A" in s for s in b.pg_log())
    done = b.ssh("bob", "approve", rid)
    assert done.returncode == 0, done.stderr + done.stdout
    child.expect("UPDATE 1")
    assert rid in plain(child.before), "the notice does not name the request"
    child.expect(PROMPT)
    assert [s for s in b.pg_log() if "changed A" in s] == [UPDATE.format("A", 3)]
    done = b.ssh("bob", "approve", rid)
    assert done.returncode != 0, "a used request was approved again"
    assert quit_psql(child) == 0


def test_denied_request(b):
    child = open_psql(b)
    child.sendline(UPDATE.format("B", 4))
    wait_for("the request", lambda: "changed B" in pending(b))
    assert b.ssh("bob", "deny", request_id(pending(b))).returncode == 0
    child.expect("ERROR")
    child.expect(PROMPT)
    assert not any("changed B" in s for s in b.pg_log())
    assert quit_psql(child) == 0


def test_cancelled_request(b):
    child = open_psql(b)
    child.sendline(UPDATE.format("C", 5))
    wait_for("the request", lambda: "changed C" in pending(b))
    child.send("\x03")
    child.expect("ERROR")
    child.expect(PROMPT)
    wait_for("the request to go", lambda: "changed C" not in pending(b))
    assert not any("changed C" in s for s in b.pg_log())
    assert quit_psql(child) == 0


def test_an_approval_covers_one_statement_only(b):
    child = open_psql(b)
    for n, row in (("D", 6), ("E", 6)):
        child.sendline(UPDATE.format(n, row))
        wait_for("a request of its own", lambda n=n: f"changed {n}" in pending(b))
        assert not any(f"changed {n}" in s for s in b.pg_log())
        assert b.ssh("bob", "approve", request_id(pending(b))).returncode == 0
        child.expect("UPDATE 1")
        child.expect(PROMPT)
    assert quit_psql(child) == 0


# 6. live policy ---------------------------------------------------------------------------------------------


def test_a_changed_rule_holds_at_the_next_statement(b):
    child = open_psql(b)
    assert "50" in ask(child, "select count(*) from orders;")
    stricter = bastion.POLICY_YAML.replace("sql: [drop,", "sql: [select, drop,")
    assert stricter != bastion.POLICY_YAML
    # Its own tests must agree with it, or it would be refused.
    stricter = stricter.replace('run: "select 1", expect: allow', 'run: "select 1", expect: deny')
    b.set_policy(stricter)
    wait_for("the new rule", lambda: "Use a migration" in ask(child, "select count(*) from orders;"), every=0.2)
    b.set_policy(bastion.POLICY_YAML)
    wait_for("the old rule", lambda: "50" in ask(child, "select count(*) from orders;"), every=0.2)
    assert quit_psql(child) == 0


@pytest.mark.parametrize("what, broken", [
    ("unknown key", bastion.POLICY_YAML.replace("effect: deny", "efect: deny")),
    ("not YAML", bastion.POLICY_YAML + "\n]["),
    ("a test that fails", bastion.POLICY_YAML.replace("expect: deny", "expect: allow"))])
def test_a_broken_file_is_reported_and_changes_nothing(b, what, broken):
    child = open_psql(b)
    b.set_policy(broken)
    done = b.sallyport("policy", "check", check=False)
    text = done.stdout + done.stderr
    assert done.returncode != 0, what
    if "test" not in what:
        assert re.search(r"orders\.yaml:\d+:\d+", text), text
    time.sleep(0.5)
    assert "50" in ask(child, "select count(*) from orders;")
    assert "Use a migration" in ask(child, "truncate orders;")
    b.set_policy(bastion.POLICY_YAML)
    assert quit_psql(child) == 0


# 7. the record ----------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(b):
    """A finished session with rows, a denial and an error; its id."""
    child = open_psql(b)
    ask(child, "select name, ssn from customers order by id;")
    ask(child, "delete from customers;")
    assert quit_psql(child) == 0
    return last_session(b)


def test_sessions_lists_who_and_what(b, recorded):
    line = next(x for x in b.sallyport("sessions").stdout.splitlines() if recorded in x)
    assert "alice" in line and "psql" in line


def test_replay_shows_what_she_saw(b, recorded):
    text = plain(b.sallyport("replay", recorded, "--speed", "1000").stdout)
    assert "Ada Young" in text and "Use a migration" in text
    assert "219-09-9999" not in text


def test_replay_events(b, recorded):
    text = b.sallyport("replay", "--events", recorded).stdout
    assert "select name, ssn from customers" in text and "delete from customers" in text and "never-unbounded" in text
    assert "219-09-9999" not in text


def test_export(b, recorded):
    cast = b.sallyport("export", recorded, "--format", "asciicast").stdout.splitlines()
    assert json.loads(cast[0])["version"] == 2
    assert "Ada Young" in "".join(e[2] for e in map(json.loads, cast[1:]) if e[1] == "o")
    text = b.sallyport("export", recorded, "--format", "json").stdout
    assert "delete from customers" in text
    events = json.loads(text) if text.lstrip().startswith("[") else [json.loads(x) for x in text.splitlines()]
    assert events


def test_verify_says_good(b, recorded):
    done = b.sallyport("verify")
    assert done.returncode == 0, done.stdout + done.stderr


def records_of(b, user, *words):
    """ausearch's records of ours for that login, each with all of its words; [] while there are none."""
    found = [x for x in b.ausearch("-ui", user).splitlines() if "sallyport" in x]
    return [x for x in found if all(w in x for w in words)]


def check_stamp(user, line):
    """By the kernel: who logged in and in which of their sessions."""
    assert re.search(rf"\bauid={user}\b", line), line
    ses = re.search(r"\bses=([0-9]+)", line)
    assert ses and ses.group(1) != "4294967295", line
    return ses.group(1)


def test_kernel_audit_has_login_command_denial_and_approval(b):
    """Each of the four as ausearch shows it, with the person's own auid and ses."""
    assert b.has_audit, "an auditd of this machine's own is running: stop it for these tests"
    child = open_psql(b)
    child.sendline("delete from customers;")
    child.expect("Use a migration")
    child.expect(PROMPT)
    child.sendline(UPDATE.format("audited", 7))
    wait_for("the request", lambda: "changed audited" in pending(b))
    rid = request_id(pending(b))
    assert b.ssh("bob", "approve", rid).returncode == 0
    child.expect("UPDATE 1")
    child.expect(PROMPT)
    assert quit_psql(child) == 0
    wanted = {"login": ("alice", "USER_START", "session_open"), "command": ("alice", "USER_CMD", "psql orders"),
              "denial": ("alice", "sallyport:statement", "res=failed"), "approval": ("bob", "sallyport:decide", rid)}
    for what, (user, *words) in wanted.items():
        lines = wait_for(f"the {what} in the audit log of {user}", lambda u=user, w=words: records_of(b, u, *w), every=0.3)
        for line in lines:
            check_stamp(user, line)
    mine = {check_stamp("alice", x) for x in records_of(b, "alice", "psql orders")}
    denied = {check_stamp("alice", x) for x in records_of(b, "alice", "sallyport:statement", "res=failed")}
    assert denied & mine, "the denial is not in the audit session of the command"


# 8. tampering -----------------------------------------------------------------------------------------------


SESSION_DIRS = ["sh", "-c", "ls -d /var/log/sallyport/2*/*/*/* | sort"]

TAMPER = {
    "flipped bit": "import sys;p=sys.argv[1]+'/events';d=bytearray(open(p,'rb').read());d[len(d)//2]^=1;open(p,'wb').write(d)",
    "cut tail": "import sys;p=sys.argv[1]+'/events';d=open(p,'rb').read();open(p,'wb').write(d[:-7])",
    "empty events": "import sys;open(sys.argv[1]+'/events','wb')",
    "removed events": "import sys,os;os.unlink(sys.argv[1]+'/events')",
    "removed session": "import sys,shutil;shutil.rmtree(sys.argv[1])",
    "extra byte": "import sys;open(sys.argv[1]+'/events','ab').write(b'x')",
    "swapped sessions": "import sys,os;a,b=sys.argv[1:3];os.rename(a,a+'.t');os.rename(b,a);os.rename(a+'.t',b)",
}


@pytest.mark.parametrize("how", TAMPER)
def test_verify_finds_tampering(b, recorded, how):
    del recorded
    b.run(["sh", "-c", "rm -rf /tmp/copy && cp -a /var/log/sallyport /tmp/copy"])
    key = b.run(["sh", "-c", "find /var/lib/sallyport/recorder /var/log/sallyport -name '*.pub*' | head -n 1"]).stdout.strip()
    assert key, "no public key"
    dirs = [d.replace("/var/log/sallyport", "/tmp/copy") for d in b.run(SESSION_DIRS).stdout.split()]
    good = b.sallyport("verify", "--root", "/tmp/copy", "--key", key, check=False)
    assert good.returncode == 0, good.stdout + good.stderr
    b.run(["/usr/bin/python3", "-c", TAMPER[how], *dirs[-2:][::-1]])
    bad = b.sallyport("verify", "--root", "/tmp/copy", "--key", key, check=False)
    assert bad.returncode != 0, f"verify did not find: {how}"
