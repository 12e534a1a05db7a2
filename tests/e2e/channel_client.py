# SPDX-License-Identifier: Apache-2.0
"""The clients of test_channel_matrix.py, inside the bastion: paramiko's transport with messages made by hand (raw),
paramiko as a library, asyncssh, and OpenSSH's own. Reads what to do as JSON from stdin (a list of connections with
their channels with their steps), writes what came of it as JSON. It judges nothing.
"""
import asyncio
import concurrent.futures
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
import traceback

import asyncssh
import paramiko
from cryptography.hazmat.primitives import serialization
from paramiko import common
from paramiko.message import Message

HOST, USER = "bastion", "alice"
KEY = os.path.expanduser("~/.ssh/op/id")
WAIT = 20.0  # seconds before an answer that should come has not
QUIET = 0.2  # seconds in which something that must not come is waited for
HELD = b"waiting for approval"
WINDOW, PACKET = 1 << 20, 32768


class Dropped(Exception):
    """The connection has ended."""


def pack(*values):
    m = Message()
    for v in values:
        if isinstance(v, bool):
            m.add_boolean(v)
        elif isinstance(v, int):
            m.add_int(v)
        else:
            m.add_string(v)
    return m.asbytes()


def place(arg, default=("127.0.0.1", 9999)):
    host, _, port = arg.rpartition(":")
    return (host, int(port)) if host else default


# What follows the name of a request, by what stands in its brackets.
CHANNEL = {"pty-req": lambda a: pack("xterm", 80, 24, 0, 0, b"\0"), "shell": lambda a: b"", "exec": pack, "subsystem": pack,
           "env": lambda a: pack(a, "/tmp/pwned.env"), "window-change": lambda a: pack(100, 30, 0, 0), "signal": pack,
           "break": lambda a: pack(500), "exit-status": lambda a: pack(0), "xon-xoff": lambda a: pack(True),
           "exit-signal": lambda a: pack("TERM", False, "", ""), "x11-req": lambda a: pack(False, "MIT-MAGIC-COOKIE-1", "00" * 16, 0),
           "auth-agent-req@openssh.com": lambda a: b"", "eow@openssh.com": lambda a: b"", "nosuch@example.com": lambda a: b"x"}
GLOBAL = {"tcpip-forward": lambda a: pack(*place(a)), "cancel-tcpip-forward": lambda a: pack(*place(a)),
          "streamlocal-forward@openssh.com": pack, "cancel-streamlocal-forward@openssh.com": pack,
          "no-more-sessions@openssh.com": lambda a: b"", "hostkeys-00@openssh.com": lambda a: pack(b"ssh-ed25519"),
          "hostkeys-prove-00@openssh.com": lambda a: pack(b"\0\0\0\x0bssh-ed25519\0\0\0\x01x"),
          "nosuch-global@example.com": lambda a: b"x", "keepalive@openssh.com": lambda a: b""}
OPEN = {"session": lambda a: b"", "direct-tcpip": lambda a: pack(*place(a), "127.0.0.1", 40000),
        "direct-streamlocal@openssh.com": lambda a: pack(a, "", 0), "tun@openssh.com": lambda a: pack(int(a), 0x7fffffff),
        "forwarded-tcpip": lambda a: pack(*place(a), "127.0.0.1", 40000), "forwarded-streamlocal@openssh.com": lambda a: pack(a, ""),
        "x11": lambda a: pack("127.0.0.1", 40000), "auth-agent@openssh.com": lambda a: b"", "nosuch-channel@example.com": lambda a: b""}


