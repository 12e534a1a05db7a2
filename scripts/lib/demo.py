# SPDX-License-Identifier: Apache-2.0
"""The tour of the README on a private bastion: each command as it is typed, what really came back, what it proves."""
import json
import os
import re
import signal
import sys
import time

import pexpect

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, TOP + "/tests/e2e")
import bastion  # noqa: E402 pylint: disable=wrong-import-position
from bastion import plain, wait_for  # noqa: E402 pylint: disable=wrong-import-position

STATE = "/run/sallyport-demo.json"
PROMPT = "orders=[>#] "
BOLD, DIM, RED, GREEN, OFF = ("\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m") if sys.stdout.isatty() else [""] * 5


class Tour:
    def __init__(self, b):
        self.b, self.number, self.good, self.bad = b, 0, 0, 0

    def title(self, text):
        self.number += 1
        print(f"\n{BOLD}{self.number}. {text}{OFF}")

    @staticmethod
    def typed(who, command):
        print(f"{DIM}{who}'s laptop ${OFF} {BOLD}{command}{OFF}")

    @staticmethod
    def output(text, limit=24):
        lines = [x.rstrip() for x in plain(text).strip("\n").splitlines()]
        for line in lines[:limit]:
            print("    " + line)
        if len(lines) > limit:
            print(f"    {DIM}[{len(lines) - limit} more lines]{OFF}")

    def proves(self, is_true, text):
        if is_true:
            self.good += 1
            print(f"  {GREEN}=> {text}{OFF}")
        else:
            self.bad += 1
            print(f"  {RED}=> NOT SHOWN: {text}{OFF}")

    def ssh(self, who, *words):
        self.typed(who, f"ssh {who}@bastion " + " ".join(words))
        done = self.b.ssh(who, *words)
        self.output(done.stdout + done.stderr)
        return done

    def root(self, *words, limit=24):
        print(f"{DIM}bastion #{OFF} {BOLD}{' '.join(words)}{OFF}")
        done = self.b.run(list(words), check=False)
        self.output(done.stdout + done.stderr, limit)
        return done


def step_login(t):
    t.title("An SSH certificate from a single sign-on")
    for who in ("alice", "bob"):
        t.typed(who, "opkssh login")
        t.output(t.b.login(who).stdout)
    done = t.ssh("alice", "whoami")
    t.proves(done.returncode == 0 and bastion.ISSUER in done.stdout,
             "who she is comes from the provider's signature, not from a key file on the bastion")


def step_psql(t):
    t.title("The real psql, with a password alice never holds")
    done = t.ssh("alice", "psql orders -c 'select id, name from customers order by id'")
    t.proves("Ada Young" in done.stdout, "a script gets psql's own output and exit status")
    done = t.ssh("alice", "psql orders -c 'select * from customers order by id'")
    t.proves(done.returncode == 0 and not any(s in done.stdout for s in bastion.SECRETS_IN_ROWS),
             "emails, social security numbers, cards and IBANs are masked before they leave the bastion")


def step_denied(t):
    t.title("A rule says no, and the session goes on")
    before = len(t.b.pg_log())
    t.typed("alice", "ssh -t alice@bastion psql orders")
    child = t.b.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    child.sendline("delete from customers;")
    child.expect(PROMPT)
    t.output("orders=> " + plain(child.before))
    told = "Use a migration" in plain(child.before)
    child.sendline("select count(*) from customers;")
    child.expect(PROMPT)
    t.output("orders=> " + plain(child.before))
    t.proves(told and re.search(r"\b3\b", plain(child.before)) and not any("delete" in s for s in t.b.pg_log()[before:]),
             "the statement never reached PostgreSQL (its own log says so); the session is alive")
    return child


def step_approval(t, child):
    t.title("A write waits for a second person")
    sql = "update orders set item = 'one blue lamp' where id = 3;"
    child.sendline(sql)
    pending = wait_for("the request", lambda: (lambda s: s if "blue lamp" in s else "")(t.b.ssh("bob", "approvals").stdout))
    t.output("orders=> " + sql)
    t.typed("bob", "ssh bob@bastion approvals")
    t.output(pending)
    rid = next(w for w in re.findall(r"\b[0-9A-Z][0-9A-Z-]{3,}\b", pending) if re.search(r"\d", w))
    refused = t.ssh("alice", f"approve {rid}")
    t.proves(refused.returncode != 0, "alice cannot approve her own")
    t.ssh("bob", f"approve {rid}")
    child.expect("UPDATE 1")
    t.output(plain(child.before) + "UPDATE 1")
    child.expect(PROMPT)
    t.proves(sum("blue lamp" in s for s in t.b.pg_log()) == 1, "it ran once, exactly as bob saw it")


