"""frameworks: one node, and a client of each framework by which somebody gets in there [TS-0003 8.2, 8.3]: certificate,
pre-shared key, keys of a MAF, of a MEF, of the underlying network (GBA, AKMA, behind a gateway); and the ways of
enrolment: ticket, maker, EST. All do one thing that leaves a trace: a request with a word of the caller's choice."""
import base64, datetime, itertools, json, pathlib, select, socket, ssl, subprocess, tempfile, threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import gaa, mno, renewal
from makers import Maker, named, pem
from node import NAME, Node, acr
from tls import TlsClient

LIB = pathlib.Path(__file__).resolve().parent
K, OPC = bytes(range(16)), bytes(range(16, 32))
SP = "//demo.example"
VERSIONS = {"1.3": ssl.TLSVersion.TLSv1_3, "1.2": ssl.TLSVersion.TLSv1_2}
STOCK = {"1.3": ["-tls1_3"], "1.2": ["-tls1_2"]}
numbers = itertools.count(1)


class Connection:
    """ask(): the answer to octets as far as it came, b"" without one. s: a socket, or TlsClient."""

    def __init__(self, s):
        self.s = s

    def wait(self, seconds):
        if isinstance(self.s, (ssl.SSLSocket, TlsClient)) and self.s.pending():
            return True
        poll = select.poll()
        poll.register(self.s, select.POLLIN)
        return poll.poll(1000 * seconds)

    def ask(self, octets, seconds=5):
        answer = b""
        try:
            self.s.sendall(octets)
            while b"\r\n\r\n" not in answer and self.wait(seconds):
                more = self.s.recv(65536)
                if not more:
                    break
                answer += more
        except OSError:
            pass
        return answer if b"HTTP/1." in answer else b""

    def close(self):
        try:
            self.s.close()
        except OSError:
            pass


def post(path, body, media, fields=()):
    head = "".join(f"{k}: {v}\r\n" for k, v in fields)
    return f"POST {path} HTTP/1.1\r\nHost: {NAME}\r\n{head}Content-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Way:
    """An entity that is enrolled, and gets in by a certificate (folder) or a key (identity, octets).
    credential: its Credential-ID, by which it is revoked."""

    versions = ("1.3", "1.2")
    enrols = False

    def __init__(self, lab, name, originator, folder=None, psk=None, credential=None):
        self.lab, self.name, self.originator, self.folder, self.psk = lab, name, originator, folder, psk
        self.entity = f"{SP}/{originator}" if originator[0] == "S" else f"{SP}/in-cse/{originator}"
        self.credential = credential or ("12-" + psk[0].rpartition(";")[2] if psk else "33-" + self.entity)
        self.box = "/cse-in/ae-Cowner/" + name.replace(" ", "-")
        self.node = lab.node

    def context(self, version):
        c = ssl.create_default_context(cafile=str(self.node.dir / "node/ca.pem"))
        c.minimum_version = c.maximum_version = VERSIONS[version]
        if self.folder and not self.psk:
            c.load_cert_chain(str(self.folder / "cert.pem"), str(self.folder / "key.pem"))
        return c

    def open(self, version="1.3", port=None, source=None, key=None, identity=None):
        """A connection; without one OSError, or it shows with the first request."""
        port = port or self.node.port
        if not self.psk:
            raw = socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(source or "127.0.0.1", 0))
            try:
                return Connection(self.context(version).wrap_socket(raw, server_hostname=NAME))
            except OSError:
                raw.close()
                raise
        return Connection(TlsClient(port, [*self.stock(identity, key), *STOCK[version], *(["-bind", source + ":0"] if source else [])], NAME, 5))

    def stock(self, identity=None, key=None):
        """Its credential for `openssl s_client`."""
        if self.psk:
            return ["-psk_identity", identity or self.psk[0], "-psk", (key or self.psk[1]).hex()]
        return ["-cert", str(self.folder / "cert.pem"), "-key", str(self.folder / "key.pem")]

    def request(self, word, rqi=None, origin=None):
        return post(self.box, json.dumps({"m2m:cin": {"con": word}}).encode(), "application/json;ty=4",
                    (("X-M2M-Origin", origin or self.originator), ("X-M2M-RI", rqi or f"w{next(numbers)}"), ("X-M2M-RVI", "3")))

    def word(self):
        return f"reading-of-{next(numbers):06}"

    def done(self, answer):
        return b"X-M2M-RSC: 2001" in answer

    def come(self, octets, **where):
        """Is it done, by a connection for it alone?"""
        try:
            c = self.open(**where)
        except OSError:
            return False
        try:
            return self.done(c.ask(octets))
        finally:
            c.close()

    def made(self):
        """Words that are there."""
        with self.lab.lock:
            answer = self.lab.owner.retrieve(self.box + "?rcn=4").json["m2m:cnt"]
        return [c["con"] for c in answer.get("m2m:cin", [])]

    def secrets(self):
        """What nobody on the way may see."""
        return [self.psk[1]] if self.psk else []

    def register(self):
        body = json.dumps({"m2m:ae": {"rn": "ae-" + self.originator, "api": "Napp.example", "rr": False, "srv": ["3"]}}).encode()
        octets = post("/cse-in", body, "application/json;ty=2", (("X-M2M-Origin", self.originator), ("X-M2M-RI", "reg"), ("X-M2M-RVI", "3")))
        c = self.open()
        answer = c.ask(octets)
        c.close()
        assert self.done(answer), (self.name, answer)


