"""EST with stock clients (curl and openssl), and devices of accepted makers: keys are made by
who uses them, a new certificate takes the old one's place when it is first used."""
import json, pathlib, ssl, subprocess

import pytest

import renewal
from node import Node, Entity
from test_joining import guest, tickets, credentials, NAME

URI = "m2m://demo.example/in-cse/"


@pytest.fixture(scope="module")
def node():
    n = Node(options="join.enabled = yes\njoin.time = 60", start=False)
    n.makers = n.top / "makers"
    n.makers.mkdir()
    for name in ("acme", "other"):
        maker(n, name)
    n.start()
    n.cli("maker", "add", n.makers / "acme.pem", "--ids", "Cacme*", "--count", "9")
    n.stop()
    n.start()
    yield n
    n.stop()
    n.close()


def openssl(*argv):
    subprocess.run(["openssl", *map(str, argv)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def maker(node, name):
    d = node.makers
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256",
            "-keyout", d / f"{name}.key", "-out", d / f"{name}.pem", "-subj", f"/CN={name}", "-days", "30",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")


def device(node, name, by="acme"):
    """What a maker gives a device: a folder as a profile."""
    d = node.makers / f"{name}-{by}"
    d.mkdir()
    (d / "ext").write_text(f"subjectAltName=URI:urn:dev:ops:{name}\nkeyUsage=critical,digitalSignature\n"
                           "basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    key(d / "key.pem")
    openssl("req", "-new", "-key", d / "key.pem", "-subj", f"/CN={name}", "-out", d / "csr")
    openssl("x509", "-req", "-in", d / "csr", "-CA", node.makers / f"{by}.pem", "-CAkey", node.makers / f"{by}.key",
            "-CAcreateserial", "-sha256", "-days", "20", "-extfile", d / "ext", "-out", d / "cert.pem")
    (d / "ca.pem").write_text((node.dir / "node/ca.pem").read_text())
    (d / "profile.conf").write_text(f"address = 127.0.0.1:{node.port}\nname = {NAME}\noriginator = C{name}\n"
                                    "credential = certificate\n")
    return d


def key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    path.chmod(0o600)


def request(folder, name, uri=None, *more, proof=None):
    """A stock certification request, in base64 without armour. proof: makes the challenge password of the new key."""
    if not (folder / f"{name}.key").exists():
        key(folder / f"{name}.key")
    if proof:
        (folder / "conf").write_text("[req]\nprompt = no\ndistinguished_name = dn\nattributes = more\n[dn]\nCN = x\n[more]\nchallengePassword = "
                                     + proof(renewal.private((folder / f"{name}.key").read_bytes())) + "\n")
        more += "-config", str(folder / "conf")
    else:
        more += "-subj", "/"
    openssl("req", "-new", "-key", folder / f"{name}.key", "-outform", "DER", "-out", folder / "der",
            *(["-addext", f"subjectAltName=URI:{uri}"] if uri else []), *more)
    out = folder / f"{name}.csr"
    openssl("base64", "-in", folder / "der", "-out", out)
    return out


def own(e):
    """The proof that a request is of e."""
    entity, folder = f"//demo.example/in-cse/{e.originator}", pathlib.Path(e.folder)
    if (folder / "psk.key").exists():
        return lambda new: renewal.by_psk(entity, new, bytes.fromhex((folder / "psk.key").read_text().strip()))
    return lambda new: renewal.by_key(entity, new, renewal.private((folder / "key.pem").read_bytes()))


def by_device(d, ident):
    """The proof that a request for this identifier is of the device with these files of its maker."""
    return lambda new: renewal.by_key(f"//demo.example/in-cse/{ident}", new, renewal.private((d / "key.pem").read_bytes()))


def curl(node, path, credential=None, csr=None, version="--http1.1"):
    argv = ["curl", "-sS", version, "-m", "10", "--cacert", node.dir / "node/ca.pem", "--resolve",
            f"{NAME}:{node.port}:127.0.0.1", "-w", "\n%{http_code}", f"https://{NAME}:{node.port}/.well-known/est/{path}"]
    if credential:
        argv += ["--cert", credential / "cert.pem", "--key", credential / "key.pem"]
    if csr:
        argv += ["-H", "Content-Type: application/pkcs10", "-H", "Content-Transfer-Encoding: base64",
                 "--data-binary", f"@{csr}"]
    p = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    body, _, status = p.stdout.rpartition("\n")
    return int(status or 0), body


def profile(node, folder, new, answer, keyfile):
    """The certificate of an EST answer, as a profile."""
    new.mkdir()
    (new / "p7").write_text("-----BEGIN PKCS7-----\n" + answer.replace("\r", "").strip() + "\n-----END PKCS7-----\n")
    openssl("pkcs7", "-in", new / "p7", "-print_certs", "-out", new / "cert.pem")
    (new / "key.pem").write_text(keyfile.read_text())
    return new


def test_cacerts_and_attributes(node):
    status, body = curl(node, "cacerts")
    assert status == 200
    folder = node.top / "cacerts"
    profile(node, None, folder, body, node.dir / "node/ca.pem")
    ours = ssl.PEM_cert_to_DER_cert((node.dir / "node/ca.pem").read_text())
    text = (folder / "cert.pem").read_text()
    assert ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN"):]) == ours
    status, body = curl(node, "csrattrs")
    out = subprocess.run(["openssl", "asn1parse"], input=f"-----BEGIN X-----\n{body.strip()}\n-----END X-----\n".replace("\r", ""),
                         capture_output=True, text=True).stdout
    assert status == 200 and "prime256v1" in out and "ecdsa-with-SHA256" in out


@pytest.mark.parametrize("psk", [False, True])
def test_re_enrolment(node, psk):
    name = "Crenewp" if psk else "Crenew"
    e = node.enrol(name.lower(), name, "device", psk, *(["--identity", "renewp@demo.example"] if psk else []))
    assert e.register().rsc == 2001
    folder = pathlib.Path(e.folder)
    csr = request(folder, "next", URI + name, proof=own(e))
    if psk:
        body = csr.read_bytes()
        a = e.raw(b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n"
                  b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        status, answer = a.http, a.body.decode()
    else:
        status, answer = curl(node, "simplereenroll", folder, csr)
    assert status == 200, answer
    new = Entity(node, profile(node, folder, node.top / f"{name}-new", answer, folder / "next.key"), name)
    # both serve until the new one is used; who is connected stays
    if not psk:
        e.close()
        assert e.retrieve(f"/cse-in/ae-{name}").rsc == 2000
    assert new.retrieve(f"/cse-in/ae-{name}").rsc == 2000
    assert e.retrieve(f"/cse-in/ae-{name}").rsc == 2000
    e.close()
    if psk:
        assert e.retrieve(f"/cse-in/ae-{name}").rsc == 2000  # another credential, not the one renewed
    else:
        with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
            e.retrieve(f"/cse-in/ae-{name}")
    new.close()
    assert new.retrieve(f"/cse-in/ae-{name}").rsc == 2000
    # a restart knows it, and revocation ends it
    node.cli("revoke", f"33-//demo.example/in-cse/{name}")
    new.close()
    with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
        new.retrieve(f"/cse-in/ae-{name}")


def test_what_it_got_itself_is_no_second_factor(node):
    """A certificate by an association is a key in software, of the same factor."""
    e = node.enrol("net", "Cnet", "device", True, "--identity", "net@demo.example", "--factor", "network",
                   "--protection", "2", "--environment", "chip of net")
    strong = node.enrol("chip", "Cchip", "device", False, "--protection", "3", "--bound")
    assert e.register().rsc == 2001 and strong.register().rsc == 2001
    body = request(pathlib.Path(e.folder), "next", proof=own(e)).read_bytes()
    a = e.raw(b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n"
              b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    assert a.http == 200
    folder = pathlib.Path(e.folder)
    new = Entity(node, profile(node, folder, node.top / "Cnet-new", a.body.decode(), folder / "next.key"), "Cnet")
    folder = pathlib.Path(strong.folder)
    status, answer = curl(node, "simplereenroll", folder, request(folder, "next", proof=own(strong)))
    assert status == 200
    weak = Entity(node, profile(node, folder, node.top / "Cchip-new", answer, folder / "next.key"), "Cchip")
    strong.close()
    for x in (e, new, weak):
        assert x.retrieve(f"/cse-in/ae-{x.originator}").rsc == 2000
    rows = json.loads(node.cli("-o", "json", "association", "list"))
    for who in ("Cnet", "Cchip"):
        numbers = [r["number"] for r in rows if r["entity"].endswith("/" + who)]
        shown = [node.cli("association", "show", str(n)) for n in numbers]
        assert numbers and all("possession" not in t for t in shown if who == "Cnet"), shown
        assert all(r["assurance"] == 2 for r in rows if r["number"] in numbers), rows
    for x in (e, new, weak):
        x.close()


def test_nobody_renews_as_another(node):
    e = node.enrol("mallory", "Cmallory", "device", False)
    node.enrol("alice", "Calice", "device", False)
    folder = pathlib.Path(e.folder)
    assert curl(node, "simpleenroll", folder, request(folder, "a", URI + "Calice"))[0] == 403
    # without a name it is its own, and nobody else's
    status, answer = curl(node, "simpleenroll", folder, request(folder, "b", proof=own(e)))
    assert status == 200
    new = profile(node, folder, node.top / "mallory-new", answer, folder / "b.key")
    text = subprocess.run(["openssl", "x509", "-in", new / "cert.pem", "-noout", "-text"], capture_output=True, text=True).stdout
    assert URI + "Cmallory" in text and "Calice" not in text


def test_the_entity_itself_asks(node):
    """Its association alone is no proof: a gate that passes on something else could have it."""
    e, p = node.enrol("itself", "Citself"), node.enrol("itselfp", "Citselfp", "device", True, "--identity", "itselfp@demo.example")
    other = node.enrol("another", "Canother")
    folder = pathlib.Path(e.folder)

    def status(csr, who=None):
        if not who:
            return curl(node, "simplereenroll", folder, csr)[0]
        body = csr.read_bytes()
        return who.raw(b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)).http

    stolen = own(e)(renewal.private((other.folder / "key.pem").read_bytes()))
    for name, proof in (("none", None), ("others", own(other)), ("short", lambda k: "00"), ("words", lambda k: "secret"), ("long", lambda k: "00" * 80),
                        ("stolen", lambda k: stolen), ("name", lambda k: renewal.by_key("//demo.example/in-cse/Canother", k, renewal.private((folder / "key.pem").read_bytes())))):
        assert status(request(folder, name, proof=proof)) == 403, name
    assert "the entity itself did not ask for it" in node.cli("audit", "list", "--limit", "3")
    # the key that it has: its signature is the request's own
    (folder / "same.key").write_bytes((folder / "key.pem").read_bytes())
    assert status(request(folder, "same")) == 200
    assert status(request(folder, "good", proof=own(e))) == 200
    # a pre-shared key bears five wrong proofs
    psk = pathlib.Path(p.folder)
    assert status(request(psk, "first", proof=own(p)), p) == 200
    for i in range(5):
        assert status(request(psk, f"w{i}", proof=lambda k: f"{i:08x}"), p) == 403
    assert status(request(psk, "late", proof=own(p)), p) == 403
    assert "psk/itselfp@demo.example/5/" not in node.cli("key", "list")
    p.close()


def test_what_is_refused(node):
    e = node.enrol("strict", "Cstrict", "device", False)
    folder = pathlib.Path(e.folder)
    good = request(folder, "good", URI + "Cstrict")
    assert curl(node, "simpleenroll", None, good)[0] == 403  # a guest has no credential
    assert curl(node, "serverkeygen", folder, good)[0] == 403
    assert curl(node, "simpleenroll/x", folder, good)[0] in (404, 415)  # an address like any other
    openssl("genrsa", "-out", folder / "rsa.key", "2048")
    assert curl(node, "simpleenroll", folder, request(folder, "rsa", URI + "Cstrict"))[0] == 400
    openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", folder / "p384.key")
    assert curl(node, "simpleenroll", folder, request(folder, "p384", URI + "Cstrict"))[0] == 400
    assert curl(node, "simpleenroll", folder, request(folder, "two", URI + "Cstrict,URI:" + URI + "Cx"))[0] == 400
    # somebody else's key, without its proof: the signature is of another request
    one, two = (request(folder, n, URI + "Cstrict").read_text() for n in ("one", "two"))
    import base64
    a, b = (bytearray(base64.b64decode(t)) for t in (one, two))
    a[-20] ^= 1
    (folder / "bad.csr").write_text(base64.b64encode(a).decode())
    assert curl(node, "simpleenroll", folder, folder / "bad.csr")[0] in (400, 403)
    for text in ("", "!!!!", "AAAA", "A" * 5000, base64.b64encode(bytes(b[:100])).decode()):
        (folder / "text").write_text(text)
        assert curl(node, "simpleenroll", folder, folder / "text")[0] == 400


def test_device_of_an_accepted_maker(node):
    d = device(node, "acme1")
    assert guest(node, b"GET /cse-in HTTP/1.1\r\nHost: x\r\n\r\n", (d / "cert.pem", d / "key.pem")).http == 403
    # a key that the device itself did not name: whoever is in between could have put it there
    another = device(node, "acme0")
    for name, proof in (("none", None), ("others", by_device(another, "Cacme1")), ("elsewhere", by_device(d, "Cacme8"))):
        status, answer = curl(node, "simpleenroll", d, request(d, name, URI + "Cacme1", proof=proof))
        assert status == 403, (name, answer)
    assert "the device itself did not ask for it" in node.cli("audit", "list", "--limit", "10")
    csr = request(d, "new", URI + "Cacme1", proof=by_device(d, "Cacme1"))
    status, answer = curl(node, "simpleenroll", d, csr)
    assert status == 200, answer
    e = Entity(node, profile(node, d, node.top / "acme1-new", answer, d / "new.key"), "Cacme1")
    assert e.register().rsc == 2001
    # once a device: not again, not as another
    assert curl(node, "simpleenroll", d, request(d, "again", URI + "Cacme9", proof=by_device(d, "Cacme9")))[0] == 403
    assert "served already" in node.cli("audit", "list", "--limit", "10")


def test_a_stock_client_needs_no_proof_where_its_key_stays(node):
    """Over HTTP/2, and behind an authority of the maker's between."""
    d = device(node, "acme6")
    (d / "line.key").write_text((d / "key.pem").read_text())
    status, answer = curl(node, "simpleenroll", d, request(d, "line", URI + "Cacme6"), version="--http2")
    assert status == 200, answer
    e = Entity(node, profile(node, d, node.top / "acme6-new", answer, d / "line.key"), "Cacme6")
    assert e.register().rsc == 2001
    # an authority between, which the device sends with its own certificate
    (node.makers / "ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n")
    key(node.makers / "line.key")
    openssl("req", "-new", "-key", node.makers / "line.key", "-subj", "/CN=line 7", "-out", node.makers / "csr")
    openssl("x509", "-req", "-in", node.makers / "csr", "-CA", node.makers / "acme.pem", "-CAkey", node.makers / "acme.key",
            "-CAcreateserial", "-sha256", "-days", "20", "-extfile", node.makers / "ext", "-out", node.makers / "line.pem")
    d = device(node, "acme7", by="line")
    with open(d / "cert.pem", "a") as f:
        f.write((node.makers / "line.pem").read_text())
    status, answer = curl(node, "simpleenroll", d, request(d, "new", URI + "Cacme7", proof=by_device(d, "Cacme7")))
    assert status == 200, answer


def test_device_by_claim(node):
    made = [t for t in tickets(node).values() if t["maker"]]
    assert len(made) == 1
    d = device(node, "acme2")
    ca = subprocess.run(["openssl", "x509", "-in", node.dir / "node/ca.pem", "-outform", "DER"], capture_output=True).stdout
    import hashlib
    claim = f"HOLDFAST1/-/-/{hashlib.sha256(ca).hexdigest()}/127.0.0.1:{node.port}/demo.example/in-cse"
    out = node.top / "acme2-joined"
    code, text = node.cli("join", claim, "--id", "Cother2", "--out", out, "--device", d, directory=False, check=False)
    assert code == 1 and not out.exists()
    # what a maker gives is a certificate and its key, no more
    bare = node.top / "acme2-bare"
    bare.mkdir(mode=0o700)
    for part in ("cert.pem", "key.pem"):
        (bare / part).write_bytes((d / part).read_bytes())
    (bare / "key.pem").chmod(0o644)
    code, text = node.cli("join", claim, "--id", "Cacme2", "--out", out, "--device", bare, directory=False, check=False)
    assert code == 1 and "chmod 600" in text and not out.exists()
    (bare / "key.pem").chmod(0o600)
    d = bare
    node.cli("join", claim, "--id", "Cacme2", "--out", out, "--device", d, directory=False)
    assert Entity(node, out, "Cacme2").register().rsc == 2001


def test_maker_that_is_not_accepted(node):
    d = device(node, "acme3", by="other")
    status, _ = curl(node, "simpleenroll", d, request(d, "new", URI + "Cacme3", proof=by_device(d, "Cacme3")))
    assert status == 0  # the handshake ends
    # a maker of the same name is another
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256",
            "-keyout", node.makers / "fake.key", "-out", node.makers / "fake.pem", "-subj", "/CN=acme", "-days", "30",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    d = device(node, "acme4", by="fake")
    assert curl(node, "simpleenroll", d, request(d, "new", URI + "Cacme4", proof=by_device(d, "Cacme4")))[0] == 0
    # and an accepted one is taken back at once
    d = device(node, "acme5")
    row = next(t["id"] for t in tickets(node).values() if t["maker"])
    node.cli("ticket", "kill", row)
    assert curl(node, "simpleenroll", d, request(d, "new", URI + "Cacme5", proof=by_device(d, "Cacme5")))[0] == 403
    assert "33-//demo.example/in-cse/Cacme5" not in credentials(node)


def test_over_http2(node):
    """The same doors, and the same refusals, for each of the requests that share a connection."""
    status, body = curl(node, "cacerts", version="--http2")
    assert status == 200 and len(body) > 300
    e = node.enrol("two", "Ctwo", "device", False)
    folder = pathlib.Path(e.folder)
    assert curl(node, "simpleenroll", folder, request(folder, "h2", URI + "Cother"), "--http2")[0] == 403
    status, answer = curl(node, "simpleenroll", folder, request(folder, "h2", URI + "Ctwo", proof=own(e)), "--http2")
    assert status == 200
    assert curl(node, "simpleenroll", None, folder / "h2.csr", "--http2")[0] == 403
    new = Entity(node, profile(node, folder, node.top / "two-new", answer, folder / "h2.key"), "Ctwo")
    new.version = 2
    assert new.register().rsc == 2001


def test_guests_hold_no_place(node):
    """Strangers who come and stay are bounded, and keep out nobody who has a credential."""
    import socket
    context = ssl.create_default_context(cafile=str(node.dir / "node/ca.pem"))
    held, refused = [], 0
    try:
        for _ in range(40):
            s = context.wrap_socket(socket.create_connection(("127.0.0.1", node.port), 5), server_hostname=NAME)
            held.append(s)
        for s in held:
            s.settimeout(0.3)
            try:
                refused += s.recv(1) == b""
            except TimeoutError:
                pass
            except OSError:
                refused += 1
        assert refused > 0  # at most join.connections of them at each gate
        e = node.enrol("present", "Cpresent", "device", False)
        assert e.register().rsc == 2001
        e.close()
    finally:
        for s in held:
            s.close()


def test_revocation_list(node):
    """What is revoked stands in a list that stock software verifies; it stays there when the
    entity is enrolled anew."""
    def serials(name):
        last = name == "crl3"  # as JSON the same text
        (node.top / name).write_text(json.loads(node.cli("-o", "json", "crl"))["crl"] if last else node.cli("crl"))
        p = subprocess.run(["openssl", "crl", "-in", node.top / name, "-CAfile", node.dir / "node/ca.pem", "-noout", "-text"],
                           capture_output=True, text=True)
        assert "verify OK" in p.stderr, p.stderr
        return [l.split(":")[1].strip() for l in p.stdout.splitlines() if "Serial Number" in l], p.stdout

    def serial(folder):
        out = subprocess.run(["openssl", "x509", "-in", folder / "cert.pem", "-noout", "-serial"], capture_output=True, text=True)
        return out.stdout.strip().split("=")[1]

    e = node.enrol("listed", "Clisted", "device", False)
    stays = node.enrol("unlisted", "Cunlisted", "device", False)
    mine = serial(pathlib.Path(e.folder))
    # it was renewed: what it had before, and what it never used, others would take still
    others = []
    for name in ("unused", "used"):
        folder = pathlib.Path(e.folder)
        status, answer = curl(node, "simplereenroll", folder, request(folder, name, proof=own(e)))
        assert status == 200
        others.append(profile(node, folder, node.top / f"listed-{name}", answer, folder / f"{name}.key"))
    new = Entity(node, others[-1], "Clisted")
    assert new.register().rsc == 2001
    new.close()
    e.close()
    serialled = [mine] + [serial(f) for f in others]
    assert not set(serialled) & set(serials("crl1")[0])
    node.cli("revoke", "33-//demo.example/in-cse/Clisted")
    listed, text = serials("crl2")
    assert set(serialled) <= set(listed) and len(set(serialled)) == 3
    assert mine in listed and serial(pathlib.Path(stays.folder)) not in listed and "CRL Number" in text
    check = subprocess.run(["openssl", "verify", "-CAfile", node.dir / "node/ca.pem", "-CRLfile", node.top / "crl2", "-crl_check",
                            pathlib.Path(e.folder) / "cert.pem"], capture_output=True, text=True)
    assert "revoked" in check.stdout + check.stderr
    again = node.enrol("listed-again", "Clisted", "device", False)
    listed, _ = serials("crl3")
    assert mine in listed and serial(pathlib.Path(again.folder)) not in listed
