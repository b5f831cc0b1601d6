#!/usr/bin/python3
"""T18, T13: somebody joins who should not: by a claim that was stolen, used up or guessed, as
somebody else, by a joining that was overheard, as a device of a maker that nobody accepted.

Control: a server of the same requests that does what is common: one secret for the whole
fleet, of the length people can type, whoever has it gets any identity any number of times;
and every maker is as good as another. The attacks are the same; only the address differs."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import http.server, json, os, shutil, socket, ssl, subprocess, tempfile, threading

import renewal
from attack import Refusals, end
from node import NAME, Node, read_answer

PATH, EST = "/.well-known/holdfast/join", "/.well-known/est/simpleenroll"
FLEET = "%032x" % 42  # the control's secret: somewhere among the first thousand


def openssl(*argv):
    subprocess.run(["openssl", *map(str, argv)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(top, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256", "-keyout",
            top / f"{name}.key", "-out", top / f"{name}.pem", "-subj", "/CN=acme", "-days", "30", "-addext",
            "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")


def leaf(top, name, by, san):
    (top / "ext").write_text(f"subjectAltName={san}\nkeyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n"
                             "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", top / f"{name}.key",
            "-subj", "/CN=device", "-out", top / "csr")
    openssl("x509", "-req", "-in", top / "csr", "-CA", top / f"{by}.pem", "-CAkey", top / f"{by}.key", "-CAcreateserial", "-sha256",
            "-days", "20", "-extfile", top / "ext", "-out", top / f"{name}.pem")
    return top / f"{name}.pem", top / f"{name}.key"


class Fleet(http.server.BaseHTTPRequestHandler):
    """The control."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        asked = {"id": "by EST"} if self.path == EST else json.loads(octets)
        good = self.connection.getpeercert() or asked.get("secret") == FLEET
        body = json.dumps({"id": asked["id"], "certificate": "..."} if good else {"refused": "refused"}).encode()
        self.send_response(200 if good else 403)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Control:
    secret = FLEET

    def __init__(self, top):
        leaf(top, "fleet", "ours", f"DNS:{NAME}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(top / "fleet.pem", top / "fleet.key")
        for maker in ("acme", "fake"):
            context.load_verify_locations(top / f"{maker}.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fleet)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port, self.anchor, self.ticket = self.server.server_address[1], top / "ours.pem", "0" * 16


def ask(door, octets, certificate=None):
    """Octets from a stranger; the status, 0 when the connection ended without an answer."""
    context = ssl.create_default_context(cafile=str(door.anchor))
    if certificate:
        context.load_cert_chain(*map(str, certificate))
    try:
        raw = socket.create_connection(("127.0.0.1", door.port), 10)
        with context.wrap_socket(raw, server_hostname=NAME) as s:
            s.sendall(octets)
            return read_answer(s).http
    except (OSError, ConnectionError):
        return 0


class Joiner:
    """Makes joinings as the protocol has them, with a key of the attacker's own."""

    def __init__(self, top):
        from cryptography.hazmat.primitives.asymmetric import ec
        self.key = ec.generate_private_key(ec.SECP256R1())

    def request(self, ident, ticket, secret, device=None):
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        point = self.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        subject = f"//demo.example/in-cse/{ident}".encode()
        proof = self.key.sign(b"holdfast enrolment\0\x01" + subject + point, ec.ECDSA(hashes.SHA256()))
        asked = {"id": ident, "key": point.hex(), "proof": proof.hex()}
        if device:
            asked["holder"] = renewal.by_key(subject.decode(), self.key, renewal.private(device.read_bytes()))
        if ticket:  # the secret itself is for the control alone
            asked.update(ticket=ticket, mac=renewal.ticket_mac(secret, ident, point))
            if secret == FLEET or ticket == "0" * 16:
                asked.update(secret=secret)
        body = json.dumps(asked).encode()
        return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (PATH.encode(), len(body), body)

    def certification(self, ident, device=None):
        """The same by EST; device: key of the maker's device that asks for it."""
        import base64
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"m2m://demo.example/in-cse/{ident}")])
        csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(name, critical=False)
        if device:
            proof = renewal.by_key(f"//demo.example/in-cse/{ident}", self.key, renewal.private(device.read_bytes()))
            csr = csr.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, proof.encode())
        csr = csr.sign(self.key, hashes.SHA256())
        body = base64.encodebytes(csr.public_bytes(serialization.Encoding.DER))
        return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\nContent-Length: %d\r\n\r\n%s" % (EST.encode(), len(body), body)


