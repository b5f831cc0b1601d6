#!/usr/bin/python3
"""T1, T4: a device's pre-shared key is looked for where a node keeps it on a token or in a TPM: files of
the node and of the token, and the memory of every process of the node, its keeper too, as root.

Control: a server that keeps its key in a file and in its memory, and a key on the same kind of token that was
made so that it can be read out. The scan must also find a canary in the gate, where it finds no key."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, subprocess, time

from attack import Refusals, Twin, encodings, end, scan_files, scan_memory
from node import Node
from tokens import MODULE, SoftHsm, Swtpm

r = Refusals()


def use(node, name):
    """Enrolled, registered, and a handshake more; its key."""
    d = node.enrol(name, "C" + name, "device", True, "--identity", f"{name}@demo.example")
    assert d.register().rsc == 2001
    d.close()
    canary = os.urandom(16).hex().encode()
    d.connect().sendall(b"GET /" + canary + b" HTTP/1.1\r\nX-Canary: " + canary)  # half a request
    time.sleep(0.3)
    return d, bytes.fromhex((d.folder / "psk.key").read_text().strip()), canary


def memory(node, patterns):
    """Role -> what is found there, and mappings that could not be read."""
    return {role: scan_memory(pid, patterns) for role, pids in node.pids().items() for pid in pids}


def reads(token, ids):
    """With the PIN, as a thief of both has it: secret keys of the token that a stock tool reads out."""
    base = ["pkcs11-tool", "--module", MODULE, "--token-label", token.label, "--login", "--pin", token.pin.read_text()]
    out, read, refused = token.top / "out", 0, 0
    for i in ids:
        out.unlink(missing_ok=True)
        p = subprocess.run([*base, "--read-object", "--type", "secrkey", "--id", i, "-o", out], env=token.env(), capture_output=True, text=True)
        read += out.exists() and len(out.read_bytes()) > 0
        refused += "CKR_ATTRIBUTE_SENSITIVE" in p.stderr
    return read, refused


def careless(token):
    """A key as somebody may make it on the same token: it can be read out."""
    subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", token.label, "--login", "--pin", token.pin.read_text(),
                    "--keygen", "--key-type", "AES:32", "--extractable", "--id", "99"], env=token.env(), check=True, capture_output=True)
    return reads(token, ["99"])[0]


with Twin() as t, SoftHsm() as token:
    seen, _ = scan_memory(t.p.pid, encodings(t.key))
    files, read = scan_files(t.top, encodings(t.key)), careless(token)
    print(f"control: memory {sorted(seen)}, {len(files)} files, a careless key of a token read out: {read}")
    control = "raw" in seen and files and read == 1

for kind in (SoftHsm, Swtpm):
    with kind() as token, Node(init=token.init_args()) as node:
        d, key, canary = use(node, "hard")
        patterns = encodings(key)
        for role, (found, unread) in memory(node, {**patterns, "canary": canary}).items():
            keys = found - {"canary"}
            r.say(f"{token.kind}: memory of {role}, as root", not keys and unread < 20, f"{sorted(keys) or ''} {unread} mappings unread")
            if role == "gate":
                r.say(f"{token.kind}:   the canary in {role} (is found)", "canary" in found)
        r.say(f"{token.kind}: files of the node", not scan_files(node.dir, patterns))
        r.say(f"{token.kind}: files of the token", not scan_files(token.top, patterns))
        r.say(f"{token.kind}: the device's own file (the scan can find)", scan_files(d.folder, patterns))
        for name in ("psk/hard@demo.example", "node", "ca"):
            code, said = node.cli("key", "export", name, check=False)
            r.say(f"{token.kind}: key export {name}", code == 1 and not any(p in said.encode() for p in patterns.values()))
        if kind is SoftHsm:
            code, seen = token.objects()
            ids = [l.split()[1] for l in seen.splitlines() if l.strip().startswith("ID:")]
            read, refused = reads(token, ids)
            r.say(f"pkcs11: with the PIN, a stock tool reads secret keys out ({refused} are there)", read == 0 and refused >= 3)
        d.close()
        node.stop()
end(control, r.all, "keys on tokens discovered")