class Joining(Way):
    """Who has no credential here yet, or one of a maker: the word is whom it becomes."""

    enrols = True

    def __init__(self, lab, name, pattern, ticket=None, maker=None):
        super().__init__(lab, name, pattern)
        self.ticket, self.maker, self.key = ticket, maker, ec.generate_private_key(ec.SECP256R1())

    def context(self, version):
        c = super().context(version)
        if self.maker:  # a device certificate serves once
            with tempfile.NamedTemporaryFile("w") as f:
                f.write(self.maker.device(self.key))
                f.flush()
                c.load_cert_chain(f.name)
        return c

    def word(self):
        return f"{self.originator}{next(numbers)}"

    def request(self, word, rqi=None, origin=None, ticket=None):
        point = renewal.point(self.key)
        subject = f"{SP}/in-cse/{word}".encode()
        proof = self.key.sign(b"holdfast enrolment\0\x01" + subject + point, ec.ECDSA(hashes.SHA256()))
        asked = {"id": word, "key": point.hex(), "proof": proof.hex()}
        ticket = ticket or self.ticket
        if ticket:
            asked.update(ticket=ticket[0], mac=renewal.ticket_mac(ticket[1], word, point))
        return post("/.well-known/holdfast/join", json.dumps(asked).encode(), "application/json")

    def done(self, answer):
        return answer.startswith(b"HTTP/1.1 200 ")

    def made(self):
        rows = json.loads(self.node.cli("-o", "json", "credential", "list"))
        return [r["entity"].rpartition("/")[2] for r in rows if r["entity"].startswith(f"{SP}/in-cse/{self.originator}")]

    def secrets(self):
        return [bytes.fromhex(self.ticket[1]), self.ticket[1].encode()] if self.ticket else []

    def register(self):
        pass


class Est(Joining):
    """The same by a stock certification request."""

    def request(self, word, rqi=None, origin=None):
        name = x509.UniformResourceIdentifier(f"m2m:{SP}/in-cse/{word}")
        csr = (x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
               .add_extension(x509.SubjectAlternativeName([name]), critical=False).sign(self.key, hashes.SHA256()))
        body = base64.encodebytes(csr.public_bytes(serialization.Encoding.DER))
        return post("/.well-known/est/simpleenroll", body, "application/pkcs10", (("Content-Transfer-Encoding", "base64"),))


