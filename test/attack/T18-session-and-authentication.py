#!/usr/bin/python3
"""T18: a forged originator, a revoked or an expired credential, guessed identifiers, a session
used after its end.

That time passes is shown with copies of core and gate whose clock runs ahead (later.c)."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import pathlib, socket, ssl, subprocess, tempfile, time

from attack import Refusals, Twin, attempt, end, is_success, programs
from node import BUILD, NAME, Node, free_port
from stock import StockServers

DAY = 86400


def resumes(port, context, version, request):
    """True when a second handshake resumes the session of the first: by ticket or by identifier."""
    context.minimum_version = context.maximum_version = version
    session, ticket = None, False
    for _ in range(2):
        raw = socket.create_connection(("127.0.0.1", port), 5)
        s = context.wrap_socket(raw, server_hostname=NAME, session=session)
        s.sendall(request)
        s.recv(65536)  # tickets come with the first octets
        session, ticket = s.session, ticket or bool(s.session and s.session.has_ticket)
        reused = s.session_reused
        s.close()
    return reused or ticket


def stock_resumes(version):
    """The same probe at a stock server, where it must succeed."""
    with tempfile.TemporaryDirectory() as top:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=stock", "-days", "2", "-keyout",
                        f"{top}/k", "-out", f"{top}/c"], check=True, stderr=subprocess.DEVNULL)
        port = free_port()
        p = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-key", f"{top}/k", "-cert", f"{top}/c", "-www", "-quiet"],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        try:
            return resumes(port, ssl._create_unverified_context(), version, b"GET / HTTP/1.0\r\n\r\n")
        finally:
            p.kill()
            p.wait()


r = Refusals()
with Twin() as t:
    t.ask("POST", "/private", {"con": "of Ca"}, origin="Ca")
    control = t.ask("GET", "/private", origin="Cintruder")[1] == ['{"con": "of Ca"}']
    control &= t.ask("DELETE", "/private", origin="Ca")[0] == 200
    print("control: a forged originator reads and deletes")
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    taken = stock_resumes(version)
    control &= taken
    print(f"control: a session of {version.name} is {'resumed' if taken else 'NOT resumed'} at a stock server")


def refusals(n, **members):
    return [x for x in n.audit() if all(v in str(x.get(k, "")) for k, v in members.items())]


def forged(n, a, b):
    ri = a.create("/cse-in/ae-Ca/c", 4, {"m2m:cin": {"con": "of Ca"}}).json["m2m:cin"]["ri"]
    r.say("the owner reads it under its own name (the check can tell)", a.retrieve("/" + ri).rsc == 2000)
    before, asked = len(refusals(n, rsc="4106")), 0
    origins = ("Ca", "/in-cse/Ca", "//demo.example/in-cse/Ca", "/in-cse", "//demo.example/in-cse", "S", "Sadmin", "", "all", "*", "C*", "ca", "Ca ", "Cb/../Ca")
    for origin in origins:
        answers = [attempt(b, lambda: b.retrieve("/cse-in/ae-Ca/c", origin=origin)), attempt(b, lambda: b.delete("/cse-in/ae-Ca", origin=origin)),
                   attempt(b, lambda: b.create("/cse-in", 2, {"m2m:ae": {"api": "Nx", "rr": False, "srv": ["3"]}}, origin=origin))]
        codes = [x.rsc if x else "closed" for x in answers]
        asked += codes.count(4106)
        r.say(f"originator {origin!r} over another's association", set(codes) <= {4000, 4106, 4107, 4117, 4126}, f"{codes}")
    r.say("twice From in one request", set(x.rsc if x else 0 for x in [attempt(b, lambda: b.retrieve("/cse-in/ae-Ca/c", headers={"x-m2m-origin": "Ca"}))]) <= {4000, 0})
    on_record = len(refusals(n, rsc="4106")) - before
    r.say("each refused identity is on record", asked >= 6 and on_record == asked, f"{on_record} records for {asked} refusals")
    b.close()
    number = int("".join(c for c in ri if c.isdigit()))
    guessed = [b.retrieve(f"/cin{number + i}").rsc for i in range(-3, 4)]
    r.say("guessed resource identifiers", all(x in (4103, 4004) for x in guessed) and 4103 in guessed, f"{guessed}")
    r.say("a resource that is there is refused on record", len(refusals(n, rsc="4103", to=ri)) == 1)


def sessions(n, a):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        request = b"GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: Ca\r\n\r\n"
        r.say(f"a session of {version.name}, by ticket or identifier", not resumes(n.port, a.context(), version, request))


def visit(port, context, name, request, session=None):
    """(the answer's first octets, resumed or not, the session given); b"" when turned away."""
    try:
        s = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=name, session=session)
        s.sendall(request)
        said, reused, session = s.recv(65536), s.session_reused, s.session
        s.close()
        return said, reused, session
    except OSError:
        return b"", False, None


