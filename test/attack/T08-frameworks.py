#!/usr/bin/python3
"""T7, T8, T9, T13 by framework: somebody stands between a node and who gets in there by each of the frameworks
(test/lib/frameworks.py), in TLS 1.3 and 1.2. He reads; changes each record of either side; sends the request twice, and what was
recorded once more, also within another association; strips the hello; offers weak and null suites; and takes the
node's place.

Control: the same clients' request without protection, and stock TLS ends that take everything; each attack must work there."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import collections, concurrent.futures, os, select, shutil, socket, ssl, subprocess, tempfile, time

from attack import Refusals, Twin, encodings, end
from frameworks import STOCK, Connection, Lab, post
from middle import APPLICATION, HANDSHAKE, Middle
from node import NAME, free_port
from tls import TlsClient

ALERT, OFFERS_ALL = 21, "ALL:eNULL:aNULL:@SECLEVEL=0"


class Plain:
    """The control: the same request, nothing around it."""

    name, enrols, tls, versions = "without protection", False, False, ("-",)

    def __init__(self, twin):
        self.twin, self.port, self.path = twin, twin.port, "/box"
        self.n = 0

    def open(self, version="-", port=None, source=None):
        return Connection(socket.create_connection(("127.0.0.1", port or self.port), timeout=3))

    def word(self):
        self.n += 1
        return f"reading-of-{self.n:06}"

    def request(self, word):
        return post(self.path, b'{"con": "%s"}' % word.encode(), "application/json", (("X-M2M-Origin", "Cdev"),))

    def done(self, answer):
        return answer.startswith(b"HTTP/1.1 ")  # whatever it says

    def made(self):
        return [v.split('"')[3] for v in self.twin.ask("GET", self.path)[1]]

    def secrets(self):
        return []


def flipped(record, word):
    """One octet of it is another: of the word where it can be seen, else in its middle."""
    at = record.rfind(word) if word in record else (5 + len(record)) // 2
    return record[:at] + bytes([record[at] ^ 1]) + record[at + 1:]


def without(extension):
    """The client's hello has another number in the place of the extension's."""
    return lambda s, k, n, r: [r.replace(extension, b"\xfa\xfa" + extension[2:], 1)] if (s, k, n) == (0, HANDSHAKE, 0) else [r]


def old_versions(s, k, n, r):
    """supported_versions of the hello has TLS 1.2 alone."""
    at = r.find(b"\x00\x2b\x00") if (s, k, n) == (0, HANDSHAKE, 0) else -1
    return [r] if at < 0 else [r[:at + 5] + b"\x03\x03" * (r[at + 4] // 2) + r[at + 5 + r[at + 4]:]]


class OnTheWay:
    """All of it for one way and one version: what -> did it work."""

    def __init__(self, way, version):
        self.way, self.version, self.tls = way, version, not isinstance(way, Plain)
        self.port = way.port if not self.tls else way.node.port
        self.known, self.got = collections.Counter(way.made()), {}

    def fresh(self):
        """Words that are there and were not when it was last asked."""
        now = collections.Counter(self.way.made())
        made, self.known = list((now - self.known).elements()), now
        return made

    def through(self, act, word=None):
        """(was it answered, the word, what is there by it)"""
        w, m, answered = self.way, Middle(self.port, act, self.tls), False
        word, self.answer = word or w.word(), b""
        try:
            c = w.open(self.version, port=m.port)
            self.answer = c.ask(w.request(word))
            answered = w.done(self.answer)
            c.close()
        except OSError as e:
            self.answer = str(e)
        m.close()
        self.seen = m.seen
        if not self.tls:  # what came behind the request is not waited for
            time.sleep(0.1)
        return answered, word, self.fresh()

    def run(self):
        w, self.records = self.way, []

        def record(s, k, n, r):
            self.records.append((s, k, n, r))
            return [r]
        answered, word, made = self.through(record)
        if not (answered and made == [word]):
            raise RuntimeError(f"{w.name}, {self.version}: {word} does not get in: {self.answer[:200]}, {made}")
        self.last = max((n for s, k, n, _ in self.records if (s, k) == (0, APPLICATION)))  # the request
        self.got["read on the way"] = word.encode() in self.seen or any(
            x in self.seen for key in w.secrets() for x in encodings(key).values())
        for side, what in ((0, "to the node"), (1, "to the client")):
            self.change(side, what)
        self.repeat()
        if self.tls:
            self.strip()
        return self.got

    def change(self, side, what):
        """Each of that side's records. What the node did before its answer was changed was done once, and as it was asked for."""
        ends = lambda k, r: side == 1 and (k == ALERT or k == APPLICATION and len(r) < 32)  # close_notify, behind the answer
        worked, tried = [], [(k, n) for s, k, n, r in self.records if s == side and not ends(k, r)]
        for kind, number in tried:
            word = self.way.word()
            answered, _, made = self.through(lambda s, k, n, r: [flipped(r, [word.encode(), b"stored"][side])] if (s, k, n) == (side, kind, number) else [r], word)
            if answered and (side == 1 or made != [word]) or made not in ([], [word]) or made and side == 0:
                worked.append((kind, number, answered, made))
        self.got[f"each of {len(tried)} records {what} changed"] = worked

    def repeat(self):
        kept = []

        def twice(s, k, n, r):
            if (s, k, n) != (0, APPLICATION, self.last):
                return [r]
            kept.append(r)
            return [r, r]
        _, word, made = self.through(twice)
        self.got["the request sent twice"] = made not in ([], [word]) and made
        with socket.create_connection(("127.0.0.1", self.port)) as raw:
            raw.settimeout(1)
            try:
                for s, k, n, r in self.records:
                    if s == 0:
                        raw.sendall(r)
                        if k == HANDSHAKE and n == 0 or not self.tls:
                            raw.recv(65536)
            except OSError:
                pass
            select.select([raw], [], [], 0.2)
        self.got["recorded, and sent once more"] = self.fresh()
        _, word, made = self.through(lambda s, k, n, r: [r, kept[-1]] if (s, k, n) == (0, APPLICATION, self.last) else [r])
        self.got["a record of another association in this one"] = made not in ([], [word]) and made

    def strip(self):
        hellos = {"extended master secret": without(b"\x00\x17\x00\x00")}
        if self.version == "1.3":
            hellos["TLS 1.3"] = old_versions
        if not self.way.psk:  # plain PSK of TLS 1.2 needs neither: it is the Finished that tells, and it was changed above
            hellos |= {"its groups": without(b"\x00\x0a\x00"), "its signature algorithms": without(b"\x00\x0d\x00")}
        worked = []
        for what, act in hellos.items():
            answered, _, made = self.through(act)
            worked += [what] if answered or made else []
        self.got["the hello without " + ", ".join(hellos)] = worked


