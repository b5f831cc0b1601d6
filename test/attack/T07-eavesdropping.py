#!/usr/bin/python3
"""T7, T13: the hops are captured; the handshake is downgraded; the peer is not who it says.

The control of the handshakes is a stock server that takes everything: each of them must succeed
there, so that a refusal is Holdfast's and not the probe's."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, pathlib, select, signal, socket, ssl, subprocess, tempfile, time

from attack import Refusals, Twin, end
from node import NAME, Node, free_port

SECRET = "reading-of-the-meter-4711"
WEAK = "ALL:eNULL:aNULL:@SECLEVEL=0"


def capture(port, act):
    """Octets on loopback at that port while act() runs."""
    f = tempfile.NamedTemporaryFile(suffix=".pcap", delete=False)
    p = subprocess.Popen(["tcpdump", "-i", "lo", "-w", f.name, "-U", "--immediate-mode", "-s", "0", f"tcp port {port}"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while b"listening on" not in p.stderr.readline():
        if p.poll() is not None:
            raise RuntimeError("tcpdump does not run")
    act()
    time.sleep(0.3)
    p.send_signal(signal.SIGINT)
    p.wait()
    data = pathlib.Path(f.name).read_bytes()
    os.unlink(f.name)
    return data


NO_EMS = tempfile.NamedTemporaryFile("w", suffix=".cnf")
NO_EMS.write("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nOptions = -ExtendedMasterSecret\n")
NO_EMS.flush()


def handshake(port, *argv):
    """True when a stock client with these arguments gets an HTTP answer. "-no_ems" is ours: the
    command has no such option, its configuration file has."""
    env = {**os.environ, "OPENSSL_CONF": NO_EMS.name} if "-no_ems" in argv else os.environ
    argv = [a for a in argv if a != "-no_ems"]
    p = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-quiet", *argv],
                         env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out, end_at = b"", time.time() + 5
    try:
        p.stdin.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: Cdev\r\n\r\n")
        p.stdin.flush()
        while b"HTTP/1." not in out and time.time() < end_at:
            if select.select([p.stdout], [], [], 0.2)[0]:
                more = os.read(p.stdout.fileno(), 4096)
                if not more:
                    break
                out += more
    except BrokenPipeError:
        pass
    finally:
        p.kill()
        p.wait()
    return b"HTTP/1." in out


class Stock:
    """openssl s_server: any version, any suite, any client."""

    def __init__(self, top):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=stock", "-days", "2",
                        "-keyout", f"{top}/stock.key", "-out", f"{top}/stock.pem"], check=True, stderr=subprocess.DEVNULL)
        self.port = free_port()
        self.p = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-key", f"{top}/stock.key", "-cert", f"{top}/stock.pem",
             "-psk", "00" * 32, "-psk_identity", "p@demo.example", "-cipher", WEAK, "-www", "-quiet"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)

    def close(self):
        self.p.kill()
        self.p.wait()


r = Refusals()
with Twin() as t:
    seen = capture(t.port, lambda: t.ask("POST", "/a", {"con": SECRET}))
    control = SECRET.encode() in seen
    print(f"control: {len(seen)} octets captured, the content is {'in clear' if control else 'hidden'}")

with Node(options="log.level = info") as n, Node() as other:
    d = n.enrol("d", "Cdev")
    p = n.enrol("p", "Cpsk", "device", True, "--identity", "p@demo.example")
    stranger = other.enrol("d", "Cdev")

    def exchange(e):
        def act():
            e.register()
            e.create(f"/cse-in/ae-{e.originator}", 3, {"m2m:cnt": {"rn": "c"}})
            assert e.create(f"/cse-in/ae-{e.originator}/c", 4, {"m2m:cin": {"con": SECRET}}).rsc == 2001
            e.close()
        return act

    for e, what in ((d, "certificate"), (p, "pre-shared key")):
        seen = capture(n.port, exchange(e))
        r.say(f"content captured on the wire, {what}", len(seen) > 1000 and NAME.encode() in seen and SECRET.encode() not in seen,
              f"{len(seen)} octets, the server name among them")
    own = ["-cert", d.folder / "cert.pem", "-key", d.folder / "key.pem"]
    key = (p.folder / "psk.key").read_text().strip()
    psk = ["-psk_identity", "p@demo.example", "-psk", key]
    for what, argv in {"certificate": own, "certificate, TLS 1.2": [*own, "-tls1_2"], "pre-shared key": psk,
                       "pre-shared key, TLS 1.2": [*psk, "-tls1_2"]}.items():
        r.say(f"with the right {what} it works (the probe can tell)", handshake(n.port, *map(str, argv)))
    stock = Stock(n.top)
    lines = n.log_text().count("connection refused")
    hostile = {
        "no credential": [], "no credential, TLS 1.2": ["-tls1_2"],
        "TLS 1.1": [*own, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        "TLS 1.0": [*own, "-tls1", "-cipher", "ALL:@SECLEVEL=0"],
        "null suites": [*own, "-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"],
        "anonymous suites": ["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"],
        "RSA key exchange": [*own, "-tls1_2", "-cipher", "AES128-SHA"],
        "CBC suites": [*own, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA"],
        "no extended master secret": [*own, "-tls1_2", "-no_ems"],
        "no extended master secret, pre-shared key": [*psk, "-tls1_2", "-no_ems"],
        "certificate of another node's CA": ["-cert", stranger.folder / "cert.pem", "-key", stranger.folder / "key.pem"],
        "unknown pre-shared key identity": ["-psk_identity", "x@demo.example", "-psk", key],
        "wrong pre-shared key": ["-psk_identity", "p@demo.example", "-psk", "00" * 32],
        "wrong pre-shared key, TLS 1.2": ["-psk_identity", "p@demo.example", "-psk", "00" * 32, "-tls1_2", "-cipher", "PSK"],
    }
    for what, argv in hostile.items():
        argv = list(map(str, argv))
        if what == "no extended master secret, pre-shared key":
            there = handshake(stock.port, "-psk_identity", "p@demo.example", "-psk", "00" * 32, "-tls1_2", "-no_ems")
        else:
            there = handshake(stock.port, *argv)
        control &= there
        time.sleep(1.1 if what == "CBC suites" else 0)  # the gate writes ten of these lines a second at most
        r.say(f"handshake: {what}", not handshake(n.port, *argv), f"control {'succeeded' if there else 'FAILED'}")
    stock.close()
    lines = n.log_text().count("connection refused") - lines
    r.say("each refused handshake is in the log", lines >= len(hostile), f"{lines} lines for {len(hostile)}")
    # a man in the middle with a certificate of another CA, or under another name
    for what, ca, name, good in (("its own CA and name", n.dir / "node/ca.pem", NAME, True), ("another CA", other.dir / "node/ca.pem", NAME, False),
                                 ("another name", n.dir / "node/ca.pem", "evil.demo.example", False)):
        c = ssl.create_default_context(cafile=str(ca))
        c.load_cert_chain(str(d.folder / "cert.pem"), str(d.folder / "key.pem"))
        try:
            c.wrap_socket(socket.create_connection(("127.0.0.1", n.port)), server_hostname=name).close()
            refused = False
        except ssl.SSLError:
            refused = True
        r.say(f"the node under {what}, seen by a client" + (" (is taken)" if good else ""), refused != good)
    # our own client towards a node that is another one
    profile = n.top / "mitm"
    subprocess.run(["cp", "-r", str(d.folder), str(profile)], check=True)
    for f in profile.iterdir():
        if f.is_file():
            f.write_bytes(f.read_bytes().replace(f":{n.port}".encode(), f":{other.port}".encode()))
    code, out = n.cli("request", "retrieve", "--as", d.folder, "--to", "cse-in/ae-Cdev", directory=False, check=False)
    r.say("our client, towards its node (is served)", code == 0, out.strip()[-80:] if code else "")
    code, out = n.cli("request", "retrieve", "--as", profile, "--to", "cse-in/ae-Cdev", directory=False, check=False)
    r.say("our client, towards another node in its place", code == 1, out.strip().splitlines()[-1][:110])
end(control, r.all, "eavesdropping and man in the middle")
