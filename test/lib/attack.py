"""attack: what the attack programs share: the unprotected control and the last line.

An attack runs twice with the same code: against the control, where it must succeed, and
against Holdfast, where it must be refused. The last line says both."""
import base64, hashlib, hmac, http.client, json, os, pathlib, re, shutil, socket, subprocess, sys, tempfile, time

from node import free_port

TWIN = pathlib.Path(__file__).resolve().parent / "twin.py"


class Twin:
    """A bare server of the same resources: plain HTTP, keys in a file, data in clear, no
    decision, trusting From, no replay window (twin.py)."""

    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="twin-"))
        self.port = free_port()
        self.p = subprocess.Popen([sys.executable, str(TWIN), str(self.port), str(self.top)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        self.key = (self.top / "key").read_bytes()

    def ask(self, method, path, body=None, origin="Cdev", rqi="1"):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        c.request(method, path, json.dumps(body) if body is not None else None,
                  {"X-M2M-Origin": origin, "X-M2M-RI": rqi})
        r = c.getresponse()
        text = r.read()
        c.close()
        try:
            return r.status, json.loads(text)
        except ValueError:
            return r.status, text

    def close(self):
        self.p.kill()
        self.p.wait()
        subprocess.run(["rm", "-rf", str(self.top)])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def end(control, target, what):
    """Print the last line and leave: control True when the attack succeeded there, target
    True when Holdfast refused everywhere."""
    print(f"{what}: control: {'succeeded' if control else 'FAILED'}; "
          f"holdfast: {'refused' if target else 'FELL'}")
    sys.exit(0 if control and target else 1)


class Refusals:
    """Collects what was tried and whether it was refused."""

    def __init__(self):
        self.all = True

    def say(self, what, refused, detail=""):
        self.all &= bool(refused)
        print(f"  {'refused' if refused else 'FELL   '}  {what}" + (f"  ({detail})" if detail else ""))


def attempt(entity, ask):
    """The answer to ask(); None when the connection was closed instead of an answer, on a
    connection of its own (an earlier answer may have ended the one before)."""
    for _ in range(2):
        try:
            return ask()
        except (OSError, ConnectionError):
            entity.close()
    return None


def is_success(answer):
    return answer is not None and 2000 <= answer.rsc < 3000


def programs(folder, build, **other):
    """A folder of the node's programs with some replaced: programs(f, b, gate=path)."""
    folder = pathlib.Path(folder)
    folder.mkdir()
    os.chmod(folder, 0o755)
    for name in ("holdfast", "holdfastd", *(f"holdfast-{r}" for r in ("core", "keeper", "courier", "door", "gate"))):
        shutil.copy2(other.get(name.rpartition("-")[2], pathlib.Path(build) / name), folder / name)
    return folder


def encodings(key):
    """The forms in which a key may lie about: raw, hex, base64, HMAC pads."""
    pad = key.ljust(64, b"\0") if len(key) <= 64 else hashlib.sha256(key).digest().ljust(64, b"\0")
    return {"raw": key, "hex": key.hex().encode(), "HEX": key.hex().upper().encode(),
            "base64": base64.b64encode(key).rstrip(b"="),
            "ipad": bytes(b ^ 0x36 for b in pad)[:len(key)], "opad": bytes(b ^ 0x5C for b in pad)[:len(key)]}


def expand_label(secret, label, context):
    full = b"tls13 " + label
    info = (32).to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context
    return hmac.new(secret, info + b"\x01", hashlib.sha256).digest()


def as_good_as(psk):
    """What of the TLS 1.3 key schedule depends on the pre-shared key alone [RFC 8446 7.1]."""
    empty = hashlib.sha256(b"").digest()
    early = hmac.new(bytes(32), psk, hashlib.sha256).digest()
    binder = expand_label(early, b"ext binder", empty)
    values = {"psk": psk, "early secret": early, "binder key": binder,
              "finished key": expand_label(binder, b"finished", b""),
              "derived": expand_label(early, b"derived", empty)}
    return {f"{name} {form}": octets for name, v in values.items() for form, octets in encodings(v).items()}


ZEROS = re.compile(rb"\0{33,}")


def scan_memory(pid, patterns, writable=False):
    """Names of patterns found in readable mappings of a process, as root reads them; writable: in those alone."""
    found, unread = set(), 0
    assert not any(bytes(32) in p for p in patterns.values())
    try:
        maps = open(f"/proc/{pid}/maps").read().splitlines()
        mem = open(f"/proc/{pid}/mem", "rb", 0)
    except OSError:
        return found, 1
    for line in maps:
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r)", line)
        if not m or writable and " rw" not in line or "[vvar" in line or "[vsyscall" in line:
            continue
        low, high = int(m.group(1), 16), int(m.group(2), 16)
        at, tail = low, b""
        while at < high:
            try:
                mem.seek(at)
                part = mem.read(min(high - at, 1 << 22))
            except (OSError, ValueError, OverflowError):
                unread += 1
                break
            if not part:
                break
            data = tail + part
            tail = data[-128:]
            data = ZEROS.sub(bytes(32), data)  # most of it; no pattern is within
            found.update(name for name, p in patterns.items() if name not in found and p in data)
            at += len(part)
    mem.close()
    return found, unread


def scan_files(folder, patterns):
    found = {}
    for f in pathlib.Path(folder).rglob("*"):
        if f.is_file():
            data = f.read_bytes()
            for name, p in patterns.items():
                if p in data:
                    found.setdefault(str(f), []).append(name)
    return found