class RawChannel:
    """One channel of which every message is ours; what comes is kept."""

    def __init__(self, t, window=WINDOW, packet=PACKET):
        self.t, self.window, self.packet = t, window, packet
        self.news, self.replies, self.out = threading.Condition(), [], bytearray()
        self.remote = self.opened = self.status = None
        self.is_eof = self.is_closed = self.is_over = False
        with t.lock:
            self.id = t._next_channel()
            t._channels.put(self.id, self)

    def tell(self, **what):
        with self.news:
            for name, value in what.items():
                setattr(self, name, value)
            self.news.notify_all()

    def wait(self, check, seconds=WAIT):
        """check()'s value, once it is true; None after the seconds."""
        end = time.monotonic() + seconds
        with self.news:
            while not check():
                if not self.t.is_active():
                    raise Dropped
                if time.monotonic() > end:
                    return None
                self.news.wait(0.1)
            return check()

    def send(self, kind, *values, raw=b""):
        m = Message()
        m.add_byte(bytes([kind]))
        m.add_bytes(pack(*values) + raw)
        self.t._send_user_message(m)

    # what Transport calls for what comes

    def _set_remote_channel(self, remote, window, packet):
        self.remote = remote

    def _unlink(self):
        self.tell()

    def on_data(self, m):
        with self.news:
            self.out += m.get_string()
            self.news.notify_all()

    def on_extended(self, m):
        m.get_int()
        self.on_data(m)

    def on_request(self, m):
        if m.get_text() == "exit-status" and m.get_boolean() is False:
            self.tell(status=m.get_int())
        else:
            self.tell(status=-1 if self.status is None else self.status)

    def on_reply(self, value):
        with self.news:
            self.replies.append(value)
            self.news.notify_all()

    TABLE = {common.MSG_CHANNEL_SUCCESS: lambda c, m: c.on_reply("yes"), common.MSG_CHANNEL_FAILURE: lambda c, m: c.on_reply("no"),
             common.MSG_CHANNEL_DATA: on_data, common.MSG_CHANNEL_EXTENDED_DATA: on_extended,
             common.MSG_CHANNEL_WINDOW_ADJUST: lambda c, m: None, common.MSG_CHANNEL_REQUEST: on_request,
             common.MSG_CHANNEL_EOF: lambda c, m: c.tell(is_eof=True), common.MSG_CHANNEL_CLOSE: lambda c, m: c.tell(is_closed=True)}

    # what the steps do

    def open(self, name, arg):
        event = threading.Event()
        with self.t.lock:
            self.t.channel_events[self.id] = event
            self.t.channels_seen[self.id] = True
        self.send(90, name, self.id, self.window, self.packet, raw=OPEN[name](arg))
        end = time.monotonic() + WAIT
        while not event.wait(0.1):
            if not self.t.is_active():
                raise Dropped
            if time.monotonic() > end:
                return "silence"
        if not self.t.is_active():
            raise Dropped
        if self.remote is None:
            self.t.get_exception()
            return "refused"
        return "open"

    def ask(self, name, arg):
        if self.remote is None:
            raise Dropped
        self.send(98, self.remote, name, True, raw=CHANNEL[name](arg))

    def answer(self):
        if not self.wait(lambda: self.replies):
            return "silence"
        return self.replies.pop(0)

    def end(self):
        """What came until it was over, or until it is held for an approval."""
        self.wait(lambda: self.is_closed or HELD in self.out)
        self.close()
        return {"output": self.out.decode("utf-8", "replace"), "status": self.status}

    def close(self):
        if not self.is_over:
            self.is_over = True
            self.send(97, self.remote)


