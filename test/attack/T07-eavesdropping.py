#!/usr/bin/python3
"""T7, T13: the hops are captured; the handshake is downgraded; the peer is not who it says."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, pathlib, signal, ssl, socket, subprocess, tempfile, time

from attack import Refusals, Twin, end
from node import NAME, Node, free_port

SECRET = "reading-of-the-meter-4711"


def capture(port, act):
    """Octets on loopback at that port while act() runs."""
    f = tempfile.NamedTemporaryFile(suffix=".pcap", delete=False)
    p = subprocess.Popen(["tcpdump", "-i", "lo", "-w", f.name, "-U", "-s", "0", f"tcp port {port}"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    p.stderr.readline()
    time.sleep(0.3)
    act()
    time.sleep(0.5)
    p.send_signal(signal.SIGINT)
    p.wait()
    data = pathlib.Path(f.name).read_bytes()
    os.unlink(f.name)
    return data


def handshake(port, *argv):
    """True when a stock client with these arguments completes a handshake."""
    p = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-quiet", *argv],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        p.stdin.write(b"GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: Cdev\r\n\r\n")
        p.stdin.flush()
        time.sleep(0.6)
        p.stdin.close()
        out = p.stdout.read(4096)
    except BrokenPipeError:
        out = b""
    finally:
        p.kill()
        p.wait()
    return b"HTTP/1.1" in out


r = Refusals()
with Twin() as t:
    seen = capture(t.port, lambda: t.ask("POST", "/a", {"con": SECRET}))
    control = SECRET.encode() in seen
    print(f"control: {len(seen)} octets captured, the content is {'in clear' if control else 'hidden'}")

with Node() as n:
    d = n.enrol("d", "Cdev")
    p = n.enrol("p", "Cpsk", "device", True, "--identity", "p@demo.example")
    other = Node()
    stranger = other.enrol("d", "Cdev")

    def exchange(e):
        def act():
            e.register()
            e.create(f"/cse-in/ae-{e.originator}", 3, {"m2m:cnt": {"rn": "c"}})
            assert e.create(f"/cse-in/ae-{e.originator}/c", 4, {"m2m:cin": {"con": SECRET}}).rsc == 2001
        return act

    for e, what in ((d, "certificate"), (p, "pre-shared key")):
        seen = capture(n.port, exchange(e))
        r.say(f"content captured on the wire, {what}", len(seen) > 1000 and SECRET.encode() not in seen, f"{len(seen)} octets")
    own = ["-cert", d.folder / "cert.pem", "-key", d.folder / "key.pem"]
    r.say("with the right credential it works (the probe can tell)", handshake(n.port, *own))
    key = (p.folder / "psk.key").read_text().strip()
    for what, argv in {
            "no credential": [], "TLS 1.1": [*own, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            "TLS 1.0": [*own, "-tls1", "-cipher", "ALL:@SECLEVEL=0"],
            "null suites": [*own, "-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"],
            "anonymous suites": ["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"],
            "RSA key exchange": [*own, "-tls1_2", "-cipher", "AES128-SHA"],
            "no extended master secret": [*own, "-tls1_2", "-no_ems"],
            "certificate of another node's CA": ["-cert", stranger.folder / "cert.pem", "-key", stranger.folder / "key.pem"],
            "unknown pre-shared key identity": ["-psk_identity", "x@demo.example", "-psk", key],
            "wrong pre-shared key": ["-psk_identity", "p@demo.example", "-psk", "00" * 32],
            "wrong pre-shared key, TLS 1.2": ["-psk_identity", "p@demo.example", "-psk", "00" * 32, "-tls1_2"],
    }.items():
        r.say(f"handshake: {what}", not handshake(n.port, *map(str, argv)))
    # a man in the middle with a certificate of another CA, or under another name
    for what, ca, name in (("another CA", other.dir / "node/ca.pem", NAME), ("another name", n.dir / "node/ca.pem", "evil.demo.example")):
        c = ssl.create_default_context(cafile=str(ca))
        c.load_cert_chain(str(d.folder / "cert.pem"), str(d.folder / "key.pem"))
        try:
            c.wrap_socket(socket.create_connection(("127.0.0.1", n.port)), server_hostname=name).close()
            refused = False
        except ssl.SSLError:
            refused = True
        r.say(f"the node under {what}, seen by a client", refused)
    other.close()
end(control, r.all, "eavesdropping and man in the middle")