class DeviceMaker(Maker):
    """A maker of devices: P-256 chains of the profile of TS-0003 10.1.1.3."""

    def build(self, public, subject, ca, *more):
        now, day = datetime.datetime.utcnow(), datetime.timedelta(days=1)
        usage = {u: False for u in ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                                    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")}
        usage["key_cert_sign" if ca else "digital_signature"] = True
        made = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public).serial_number(x509.random_serial_number())
                .not_valid_before(now - day).not_valid_after(now + 20 * day).add_extension(x509.KeyUsage(**usage), critical=True)
                .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False))
        for extension in more:
            made = made.add_extension(extension, critical=False)
        return pem(made.sign(self.key, hashes.SHA256()))

    def authority(self):
        return self.build(self.key.public_key(), self.name, True)

    def device(self, key=None):
        """Certificate and key of a device more. The key that it has is the one it joins with: its request is its own by that."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:dev:ops:{next(numbers)}")])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (self.build(key.public_key(), named("device"), False, name, issuer) +
                key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())


def profile_psk(folder):
    return (folder / "psk.identity").read_text().strip(), bytes.fromhex((folder / "psk.key").read_text().strip())


class Lab:
    """The node, the network's processes, and self.ways: a list of them."""

    def __init__(self, options=""):
        self.processes, self.ways, self.node, self.lock = [], [], None, threading.Lock()
        self.clients, self.modules = {}, {}  # of MAF and MEF, by their certificates; of the network, paths
        try:
            hss = int(self.start("hss")[1])
            self.bsf = int(self.start("bsf", hss)[1])
            self.hss = hss
            self.node = Node(options="\n".join([
                "join.enabled = yes", f"trust.keys = {NAME}=here", f"network.gba = {mno.REALM} 127.0.0.1:{self.bsf}",
                f"network.akma = {mno.AKMA_REALM} 127.0.0.1:{self.bsf}", options]), start=False)
            self.maker = DeviceMaker("acme")
            (self.node.top / "acme.pem").write_text(self.maker.authority())
            self.node.start()
            self.node.cli("maker", "add", self.node.top / "acme.pem", "--ids", "C*", "--count", "1000")
            self.node.stop()  # makers are read at the start
            self.node.start()
            self.owner = self.node.enrol("owner", "Cowner")
            self.associations()
            self.enrolments()
            self.boxes()
        except BaseException:
            self.close()
            raise

    def start(self, *argv):
        p = subprocess.Popen(["/usr/bin/python3", str(LIB / "mno.py"), *map(str, argv)], stdout=subprocess.PIPE)
        self.processes.append(p)
        return p, p.stdout.readline().decode().strip()

    def add(self, name, originator, folder, **more):
        psk = profile_psk(folder) if (folder / "psk.key").exists() else None
        self.ways.append(Way(self, name, originator, folder, **{"psk": psk, **more}))

    def subscriber(self, ident, *more):
        """(IMPI, path of its module)"""
        impi = f"00101{next(numbers):010}@ims.mnc001.mcc001.3gppnetwork.org"
        mno.post(self.hss, "/add", {"impi": impi, "k": K.hex(), "opc": OPC.hex(), "sqn": 0})
        path = str(self.node.top / f"usim-{ident}")
        self.start("usim", path, K.hex(), OPC.hex(), impi)
        self.node.cli("network", "allow", impi, "--id", ident, *more)
        self.modules[ident] = path
        return impi, path

    def bootstrap(self, ident, module, *more, bsf=True):
        out = self.node.top / f"network-{ident}-{next(numbers)}"
        self.node.cli("network", "bootstrap", "--module", module, *(["--bsf", f"127.0.0.1:{self.bsf}"] if bsf else []), "--naf", NAME,
                      "--server", f"127.0.0.1:{self.node.port}", "--id", ident, "--out", out, *more, directory=False)
        return out

    def associations(self):
        n = self.node
        self.add("certificate", "Ccert", n.enrol("cert", "Ccert").folder)
        self.add("pre-shared key", "Cpsk", n.enrol("psk", "Cpsk", "device", True, "--identity", "cpsk@demo.example").folder)
        for base, ident in (("maf", "Smaf"), ("mef", "Smef")):
            n.cli(base, "open")
            n.cli(base, "admit", ident)
            own, out = n.enrol(base, ident, "application"), n.top / f"key-of-{base}"
            self.clients[base] = own
            n.cli(base, "key", f"{SP}/in-cse", "--as", own.folder, "--out", out, "--server", f"127.0.0.1:{n.port}", directory=False)
            self.add(f"key of a {base.upper()}", ident, out)
        impi, module = self.subscriber("Cgba", "--ids", "Cgba-*")
        gateway = self.bootstrap("Cgba", module)
        self.add("GBA", "Cgba", gateway)
        behind = n.top / "behind"
        n.cli("network", "behind", "--as", gateway, "--id", "Cgba-1", "--out", behind, directory=False)
        self.add("behind a gateway", "Cgba-1", behind, credential="12-" + profile_psk(behind)[0])
        impi, module = self.subscriber("Cuicc")
        btid = profile_psk(self.bootstrap("Cuicc", module, "--uicc"))[0].partition(";")[2]
        _, ks, rand = mno.post(self.bsf, "/test/set", {})[1]["sessions"][btid]
        inside = gaa.naf_key(bytes.fromhex(ks), bytes.fromhex(rand), impi, gaa.service(NAME, bytes.fromhex("0100000007")), True)
        self.ways.append(Way(self, "GBA in the UICC", "Cuicc", psk=("3GPP-bootstrapping-uicc;" + btid, inside), credential="12-uicc:" + btid))
        impi, module = self.subscriber("Cakma")
        local = mno.Module(K, OPC, impi)
        n.cli("network", "allow", local.supi, "--id", "Cakma5")
        out = self.bootstrap("Cakma5", module, "--akma", bsf=False)
        mno.post(self.bsf, "/test/akma", {"aKId": local.akid(), "supi": local.supi, "kAkma": gaa.anchor_key(local.kausf, local.supi).hex()})
        self.add("AKMA", "Cakma5", out)

    def ticket(self, ids, count=1):
        claim = json.loads(self.node.cli("-o", "json", "ticket", "create", "--ids", ids, "--count", count))["claim"].split("/")
        return claim[1], claim[2]

    def enrolments(self):
        self.ways.append(Joining(self, "ticket", "Cticket", ticket=self.ticket("Cticket*", 1000)))
        self.ways.append(Joining(self, "maker", "Cmaker", maker=self.maker))
        self.ways.append(Est(self, "EST", "Cest", maker=self.maker))

    def boxes(self):
        assert self.owner.register().rsc == 2001
        own = f"{SP}/in-cse/Cowner"
        for w in self.ways:
            w.register()
            if w.enrols:
                continue
            pv = {"acr": [acr([w.entity], 1), acr([own], 63)]}
            name = w.box.rpartition("/")[2]
            for ty, body in ((1, {"m2m:acp": {"rn": "p-" + name, "pv": pv, "pvs": {"acr": [acr([own], 63)]}}}),
                             (3, {"m2m:cnt": {"rn": name, "acpi": [f"cse-in/ae-Cowner/p-{name}"]}})):
                made = self.owner.create("/cse-in/ae-Cowner", ty, body)
                assert made.rsc == 2001, made

    def close(self):
        if self.node:
            self.node.close()
        for p in self.processes:
            p.kill()
            p.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