class Raw:
    """A connection over which the steps go as messages made by hand."""

    def __init__(self, job):
        self.job, self.channels = job, []
        self.t = self.connect()
        self.t._channel_handler_table = RawChannel.TABLE

    @staticmethod
    def connect():
        t = paramiko.Transport(socket.create_connection((HOST, 22), WAIT))
        t.banner_timeout = t.auth_timeout = t.handshake_timeout = WAIT
        t.start_client(timeout=WAIT)
        key = paramiko.ECDSAKey.from_private_key_file(KEY)
        key.load_certificate(KEY + "-cert.pub")
        t.auth_publickey(USER, key)
        return t

    def step(self, step, run):
        """One step: its answer, or what a run showed."""
        name, arg = step["name"], step["arg"]
        c = self.channels[-1] if self.channels else None
        if name in OPEN:
            sizes = [int(x, 0) for x in arg.split(",")] if name == "session" and arg else []
            self.channels.append(RawChannel(self.t, *sizes))
            answer = self.channels[-1].open(name, arg)
            if answer != "open":
                self.channels.pop()
            return answer
        if name in GLOBAL:
            return self.ask_all(name, arg)
        if name in CHANNEL:
            c.ask(name, arg)
            return c.answer()
        return getattr(self, "do_" + name.replace("-", "_"))(c, arg, run)

    def ask_all(self, name, arg):
        m = Message()
        m.add_byte(common.cMSG_GLOBAL_REQUEST)
        m.add_string(name)
        m.add_boolean(True)
        m.add_bytes(GLOBAL[name](arg))
        self.t.completion_event = threading.Event()
        self.t.global_response = None
        self.t._send_user_message(m)
        end = time.monotonic() + WAIT
        while not self.t.completion_event.wait(0.1):
            if not self.t.is_active():
                raise Dropped
            if time.monotonic() > end:
                return "silence"
        return "no" if self.t.global_response is None else "yes"

    def do_run(self, c, _arg, run):
        c.ask("exec", run)
        return [c.answer(), c.end()]

    def do_start(self, c, arg, run):
        """The run, and right behind it what else is named: in one piece, so that the first is not over before the last."""
        packetizer, pieces, behind = c.t.packetizer, [], [x for x in arg.split(",") if x]
        packetizer.write_all = pieces.append
        try:
            c.ask("exec", run)
            for name in behind:
                name, _, value = name.partition(":")
                c.ask(name, value)
        finally:
            del packetizer.write_all
        packetizer.write_all(b"".join(pieces))
        return "/".join(c.answer() for _ in range(1 + len(behind)))

    def do_end(self, c, _arg, _run):
        return c.end()

    def do_data(self, c, arg, _run):
        c.send(94, c.remote, arg + "\n")
        return "sent"

    def do_extended(self, c, arg, _run):
        c.send(95, c.remote, 1, arg)
        return "sent"

    def do_eof(self, c, _arg, _run):
        c.send(96, c.remote)
        return "sent"

    def do_close(self, c, _arg, _run):
        c.close()
        return "sent"

    def do_closed(self, c, _arg, _run):
        return "yes" if c.wait(lambda: c.is_closed) else "silence"

    def do_adjust(self, c, arg, _run):
        c.send(93, c.remote, int(arg, 0))
        return "sent"

    def do_quiet(self, c, _arg, _run):
        """Nothing comes."""
        return "something" if c.wait(lambda: c.out, QUIET) else "quiet"

    def do_other(self, c, arg, _run):
        """An earlier channel of this connection."""
        self.channels.append(self.channels[int(arg)])
        return "sent"

    def do_astray(self, _c, arg, _run):
        """A request for a channel that there is not."""
        c = RawChannel(self.t)
        c.send(98, 4242, "exec", True, raw=pack(arg))
        c.wait(lambda: False)
        return "silence"

    def do_sftp(self, c, arg, _run):
        """Opens a file of the server's and reads it, whatever is answered to that."""
        hello = pack(1) [3:] + pack(3)
        opening = bytes([3]) + pack(1, arg, 1, 0)
        reading = bytes([5]) + pack(2, b"0000") + b"\0" * 8 + pack(4096)
        for packet in (hello, opening, reading):
            c.send(94, c.remote, pack(packet))
        c.send(96, c.remote)
        return c.end()

    def whoami(self):
        c = RawChannel(self.t)
        if c.open("session", "") != "open":
            return None
        c.ask("exec", "whoami --json")
        c.answer()
        return c.end()["output"]

    def play(self):
        done = {"whoami": self.whoami(), "channels": []}
        for channel in self.job["channels"]:
            self.channels, answers = [], []
            for step in channel["steps"]:
                try:
                    answers.append("sent" if step["name"] == "log" else self.step(step, channel.get("run")))
                except (Dropped, EOFError, OSError, paramiko.SSHException):
                    answers.append("dropped")
            done["channels"].append({"cell": channel["cell"], "answers": answers})
            for c in self.channels:
                if self.t.is_active():
                    c.close()
        self.t.close()
        return done


