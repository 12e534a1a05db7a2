#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks on the record. usage: run.py [--build DIR] [check|tamper|removal|kill|full|audit|all [SEED]]

Needs root (the recorder gives up privilege). Starts real recorders in a folder of its own and stops them.
tamper  every case of cases.txt is done to a copy of a real tree, and must be found and named
check   the same with fewer states of those cases that go through a file byte by byte (without a word: this)
removal each check that removals.txt names is taken out of verification in turn: some case must then fail
kill    the recorder is killed (9) at random moments under load: nothing acknowledged is missing afterwards
full    a small file system runs full: sessions are told, nothing is lost, nothing is half written
audit   no session is let go on before the kernel knows of it; one whose emitter is killed is told
"""
import atexit, base64, ctypes, hashlib, json, os, random, re, shutil, signal, struct, subprocess, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("BUILD", os.getcwd()))
USER = "nobody"
STATES = int(os.environ.get("STATES", "1500"))  # of one file, changed or cut at a byte
zstd = ctypes.CDLL("libzstd.so.1")
zstd.ZSTD_compressBound.restype = zstd.ZSTD_compress.restype = zstd.ZSTD_decompress.restype = ctypes.c_size_t


def unpack(data, size):
    out = ctypes.create_string_buffer(size)
    assert zstd.ZSTD_decompress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data))) == size
    return out.raw


def pack(data):
    cap = zstd.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(cap)
    n = zstd.ZSTD_compress(out, ctypes.c_size_t(cap), data, ctypes.c_size_t(len(data)), 1)
    return out.raw[:n]


class Recorder:
    """A recorder with folders of its own."""
    def __init__(self, base, *options, audit="off"):
        self.audit = audit
        self.base = Path(base)
        self.options = list(options)
        self.proc = None
        for d in ("log", "state", "run"):
            (self.base / d).mkdir(parents=True, exist_ok=True)
            shutil.chown(self.base / d, USER, None)
        os.chmod(self.base, 0o755)

    def start(self):
        (self.base / "run/recorder.sock").unlink(missing_ok=True)
        self.proc = subprocess.Popen(
            [BUILD / "recorder/sallyport-recorder", "-a", self.audit, "-l", self.base / "log", "-s", self.base / "state",
             "-r", self.base / "run", "-u", USER] + self.options,
            stderr=open(self.base / "err", "ab"), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL)
        atexit.register(self.proc.kill)
        for _ in range(500):
            if (self.base / "run/recorder.sock").exists() and self.proc.poll() is None:
                return
            time.sleep(0.01)
        raise SystemExit("recorder did not start: " + (self.base / "err").read_text())

    def kill(self, sig=signal.SIGKILL):
        self.proc.send_signal(sig)
        self.proc.wait()

    def feed(self, *args):
        return subprocess.Popen([BUILD / "tests/attacks/record/feed", "-r", self.base / "run"] + list(args),
                                stdout=subprocess.PIPE, text=True)


def verify(tree, key, *args, program=None):
    p = subprocess.run([program or BUILD / "cli/sallyport", "verify", "--root", tree, "--key", key] + list(args),
                       capture_output=True, text=True)
    return p.returncode, p.stdout + p.stderr


# --- the format, once more and on its own ------------------------------------------------------------------

def parse_events(data):
    """header bytes, and blocks as (head, packed, signature)"""
    n = 82 + struct.unpack(">I", data[78:82])[0] + 64
    header, blocks, off = data[:n], [], n
    while off < len(data):
        z = struct.unpack(">I", data[off + 12:off + 16])[0]
        blocks.append((data[off:off + 56], data[off + 56:off + 56 + z], data[off + 56 + z:off + 120 + z]))
        off += 120 + z
    return header, blocks


def parse_records(block):
    raw = unpack(block[1], struct.unpack(">I", block[0][8:12])[0])
    out, off = [], 0
    while off < len(raw):
        n = struct.unpack(">I", raw[off + 8:off + 12])[0]
        out.append(raw[off:off + 20 + n])
        off += 20 + n
    return out


def make_block(old, records, last=None):
    raw = b"".join(records)
    packed = pack(raw)
    head = (old[0][:4] + struct.pack(">III", len(records), len(raw), len(packed)) + old[0][16:24] + (last or old[0][24:56]))
    return head, packed, old[2]


def join(header, blocks):
    return header + b"".join(b"".join(b) for b in blocks)


class Tree:
    """A copy of a tree, to be damaged."""
    def __init__(self, good, where):
        if where.exists():
            shutil.rmtree(where)
        shutil.copytree(good.tree, where)
        self.good, self.tree, self.s, self.args = good, where, good.ids[1], []
        self.key = good.key

    def path(self, name, s=None):
        return next(self.tree.glob("*/*/*/" + (s or self.s))) / name

    def edit(self, name, change, s=None):
        p = self.tree / name if name.startswith("chain") else self.path(name, s)
        p.write_bytes(change(p.read_bytes()))

    def blocks(self, change):
        def f(data):
            h, b = parse_events(data)
            return join(h, change(b))
        self.edit("events", f)

    def records(self, change):
        """Changes the records of the block that holds record 5."""
        def f(blocks):
            for i, b in enumerate(blocks):
                r = parse_records(b)
                if struct.unpack(">Q", r[0][:8])[0] <= 5 <= struct.unpack(">Q", r[-1][:8])[0]:
                    blocks[i] = make_block(b, *change(r, 5 - struct.unpack(">Q", r[0][:8])[0]))
            return blocks
        self.blocks(f)

    def lines(self, change):
        self.edit("chain", lambda d: b"".join(change(d.splitlines(True))))


def rechain(header, records):
    """Gives records new numbers and hashes from the header on: all an attacker without the key can do."""
    h = hashlib.sha256(b"SPREC.h1" + header).digest()
    out = []
    for i, r in enumerate(records):
        h = hashlib.sha256(b"SPREC.e1" + h + struct.pack(">Q", i + 1) + r[20:]).digest()
        out.append(struct.pack(">QI", i + 1, len(r) - 20) + h[:8] + r[20:])
    return out, h


def all_bytes(t, name, how):
    """Every byte of a small file, changed or cut: yields once for each state of the tree."""
    p = t.tree / name if name.startswith("chain") else t.path(name)
    data = p.read_bytes()
    rnd = random.Random(len(data))
    step = range(len(data)) if len(data) <= STATES else sorted(rnd.sample(range(len(data)), STATES))
    for i in step:
        if how == "flip":
            p.write_bytes(data[:i] + bytes([data[i] ^ (1 << rnd.randrange(8))]) + data[i + 1:])
        else:
            p.write_bytes(data[:i])
        yield "%s byte %d" % (how, i)
    p.write_bytes(data)


def do_flip_every_byte_events(t): return all_bytes(t, "events", "flip")
def do_flip_every_byte_manifest(t): return all_bytes(t, "manifest", "flip")
def do_flip_every_byte_chain(t): return all_bytes(t, "chain", "flip")
def do_flip_every_byte_head(t): return all_bytes(t, "chain.head", "flip")
def do_cut_every_byte_events(t): return all_bytes(t, "events", "cut")
def do_cut_every_byte_manifest(t): return all_bytes(t, "manifest", "cut")
def do_cut_every_byte_chain(t): return all_bytes(t, "chain", "cut")
def do_cut_every_byte_head(t): return all_bytes(t, "chain.head", "cut")
def do_untouched(t): pass
def do_append_events(t): t.edit("events", lambda d: d + b"x")
def do_append_manifest(t): t.edit("manifest", lambda d: d + b"x")
def do_append_chain(t): t.edit("chain", lambda d: d + b"x\n")
def do_record_removed(t): t.records(lambda r, i: (r[:i] + r[i + 1:],))
def do_record_swapped(t): t.records(lambda r, i: (r[:i] + [r[i + 1], r[i]] + r[i + 2:],))
def do_record_changed(t): t.records(lambda r, i: (r[:i] + [r[i][:-1] + bytes([r[i][-1] ^ 1])] + r[i + 1:],))


def do_record_removed_renumbered(t):
    def f(data):
        h, blocks = parse_events(data)
        records = [r for b in blocks for r in parse_records(b)]
        new, last = rechain(h, records[:4] + records[5:])
        return join(h, [make_block(blocks[0], new, last)])
    t.edit("events", f)


def do_record_changed_rechained(t):
    def f(data):
        h, blocks = parse_events(data)
        records = parse_records(blocks[0])
        records[4] = records[4][:-1] + bytes([records[4][-1] ^ 1])
        new, last = rechain(h, records)
        return join(h, [make_block(blocks[0], new, last)] + blocks[1:])
    t.edit("events", f)


def do_block_removed(t): t.blocks(lambda b: b[:1] + b[2:])
def do_block_swapped(t): t.blocks(lambda b: [b[1], b[0]] + b[2:])
def do_block_last_removed(t): t.blocks(lambda b: b[:-1])
def do_block_doubled(t): t.blocks(lambda b: [b[0], b[0]] + b[1:])


def do_block_of_other_session(t):
    other = parse_events(t.path("events", t.good.ids[0]).read_bytes())[1]
    t.blocks(lambda b: [other[0]] + b[1:])


def do_events_of_other_session(t): shutil.copy(t.path("events", t.good.ids[0]), t.path("events"))
def do_events_missing(t): t.path("events").unlink()
def do_manifest_missing(t): t.path("manifest").unlink()
def do_manifest_edited(t): t.edit("manifest", lambda d: d.replace(b'"closed"', b'"closee"', 1))
def do_manifest_other_key(t): shutil.copy(t.good.other_manifest, t.path("manifest"))
def do_manifest_of_other_session(t): shutil.copy(t.path("manifest", t.good.ids[0]), t.path("manifest"))
def do_manifest_as_chain_head(t): shutil.copy(t.path("manifest"), t.tree / "chain.head")
def do_session_removed(t): shutil.rmtree(t.path(""))


def do_session_older_copy(t):
    t.s = t.good.grown
    shutil.rmtree(t.path(""))
    shutil.copytree(t.good.older, next(t.tree.glob("*/*/*")) / t.s)


def do_session_renamed(t): t.path("").rename(t.path("").with_name("01ARZ3NDEKTSV4RRFFQ69G5FAV"))
def do_session_added(t): shutil.copytree(t.path(""), t.path("").with_name("01ARZ3NDEKTSV4RRFFQ69G5FAV"))
def do_folder_extra_file(t): t.path("note").write_text("x")
def do_tree_extra_file(t): (t.tree / "stray").write_text("x")
def do_tree_extra_folder(t): (t.tree / "stray").mkdir()
def do_chain_entry_removed(t): t.lines(lambda l: l[:3] + l[4:])
def do_chain_entries_swapped(t): t.lines(lambda l: l[:3] + [l[4], l[3]] + l[5:])
def do_chain_entry_changed(t): t.lines(lambda l: l[:3] + [re.sub(rb'"time":\d', b'"time":2', l[3])] + l[4:])
def do_chain_entry_replayed(t): t.lines(lambda l: l + [l[3]])
def do_chain_tail_cut(t): t.lines(lambda l: l[:-1])
def do_chain_missing(t): (t.tree / "chain").unlink()
def do_head_missing(t): (t.tree / "chain.head").unlink()
def do_head_older(t): shutil.copy(t.good.older_head, t.tree / "chain.head")


def checkpoints(l): return [i for i, x in enumerate(l) if b'"type":"checkpoint"' in x]
def do_checkpoint_removed(t): t.lines(lambda l: [x for i, x in enumerate(l) if i != checkpoints(l)[1]])
def do_checkpoint_replayed(t): t.lines(lambda l: l[:-1] + [l[checkpoints(l)[0]]] + l[-1:])


def do_open_session_tail_cut(t):
    t.s = t.good.open
    t.blocks(lambda b: b[:-1])


def do_other_key(t): t.key = t.good.other_key


def do_rolled_back_without_anchor(t):
    shutil.rmtree(t.tree)
    shutil.copytree(t.good.older_tree, t.tree)


def do_rolled_back_with_anchor(t):
    do_rolled_back_without_anchor(t)
    t.args = ["--anchor", t.good.anchor]


def do_anchor_holds(t): t.args = ["--anchor", t.good.anchor]


# --- closed records made smaller --------------------------------------------------------------------------

def small(t):
    """What sallyport-recorder -p does, to the whole tree."""
    for p in [t.tree, *t.tree.rglob("*")]:
        shutil.chown(p, USER, None)
    before = t.path("events").read_bytes()
    p = subprocess.run([BUILD / "recorder/sallyport-recorder", "-p", "-l", t.tree, "-s", t.good.state, "-u", USER],
                       capture_output=True, text=True, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})  # not in its sandbox
    assert p.returncode == 0, p.stderr
    return before


def do_small_untouched(t):
    before = small(t)
    after = t.path("events").read_bytes()
    header, blocks = parse_events(after)
    assert len(after) < len(before) and before.startswith(header) and {b[0][:4] for b in blocks} == {b"SPBC"}
    small(t)
    assert t.path("events").read_bytes() == after and not list(t.tree.glob("*/*/*/*/events.new"))


def do_small_stopped_before(t):
    t.path("events.new").write_bytes(t.path("events").read_bytes()[:100])


def do_small_put_back(t): t.path("events").write_bytes(small(t))


def do_small_with_old_blocks(t):
    header, blocks = parse_events(small(t))
    t.blocks(lambda b: b + blocks)


def do_small_of_other_session(t):
    small(t)
    do_events_of_other_session(t)


def do_small_of_what_was_changed(t):
    do_append_events(t)
    assert small(t) == t.path("events").read_bytes(), "it was written again all the same"


def do_flip_every_byte_small(t):
    small(t)
    return all_bytes(t, "events", "flip")


def do_cut_every_byte_small(t):
    small(t)
    return all_bytes(t, "events", "cut")


def forge_small(t, change):
    small(t)

    def f(blocks):
        head, packed, _ = blocks[0]
        head, raw = change(bytearray(head), bytearray(unpack(packed, struct.unpack(">I", head[8:12])[0])))
        packed = pack(bytes(raw))
        head[8:16] = struct.pack(">II", len(raw), len(packed))
        return [t.good.sign.block(bytes(head), packed)] + blocks[1:]
    t.blocks(f)


def do_forged_small_count(t):
    forge_small(t, lambda head, raw: (head[:4] + struct.pack(">I", struct.unpack(">I", head[4:8])[0] + 1) + head[8:], raw))


def do_forged_small_text(t): forge_small(t, lambda head, raw: (head, raw[:-1] + bytes([raw[-1] ^ 1])))
def do_forged_small_columns(t): forge_small(t, lambda head, raw: (head, raw[:-1]))


# --- forged with the recorder's own key, so that one check alone can find it ------------------------------

TAIL = 90  # a separator, base64 of a signature, LF


def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()


class Signer:
    def __init__(self, key):
        self.p = subprocess.Popen([BUILD / "tests/attacks/record/sign", key], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self.p.kill)

    def __call__(self, tag, digest):
        self.p.stdin.write(tag + b" " + digest.hex().encode() + b"\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def seal(self, tag, separator, text):
        return text + separator + self(tag, sha(text)) + b"\n"

    def block(self, head, packed):
        return head, packed, base64.b64decode(self(b"SPREC.b1", sha(head, sha(packed))))


def text_of(o): return json.dumps(o, separators=(",", ":")).encode()


def entries(t): return [json.loads(x[:-TAIL]) for x in (t.tree / "chain").read_bytes().splitlines(True)]


def reseal(t, chain=None, head=None, is_linked=True):
    """Signs the host chain and its head again, after chain(entries) and head(object) had their way with them."""
    listed, before, lines = entries(t), bytes(32), []
    for e in listed:
        if "manifest" in e:
            e["manifest"] = sha(t.path("manifest", e["session"]).read_bytes()).hex()
    listed = (chain(listed) if chain else None) or listed
    for e in listed:
        if is_linked or e.pop("link", True):
            e["prev"] = before.hex()
        lines.append(t.good.sign.seal(b"SPCHN.l1", b" ", text_of(e)))
        before = sha(lines[-1][:-1])
    (t.tree / "chain").write_bytes(b"".join(lines))
    o = json.loads((t.tree / "chain.head").read_bytes()[:-TAIL])
    o.update(n=listed[-1]["n"], hash=before.hex())
    if head:
        head(o)
    (t.tree / "chain.head").write_bytes(t.good.sign.seal(b"SPCHN.h1", b"\n", text_of(o)))


def remanifest(t, change=None, text=None):
    """Signs the manifest again, and then the chain."""
    data, m = t.path("events").read_bytes(), json.loads(t.path("manifest").read_bytes()[:-TAIL])
    m["files"]["events"] = {"size": len(data), "sha256": sha(data).hex()}
    if change:
        change(m)
    t.path("manifest").write_bytes(t.good.sign.seal(b"SPREC.m1", b"\n", text(m) if text else text_of(m)))
    reseal(t)


def reblock(t, change):
    """Changes the second block: change(head, records, packed) gives head and packed bytes; signs what is above it."""
    def f(blocks):
        b = blocks[1]
        blocks[1] = t.good.sign.block(*change(bytearray(b[0]), parse_records(b), b[1]))
        return blocks
    t.blocks(f)
    remanifest(t)


def put(head, at, value, n=4):
    head[at:at + n] = value.to_bytes(n, "big")
    return bytes(head)


def of_session(t, listed, kind):
    return next(e for e in listed if e["type"] == kind and e.get("session") == t.s)


def do_forged_nothing(t): reblock(t, lambda h, r, z: (bytes(h), z))
def do_forged_block_last_hash(t): reblock(t, lambda h, r, z: (bytes(h[:55]) + bytes([h[55] ^ 1]), z))
def do_forged_block_first(t): reblock(t, lambda h, r, z: (put(h, 16, 99, 8), z))
def do_forged_block_count(t): reblock(t, lambda h, r, z: (put(h, 4, len(r) - 1), z))
def do_forged_block_raw_length(t): reblock(t, lambda h, r, z: (put(h, 8, len(b"".join(r)) + 1), z))


def do_forged_block_second_frame(t):
    hidden = struct.pack("<II", 0x184D2A50, 6) + b"hidden"  # a frame that unpackers skip
    reblock(t, lambda h, r, z: (put(h, 12, len(z) + len(hidden)), z + hidden))


def repack(t, change):
    def f(h, r, _z):
        z = pack(b"".join(change(r)))
        return put(h, 12, len(z)), z
    reblock(t, f)


def do_forged_record_number(t): repack(t, lambda r: [r[0][:7] + bytes([r[0][7] ^ 64]) + r[0][8:]] + r[1:])
def do_forged_record_part(t): repack(t, lambda r: [r[0][:12] + bytes([r[0][12] ^ 1]) + r[0][13:]] + r[1:])


def do_forged_header_signature(t):
    """A header that nobody signed, and everything that follows from it signed."""
    def f(data):
        header, blocks = parse_events(data)
        header = header[:-1] + bytes([header[-1] ^ 1])
        new, out = rechain(header, [r for b in blocks for r in parse_records(b)])[0], []
        for b in blocks:
            n = len(parse_records(b))
            last = b"".join(new[:n])
            del new[:n]
            ends.append(rechain_end(header, out, last))
            head, packed, _ = make_block(b, [last], ends[-1])
            out.append(t.good.sign.block(put(bytearray(head), 4, n), packed))
        return join(header, out)
    ends = []
    t.edit("events", f)
    first = sha(b"SPREC.h1", parse_events(t.path("events").read_bytes())[0]).hex()

    def chain(listed):
        of_session(t, listed, "open")["head"] = first
        of_session(t, listed, "close")["head"] = ends[-1].hex()
    remanifest(t, lambda m: m.update(head=ends[-1].hex()))
    reseal(t, chain)


def rechain_end(header, before, last):
    """The whole hash after the last record of what has been made so far."""
    records = [r for b in before for r in parse_records(b)]
    off = 0
    while off < len(last):
        n = struct.unpack(">I", last[off + 8:off + 12])[0]
        records.append(last[off:off + 20 + n])
        off += 20 + n
    return rechain(header, records)[1]


def do_forged_manifest_session(t): remanifest(t, lambda m: m.update(session=t.good.ids[0]))
def do_forged_manifest_fewer(t): remanifest(t, lambda m: m.update(records=m["records"] - 1))
def do_forged_manifest_more(t): remanifest(t, lambda m: m.update(records=m["records"] + 1))
def do_forged_manifest_head(t): remanifest(t, lambda m: m.update(head="0" * 64))
def do_forged_manifest_size(t): remanifest(t, lambda m: m["files"]["events"].update(size=1))
def do_forged_manifest_sha256(t): remanifest(t, lambda m: m["files"]["events"].update(sha256="0" * 64))


def do_forged_manifest_member_twice(t):
    remanifest(t, text=lambda m: text_of(m).replace(b'"records":', b'"records":1,"records":', 1))


def do_forged_open_head(t): reseal(t, lambda l: of_session(t, l, "open").update(head="0" * 64))
def do_forged_close_head(t): reseal(t, lambda l: of_session(t, l, "close").update(head="0" * 64))
def do_forged_close_more(t): reseal(t, lambda l: of_session(t, l, "close").update(records=99))
def do_forged_close_without_manifest(t): reseal(t, lambda l: of_session(t, l, "close").pop("manifest") and None)
def do_forged_damaged(t): reseal(t, lambda l: of_session(t, l, "close").update(state="damaged"))


def do_forged_checkpoint_head(t):
    t.s = t.good.open

    def chain(listed):
        for e in listed:
            for o in e.get("open", []):
                if o["session"] == t.s:
                    o["head"] = "0" * 64
    reseal(t, chain)


def do_forged_prev(t): reseal(t, lambda l: l[3].update(prev="0" * 64, link=False), is_linked=False)


def do_forged_number(t):
    def chain(listed):
        for e in listed[3:]:
            e["n"] += 1
    reseal(t, chain)


def do_forged_last_line_cut(t): t.edit("chain", lambda d: d + d[:30])
def do_forged_head_hash(t): reseal(t, head=lambda o: o.update(hash="0" * 64))
def do_forged_head_zero(t): reseal(t, head=lambda o: o.update(n=0))
def do_forged_head_unsigned(t): t.edit("chain.head", lambda d: re.sub(rb'"time":\d', b'"time":2', d))


def do_forged_rewritten_with_anchor(t):
    reseal(t, lambda l: l[3].update(time=l[3]["time"] + 1))
    t.args = ["--anchor", t.good.anchor]


def do_forged_lost(t): reseal(t, lambda l: l + [{"n": l[-1]["n"] + 1, "time": l[-1]["time"], "type": "lost", "key": l[-1]["key"]}])
def do_forged_opened_twice(t): reseal(t, lambda l: l + [dict(of_session(t, l, "open"), n=l[-1]["n"] + 1)])


class Good:
    """Real trees, made by the recorder: sessions closed, grown, open; an older copy; another host's."""
    def __init__(self, base):
        other = Recorder(base / "other")
        other.start()
        other.feed("-n", "12").communicate()
        other.kill(signal.SIGTERM)
        self.other_key = other.base / "state/signing.pub"
        self.other_manifest = next((other.base / "log").glob("*/*/*/*/manifest"))

        r = Recorder(base / "good")
        r.start()
        # Blocks end where a SYNC was asked for: -s makes several in one small session.
        self.ids = [r.feed("-n", "20", "-s", "7", "-z", "20").communicate()[0].split()[0] for _ in range(3)]
        r.kill(signal.SIGTERM)
        r.start()
        # A session of which there is a copy from before it went on; the recorder was stopped in between.
        slow = r.feed("-n", "400", "-s", "100", "-o", "300", "-z", "20")
        time.sleep(0.5)
        r.kill()
        self.older_tree = base / "older"
        shutil.copytree(r.base / "log", self.older_tree)
        r.start()
        self.grown = slow.communicate()[0].split()[0]
        self.older = next(self.older_tree.glob("*/*/*/" + self.grown))
        # The older tree must verify by itself, so that only an anchor tells.
        self.older_head = self.older_tree / "chain.head"
        self.open = r.feed("-n", "30", "-s", "10", "-e", "leave", "-z", "20").communicate()[0].split()[0]
        time.sleep(0.2)
        r.kill(signal.SIGTERM)  # writes a checkpoint that names it
        self.tree, self.state, self.key = r.base / "log", r.base / "state", r.base / "state/signing.pub"
        self.sign = Signer(r.base / "state/signing.key")
        anchors = re.findall(r".*sallyport-anchor n=.*", (r.base / "err").read_text())
        self.anchor = base / "anchor"
        self.anchor.write_text("Jan 1 00:00:00 bastion sallyport-recorder: " + anchors[-1] + "\n")