# --- weak suites ------------------------------------------------------------------------------------------------

ANY = {"TLS 1.1": ["-tls1_1", "-cipher", "ALL:PSK:@SECLEVEL=0"], "TLS 1.0": ["-tls1", "-cipher", "ALL:PSK:@SECLEVEL=0"],
       "no extended master secret": ["-tls1_2", "-no_ems"]}
WEAK = {
    True: {**ANY, "null suites": ["-tls1_2", "-cipher", "PSK-NULL-SHA256:ECDHE-PSK-NULL-SHA256:PSK-NULL-SHA:@SECLEVEL=0"],
           "CBC suites": ["-tls1_2", "-cipher", "PSK-AES128-CBC-SHA256:ECDHE-PSK-AES128-CBC-SHA256:PSK-AES128-CBC-SHA:@SECLEVEL=0"],
           "suites with 8 octets of tag": ["-tls1_2", "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"],
           "suites with RSA or DHE": ["-tls1_2", "-cipher", "RSA-PSK-AES128-GCM-SHA256:DHE-PSK-AES128-GCM-SHA256:@SECLEVEL=0"]},
    False: {**ANY, "null suites": ["-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"], "anonymous suites": ["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"],
            "CBC suites": ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA:@SECLEVEL=0"],
            "suites with RSA": ["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"]}}


def offers(port, way, argv):
    """Does a stock client that offers this, with the way's own credential, get an answer?"""
    own = [] if way.enrols else way.stock()
    if way.enrols and way.maker:
        device = tempfile.NamedTemporaryFile("w", suffix=".pem")
        device.write(way.maker.device())
        device.flush()
        own = ["-cert", device.name]
    try:
        c = Connection(TlsClient(port, [*own, *argv], NAME, 3))
    except OSError:
        return False
    said = c.ask(b"GET / HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: C\r\n\r\n", 3)
    c.close()
    return b"HTTP/1." in said


