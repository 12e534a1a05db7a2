# SPDX-License-Identifier: Apache-2.0
"""The inside of a private bastion: makes the root, starts what a unit file or the harness names, restarts it.

Run by bastion.py as `unshare --mount --net python3 inside.py CONFIG.json`: the mounts and the network are
its own, the pid and user namespaces are the machine's (the kernel's audit system wants that). It is the
subreaper of all that runs inside; when its stdin ends, for whatever reason, it ends all of it, and with the
last process the mounts go too. Requests and replies are lines of JSON on stdin and stdout.
"""
import ctypes
import json
import os
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
NOTIFY = "/run/systemd-notify/notify"  # not below /run/systemd, whose presence says that systemd runs
STOP_WAIT = 5.0  # seconds a service has to stop by itself
DEV_NODES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}  # minors of major 1


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def mount(kind, where, *options):
    os.makedirs(where, exist_ok=True)
    run("mount", "-t", kind, *(["-o", ",".join(options)] if options else []), kind, where)


def make_dev(dev):
    mount("tmpfs", dev, "mode=0755,size=1m")
    for name, minor in DEV_NODES.items():
        run("mknod", "-m", "0666", f"{dev}/{name}", "c", "1", str(minor))
    run("mknod", "-m", "0666", f"{dev}/tty", "c", "5", "0")
    mount("devpts", f"{dev}/pts", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")
    os.symlink("pts/ptmx", f"{dev}/ptmx")
    mount("tmpfs", f"{dev}/shm", "mode=1777")
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        os.symlink("/proc/self/fd" + target, f"{dev}/{name}")


def make_root(config):
    base, root = config["base"], config["base"] + "/root"
    run("mount", "--make-rprivate", "/")
    mount("tmpfs", base, "mode=0755", f"size={config['size']}")
    for name in ("upper", "work", "root"):
        os.mkdir(f"{base}/{name}")
    run("mount", "-t", "overlay", "bastion", "-o",
        f"lowerdir={config['lower']},upperdir={base}/upper,workdir={base}/work", root)
    for name in ("proc", "sys"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
        run("mount", "--rbind", f"/{name}", f"{root}/{name}")
    make_dev(f"{root}/dev")
    for name, mode in {"run": "0755", "tmp": "1777", "home": "0755", "mnt": "0755"}.items():
        mount("tmpfs", f"{root}/{name}", f"mode={mode}")
    mount("tmpfs", f"{root}/var/log", "mode=0755")
    if config.get("log_size"):
        mount("tmpfs", f"{root}/var/log/sallyport", "mode=0755", f"size={config['log_size']}")
    for source, target, options in config["binds"]:
        os.makedirs(root + target, exist_ok=True)
        run("mount", "--bind", source, root + target)
        run("mount", "-o", f"remount,bind,{options}", root + target)
    os.chdir(root)
    os.mkdir("mnt/host")
    run("pivot_root", ".", "mnt/host")
    os.chdir("/")
    run("umount", "-l", "/mnt/host")
    with open("/run/sallyport-e2e", "w", encoding="ascii") as f:  # by which bastion.py knows where it is
        f.write(config["base"] + "\n")
    run("ip", "link", "set", "lo", "up")


def unit_argv(path):
    """The command of a unit file, as systemd would run it, as far as setpriv can do it."""
    unit = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            key, eq, value = line.strip().partition("=")
            if eq and not key.startswith("#"):
                unit.setdefault(key, []).append(value)
    argv = ["setpriv"]
    if "User" in unit:
        argv += ["--reuid", unit["User"][-1], "--regid", unit.get("Group", unit["User"])[-1], "--init-groups"]
    if unit.get("NoNewPrivileges") == ["yes"]:
        argv.append("--no-new-privs")
    if "CapabilityBoundingSet" in unit:
        caps = [c.removeprefix("CAP_").lower() for c in unit["CapabilityBoundingSet"][-1].split()]
        argv += ["--bounding-set", ",".join(["-all"] + ["+" + c for c in caps])]
    ambient = [c.removeprefix("CAP_").lower() for c in unit.get("AmbientCapabilities", [""])[-1].split()]
    if ambient:
        argv += ["--inh-caps", ",".join("+" + c for c in ambient), "--ambient-caps", ",".join("+" + c for c in ambient)]
    return argv + unit["ExecStart"][-1].split(), int(unit.get("UMask", ["0022"])[-1], 8)


class Service:
    def __init__(self, name, spec):
        self.name, self.spec = name, spec
        self.wanted, self.process, self.next_start, self.starts = False, None, 0.0, 0
        self.is_ready = False

    def start(self):
        if "unit" in self.spec:
            argv, umask = unit_argv(self.spec["unit"])
        else:
            argv, umask = self.spec["argv"], 0o022
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
               **({"NOTIFY_SOCKET": NOTIFY} if "unit" in self.spec else {}), **self.spec.get("env", {})}
        self.is_ready = False
        with open(f"/var/log/{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd="/",
                                            umask=umask, start_new_session=True)
        self.starts += 1

    def tick(self, now):
        """Restart=always, RestartSec=1 (or the spec's)."""
        if self.process is not None and self.process.poll() is not None:
            self.is_ready = False
            self.process, self.next_start = None, now + self.spec.get("restart_sec", 1.0)
        if self.wanted and self.process is None and now >= self.next_start:
            self.start()

    def stop(self, sig=signal.SIGTERM):
        self.wanted = False
        if self.process is None:
            return
        self.process.send_signal(sig)  # KillMode=process: only the main process
        try:
            self.process.wait(STOP_WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process, self.next_start, self.is_ready = None, 0.0, False


class Inside:
    def __init__(self):
        self.services = {}
        os.makedirs(os.path.dirname(NOTIFY), exist_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.notify.bind(NOTIFY)
        os.chmod(NOTIFY, 0o666)

    def heard(self):
        """sd_notify(3) from the main process of a unit."""
        while True:
            try:
                text, ancillary, _, _ = self.notify.recvmsg(4096, 64)
            except BlockingIOError:
                return
            pid = struct.unpack("3i", ancillary[0][2][:12])[0] if ancillary else 0
            for service in self.services.values():
                if service.process is not None and service.process.pid == pid and b"READY=1" in text.split(b"\n"):
                    service.is_ready = True

    def handle(self, request):
        op, name = request["op"], request.get("name")
        if op == "add":
            self.services[name] = Service(name, request["spec"])
            return {}
        if op == "state":
            return {n: {"pid": s.process.pid if s.process else 0, "starts": s.starts, "ready": s.is_ready} for n, s in self.services.items()}
        service = self.services[name]
        if op == "start":
            service.wanted, service.next_start = True, 0.0
            service.tick(time.monotonic())
        elif op == "stop":
            service.stop(request.get("signal", signal.SIGTERM))
        elif op == "signal":
            if service.process is not None:
                service.process.send_signal(request["signal"])
        else:
            raise ValueError(f"unknown request {op}")
        return {"pid": service.process.pid if service.process else 0}

    def serve(self):
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ)
        pending = b""
        while True:
            if selector.select(timeout=0.05):
                data = os.read(0, 65536)
                if not data:
                    return
                pending += data
            while b"\n" in pending:
                line, pending = pending.split(b"\n", 1)
                try:
                    reply = {"ok": self.handle(json.loads(line))}
                except Exception as e:  # pylint: disable=broad-except
                    reply = {"error": f"{type(e).__name__}: {e}"}
                os.write(1, json.dumps(reply).encode() + b"\n")
            now = time.monotonic()
            self.heard()
            for service in self.services.values():
                service.tick(now)
            self.reap()

    def reap(self):
        """Orphans that came to us; the services' own children are theirs to wait for."""
        ours = {s.process.pid for s in self.services.values() if s.process}
        for pid in children_of(os.getpid()):
            if pid not in ours:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def everybody():
    """All processes that are ours: descendants, and who entered our mount namespace."""
    mine = os.readlink("/proc/self/ns/mnt")
    parents, found = {}, set()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as f:
                parents[int(name)] = int(re.sub(r"^.*\) ", "", f.read()).split()[1])
            if os.readlink(f"/proc/{name}/ns/mnt") == mine:
                found.add(int(name))
        except OSError:
            continue
    for pid in parents:
        at = pid
        while at in parents and at != os.getpid():
            at = parents[at]
        if at == os.getpid():
            found.add(pid)
    return found


def end_all(inside):
    for service in reversed(list(inside.services.values())):
        service.wanted = False
    audit = inside.services.get("auditd")
    if audit:
        audit.stop()  # before the rest, so that it says goodbye to the kernel
    for sig, wait in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 3.0)):
        deadline = time.monotonic() + wait
        for pid in everybody():
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        while time.monotonic() < deadline and everybody():
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
            time.sleep(0.02)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        config = json.load(f)
    for sig in (signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, signal.SIG_IGN)  # Ctrl-C is the harness's to handle; our end is the end of stdin
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    make_root(config)
    os.write(1, b'{"ok": "ready"}\n')
    inside = Inside()
    try:
        inside.serve()
    finally:
        end_all(inside)


if __name__ == "__main__":
    main()
