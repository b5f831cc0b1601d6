#!/usr/bin/python3
"""Domain 2 (intra common services): a gate is replaced by a hostile one that sends every row of
messages.def wrongly, tries every operation of the keeper, and invents associations.

The control is a core that trusts its gate: a lab-mode node, where a request needs no association."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import renewal
import hashlib, http.client, json, os, re, shutil, ssl, subprocess, tempfile, time

from attack import Refusals, attempt, end, programs
from node import BUILD, Node, TOP

# as in hostile-gate.c: cases, faults of the rows that a gate may send, then those that send the message types
CASES, FAULTS, SENDERS = 8, 11, 16
TYPES = len(re.findall(r"(?m)^MESSAGE\(", (TOP / "src/wire/messages.def").read_text())) + 1
GATES = CASES + FAULTS + SENDERS


def lab_control():
    """In lab mode, whoever speaks plainly is believed: the forged originator is served."""
    with Node(lab=True) as n:
        def ask(origin, method, path, body=None):
            c = http.client.HTTPConnection("127.0.0.1", n.lab_port, timeout=10)
            c.request(method, path, json.dumps(body) if body else None,
                      {"X-M2M-Origin": origin, "X-M2M-RI": f"r{time.time()}", "X-M2M-RVI": "3",
                       **({"Content-Type": "application/json;ty=2"} if body else {})})
            r = c.getresponse()
            r.read()
            return int(r.headers.get("X-M2M-RSC", 0))

        made = ask("Cvictim", "POST", "/cse-in", {"m2m:ae": {"rn": "v", "api": "Nx", "rr": False, "srv": ["3"]}})
        read = ask("Cvictim", "GET", "/cse-in/v")
        print(f"control: a core without associations: registered {made}, read as a forged originator {read}")
        return made == 2001 and read == 2000


def fingerprint(e):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert((e.folder / "cert.pem").read_text())).digest()


def findings(report, seconds):
    """Lines of the report, when every gate has written, those that send have sent all, and nothing was added for a second."""
    end_at, before = time.time() + seconds, None
    while time.time() < end_at:
        lines = report.read_text().splitlines() if report.exists() else []
        if {int(l.split()[0]) for l in lines} >= set(range(GATES)) and sum(l.split(" ")[1] == "over" for l in lines) == SENDERS and lines == before:
            break
        before = lines
        time.sleep(1)
    return sorted(lines, key=lambda l: int(l.split()[0]))


def recorded(n, log):
    """What of all this is on record."""
    records = n.audit()
    text = [x.get("text", "") for x in records if x["kind"] == 5]
    for why in ("the credential is not enrolled", "the keeper does not confirm the handshake", "nobody authenticated", "the credential is revoked",
                "the certificate has expired", "the message is malformed", "the client's own proof is missing or does not hold"):
        r.say(f"on record: an association refused, \"{why}\"", why in text)
    joined = " ".join(str(x.get("text")) for x in records if str(x.get("rule", "")).startswith("JOIN"))
    for why in ("the keeper does not confirm the handshake", "the device's own proof is missing or does not hold", "the maker is not accepted",
                "the device itself did not ask for it"):
        r.say(f"on record: a joining refused, \"{why}\"", why in joined)
    broken = sum("broke the rules of its link" in t for t in text)
    r.say(f"on record: gates that broke the rules of their link to the core ({broken})", broken >= TYPES - 3 + FAULTS - 2)
    keeper = [x for x in records if x["kind"] == 7]
    asked = [x for x in keeper if "asked by gate" in x.get("text", "") and "refused" in x["text"]]
    r.say(f"on record: operations of the keeper that a gate may not ask for ({len(asked)})", len(asked) >= 8)
    broken = [x for x in keeper if "broke the rules of its link" in x.get("text", "")]
    r.say(f"on record: gates that broke the rules of their link to the keeper ({len(broken)})", len(broken) >= TYPES)
    spoke = [x for x in records if x["kind"] == 3 and x.get("rsc") in (4106, 4107)]
    r.say(f"on record: requests under another name or on no association ({len(spoke)})", len(spoke) >= 5)
    r.say("in the log: the gate that spoke out of turn to the parent was ended", "a message that is not allowed" in log)


def joinings(n, e):
    """What a gate might have certified: a key of its own, for who is connected, and for who joins by a ticket. Each
    with the proofs that it may have seen; and, as the control, what the entity itself would send."""
    key, own = (renewal.ec.generate_private_key(renewal.ec.SECP256R1()) for _ in range(2))
    claim = json.loads(n.cli("-o", "json", "ticket", "create", "--ids", "Cjoiner*", "--count", "9"))["claim"].split("/")
    entity, psk = "//demo.example/in-cse/Cdev", bytes.fromhex((e.folder / "psk.key").read_text().strip())

    def possession(k, subject):
        return k.sign(b"holdfast enrolment\0\x01" + subject.encode() + renewal.point(k), renewal.ec.ECDSA(renewal.hashes.SHA256())).hex()

    def row(verdict, way, ticket, shown, ident, k, subject, text):
        return " ".join((verdict, str(way), ticket, shown or "-", ident, renewal.point(k).hex(), possession(k, subject), text))

    right = renewal.by_psk(entity, key, psk)
    mac = renewal.ticket_mac(claim[2], "Cjoiner1", renewal.point(key))
    joiner = "//demo.example/in-cse/Cjoiner1"
    rows = [row("attack", 3, "-", s and s.encode().hex(), "-", own, entity, "a certificate over its own key for a connected entity, " + t)
            for s, t in ((None, "without a word of that"), ("00000000", "guessed"), (right, "with a proof that was seen"), (renewal.by_psk(entity, own, b"0" * 32), "by another key"))]
    rows.append(row("attack", 1, claim[1], mac, "Cjoiner1", own, joiner, "its own key in a joining that it passes on"))
    rows.append(row("attack", 1, claim[1], mac, "Cjoiner2", key, "//demo.example/in-cse/Cjoiner2", "another identifier in a joining that it passes on"))
    rows.append(row("control", 3, "-", right.encode().hex(), "-", key, entity, "control: what the connected entity itself asks for is given"))
    rows.append(row("control", 1, claim[1], mac, "Cjoiner1", key, joiner, "control: who joins itself does"))
    return "\n".join(rows) + "\n"


def openssl(*argv):
    subprocess.run(["openssl", *map(str, argv)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(top, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256", "-keyout", top / f"{name}.key", "-out",
            top / f"{name}.pem", "-subj", "/CN=acme", "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")


def leaf(top, name, by):
    (top / "ext").write_text(f"subjectAltName=URI:urn:dev:ops:{name}\nkeyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", top / f"{name}.key", "-subj", f"/CN={name}",
            "-out", top / "csr")
    openssl("x509", "-req", "-in", top / "csr", "-CA", top / f"{by}.pem", "-CAkey", top / f"{by}.key", "-CAcreateserial", "-sha256", "-days", "20",
            "-extfile", top / "ext", "-out", top / f"{name}.pem")


def der(pem):
    return ssl.PEM_cert_to_DER_cert(pem.read_text())


def devices(n, top, client):
    """For the gate: an accepted maker and a device of it, with its key; another maker of the same name and what it made;
    what the device made, as if it were an authority; and an enrolled client, with its key."""
    for name in ("maker", "fake"):
        authority(top, name)
    for name, by in (("device", "maker"), ("strange", "fake"), ("below", "device")):
        leaf(top, name, by)
    out = n.dir / "node"
    for name in ("maker", "fake", "device", "strange", "below"):
        (out / f"hostile.{name}.der").write_bytes(der(top / f"{name}.pem"))
    # who knows the key of what a stranger was given and the device made is the gate
    for name in ("strange", "below", "device"):
        (out / f"hostile.{name}.pem").write_text((top / f"{name}.key").read_text())
    (out / "hostile.enrolled.der").write_bytes(der(client.folder / "cert.pem"))
    (out / "hostile.enrolled.pem").write_text((client.folder / "key.pem").read_text())


def session_of(n, e):
    """The name of a session that this entity was given, as whoever listens sees it when it is used."""
    kept = n.top / "session.pem"
    say = f"GET /cse-in/ae-{e.originator} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: {e.originator}\r\n\r\n"
    subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{n.port}", "-CAfile", n.dir / "node/ca.pem", "-cert", e.folder / "cert.pem",
                    "-key", e.folder / "key.pem", "-sess_out", kept, "-ign_eof"], input=say.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
    text = subprocess.run(["openssl", "sess_id", "-in", kept, "-noout", "-text"], stdout=subprocess.PIPE, text=True).stdout
    dump = text.partition("TLS session ticket:")[2].splitlines()[1:3]
    return bytes.fromhex("".join(l.split(" - ")[1].split("   ")[0].replace("-", " ") for l in dump))


r = Refusals()
control = lab_control()
top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-hostile-"))
os.chmod(top, 0o755)
(top / "n").mkdir()
try:
    with Node(folder=top / "n", options="join.enabled = yes\nsession.time = 3600") as n:
        e = n.enrol("d", "Cdev", "device", True, "--identity", "d@demo.example")
        other, gone = n.enrol("o", "Cother"), n.enrol("g", "Cgone")
        assert e.register().rsc == 2001 and other.register().rsc == 2001
        e.close(), other.close()
        told = joinings(n, e)
        session = session_of(n, other)
        n.cli("revoke", "33-//demo.example/in-cse/Cgone")
        devices(n, top, other)
        n.cli("maker", "add", top / "maker.pem", "--ids", "Cacme*")
        assert n.stop() == 0
        (n.dir / "node/hostile.enrolled").write_bytes(fingerprint(other))
        (n.dir / "node/hostile.session").write_bytes(session)
        (n.dir / "node/hostile.joining").write_text(told)
        (n.dir / "node/hostile.revoked").write_bytes(fingerprint(gone))
        original, text = n.build, (n.dir / "holdfast.conf").read_text()
        (n.dir / "holdfast.conf").write_text(text + f"gate.workers = {GATES}\n")
        n.build = programs(top / "programs", BUILD, gate=BUILD / "attack-hostile-gate")
        n.spawn()
        lines = findings(n.dir / "node/hostile.txt", 60)
        seen, can = set(), set()
        for l in lines:
            number, verdict, what = l.split(" ", 2)
            seen.add(int(number))
            if verdict in ("can", "said"):
                print(f"  still {verdict:<4} {what}")
                can.add((verdict, what.partition(":")[0]))
            elif verdict not in ("end", "over", "note"):
                r.say(what, verdict == "refused")
        r.say("what is for them is served to those whom it is for, and a core that believed a gate would fall (controls)", sum(" note control: " in l for l in lines) == 5)
        # what SECURITY.md says that it still can; more, or less, is a wrong document
        r.say("what it still can do is what SECURITY.md says", {w for _, w in can} == {
            "open an association for an enrolled pre-shared key identity", "speak on it as that identity",
            "take up again what is live on it", "run the key schedule of an enrolled identity", "run it again", "ask for an enrolled identity",
            "derive one TLS 1.2 master secret", "have the node's key sign a handshake of its own"} and {v for v, _ in can} == {"can"}, str(len(can)))
        sent = sum(l.split(" ")[1] == "end" for l in lines)
        r.say(f"every case was played ({len(seen)} of {GATES} gates, {sent} of {TYPES} message types, {len(lines)} findings)",
              seen >= set(range(GATES)) and sent == TYPES and len(lines) > 150)
        pids = n.pids()
        r.say("core and keeper still serve", n.cli("status", check=False)[0] == 0 and "core" in pids and "keeper" in pids)
        log = n.log_text()
        r.say("core and keeper did not die", not re.search("worker died: role=(core|keeper)", log))
        recorded(n, log)
        r.say("the audit chain is whole", n.cli("audit", "verify", check=False)[0] == 0)
        # with honest gates again
        n.stop()
        n.build = original
        (n.dir / "holdfast.conf").write_text(text)
        n.start()
        a = attempt(other, lambda: other.retrieve("/cse-in/ae-Cother"))
        r.say("behind an honest gate the node serves", a is not None and a.rsc == 2000)
        other.close()
finally:
    shutil.rmtree(top, ignore_errors=True)
end(control, r.all, "hostile gate")