def tickets_of_the_revoked():
    """A session of a credential that was revoked meanwhile, shown at another gate."""
    global control
    with Node(options="session.time = 600\ngate.workers = 3") as n:
        e, mn = n.enrol("ticket", "Cticket"), n.enrol("mn", "/mn-cse", "cse")
        e.register(), e.close()
        stock, context = StockServers(n, mn), e.context()
        request = b"GET /cse-in/ae-Cticket HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: Cticket\r\n\r\n"
        first, second = (s.getsockname()[1] for s in stock.sockets)
        theirs = visit(first, context, "mn-cse." + NAME, request)[2]
        said, reused, ours = visit(n.port, context, NAME, request)
        again, resumed, ours = visit(n.port, context, NAME, request, ours)
        r.say("before revocation a session is taken up (the check can tell)", b" 200 " in said[:20] and b" 200 " in again[:20] and resumed)
        n.cli("revoke", "33-//demo.example/in-cse/Cticket")
        (n.top / "crl").write_text(n.cli("crl"))
        stock.revoke(n.top / "crl")
        whole = visit(second, context, "mn-cse." + NAME, request)[0]
        said, reused, _ = visit(second, context, "mn-cse." + NAME, request, theirs)
        taken = whole == b"" and reused and b" 200 " in said[:20]
        print(f"control: a stock server turns the revoked away, and {'takes' if taken else 'does NOT take'} its ticket at another listener")
        control &= taken
        said = [visit(n.port, context, NAME, request, ours) for _ in range(9)]
        r.say("a session of a revoked credential, at any of three gates", all(x[0] == b"" for x in said), str(said)[:80])
        stock.close()


def revoked(n, name, psk):
    e = n.enrol(name, "C" + name, "device", *((True, "--identity", f"{name}@demo.example") if psk else ()))
    e.register()
    start, log = n.audit()[-1]["n"], len(n.log_text())
    path = f"/cse-in/ae-C{name}"
    what = "pre-shared key" if psk else "certificate"
    ident = [w for l in n.cli("credential", "list").splitlines() if "C" + name in l for w in l.split() if w[:3] in ("33-", "12-")][0]
    r.say(f"before revocation: served, {what} (the check can tell)", e.retrieve(path).rsc == 2000)
    n.cli("revoke", ident)
    kept = e.connection
    try:
        kept.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 9\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: C{name}\r\n\r\n".encode())
        said = kept.recv(4000)
    except OSError:
        said = b""
    r.say(f"the live association of a revoked credential, {what}", b" 200 " not in said[:20], str(said[:30]))
    said = attempt(e, lambda: e.retrieve(path))
    r.say(f"a new association with a revoked credential, {what}", said is None)
    text = [x.get("text", "") for x in n.audit() if x["n"] > start and x["kind"] == 5]
    # a destroyed pre-shared key fails in the handshake already, where the gate's log says it
    after = "the credential is revoked" in text or psk and "connection refused" in n.log_text()[log:]
    r.say("  both are on record", any("revoked" in x and "ended" in x for x in text) and after, str(text))


