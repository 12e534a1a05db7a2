# SPDX-License-Identifier: Apache-2.0
"""Live sessions in an operator's hands: watched, paused, resumed and ended; what the person and the record see."""
import json
import subprocess
import time

import pexpect

from bastion import plain, wait_for

PROMPT = "orders=[>#] "


def open_psql(b, user="alice"):
    child = b.ssh_tty(user, "psql", "orders")
    child.expect(PROMPT)
    return child


def live_id(b):
    return max(json.loads(line)["id"] for line in b.sallyport("sessions", "--json").stdout.splitlines())


def events(b, sid):
    return b.sallyport("replay", "--events", sid).stdout


def test_pause_and_resume_stop_and_start_what_flows(b):
    child = open_psql(b)
    sid = live_id(b)
    assert b.sallyport("pause", "--reason", "a question first", sid).returncode == 0
    child.expect("this session was paused by root: a question first")
    child.sendline("select 41 + 1;")
    assert child.expect(["42", pexpect.TIMEOUT], timeout=1.5) == 1, plain(child.before)
    assert b.sallyport("resume", sid).returncode == 0
    child.expect("this session was resumed by root")
    child.expect("42")
    child.expect(PROMPT)
    child.sendline(r"\q")
    child.expect(pexpect.EOF)
    text = events(b, sid)
    assert "was paused by root: a question first" in text and "was resumed by root" in text


def test_end_tells_the_person_and_the_record_why(b):
    child = open_psql(b)
    sid = live_id(b)
    done = b.sallyport("end", "--reason", "change freeze", sid)
    assert done.returncode == 0, done.stderr
    child.expect("this session was ended by root: change freeze")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 254
    wait_for("the reason in the record",
             lambda: any("session_end" in l and "change freeze" in l for l in events(b, sid).splitlines()))
    again = b.sallyport("end", "--reason", "x", sid, check=False)
    assert again.returncode == 1 and "no such session is live" in again.stderr


def test_a_paused_session_can_be_ended(b):
    child = open_psql(b)
    sid = live_id(b)
    assert b.sallyport("pause", "--reason", "wait", sid).returncode == 0
    child.expect("paused by root")
    assert b.sallyport("end", "--reason", "enough", sid).returncode == 0
    child.expect("ended by root: enough")
    child.expect(pexpect.EOF)


def test_only_root_may(b):
    child = open_psql(b)
    sid = live_id(b)
    for command in ("end", "pause"):
        done = b.sallyport(command, sid, check=False)
        assert done.returncode == 2 and "usage" in done.stderr
    denied = b.run(["python3", "-c", "import socket; socket.socket(socket.AF_UNIX).connect('/run/sallyport/operator.sock')"],
                   user="bob", check=False)
    assert "PermissionError" in denied.stderr, denied.stderr
    child.sendline(r"\q")
    child.expect(pexpect.EOF)


def test_watch_follows_and_is_on_record(b):
    child = open_psql(b)
    sid = live_id(b)
    watch = b.popen(["sallyport", "watch", sid], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    watched = 'cat /var/log/sallyport/chain* | tr -d " " | grep -c "\\"action\\":\\"watch\\""; true'
    wait_for("the watching to be on record", lambda: b.run(["sh", "-c", watched]).stdout.strip() != "0")
    child.sendline("select 'seen' || 'live';")
    child.expect("seenlive")
    child.expect(PROMPT)
    time.sleep(0.5)
    child.sendline(r"\q")
    child.expect(pexpect.EOF)
    out, err = watch.communicate(timeout=20)
    assert b"seenlive" in out and b"has ended" in err, (out, err)
    assert '"action":"watch"' in b.run(["sh", "-c", "cat /var/log/sallyport/chain*"]).stdout.replace(" ", "")