def step_live_policy(t, child):
    t.title("Policy is live")
    stricter = bastion.POLICY_YAML.replace("sql: [drop,", "sql: [select, drop,")
    stricter = stricter.replace('run: "select 1", expect: allow', 'run: "select 1", expect: deny')
    print("    (an administrator adds select to the rule never-unbounded in /etc/sallyport/policy.d/orders.yaml)")
    t.b.set_policy(stricter)

    def refused():
        child.sendline("select count(*) from orders;")
        child.expect(PROMPT)
        return "Use a migration" in plain(child.before)
    wait_for("the new rule", refused, every=0.3)
    t.output("orders=> " + plain(child.before))
    t.b.set_policy(bastion.POLICY_YAML)
    t.proves(True, "the session that was already open obeys at its next statement")
    t.b.set_policy(bastion.POLICY_YAML.replace("effect: deny", "efect: deny"))
    done = t.root("sallyport", "policy", "check")
    t.b.set_policy(bastion.POLICY_YAML)
    t.proves(done.returncode != 0, "a broken file is named with line and column and changes nothing")
    child.sendline(r"\q")
    child.expect(pexpect.EOF)
    child.close()


def step_record(t):
    t.title("The record")
    done = t.root("sallyport", "sessions")
    ids = re.findall(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", done.stdout)
    t.proves(bool(ids), "every session is there, with who it was")
    if not ids:
        return
    shell = [x.split()[0] for x in plain(done.stdout).splitlines() if x.rstrip().endswith("psql orders")]
    events = t.root("sallyport", "replay", "--events", shell[0] if shell else max(ids))
    t.proves("delete from customers" in events.stdout, "each statement with its decision, before it ran")
    done = t.root("sallyport", "verify")
    t.proves(done.returncode == 0, "the chain of records is whole")
    path = t.b.run(["sh", "-c", "ls -d /var/log/sallyport/2*/*/*/* | tail -n 1"]).stdout.strip() + "/events"
    code = "import sys;p=sys.argv[1];d=bytearray(open(p,'rb').read());d[len(d)//2]^=1;open(p,'r+b').write(d)"
    t.b.run(["/usr/bin/python3", "-c", code, path])
    print(f"    (one bit of {path} is flipped)")
    done = t.root("sallyport", "verify")
    t.proves(done.returncode != 0, "one flipped bit is found")
    t.b.run(["/usr/bin/python3", "-c", code, path])
    if t.b.has_audit:
        done = t.root("ausearch", "--input-logs", "-i", "-ua", "alice", limit=12)
        t.proves("sallyport" in done.stdout, "the kernel's audit log has it too, with her auid and session")


def step_outage(t):
    t.title("Nothing passes unrecorded")
    t.b.stop_daemon("recorder")
    before = len(t.b.pg_log())
    done = t.ssh("alice", "psql orders -c 'select 1'")
    t.b.start_daemon("recorder")
    t.proves(done.returncode != 0 and len(t.b.pg_log()) == before, "without a recorder there is no statement")


def tour(t):
    child = None
    for step in (step_login, step_psql, step_denied, step_approval, step_live_policy, step_record, step_outage):
        try:
            if step is step_denied:
                child = step(t)
            elif step in (step_approval, step_live_policy):
                if child is not None:
                    step(t, child)
            else:
                step(t)
        except (bastion.BastionError, pexpect.ExceptionPexpect, StopIteration) as e:
            t.proves(False, f"{step.__name__}: {str(e).splitlines()[0]}")


def keep(b):
    with open(STATE, "w", encoding="utf-8") as f:
        json.dump({"holder": b.holder.pid, "base": b.base}, f)
    print(f"""
The bastion stays up until you press Ctrl-C here. In another terminal:
  sudo scripts/demo --as alice ssh alice@bastion whoami
  sudo scripts/demo --as alice ssh -t alice@bastion psql orders
  sudo scripts/demo --as bob   ssh bob@bastion approvals
  sudo scripts/demo --as root  sallyport sessions""", flush=True)
    try:
        while b.holder.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        print()
    finally:
        os.unlink(STATE)


def run_as(who, argv):
    """A command on somebody's laptop (or as root on the bastion) of a demo that is kept up."""
    try:
        with open(STATE, encoding="utf-8") as f:
            state = json.load(f)
    except FileNotFoundError:
        sys.exit("no demo is up: sudo scripts/demo --keep")
    b = bastion.Bastion()
    b.holder = type("Holder", (), {"pid": state["holder"]})
    env = {"TERM": os.environ.get("TERM", "xterm")}
    line = b.argv(argv, None if who == "root" else "lap-" + who, env)
    os.execvp(line[0], line)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started it in the background
    if sys.argv[1:2] == ["--as"]:
        if len(sys.argv) < 4:
            sys.exit("usage: sudo scripts/demo --as alice|bob|carol|ops|root COMMAND...")
        run_as(sys.argv[2], sys.argv[3:])
    started = time.monotonic()
    try:
        with bastion.Bastion(say=lambda text: print("  " + text, flush=True)) as b:
            print(f"  bastion up after {time.monotonic() - started:.0f} s")
            t = Tour(b)
            tour(t)
            print(f"\n{t.good} shown, {t.bad} not shown")
            if "--keep" in sys.argv:
                keep(b)
    except bastion.BastionError as e:
        sys.exit(f"the demo could not start: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1 if t.bad else 0)


if __name__ == "__main__":
    main()
