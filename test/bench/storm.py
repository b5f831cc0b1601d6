"""storm: 100 000 devices end or come back together (simulated time, the node's own rules); a whole
handshake beside a resumption, processor time and octets on the wire, beside bare OpenSSL."""
import re, socket, ssl, statistics, subprocess, sys, time

from node import BUILD, NAME
from measure import ROUNDS, cpu, note, pids, row

DEVICES, SECONDS, SAMPLE = 100000, 300, 60


class Counted:
    """One connection by python's ssl on octets in memory, which are counted."""

    def __init__(self, port, context, session=None):
        self.s = socket.create_connection(("127.0.0.1", port), 10)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.i, self.o, self.octets = ssl.MemoryBIO(), ssl.MemoryBIO(), 0
        self.tls = context.wrap_bio(self.i, self.o, server_hostname=NAME, session=session)
        self.run(self.tls.do_handshake)
        self.handshake = self.octets

    def run(self, call, *argv):
        while True:
            try:
                return call(*argv)
            except ssl.SSLWantReadError:
                self.flush()
                more = self.s.recv(65536)
                self.octets += len(more)
                self.i.write(more) if more else self.i.write_eof()
            finally:
                self.flush()

    def flush(self):
        out = self.o.read()
        if out:
            self.octets += len(out)
            self.s.sendall(out)

    def ask(self):
        self.run(self.tls.write, f"GET /cse-in/ae-Cdev HTTP/1.1\r\nHost: {NAME}\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: Cdev\r\n\r\n".encode())
        return self.run(self.tls.read, 65536)


def visits(port, context, group, resume):
    """CPU us a visit (handshake and one request), octets of a handshake, how many were resumed."""
    session, octets, resumed = None, [], 0
    before = cpu(group)
    for _ in range(SAMPLE):
        c = Counted(port, context, session if resume else None)
        time.sleep(0.01)  # the bare server takes a request that comes by itself
        c.ask()
        resumed += c.tls.session_reused
        session = c.tls.session
        octets.append(c.handshake)
        c.s.close()
    return (cpu(group) - before) * 1e6 / SAMPLE, statistics.median(octets), resumed


def resumption(secured, Echo):
    n, e, tls = secured("peer.associations = 0\nsession.time = 600")
    echo = Echo(n, tls)
    theirs = ssl.create_default_context(cafile=str(echo.tls[1]))
    theirs.load_cert_chain(str(e.folder / "cert.pem"), str(e.folder / "key.pem"))
    ours = e.context()
    for resume, what in ((False, "whole"), (True, "resumed")):
        a, b, oo, lo = [], [], [], []
        for _ in range(ROUNDS):
            us, octets, resumed = visits(n.port, ours, pids(n), resume)
            assert resumed == (SAMPLE - 1 if resume else 0), resumed
            a.append(us), oo.append(octets)
            us, octets, resumed = visits(echo.port, theirs, [echo.p.pid], resume)
            b.append(us), lo.append(octets)
            if resume and resumed != SAMPLE - 1:
                note(f"the bare server resumed {resumed} of {SAMPLE}: its figure is of whole handshakes")
        row(f"visit, {what}: handshake and request", a, b, "less", "us CPU")
        row(f"handshake, {what}: on the wire", oo, lo, "less", "octets")
    echo.close()
    n.close()


def storm(secured, Echo):
    p = subprocess.run([str(BUILD / "bench-storm"), str(DEVICES), str(SECONDS), "1000"], capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"bench-storm: {p.stdout}{p.stderr}")
    for name, ours, limit in re.findall(r"^(\S+) ([\d.]+) ([\d.]+)", p.stdout, re.M):
        row(name + ", peak to mean", [float(ours)], [float(limit)], "less", "x", "<= 1.2; limit: without")
    for l in p.stderr.splitlines():
        note(l)
    resumption(secured, Echo)
