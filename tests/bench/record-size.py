#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""record-size: the bytes of a closed record of a day's work on a terminal (its folder, with all signatures), against the
same session as asciicast v2 under zstd -19.

usage: scripts/bench record-size [SHARE]   (of the day, by default 1)

The day is always the same one: commands typed at a shell, an editor, builds, tables of a database, a full-screen monitor.
A program shows it on a session's terminal, write by write. Pauses are cut to 60 ms, which is more than the recorder waits
for before it writes a block, so that its blocks are what they are on a real day."""
import os
import random
import subprocess
import sys

import benchlib as lib
import ttylib

DAY, PLAYER = "/srv/day.txt", "/srv/play.py"
PAUSE = 0.06  # seconds
NOTE = ("Bytes stored of one fixed day on a terminal ({writes:,} writes, {shown:,} bytes shown): the session's folder, header, "
        "manifest and signatures included, against the same session as asciicast v2 under `zstd -19`. `as written`: while it "
        "goes on, and until `sallyport-recorder -p` has made it smaller. Pauses are cut to 60 ms.")
PLAY = f"""import os, time, tty
tty.setraw(1)
with open({DAY!r}, "rb") as f:
    while head := f.read(8):
        if head[:1] == b"+":
            time.sleep({PAUSE})
        data = f.read(int(head[1:]))
        while data:
            data = data[os.write(1, data):]