class Stock:
    """A stock server that takes everything: all suites, one key for all pre-shared ones."""

    def __init__(self, top, *more, ec=False):
        key, cert = top / f"stock-{ec}.key", top / f"stock-{ec}.pem"
        if not cert.exists():
            kind = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if ec else ["rsa:2048"]
            subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-subj", "/CN=stock", "-days", "2", "-addext",
                            f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
        self.port = free_port()
        self.p = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-key", key, "-cert", cert,
                                   "-cipher", OFFERS_ALL, "-quiet", *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)

    def heard(self, seconds=1):
        """What somebody sent it, in clear."""
        return os.read(self.p.stdout.fileno(), 65536) if select.select([self.p.stdout], [], [], seconds)[0] else b""

    def close(self):
        self.p.kill()
        self.p.communicate()


def weak_suites(lab, r, top, pool):
    """Each way's client is let in with what is good, and by the stock server with what is not."""
    fell = {True: {}, False: {}}
    for psk in (True, False):
        way = next(w for w in lab.ways if bool(w.psk) == psk)
        stock = Stock(top, "-www", *(["-psk_identity", way.psk[0], "-psk", way.psk[1].hex()] if psk else []))
        fell[psk] = {what: offers(stock.port, way, argv) for what, argv in WEAK[psk].items()}
        stock.close()

    def tried(w):
        return (all(offers(lab.node.port, w, STOCK[v]) for v in w.versions),
                [what for what, argv in WEAK[bool(w.psk)].items() if offers(lab.node.port, w, argv)])
    for w, (works, got) in zip(lab.ways, pool.map(tried, lab.ways)):
        r.say(f"{w.name}: {', '.join(WEAK[bool(w.psk)])}", works and not got, ", ".join(got) or "" if works else "the probe does not get in with what is good")
    return [f"{what}, {'pre-shared key' if p else 'certificate'}" for p in fell for what, yes in fell[p].items() if not yes]


# --- in the node's place -------------------------------------------------------------------------------------------

def impostors(lab, r, top, pool):
    """Our own client by each profile, towards one with a certificate of his own by the node's name. A careless client tells
    him everything; false when it does not (the control)."""
    w = lab.ways[0]
    stock = Stock(top, ec=True)
    with ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", stock.port)), server_hostname=NAME) as c:
        c.sendall(w.request("told"))
        control = b"told" in stock.heard()
    stock.close()
    n = lab.node

    def meets(w):
        stock, copy = Stock(top, ec=True), top / ("copy-" + w.originator)
        shutil.copytree(w.folder, copy)
        for f in copy.iterdir():
            f.write_bytes(f.read_bytes().replace(f":{n.port}".encode(), f":{stock.port}".encode()))
        asked = ["request", "retrieve", "--to", "cse-in/ae-" + w.originator, "--as"]
        good, _ = n.cli(*asked, w.folder, directory=False, check=False)
        code, out = n.cli(*asked, copy, directory=False, check=False)
        told = stock.heard(0)
        stock.close()
        return good == 0 and code == 1 and not told, out.strip().splitlines()[-1][-70:]
    ways = [w for w in lab.ways if not w.enrols and w.folder]  # who joins asks anybody for the anchor, and knows it: T13. A key in a UICC has no profile
    for w, got in zip(ways, pool.map(meets, ways)):
        r.say(f"{w.name}: our client, towards an impostor", *got)
    return control


r = Refusals()
with Twin() as twin:
    fell = OnTheWay(Plain(twin), "-").run()
for what, worked in fell.items():
    print(f"control: {'worked' if worked else 'FAILED'}: {what}")
control = all(fell.values())
top = pathlib.Path(tempfile.mkdtemp(prefix="frameworks-"))
os.chmod(top, 0o755)
with Lab() as lab:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:  # they wait for each other's processes more than for time
        for w, by_version in zip(lab.ways, pool.map(lambda w: {v: OnTheWay(w, v).run() for v in w.versions}, lab.ways)):
            for v, got in by_version.items():
                for what, worked in got.items():
                    r.say(f"{w.name}, TLS {v}: {what}", not worked, str(worked) if worked else "")
        for what in weak_suites(lab, r, top, pool):
            control = False
            print(f"control: FAILED: {what} at a stock server")
        careless = impostors(lab, r, top, pool)
    print(f"control: {'worked' if careless else 'FAILED'}: a careless client tells an impostor everything")
    r.say("who is enrolled is served as before", all(w.come(w.request(w.word()), version=v) for w in lab.ways for v in w.versions))
    lab.owner.close()
shutil.rmtree(top, ignore_errors=True)
end(control and careless, r.all, "between node and client, by framework")
