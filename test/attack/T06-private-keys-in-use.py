#!/usr/bin/python3
"""T6: the node's private key is looked for in the memory of the gate while handshakes use it: by certificate, by
pre-shared key, of who joins, and of EST. Nobody outside the keeper knows the key, so each place that could hold a number
of its size is tried against the public one.

Control: a stock TLS server with a key of its own; the same search finds it."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import json, re, shutil, subprocess, tempfile, threading, time

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from attack import Refusals, end
from node import Node, free_port

HIGH, PIECE = 1 << 56, 1 << 20
ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


def is_key(number, public):
    return 0 < number < ORDER and ec.derive_private_key(number, ec.SECP256R1()).public_key().public_numbers() == public


def search(pid, public):
    """Is the private key in what the process can write? As the library holds numbers (words of 64 bits, the least first)
    and as files hold them (octets, the first is the highest); at each multiple of 8."""
    tried, octets = 0, 0
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in open(f"/proc/{pid}/maps").read().splitlines():
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not m:
                continue
            at, high = (int(m.group(i), 16) for i in (1, 2))
            while at < high:
                n = min(PIECE, high - at)
                try:
                    mem.seek(at)
                    data = mem.read(n)
                except (OSError, ValueError):
                    break
                octets += len(data)
                if data.count(0) < len(data):
                    words = memoryview(data[:len(data) // 8 * 8]).cast("Q")
                    run = 0
                    for i, w in enumerate(words):
                        # random words are high; pointers, lengths and small numbers are not
                        run = run + 1 if w >= HIGH else 0
                        if run < 4:
                            continue
                        a, b, c, d = words[i - 3], words[i - 2], words[i - 1], w
                        tried += 1
                        if is_key(a | b << 64 | c << 128 | d << 192, public) or is_key(int.from_bytes(data[8 * (i - 3):8 * (i + 1)], "big"), public):
                            return True, tried, octets
                at += n - 24 if n == PIECE else n
    return False, tried, octets


class Traffic:
    """Handshakes without pause, while somebody looks."""

    def __init__(self, *each):
        self.on, self.done, self.each = True, [0] * len(each), each
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(len(each))]
        for t in self.threads:
            t.start()

    def run(self, i):
        while self.on:
            try:
                self.each[i]()
                self.done[i] += 1
            except (OSError, ConnectionError, RuntimeError):
                pass
            time.sleep(0.1)

    def end(self):
        self.on = False
        for t in self.threads:
            t.join(20)
        return self.done


def public_of(path):
    return x509.load_pem_x509_certificate(path.read_bytes()).public_key().public_numbers()


r = Refusals()
top = pathlib.Path(tempfile.mkdtemp(prefix="private-"))
try:
    key = ec.generate_private_key(ec.SECP256R1())
    while any((key.private_numbers().private_value >> 64 * i) % (1 << 64) < HIGH for i in range(4)):
        key = ec.generate_private_key(ec.SECP256R1())  # as most are
    (top / "key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    subprocess.run(["openssl", "req", "-x509", "-key", top / "key", "-out", top / "cert", "-subj", "/CN=x", "-days", "2"], check=True, capture_output=True)
    port = free_port()
    stock = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", top / "cert", "-key", top / "key", "-quiet"],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    control, tried, octets = search(stock.pid, public_of(top / "cert"))
    stock.kill()
    stock.wait()
    print(f"control: a stock server's key is {'found' if control else 'NOT FOUND'} in its memory ({tried} places of {octets} octets tried)")
    with Node(options="gate.workers = 1\njoin.enabled = yes") as n:
        d, p = n.enrol("d", "Cd"), n.enrol("p", "Cp", "device", True, "--identity", "p@demo.example")
        claim = json.loads(n.cli("-o", "json", "ticket", "create", "--ids", "Cj*", "--count", "1000"))["claim"]
        count = iter(range(10 ** 6))

        def by(e):
            def once():
                assert e.retrieve("/cse-in").rsc == 4103
                e.close()
            return once

        def joins():
            i = next(count)
            n.cli("join", claim, "--id", f"Cj{i}", "--out", top / f"j{i}", directory=False)

        def est():
            subprocess.run(["curl", "-sS", "-m", "10", "--cacert", n.dir / "node/ca.pem", "--resolve", f"{n.name}:{n.port}:127.0.0.1", "--cert", d.folder / "cert.pem",
                            "--key", d.folder / "key.pem", f"https://{n.name}:{n.port}/.well-known/est/cacerts"], check=True, capture_output=True)

        traffic = Traffic(by(d), by(p), joins, est)
        time.sleep(0.5)
        found, tried, octets = search(n.pids()["gate"][0], public_of(n.dir / "node/node.pem"))
        r.say("memory of the gate during handshakes: the node's key", not found and octets > 1 << 18, f"{tried} places of {octets} octets tried")
        done = traffic.end()
        r.say("handshakes succeeded while looking (certificate, pre-shared key, joining, EST)", all(x > 0 for x in done), str(done))
finally:
    shutil.rmtree(top, ignore_errors=True)
end(control, r.all, "private keys in use")
