#!/usr/bin/python3
"""T1, T4: a device's pre-shared key is looked for where a node keeps it in software, on a token or in a TPM:
files of the node and of the token, and, as root while handshakes go on, the memory of every process of the
node and of its parent. Only where the provider keeps the key it may be: software's in the keeper, a software
token's in its process, a TPM's in the TPM.

Control: a server that keeps its key in a file and in its memory, and a key on the same kind of token that was
made so that it can be read out. The scan must also find a canary in the gate, where it finds no key."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, subprocess, threading, time

from attack import Refusals, Twin, encodings, end, scan_files, scan_memory
from node import NAME, Node
from tokens import MODULE, SoftHsm, Swtpm

r = Refusals()
MAY = {"software": {"keeper"}, "pkcs11": {"token"}, "tpm": set()}


def use(node, name):
    """Enrolled and registered; its key, and a canary that the gate holds."""
    d = node.enrol(name, "C" + name, "device", True, "--identity", f"{name}@demo.example")
    assert d.register().rsc == 2001
    d.close()
    canary = os.urandom(16).hex().encode()
    d.connect().sendall(b"GET /" + canary + b" HTTP/1.1\r\nX-Canary: " + canary)  # half a request
    time.sleep(0.3)
    return d, bytes.fromhex((d.folder / "psk.key").read_text().strip()), canary


def handshakes(node, name, key, stop, done):
    while not stop.is_set():
        p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{node.port}", "-tls1_3", "-psk_identity",
                            f"{name}@demo.example", "-psk", key.hex(), "-servername", NAME], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
        done.append(b"Cipher is" in p.stdout and b"(NONE)" not in p.stdout)


def memory(node, name, key, patterns):
    """Role -> what is found there in two looks during handshakes, and mappings that could not be read."""
    stop, done, seen = threading.Event(), [], {}
    t = threading.Thread(target=handshakes, args=(node, name, key, stop, done))
    t.start()
    try:
        while not done and t.is_alive():
            time.sleep(0.01)
        for _ in range(2):
            for role, pids in {**node.pids(), "holdfastd": [node.process.pid]}.items():
                for pid in pids:
                    found, unread = scan_memory(pid, patterns)
                    before = seen.get(role, (set(), 0))
                    seen[role] = before[0] | found, max(before[1], unread)
    finally:
        stop.set()
        t.join()
    return seen, sum(done)


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


def against(kind, node, token):
    d, key, canary = use(node, "hard")
    patterns = encodings(key)
    seen, shook = memory(node, "hard", key, {**patterns, "canary": canary})
    r.say(f"{kind}: handshakes succeeded while looking: {shook}", shook > 1)
    r.say(f"{kind}: every process of the node was looked at", {"gate", "core", "keeper", "courier", "door", "holdfastd"} <= set(seen))
    for role, (found, unread) in seen.items():
        keys = found - {"canary"}
        if role in MAY[kind]:
            print(f"  said     {kind}: memory of {role}: {sorted(keys) or 'nothing found'} (its keys lie there: not claimed)")
        else:
            r.say(f"{kind}: memory of {role}, as root", not keys and unread < 20, f"{sorted(keys) or ''} {unread} mappings unread")
        if role == "gate":
            r.say(f"{kind}:   the canary in {role} (is found)", "canary" in found)
    r.say(f"{kind}: files of the node", not scan_files(node.dir, patterns))
    if token:
        r.say(f"{kind}: files of the token", not scan_files(token.top, patterns))
    r.say(f"{kind}: the device's own file (the scan can find)", scan_files(d.folder, patterns))
    for name in ("psk/hard@demo.example", "node", "ca"):
        code, said = node.cli("key", "export", name, check=False)
        r.say(f"{kind}: key export {name}", code == 1 and not any(p in said.encode() for p in patterns.values()))
    if kind == "pkcs11":
        ids = [l.split()[1] for l in token.objects()[1].splitlines() if l.strip().startswith("ID:")]
        read, refused = reads(token, ids)
        r.say(f"pkcs11: with the PIN, a stock tool reads secret keys out ({refused} are there)", read == 0 and refused >= 3)
    d.close()


with Twin() as t, SoftHsm() as token:
    seen, _ = scan_memory(t.p.pid, encodings(t.key))
    files, read = scan_files(t.top, encodings(t.key)), careless(token)
    print(f"control: memory {sorted(seen)}, {len(files)} files, a careless key of a token read out: {read}")
    control = "raw" in seen and files and read == 1

with Node() as node:
    against("software", node, None)
for kind in (SoftHsm, Swtpm):
    with kind() as token, Node(init=token.init_args()) as node:
        against(token.kind, node, token)
end(control, r.all, "keys on tokens discovered")