def expired():
    """A day and more passes. Credentials of one day, beside those of a year."""
    with Node(options="log.level = info") as n:
        def pair(psk):
            more = lambda i: (True, "--identity", f"{i}@demo.example") if psk else (False,)
            word = "psk" if psk else "cert"
            return (n.enrol(f"short-{word}", f"Cshort{word}", "device", *more(f"short{word}"), "--days", "1"),
                    n.enrol(f"long-{word}", f"Clong{word}", "device", *more(f"long{word}"), "--days", "300"))
        pairs, served = [pair(False), pair(True)], 0
        enrolled = time.time()
        for e in (e for p in pairs for e in p):
            served += is_success(e.register())
            e.close()
        r.say("on the first day all four credentials are served", served == 4)
        original, folder = n.build, 0

        def own(e):
            return f"/cse-in/ae-{e.originator}"

        def served_now(e):
            return is_success(attempt(e, lambda: e.retrieve(own(e))))

        core, gate = {"core": BUILD / "attack-later-core"}, {"gate": BUILD / "attack-later-gate"}
        for replaced, ahead in ((core, 2 * DAY), (gate, 2 * DAY), ({**core, **gate}, 2 * DAY), ({**core, **gate}, None)):
            assert n.stop() == 0
            folder += 1
            n.build = programs(n.top / f"programs{folder}", original, **replaced)
            # the last round: the end of the credential comes in seconds, on live associations
            ahead = ahead or int(DAY - (time.time() - enrolled)) - 6
            (n.build / "later").write_text(str(ahead))
            n.start()
            if folder < 4:
                for short, long_one in pairs:
                    # the gate sees no end of a pre-shared key: core and keeper do
                    if folder == 2 and short.originator == "Cshortpsk":
                        continue
                    r.say(f"two days later, a credential of one day: {short.originator[6:]}, seen by {' and '.join(replaced)}", not served_now(short))
                    # a proof by certificate counts while it is fresh, by one clock of both
                    if len(replaced) == 2 or short.originator == "Cshortpsk":
                        r.say("  one of 300 days is served", served_now(long_one))
            else:
                r.say("seconds before their end: both are served", all([served_now(short) for short, _ in pairs]))
                time.sleep(max(0, enrolled + DAY - ahead + 2 - time.time()))
                for short, long_one in pairs:
                    word = short.originator[6:]
                    try:
                        short.connection.sendall(f"GET {own(short)} HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 9\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: {short.originator}\r\n\r\n".encode())
                        said = short.connection.recv(4000)
                    except OSError:
                        said = b""
                    r.say(f"the live association after the end of its credential: {word}", b" 200 " not in said[:20], str(said[:24]))
                    r.say(f"a new association after it: {word}", not served_now(short))
                    r.say("  one of 300 days is served", served_now(long_one))
            for p in pairs:
                p[0].close(), p[1].close()
        assert n.stop() == 0
        n.build = original
        n.start()
        text = {x.get("text", "") for x in refusals(n, kind="5")}
        r.say("expiry is on record", {"the credential has expired", "ended: expired or revoked"} <= text, str(text)[:150])
        why = [l for l in n.log_text().splitlines() if "connection refused" in l and "expired" in l]
        r.say("and in the log of the gate", why, why[0][-60:] if why else "")


with Node(options="log.level = info") as n:
    a, b = n.enrol("a", "Ca"), n.enrol("b", "Cb", "device", True, "--identity", "b@demo.example")
    a.register(), b.register()
    a.create("/cse-in/ae-Ca", 3, {"m2m:cnt": {"rn": "c"}})
    forged(n, a, b)
    sessions(n, a)
    revoked(n, "gone", False)
    revoked(n, "lost", True)
    for what in (["--id", "Ca"], ["--id", "Cx", "--psk", "--identity", "b@demo.example"]):
        code, out = n.cli("enrol", "device", "again", *what, "--out", n.top / "x", check=False)
        r.say(f"a second credential for a taken identity: {what[-1]}", code != 0, out.strip().splitlines()[-1][:90])
    r.say("the audit chain is whole", n.cli("audit", "verify", check=False)[0] == 0)
    a.close(), b.close()
expired()
tickets_of_the_revoked()
end(control, r.all, "session and authentication")