def attacks(door, joiner, top, fresh):
    """What got in. fresh(ids): ticket and secret of a claim that one device may use."""
    got = {}
    ticket, secret = fresh("Chall*")
    honest = joiner.request("Chall1", ticket, secret)
    assert ask(door, honest) == 200, "the honest device did not get in"
    got["a joining that was overheard, repeated"] = ask(door, honest) == 200
    ticket, secret = fresh("Clobby*")
    assert ask(door, joiner.request("Clobby1", ticket, secret)) == 200
    got["a claim that was used up"] = ask(door, joiner.request("Clobby2", ticket, secret)) == 200
    ticket, secret = fresh("Cvictim*")
    got["as a device that is enrolled"] = ask(door, joiner.request("Cvictim", ticket, secret)) == 200
    got["for another identifier than the claim's"] = ask(door, joiner.request("Cother", ticket, secret)) == 200
    ticket, secret = fresh("Cguess*")
    got["a secret that was guessed"] = any(
        ask(door, joiner.request("Cguess1", ticket, "%032x" % n)) == 200 for n in range(60))
    # what was guessed at is dead for the honest holder as well: that it was tried is told apart
    got["the claim that was guessed at"] = ask(door, joiner.request("Cguess2", ticket, secret)) == 200
    got["a device of a maker that nobody accepted"] = ask(
        door, joiner.request("Cacme1", None, None, (files := leaf(top, "strange", "fake", "URI:urn:dev:ops:1"))[1]), files) == 200
    files = leaf(top, "genuine", "acme", "URI:urn:dev:ops:2")
    got["a key of its own in the joining of a maker's device"] = ask(door, joiner.request("Cacme2", None, None), files) == 200
    assert ask(door, joiner.request("Cacme2", None, None, files[1]), files) == 200
    got["a second device by one device certificate"] = ask(door, joiner.request("Cacme3", None, None, files[1]), files) == 200
    # the same by EST
    device = leaf(top, "stocked", "acme", "URI:urn:dev:ops:3")
    octets = joiner.certification("Cacme4", device[1])
    got["by EST, as a device that is enrolled"] = ask(door, joiner.certification("Cvictim", device[1]), device) == 200
    got["by EST, a key of its own in the joining of a maker's device"] = ask(door, joiner.certification("Cacme4"), device) == 200
    assert ask(door, octets, device) == 200, "the honest device did not get in by EST"
    got["by EST, a request that was overheard, repeated"] = ask(door, octets, device) == 200
    got["by EST, a second device by one device certificate"] = ask(door, joiner.certification("Cacme5", device[1]), device) == 200
    got["by EST, a device of a maker that nobody accepted"] = ask(
        door, joiner.certification("Cacme6", top / "strange.key"), (top / "strange.pem", top / "strange.key")) == 200
    return got


top = pathlib.Path(tempfile.mkdtemp(prefix="joining-"))
os.chmod(top, 0o755)
for name in ("ours", "acme", "fake"):
    authority(top, name)
joiner = Joiner(top)
fleet = Control(top)
fell = attacks(fleet, joiner, top, lambda ids: (fleet.ticket, fleet.secret))
for what, worked in fell.items():
    print(f"control: {'worked' if worked else 'FAILED'}: {what}")
fleet.server.shutdown()

r = Refusals()
# one address tries it all: what refuses is not that it tried too often (test_joining.py)
with Node(options="join.enabled = yes\ngate.failures_per_address = 0") as node:
    node.anchor = node.dir / "node/ca.pem"
    node.cli("maker", "add", top / "acme.pem", "--ids", "C*")
    node.stop()
    node.start()
    victim = node.enrol("victim", "Cvictim")
    assert victim.register().rsc == 2001

    def fresh(ids):
        claim = json.loads(node.cli("-o", "json", "ticket", "create", "--ids", ids))["claim"].split("/")
        return claim[1], claim[2]

    for what, worked in attacks(node, joiner, top, fresh).items():
        r.say(what, not worked)
    text = " ".join(str(x.get("text")) for x in node.audit() if str(x.get("rule", "")).startswith("JOIN"))
    for why in ("once too often", "the identifier is taken", "not for this identifier", "secret of the ticket is wrong",
                "too many wrong secrets", "served already"):
        r.say(f"it is on record: {why}", why in text)
    r.say("who was there before still is", victim.retrieve("/cse-in/ae-Cvictim").rsc == 2000)
    victim.close()
shutil.rmtree(top)
end(all(fell.values()), r.all, "joining")
