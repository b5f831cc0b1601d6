#!/usr/bin/python3
"""T9, T15, T18 by framework: who has an association by each of the frameworks (test/lib/frameworks.py) repeats a request,
speaks as another, comes by another's name with a key of its own; a copy of its credential is used elsewhere; and it is
revoked while it is connected and has a session to come back with.

Controls: a server without any of it; a stock TLS end with one key for all; the node when it is told to watch no places; a
stock TLS server that learns who is revoked from a list. Each attack must work there."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import json, signal, socket, ssl, subprocess, tempfile, time

from attack import Refusals, Twin, end
from frameworks import STOCK, Connection, Lab, named
from node import NAME, free_port
from stock import StockServers

ELSEWHERE = "127.0.0.9"
worked = {}


def control_of_names():
    """Repeated, and in another's name, at a server that looks at neither."""
    with Twin() as t:
        for _ in range(2):
            t.ask("POST", "/pay", {"con": "5"}, rqi="same")
        worked["a request repeated"] = len(t.ask("GET", "/pay")[1]) == 2
        worked["another's name as the originator"] = t.ask("DELETE", "/pay", origin="Cother")[0] == 200


def control_of_keys(way):
    """A key of one's own under another's identity, at a server with one key for all."""
    port = free_port()
    p = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-nocert", "-psk", way.psk[1].hex(), "-tls1_2", "-cipher", "PSK", "-www", "-quiet"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        said = b""
        for _ in range(100):
            try:
                c = way.open("1.2", port=port, identity="another@demo.example")
            except OSError:  # not there yet
                time.sleep(0.05)
                continue
            said = c.ask(b"GET / HTTP/1.1\r\n\r\n")
            c.close()
            break
    finally:
        p.kill()
        p.wait()
    worked["its own key under another's identity"] = bool(said)


def names(w, others):
    """Repetition and names, in both versions: what -> did it work."""
    got = {}
    for v in w.versions:
        word = w.word()
        octets = w.request(word, rqi="same-" + word)
        first = w.come(octets, version=v)
        w.come(octets, version=v)
        got[f"a request repeated on a new association, TLS {v}"] = not first or w.made().count(word) != 1
        forged = w.word()
        got[f"another's name as the originator, TLS {v}"] = [
            o for o in ("Cowner", "//demo.example/in-cse/Cowner", "/in-cse", others[0].originator) if w.come(w.request(forged, origin=o), version=v)] or forged in w.made()
        if w.psk:
            other = next(o for o in others if o.psk)
            word = w.word()
            got[f"its own key under another's identity, TLS {v}"] = w.come(
                other.request(word), version=v, identity=other.psk[0]) or w.come(w.request(word), version=v, identity=other.psk[0])
    return got