"""
WORDS = ("account address amount balance branch build cache channel client column commit config context counter customer daemon "
         "default delete deploy detail device disk driver engine error event export feature field filter flush format group "
         "handler header host image import index insert invoice item journal kernel key label layer ledger limit linker list "
         "lock logger manager memory merge message metric model module network node object order output package page parser "
         "patch payment plan policy pool product profile queue record region release report request result retry route rule "
         "sample schema script search select server session shard signal socket source state status stream string summary "
         "switch table target task thread timeout token trace update upload user value vendor version view volume worker").split()
TOOLS = ("git status", "git log --oneline -20", "ls -l src", "make -j8", "vim src/{w}.c", "psql orders", "grep -rn {w} src", "git diff",
         "tail -n 40 /var/log/{w}.log", "systemctl status {w}", "kubectl get pods -n {w}", "cd ~/{w}", "htop", "less {w}.log")


class Day:
    """Pairs (text, whether the program waited before), from one seed."""

    def __init__(self):
        self.rand, self.writes, self.where = random.Random(20261123), [], ""

    def show(self, text, waits=False):
        self.writes.append((text, waits))

    def word(self):
        return self.rand.choice(WORDS)

    def typed(self, text):
        for c in text:
            self.show(c, True)
        self.show("\r\n", True)

    def prompt(self):
        self.show(f"\x1b[01;32malice@build7\x1b[00m:\x1b[01;34m~/src/{self.where}\x1b[00m$ ", True)

    def sentence(self, n):
        return " ".join(self.word() for _ in range(n))

    # -- what is on the screen --

    def listing(self):
        lines = [f"-rw-r--r-- 1 alice eng {self.rand.randint(100, 99999):>6} Nov {self.rand.randint(1, 23):>2} "
                 f"{self.rand.randint(8, 19):02}:{self.rand.randint(0, 59):02} {self.word()}_{self.word()}.c" for _ in range(30)]
        self.show("\r\n".join(lines) + "\r\n")

    def log(self):
        for _ in range(8):
            self.show("".join(f"2026-11-23T{self.rand.randint(8, 19):02}:{self.rand.randint(0, 59):02}:{self.rand.randint(0, 59):02}."
                              f"{self.rand.randint(0, 999):03}Z {self.rand.choice(('INFO', 'INFO', 'WARN', 'DEBUG'))} {self.word()}: "
                              f"{self.sentence(self.rand.randint(3, 9))} id={self.rand.getrandbits(32):08x}\r\n" for _ in range(5)))

    def build(self):
        for n in range(self.rand.randint(120, 320)):
            name = f"{self.word()}/{self.word()}_{self.word()}"
            self.show(f"  CC       {name}.o\r\n", n % 3 == 0)
            if self.rand.random() < 0.04:
                line = self.rand.randint(10, 900)
                self.show(f"\x1b[01m\x1b[K{name}.c:{line}:{self.rand.randint(1, 70)}:\x1b[m\x1b[K \x1b[01;35m\x1b[Kwarning: \x1b[m\x1b[K"
                          f"unused variable '\x1b[01m\x1b[K{self.word()}\x1b[m\x1b[K' [\x1b[01;35m\x1b[K-Wunused-variable\x1b[m\x1b[K]\r\n"
                          f" {line:>4} |         int \x1b[01;35m\x1b[K{self.word()}\x1b[m\x1b[K = {self.word()}({self.word()});\r\n")

    def table(self):
        rows = [f" {self.rand.randint(1, 99999):>6} | {self.sentence(2):<22} | {self.rand.randint(100, 99999) / 100:>9.2f} | "
                f"2026-{self.rand.randint(1, 12):02}-{self.rand.randint(1, 28):02} | {self.word():<10}" for _ in range(self.rand.randint(15, 60))]
        head = "   id   | name                   |    amount | day        | state\r\n--------+------------------------+-----------+------------+----------"
        self.show(head + "\r\n" + "\r\n".join(rows) + f"\r\n({len(rows)} rows)\r\n\r\n")

    def code(self):
        depth = self.rand.randint(1, 3)
        kind = self.rand.randint(0, 4)
        a, b, c = self.word(), self.word(), self.word()
        return "    " * depth + (f"\x1b[33mif\x1b[m ({a}->{b} != \x1b[31mNULL\x1b[m)", f"{a}_{b}({c}, &{b});", f"\x1b[33mreturn\x1b[m {a};",
                                 f"\x1b[34m/* {a} {b} {c} */\x1b[m", f"\x1b[32mstruct\x1b[m {a} *{b} = {c};")[kind]

    def screen(self, lines, at):
        out = "\x1b[?25l\x1b[H"
        for row in range(38):
            out += f"\x1b[{row + 1};1H\x1b[38;5;242m{at + row + 1:>4} \x1b[m{lines[at + row]}\x1b[K"
        self.show(out + f"\x1b[40;1H{at + 1},1{' ' * 12}{100 * at // len(lines)}%\x1b[1;6H\x1b[?25h", True)

    def editor(self):
        lines, at = [self.code() for _ in range(400)], 0
        self.show("\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\x1b[?2004h\x1b[1;40r\x1b[27m\x1b[24m\x1b[23m\x1b[0m\x1b[H\x1b[J", True)
        for _ in range(self.rand.randint(8, 16)):
            self.screen(lines, at)
            for _ in range(self.rand.randint(20, 60)):
                row, kind = self.rand.randint(1, 38), self.rand.random()
                if kind < 0.5:
                    self.show(f"\x1b[?25l\x1b[40;63H{at + row},{self.rand.randint(1, 60)}\x1b[8C\x1b[{row};{self.rand.randint(6, 60)}H\x1b[?25h", True)
                elif kind < 0.9:
                    self.show(f"\x1b[?25l{self.rand.choice('abcdefghijklmnoprstuvw ')}\x1b[40;63H{at + row},{self.rand.randint(1, 60)}"
                              f"\x1b[8C\x1b[{row};{self.rand.randint(6, 60)}H\x1b[?25h", True)
                else:
                    lines[at + row - 1] = self.code()
                    self.show(f"\x1b[?25l\x1b[{row};1H\x1b[38;5;242m{at + row:>4} \x1b[m{lines[at + row - 1]}\x1b[K\x1b[?25h", True)
            at = min(max(at + self.rand.choice((-19, 19, 19, 38)), 0), len(lines) - 38)
        self.show("\x1b[?1l\x1b>\x1b[?2004l\x1b[23;0;0t\x1b[40;1H\x1b[K\x1b[?1049l", True)

    def monitor(self):
        tasks = [(self.rand.randint(300, 99999), self.word(), self.rand.randint(20, 900)) for _ in range(30)]
        self.show("\x1b[?1049h\x1b[H\x1b[2J", True)
        for tick in range(self.rand.randint(15, 40)):
            out = "\x1b[H"
            for cpu in range(4):
                load = self.rand.randint(0, 40)
                out += f"\x1b[{cpu + 1};3H{cpu + 1}\x1b[1m[\x1b[32m{'|' * load}\x1b[m{' ' * (40 - load)}\x1b[1m{2.5 * load:>5.1f}%]\x1b[m"
            for row, (pid, name, mem) in enumerate(tasks):
                if tick == 0 or self.rand.random() < 0.4:
                    out += (f"\x1b[{row + 7};1H{pid:>7} alice     20   0 {mem:>5}M {mem // 3:>5}M S {self.rand.randint(0, 999) / 10:>5.1f} "
                            f"{mem / 160:>4.1f}  {tick // 60}:{tick % 60:02}.{self.rand.randint(0, 99):02} \x1b[36m/usr/bin/{name}\x1b[m --{name}")
            self.show(out + "\x1b[40;1H", True)
        self.show("\x1b[?1049l", True)

    def run(self):
        what = {"make": self.build, "vim": self.editor, "psql": self.table, "htop": self.monitor, "tail": self.log, "less": self.log}
        for _ in range(130):
            self.where = self.word()
            self.prompt()
            command = self.rand.choice(TOOLS).format(w=self.word())
            self.typed(command)
            what.get(command.split()[0], self.listing)()
            if command == "psql orders":
                for _ in range(self.rand.randint(2, 5)):
                    self.show("orders=> ", True)
                    self.typed(f"select * from {self.word()} where {self.word()} = {self.rand.randint(1, 999)} limit 60;")
                    self.table()
        return self.writes


def stored(b, folder):
    return sum(int(n) for n in b.run(["find", folder, "-type", "f", "-printf", "%s\n"]).stdout.split())


def main():
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1
    writes = Day().run()
    writes = writes[:max(1, int(len(writes) * share))]
    day = "".join(("+" if waits else "-") + f"{len(text):07}" + text for text, waits in writes)
    shown = sum(len(text) for text, _ in writes)
    lib.say(f"{len(writes)} writes, {shown} bytes, at least {sum(waits for _, waits in writes) * PAUSE:.0f} s")
    with lib.open_bastion(policy=ttylib.policy("day", ["/usr/bin/python3", PLAYER])) as b:
        b.login("alice")
        b.write(PLAYER, PLAY)
        b.write(DAY, day)
        b.run(["ssh", "-tt", "alice@bastion", "run day"], "lap-alice", timeout=3600)
        folders = b.run(["find", "/var/log/sallyport", "-name", "events", "-size", "+20k", "-printf", "%h\n"]).stdout.split()
        if len(folders) != 1:
            raise SystemExit(f"not one session: {folders}")
        folder, session = folders[0], os.path.basename(folders[0])
        lib.e2e.wait_for("the record to be closed", lambda: b.run(["test", "-e", folder + "/manifest"], check=False).returncode == 0)
        written = stored(b, folder)
        b.run(["/usr/sbin/sallyport-recorder", "-p"])
        small = stored(b, folder)
        b.run(["sallyport", "verify", session])
        cast = b.run(["sallyport", "export", "--format", "asciicast", session]).stdout.encode()
        peer = len(subprocess.run(["zstd", "-q", "-19", "-c"], input=cast, check=True, capture_output=True).stdout)
    parts = [{"name": "closed", "ours": small / 1000, "peer": peer / 1000, "ratio": round(small / peer, 3), "reach_text": "≤ 1.1"},
             {"name": "as written", "ours": written / 1000, "peer": peer / 1000, "ratio": round(written / peer, 3)}]
    lib.report("record-size", "kB", small / 1000, peer / 1000, 1, parts=parts, asciicast=round(len(cast) / 1000, 1),
               note=NOTE.format(writes=len(writes), shown=shown))


if __name__ == "__main__":
    main()
