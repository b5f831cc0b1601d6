#!/usr/bin/python3
"""T6: long-term keys, or values as good as them, are seen in the memory of gate and core during
and after handshakes; with each provider: software, a token, a TPM. With a token or TPM the keeper's
memory is looked at, too, and with a TPM that of the token's process."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import hashlib, os, subprocess, threading, time

from attack import Refusals, as_good_as, end, scan_memory
from node import Node, NAME, free_port
from tokens import SoftHsm, Swtpm


def handshakes(port, identity, key, seconds):
    end_at, n = time.time() + seconds, 0
    while time.time() < end_at or n < 6 and time.time() < end_at + 40:  # on a busy machine for longer
        for version in ("-tls1_3", "-tls1_2"):
            p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version,
                                "-psk_identity", identity, "-psk", key, "-servername", NAME],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
            n += b"Cipher is" in p.stdout and b"(NONE)" not in p.stdout
    return n


def attack(pids, port, identity, key, seconds=4):
    """Patterns found in the processes while handshakes go on and after."""
    patterns, found, done = as_good_as(bytes.fromhex(key)), {}, []
    t = threading.Thread(target=lambda: done.append(handshakes(port, identity, key, seconds)))
    t.start()
    while True:
        alive = t.is_alive()
        for role, pid in pids:
            names, _ = scan_memory(pid, patterns)
            found.setdefault(role, set()).update(names)
        if not alive:
            return found, done[0]


r = Refusals()
key = hashlib.sha256(b"control key of the attack").hexdigest()
port = free_port()
stock = subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-nocert", "-psk", key,
                          "-psk_identity", "c@demo.example"], stdin=subprocess.PIPE,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
time.sleep(0.5)
found, n = attack([("stock", stock.pid)], port, "c@demo.example", key, 3)
stock.kill()
print(f"control: {n} handshakes with a stock server, found {sorted(found['stock'])}")
# "psk hex" alone would be its command line
control = any(name.endswith("raw") for name in found["stock"]) and n > 1

# Whose memory may hold the key: the software provider's is the keeper's, a software token's its process's.
MAY = {"software": {"keeper"}, "pkcs11": {"token"}, "tpm": set()}


def against(kind, init):
    with Node(init=init) as node:
        d = node.enrol("d", "Cdev", "device", True, "--identity", "d@demo.example")
        d.register()
        may = MAY[kind]
        pids = [(role, p) for role, ps in node.pids().items() for p in ps]
        canary = os.urandom(16).hex().encode()
        d.connect().sendall(b"GET /x HTTP/1.1\r\nX-Canary: " + canary)  # half a request, held by the gate
        gate, stop = [p for role, p in pids if role == "gate"], time.time() + 8
        while not (held := any("canary" in scan_memory(p, {"canary": canary})[0] for p in gate)) and time.time() < stop:
            time.sleep(0.1)
        r.say(f"{kind}: a canary in the memory of gate (is found)", held)
        d.close()
        found, n = attack(pids, node.port, "d@demo.example", (d.folder / "psk.key").read_text().strip())
        # TLS 1.2 with a pre-shared key is not served from a token
        r.say(f"{kind}: handshakes succeeded while looking: {n}", n > (4 if kind == "software" else 2))
        for role, names in found.items():
            if role in may:
                print(f"  said     {kind}: memory of {role}: {sorted(names) or 'nothing found'} (its keys lie there: not claimed)")
            else:
                r.say(f"{kind}: memory of {role} during and after handshakes", not names, ", ".join(sorted(names)))


against("software", ())
with SoftHsm() as token:
    against("pkcs11", token.init_args())
with Swtpm() as tpm:
    against("tpm", tpm.init_args())
end(control, r.all, "sensitive data in use")