class Library(Raw):
    """The same by paramiko's own methods: what its users do. A refused request closes the channel there."""

    def __init__(self, job):  # pylint: disable=super-init-not-called
        self.job, self.channels = job, []
        self.t = self.connect()

    def step(self, step, run):
        name, arg = step["name"], step["arg"]
        c = self.channels[-1] if self.channels else None
        try:
            if name == "session":
                self.channels.append(self.t.open_session(timeout=WAIT))
                return "open"
            if name == "direct-tcpip":
                self.t.open_channel(name, place(arg), ("127.0.0.1", 40000), timeout=WAIT)
                return "open"
            if name == "tcpip-forward":
                self.t.request_port_forward(*place(arg))
                return "yes"
            if name == "run":
                c.settimeout(WAIT)
                c.set_combine_stderr(True)
                c.exec_command(run)
                return ["yes", self.end(c)]
            {"pty-req": c.get_pty, "shell": c.invoke_shell, "env": lambda: c.set_environment_variable(arg, "C.UTF-8"),
             "subsystem": lambda: c.invoke_subsystem(arg), "x11-req": c.request_x11, "window-change": c.resize_pty,
             "auth-agent-req@openssh.com": lambda: c.request_forward_agent(lambda _: None)}[name]()
            return "yes"
        except paramiko.ChannelException:
            return "refused"
        except paramiko.SSHException:
            return "no" if self.t.is_active() else "dropped"

    @staticmethod
    def end(c):
        out = b""
        while HELD not in out:
            some = c.recv(65536)
            if not some:
                break
            out += some
        status = None if HELD in out else c.recv_exit_status()
        c.close()
        return {"output": out.decode("utf-8", "replace"), "status": status}

    def whoami(self):
        c = self.t.open_session(timeout=WAIT)
        c.settimeout(WAIT)
        c.exec_command("whoami --json")
        return self.end(c)["output"]


# --- asyncssh --------------------------------------------------------------------------------------------------


async def asyncssh_end(p):
    out = b""
    while HELD not in out:
        some = await p.stdout.read(65536)
        if not some:
            break
        out += some
    if HELD in out:
        p.close()
        return {"output": out.decode("utf-8", "replace"), "status": None}
    await p.wait_closed()
    return {"output": out.decode("utf-8", "replace"), "status": p.exit_status}


async def asyncssh_run(conn, command, options):
    p = await conn.create_process(command, encoding=None, stderr=asyncssh.STDOUT, stdin=asyncssh.DEVNULL, **options)
    return await asyncssh_end(p)


async def asyncssh_channel(conn, channel):
    """Requests before a run are options of it."""
    answers, options = [], {}
    for step in channel["steps"]:
        name, arg, answer = step["name"], step["arg"], "yes"
        try:
            if name == "session":
                answer = "open"
            elif name == "pty-req":
                options["term_type"] = "xterm"
            elif name == "env":
                options["env"] = {arg: "C.UTF-8"}
            elif name == "run":
                answer = ["yes", await asyncssh_run(conn, channel["run"], options)]
            elif name == "subsystem":
                answer = ["yes", await asyncssh_run(conn, None, {"subsystem": arg})]
            elif name == "x11-req":
                await conn.create_process("whoami", x11_forwarding=True, x11_display="127.0.0.1:99", x11_auth_path="/dev/null")
            elif name == "direct-tcpip":
                await conn.open_connection(*place(arg))
                answer = "open"
            elif name == "direct-streamlocal@openssh.com":
                await conn.open_unix_connection(arg)
                answer = "open"
            elif name == "tcpip-forward":
                await conn.forward_remote_port("127.0.0.1", place(arg)[1], "127.0.0.1", 22)
            elif name == "streamlocal-forward@openssh.com":
                await conn.forward_remote_path(arg, "/dev/null")
        except asyncssh.ChannelOpenError:
            answer = "refused"
        except asyncssh.ChannelListenError:
            answer = "no"
        answers.append(answer)
    return {"cell": channel["cell"], "answers": answers}


async def asyncssh_play(job):
    with open(KEY, "rb") as f:  # asyncssh is strict about the padding of OpenSSH's own format
        key = serialization.load_ssh_private_key(f.read(), None)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    keys = [(asyncssh.import_private_key(pem), asyncssh.read_certificate(KEY + "-cert.pub"))]
    async with asyncssh.connect(HOST, username=USER, client_keys=keys, config=None, agent_path=None,
                                known_hosts="/etc/ssh/ssh_known_hosts", login_timeout=WAIT) as conn:
        done = {"whoami": (await asyncssh_run(conn, "whoami --json", {}))["output"], "channels": []}
        for channel in job["channels"]:
            done["channels"].append(await asyncio.wait_for(asyncssh_channel(conn, channel), WAIT))
    return done