FINDING = re.compile(r"^(chain|[0-9A-Z]{26}): ", re.M)


def cases(good, base, names=None, program=None):
    """Does each case to a copy; yields its name, how many states it had, and what was not as expected."""
    for line in (HERE / "cases.txt").read_text().splitlines():
        name, expected = line.split("\t") if line and not line.startswith("#") else (None, None)
        if name is None or names is not None and name not in names:
            continue
        t = Tree(good, base / "copy")
        states = globals()["do_" + name.replace("-", "_")](t)
        bad, total = [], 0
        for state in states if states is not None else [""]:
            status, out = verify(t.tree, t.key, *t.args, program=program)
            want = 0 if expected.startswith("^verified") else 1
            total += 1
            # What is forged is wrong in one thing: a second finding would mean that another check finds it too.
            one = not name.startswith("forged-") or len(FINDING.findall(out)) == want
            if status != want or not one or not re.search(expected.replace("{s}", t.s), out, re.M):
                bad.append("%s: status %d: %s" % (state, status, out.strip()[:300]))
        yield name, total, bad


def tamper(base, _seed):
    failed = states = 0
    for name, total, bad in cases(Good(base), base):
        print("%s %s%s" % ("not ok" if bad else "ok", name, "\n  " + "\n  ".join(bad[:3]) if bad else ""), flush=True)
        failed += bool(bad)
        states += total
    print("tamper: %d states of the tree, %d cases failed" % (states, failed))
    return failed