def makers_word(lab, w, port=None):
    """A certificate of an accepted maker by the name of somebody who is enrolled."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key, m = ec.generate_private_key(ec.SECP256R1()), lab.maker
    text = m.build(key.public_key(), named(w.originator), False, x509.SubjectAlternativeName([x509.UniformResourceIdentifier("m2m:" + w.entity)]),
                   x509.AuthorityKeyIdentifier.from_issuer_public_key(m.key.public_key()))
    pem = text + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    c = ssl.create_default_context(cafile=str(lab.node.dir / "node/ca.pem"))
    c.check_hostname = False
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(pem)
        f.flush()
        c.load_cert_chain(f.name)
    try:
        with c.wrap_socket(socket.create_connection(("127.0.0.1", port or lab.node.port), 5), server_hostname=NAME) as s:
            return w.done(Connection(s).ask(w.request(w.word())))
    except OSError:
        return False


def copies(ways):
    """way -> (the copy works, the device still does), while the device is connected."""
    found = {}
    for w in ways:
        device = w.open()
        assert w.done(device.ask(w.request(w.word()))), w.name
        copy = w.come(w.request(w.word()), source=ELSEWHERE)
        found[w.name] = (copy, w.done(device.ask(w.request(w.word()))))
        device.close()
    return found


def reload(node, old, new):
    conf = node.dir / "holdfast.conf"
    conf.write_text(conf.read_text().replace(old, new))
    node.process.send_signal(signal.SIGHUP)
    for _ in range(100):
        if "configuration reloaded" in node.log_text():
            break
        time.sleep(0.05)
    time.sleep(0.2)


def resume(w, kept, *more):
    """One request by the stock client: (done, resumed)."""
    octets = w.request(w.word()).replace(b"\r\nHost", b"\r\nConnection: close\r\nHost", 1)
    p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{w.node.port}", "-servername", NAME, *STOCK["1.3"], "-ign_eof", *w.stock(), *more, str(kept)],
                       input=octets, capture_output=True, timeout=20)
    return w.done(p.stdout), b"Reused, TLSv1.3" in p.stdout


def revoked(lab, w, r):
    kept = lab.node.top / "session"
    first = resume(w, kept, "-sess_out")
    again = resume(w, kept, "-sess_in")
    kept.unlink()
    another = resume(w, kept, "-sess_out")
    live = w.open()
    here = w.done(live.ask(w.request(w.word())))
    r.say(f"{w.name}: before revocation served, also by a session (the check can tell)", first[0] and again == (True, True) and another[0] and here)
    lab.node.cli("revoke", w.credential)
    r.say(f"{w.name}: revoked, on the live association", not w.done(live.ask(w.request(w.word()))))
    live.close()
    r.say(f"{w.name}: revoked, by its session", not resume(w, kept, "-sess_in")[0])
    kept.unlink()
    r.say(f"{w.name}: revoked, by a new association", not any(w.come(w.request(w.word()), version=v) for v in w.versions))


def control_of_revocation(lab, way):
    """The same at a server that learns it from a list: who is connected stays, and a ticket is good."""
    stock = StockServers(lab.node, lab.node.enrol("mn", "/mn-cse", "cse"))
    context = ssl.create_default_context(cafile=str(lab.node.dir / "node/ca.pem"))
    context.load_cert_chain(way.folder / "cert.pem", way.folder / "key.pem")

    def visit(session=None):
        return context.wrap_socket(socket.create_connection(("127.0.0.1", stock.ports[0]), 5), server_hostname="mn-cse." + NAME, session=session)
    stock.context.load_verify_locations(lab.node.top / "acme.pem")
    worked["a certificate of an accepted maker by its name"] = makers_word(lab, way, stock.ports[1])
    live = visit()
    live.sendall(b"GET")
    live.recv(1000)
    yield  # it is revoked now
    path = lab.node.top / "crl"
    path.write_text(lab.node.cli("crl"))
    stock.revoke(path)
    live.sendall(b"GET")
    worked["revoked, on the live association"] = b" 200 " in live.recv(1000)
    again = visit(live.session)
    again.sendall(b"GET")
    worked["revoked, by its session"] = again.session_reused and b" 200 " in again.recv(1000)
    again.close(), live.close(), stock.close()
    yield


r = Refusals()
control_of_names()
with Lab("clone.places = 0\nclone.moves = 0\nsession.time = 600\nlog.level = info") as lab:
    ways = [w for w in lab.ways if not w.enrols]
    control_of_keys(ways[1])
    for i, w in enumerate(ways):
        for what, yes in names(w, [x for x in ways if x is not w]).items():
            r.say(f"{w.name}: {what}", not yes, str(yes) if yes else "")
        r.say(f"{w.name}: a certificate of an accepted maker by its name", not makers_word(lab, w))
    worked["a copy used elsewhere"] = set(copies(ways).values()) == {(True, True)}
    reload(lab.node, "clone.places = 0", "clone.places = 1\nclone.action = refuse")
    for name, what in copies(ways).items():
        r.say(f"{name}: a copy used elsewhere, and the device is served", what == (False, True), str(what))
    alarms = json.dumps([x for x in lab.node.audit() if "clone alarm" in str(x)])
    r.say("each copy is on record", all(w.credential in alarms for w in ways), ", ".join(w.name for w in ways if w.credential not in alarms))
    control = control_of_revocation(lab, ways[0])
    next(control)
    for w in reversed(ways):  # who is behind a gateway before the gateway
        revoked(lab, w, r)
    next(control)
    r.say("the audit chain is whole", lab.node.cli("audit", "verify", check=False)[0] == 0)
    lab.owner.close()
for what, yes in worked.items():
    print(f"control: {'worked' if yes else 'FAILED'}: {what}")
end(all(worked.values()), r.all, "repeated, copied and revoked, by framework")