# --- OpenSSH ---------------------------------------------------------------------------------------------------


def openssh_run(argv):
    """Ends it when it is held."""
    # The master holds the other end of the pipe for as long as the channel is there: it is not waited for.
    r, w = os.pipe()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=w, stderr=w) as p:
        os.close(w)
        out, timer = b"", threading.Timer(WAIT, p.kill)
        timer.start()
        while HELD not in out:
            some = os.read(r, 65536)
            if not some:
                break
            out += some
        if HELD in out:
            p.terminate()
        p.wait()
        timer.cancel()
    os.close(r)
    return {"output": out.decode("utf-8", "replace"), "status": None if HELD in out else p.returncode}


def openssh_play(job):
    """The channels through one master connection: multiplexed."""
    path = f"/tmp/{job['name']}.{os.getpid()}"
    base = ["ssh", "-o", f"ControlPath={path}"]
    options = {"pty-req": ["-tt"], "env": ["-o", "SetEnv=LC_ALL=C"]}
    subprocess.run([*base, "-M", "-N", "-f", f"{USER}@{HOST}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True, timeout=WAIT)
    try:
        done = {"whoami": openssh_run([*base, f"{USER}@{HOST}", "whoami --json"])["output"], "channels": []}
        for channel in job["channels"]:
            answers, more = [], []
            for step in channel["steps"]:
                more += options.get(step["name"], [])
                if step["name"] == "run":
                    answers.append(["yes", openssh_run([*base, *more, f"{USER}@{HOST}", channel["run"]])])
                else:
                    answers.append("open" if step["name"] == "session" else "yes")
            done["channels"].append({"cell": channel["cell"], "answers": answers})
    finally:
        subprocess.run([*base, "-O", "exit", f"{USER}@{HOST}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False, timeout=WAIT)
    return done


def listens(port):
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(path, encoding="ascii") as f:
            if any(f":{port:04X} " in line and " 0A " in line for line in f):
                return True
    return False


def live_forward(p, port):
    """What comes through a port that the client listens on, once it does; None if the client ends first."""
    end = time.monotonic() + WAIT
    while not listens(port):
        if p.poll() is not None or time.monotonic() > end:
            return None
        time.sleep(0.02)
    with socket.create_connection(("127.0.0.1", port), WAIT) as s:
        s.settimeout(10 * QUIET)  # OpenSSH leaves it open where a socket was refused
        s.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
        try:
            return s.recv(100).decode("latin-1")
        except OSError:
            return ""


def live_play(job):
    """One attempt as typed, with a port of its own; a client that only forwards is ended once it has said all."""
    argv = ["ssh", *shlex.split(job["options"]), f"{USER}@{HOST}", *([job["words"]] if job["words"] else [])]
    waits, through, said = "-N" in argv, None, ""
    with subprocess.Popen(argv, stdin=subprocess.PIPE if waits else subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as p:
        timer = threading.Timer(WAIT, p.kill)
        timer.start()
        if waits and re.search(r"-[LD] ", job["options"]):
            through = live_forward(p, job["port"])
            p.terminate()
        elif waits:
            said = p.stdout.readline()  # a forwarding or tunnel that there is not
            through = "it listens" if listens(job["port"]) else None
            p.terminate()
        output = said + p.communicate()[0]
        timer.cancel()
        return {"output": output, "status": p.returncode, "through": through, "waits": waits}


def play(job):
    client, start = job["client"], time.monotonic()
    try:
        if client == "live":
            done = live_play(job)
        elif client == "openssh":
            done = openssh_play(job)
        elif client == "asyncssh":
            done = asyncio.run(asyncssh_play(job))
        else:
            done = {"raw": Raw, "paramiko": Library}[client](job).play()
    except Exception as e:  # pylint: disable=broad-except
        done = {"error": "".join(traceback.format_exception(e))}
    return {"name": job["name"], "client": client, "took": round(time.monotonic() - start, 1), **done}


def main():
    jobs = json.load(sys.stdin)
    with concurrent.futures.ThreadPoolExecutor(jobs["at_once"]) as pool:
        json.dump(list(pool.map(play, jobs["jobs"])), sys.stdout)


if __name__ == "__main__":
    main()