def check(base, seed):
    global STATES
    STATES = int(os.environ.get("STATES", "40"))
    return tamper(base, seed)


def removal(base, _seed):
    """Needs the source tree that BUILD was configured from, and a compiler."""
    src = HERE.parent.parent.parent
    copy, build = base / "src", base / "build"
    shutil.copytree(src, copy, ignore=shutil.ignore_patterns(".git", "node_modules", "corpus", "build"))
    subprocess.run(["cp", "-a", BUILD, build], check=True)
    good = Good(base)
    names = [x.split("\t")[0] for x in (HERE / "cases.txt").read_text().splitlines() if x and not x.startswith(("#", "flip", "cut"))]
    failed = 0
    for line in (HERE / "removals.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        path, old, new = line.split("\t")
        text = (copy / path).read_text()
        assert text.count(old) == 1, "%s has it %d times: %s" % (path, text.count(old), old)
        (copy / path).write_text(text.replace(old, new))
        made = subprocess.run(["make", "-s", "-C", build, "srcdir=%s" % copy, "top_srcdir=%s" % copy, "VPATH=%s" % copy,
                               "CFLAGS=-O1 -w", "cli/sallyport"], capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr
        noticed = [name for name, _, bad in cases(good, base, names, build / "cli/sallyport") if bad]
        (copy / path).write_text(text)
        print("%s %s: %s\n    noticed by %s" % ("ok" if noticed else "not ok", path, old, ", ".join(noticed) or "nothing"), flush=True)
        failed += not noticed
    print("removal: %d checks that nothing would miss" % failed)
    return failed


def kill(base, seed, runs=30):
    rnd = random.Random(seed)
    failed = 0
    for run in range(runs):
        r = Recorder(base / ("kill%d" % run))
        r.start()
        feeds = [r.feed("-n", str(rnd.randrange(500, 30000)), "-z", str(rnd.randrange(0, 3000)),
                        "-s", str(rnd.choice([0, 0, 7, 100])), "-e", "finish") for _ in range(rnd.randrange(1, 4))]
        for _ in range(rnd.randrange(1, 4)):
            time.sleep(rnd.random() * 0.15)
            r.kill()
            time.sleep(rnd.random() * 0.05)
            r.start()
        said = [f.communicate(timeout=120)[0] for f in feeds]
        r.kill(signal.SIGTERM)
        status, out = verify(r.base / "log", r.base / "state/signing.pub")
        for line in said:
            sid = line.split()[0]
            put = int(re.search(r"put=(\d+)", line)[1])
            m = json.loads(next((r.base / "log").glob("*/*/*/%s/manifest" % sid)).read_text().splitlines()[0])
            if m["records"] != put or m["state"] != "closed":
                status, out = 1, "%s: %d of %d records, %s" % (sid, m["records"], put, m["state"])
        if status != 0:
            failed += 1
            print("not ok kill seed %d run %d: %s" % (seed, run, out.strip()))
        else:
            shutil.rmtree(r.base)
    print("kill: %d runs (seed %d), %d failed" % (runs, seed, failed))
    return failed


def full(base, _seed):
    """In a mount namespace of its own: a tmpfs of a few MiB under the tree."""
    small = base / "small"
    r = Recorder(small, "-f", "1")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=0755", "tmpfs", small / "log"], check=True)
    shutil.chown(small / "log", USER, None)
    r.start()
    f = r.feed("-n", "60000", "-z", "600")
    ballast = small / "log/chain.ballast"
    ballast.write_bytes(b"\0" * (4 << 20))
    time.sleep(3)
    blocked = f.poll() is None
    said = (small / "err").read_text()
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=200m", small / "log"], check=True)
    out = f.communicate(timeout=120)[0]
    r.kill(signal.SIGTERM)
    status, found = verify(small / "log", small / "state/signing.pub")
    m = json.loads(next((small / "log").glob("*/*/*/*/manifest")).read_text().splitlines()[0])
    ok = (blocked and "recording has stopped" in said and status == 0 and m["records"] == 60000 and
          int(re.search(r"faults=(\d+)", out)[1]) > 0 and int(re.search(r"clears=(\d+)", out)[1]) > 0)
    print("%s full: %s %s" % ("ok" if ok else "not ok", out.strip(), found.strip()))
    subprocess.run(["umount", small / "log"])
    return 0 if ok else 1


class Login:
    """An audit session, as pam_loginuid makes one, with an emitter in it when asked."""
    def __init__(self, recorder):
        self.recorder, self.emitter = recorder, None

    def emit(self, argv=None):
        argv = argv or [BUILD / "recorder/sallyport-audit", self.recorder.base / "run/audit.sock", USER]
        self.emitter.stdin.write(json.dumps([str(a) for a in argv]) + "\n")
        self.emitter.stdin.flush()
        return int(self.emitter.stdout.readline())

    def __enter__(self):
        parent = ("import json,subprocess,sys\nopen('/proc/self/loginuid','w').write('0')\n"
                  "print(open('/proc/self/sessionid').read(),flush=True)\n"
                  "for l in sys.stdin: print(subprocess.Popen(json.loads(l),stdin=subprocess.DEVNULL).pid,flush=True)")
        self.emitter = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ses = self.emitter.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.emitter.kill()
        self.emitter.wait()


# Says HELLO and answers nothing.
DUMB = """import socket,struct,sys,time
s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(struct.pack('>IBBI',6,1,1,0)); time.sleep(60)"""


def reasons(r):
    return [json.loads(p.read_text().splitlines()[0])["reason"] for p in (r.base / "log").glob("*/*/*/*/manifest")]


def audit(base, _seed):
    """Needs a kernel that takes audit records and gives out audit sessions."""
    failed = 0

    def check(name, ok, *seen):
        nonlocal failed
        failed += not ok
        print("%s audit %s%s" % ("ok" if ok else "not ok", name, "" if ok else ": %r" % (seen,)), flush=True)

    r = Recorder(base / "audit", audit="required")
    r.start()

    def attach(login, emitter=None, after=0.0, how="finish"):
        start = time.monotonic()
        f = r.feed("-n", "4", "-a", login.ses, "-e", how)
        pid = None
        if emitter is not None:
            time.sleep(after)
            pid = login.emit(emitter)
        out = f.communicate(timeout=30)[0]
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return f.returncode, time.monotonic() - start, out

    with Login(r) as login:
        code, took, out = attach(login)
        check("no emitter: refused", code == 1 and 4.5 < took < 8 and not out, code, took, out)
        time.sleep(0.5)
        check("no emitter: the attempt is on record", any("refused" in x for x in reasons(r)), reasons(r))
    with Login(r) as login:
        code, took, out = attach(login, [sys.executable, "-c", DUMB, str(r.base / "run/audit.sock")])
        check("an emitter that answers nothing: refused", code == 1 and took > 4.5 and not out, code, took, out)
    with Login(r) as login:
        code, took, out = attach(login, [], 1.0)
        check("an emitter that comes late: waited for", code == 0 and 1.0 <= took < 2.5, code, took, out)
    with Login(r) as login:
        pid = login.emit()
        time.sleep(0.3)
        times, fine = [], True
        for _ in range(20):
            code, took, out = attach(login)
            times.append(took)
            fine = fine and code == 0 and took < 1 and "faults=0" in out
        check("there: goes on at once", fine, times)
        print("# attach to finish with an emitter there: median %.1f ms" % (sorted(times)[10] * 1000))
        # Killed in the middle, and back.
        f = r.feed("-n", "600", "-a", login.ses, "-o", "200", "-w", "-s", "10")
        time.sleep(0.5)
        os.kill(pid, signal.SIGKILL)
        time.sleep(1)
        said = (r.base / "err").read_text()
        pid = login.emit()
        out = f.communicate(timeout=30)[0]
        check("killed in the middle: told, and told when it is back",
              f.returncode == 0 and "faults=1" in out and "clears=1" in out, out, said[-300:])
        # The recorder restarts: the emitter finds it again, the session is not told of any fault.
        f = r.feed("-n", "600", "-a", login.ses, "-o", "200")
        time.sleep(0.5)
        r.kill()
        r.start()
        out = f.communicate(timeout=30)[0]
        check("the recorder restarts: waited for", f.returncode == 0 and "faults=0" in out, out)
        os.kill(pid, signal.SIGKILL)
    r.kill(signal.SIGTERM)
    status, out = verify(r.base / "log", r.base / "state/signing.pub")
    check("verifies", status == 0, out)
    return failed


def main():
    global BUILD
    args = sys.argv[1:]
    if args[:1] == ["--build"]:
        BUILD = Path(args[1]).resolve()
        args = args[2:]
    what = args[0] if args else "check"
    seed = int(args[1]) if len(args) > 1 else int(time.time())
    if os.geteuid() != 0:
        print("tests/attacks/record needs root")
        return 77
    if what in ("full", "all") and "SP_OWN_MOUNTS" not in os.environ:
        os.environ.update(SP_OWN_MOUNTS="1", BUILD=str(BUILD))
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, __file__] + args)
    base = Path(tempfile.mkdtemp(prefix="sp-record-"))
    os.chmod(base, 0o755)
    failed = sum(globals()[w](base, seed) for w in (["tamper", "kill", "full", "audit"] if what == "all" else [what]))
    if failed == 0:
        shutil.rmtree(base)
    else:
        print("kept: %s" % base)
    return 1 if failed else 0


sys.exit(main())
