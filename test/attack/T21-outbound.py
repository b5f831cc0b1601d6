#!/usr/bin/python3
"""T21, outbound: an enrolled device has the node send where it should not (server-side request
forgery by notification targets, points of access and result targets), follow a redirect, take a
huge or an endless answer; and it is told of things after its right was withdrawn."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import threading, time, urllib.request

from attack import Refusals, end
from node import Node, acr, free_port
from receiver import Receiver

r = Refusals()
NAME = "mn-cse.in-cse.demo.example"


def naive_notifier(url):
    """The control: posts wherever it is told, follows, reads what comes."""
    try:
        return urllib.request.urlopen(urllib.request.Request(url, b"{}", {"Content-Type": "application/json"}), timeout=5).read()
    except OSError:
        return None


with Receiver() as inside:
    naive_notifier(inside.url + "/admin")
    with Receiver(lambda got: (302, {"Location": inside.url + "/redirected"}, b"")) as away:
        naive_notifier(away.url)
    naive_notifier(f"http://2130706433:{inside.port}/number")
    control = {g.path for g in inside.got} >= {"/admin", "/redirected", "/number"}
    print(f"control: a naive notifier reached the inside service by {sorted({g.path for g in inside.got})}")

port = free_port()
with Receiver() as inside, Node(options=f"courier.allow = {NAME}:{port}@127.0.0.1 rebind.example:{inside.port}\noutbound.time = 2") as n:
    mn, d, other = n.enrol("mn", "/mn-cse", "cse"), n.enrol("d", "Cdev"), n.enrol("o", "Cother")
    assert d.register().rsc == 2001 and other.register().rsc == 2001
    d.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "c"}})
    files = dict(certificate=(mn.folder / "cert.pem", mn.folder / "key.pem"), anchor=n.dir / "node/ca.pem")
    p = inside.port
    urls = [f"http://127.0.0.1:{p}/", f"https://127.0.0.1:{p}/", f"http://localhost:{p}/", f"https://localhost:{p}/",
            f"http://2130706433:{p}/", f"https://2130706433:{p}/", f"http://127.1:{p}/", f"http://0x7f.1:{p}/",
            f"http://0:{p}/", f"http://[::1]:{p}/", f"http://[::ffff:127.0.0.1]:{p}/", f"https://{NAME}:{p}/",
            f"http://{NAME}:{port}/", f"https://{NAME}:{port}@127.0.0.1:{p}/", f"https://127.0.0.1:{p}#@{NAME}:{port}/",
            f"https://{NAME}:{port}\\@127.0.0.1:{p}/", f"https://{NAME}.evil.example:{p}/", f"https://rebind.example:{p}/",
            f"https://{NAME.upper()}:{port}/", f"https://{NAME}.:{port}/", f"http://{NAME}%2f@127.0.0.1:{p}/",
            "file:///etc/passwd", f"gopher://127.0.0.1:{p}/", f"ftp://127.0.0.1:{p}/", f"//127.0.0.1:{p}/", f"https:127.0.0.1:{p}/",
            f"https://{NAME}:{port}/x\r\nHost: inside", f"https://{NAME}:{port}/ HTTP/1.1"]
    for i, url in enumerate(urls):
        a = d.create("/cse-in/ae-Cdev/c", 23, {"m2m:sub": {"rn": f"s{i}", "nu": [url], "enc": {"net": [3]}}})
        b = d.update("/cse-in/ae-Cdev", {"m2m:ae": {"rr": True, "poa": [url]}})
        c = d.ask("POST", "/cse-in/ae-Cdev", {"m2m:sgn": {"nev": {"rep": {}}, "sur": "x"}})
        r.say(f"target {url!r}", a.rsc in (5204, 4000) and (b.rsc == 4000 or c.rsc == 5103) and not inside.got,
              f"sub {a.rsc}, poa {b.rsc}, notify {c.rsc}")
    d.ask("GET", f"/cse-in/ae-Cdev/c?rt=2", headers={"X-M2M-RTU": f"http://127.0.0.1:{p}/result"})
    time.sleep(0.5)
    r.say("the target of an asynchronous result", not inside.got)
    # whatever else names a place: through a group, at the end of a subscription, in what is managed or referred to
    u = f"http://127.0.0.1:{p}"
    assert d.create("/cse-in/ae-Cdev", 9, {"m2m:grp": {"rn": "g", "mnm": 2, "mid": ["cse-in/ae-Cdev/c"]}}).rsc == 2001
    a = d.create("/cse-in/ae-Cdev/g/fopt", 23, {"m2m:sub": {"rn": "sg", "nu": ["/in-cse/Cdev"], "nfu": u + "/nfu", "enc": {"net": [3]}}})
    r.say("notificationForwardingURI through a group", a.rsc == 5204 and not inside.got, f"{a.rsc}")
    assert d.create("/cse-in/ae-Cdev/c", 23, {"m2m:sub": {"rn": "su", "nu": ["/in-cse/Cdev"], "su": u + "/su", "enc": {"net": [3]}}}).rsc == 2001
    assert d.delete("/cse-in/ae-Cdev/c/su").rsc == 2002
    a = d.create("/cse-in/ae-Cdev/c", 4, {"m2m:cin": {"rn": "ref", "con": "x", "conr": {"urir": [{"nm": "a", "uri": u + "/conr"}]}}})
    b = d.retrieve("/cse-in/ae-Cdev/c/ref")
    n.cli("access", "grant", "Cdev", "--operations", "CR", "--types", "14")
    assert d.create("/cse-in", 14, {"m2m:nod": {"rn": "nod", "ni": "n1"}}).rsc == 2001
    fwr = {"rn": "fwr", "mgd": 1001, "vr": "2", "fwn": "f", "url": u + "/firmware", "ud": False}
    c = d.create("/cse-in/nod", 13, {"m2m:fwr": fwr})
    e = d.update("/cse-in/nod/fwr", {"m2m:fwr": {"ud": True}})
    time.sleep(0.5)
    r.say("subscriberURI", not inside.got)
    r.say("contentRef is kept and not fetched", (a.rsc, b.rsc) == (2001, 2000) and not inside.got)
    r.say("the URL of a firmware is kept and not fetched", (c.rsc, e.rsc) == (2001, 5001) and not inside.got, f"create {c.rsc}, update {e.rsc}")
    d.update("/cse-in/ae-Cdev", {"m2m:ae": {"rr": True, "poa": [f"https://{NAME}:{port}/"]}})
    ask = lambda: d.ask("POST", "/cse-in/ae-Cdev", {"m2m:sgn": {"nev": {"rep": {}}, "sur": "x"}}).rsc
    with Receiver(lambda got: (302, {"Location": inside.url + "/redirected"}, b""), port=port, **files) as listed:
        r.say("a listed place redirects inside: nobody follows", ask() == 5103 and listed.got and not inside.got)
    for what, answer in (("a huge answer", (200, {"X-M2M-RSC": "2000", "Content-Length": str(1 << 34)}, b"x" * 100)),
                         ("a header without end", (200, {"X-M2M-RSC": "2000", "X-Fill": "x" * 100000}, b""))):
        with Receiver(lambda got: answer, port=port, **files):
            r.say(what, ask() == 5103)
    with Receiver(lambda got: time.sleep(6), port=port, **files):
        t, during = time.time(), []
        s = threading.Thread(target=lambda: [during.append(other.retrieve("/cse-in/ae-Cother").rsc) or time.sleep(0.1) for _ in range(10)])
        s.start()
        late = ask()
        r.say("an answer that does not come: given up in time, others served meanwhile",
              late == 5103 and time.time() - t < 4 and during and set(during) == {2000}, f"{time.time() - t:.1f} s")
        s.join()
    pids = n.pids()
    # the right goes while the notification waits
    down = [True]
    with Receiver(lambda got: (503, {}, b"") if down[0] and "nev" in got.sgn else None, port=port, **files) as listed:
        acp = {"m2m:acp": {"rn": "p", "pv": {"acr": [acr(["Cother"], 3), acr(["Cdev"], 63)]}, "pvs": {"acr": [acr(["Cdev"], 63)]}}}
        assert d.create("/cse-in/ae-Cdev", 1, acp).rsc == 2001
        assert d.update("/cse-in/ae-Cdev/c", {"m2m:cnt": {"acpi": ["cse-in/ae-Cdev/p"]}}).rsc == 2004
        for e, rn in ((other, "theirs"), (d, "mine")):
            a = e.create("/cse-in/ae-Cdev/c", 23, {"m2m:sub": {"rn": rn, "nu": [f"https://{NAME}:{port}/{rn}"], "enc": {"net": [3]}}})
            assert a.rsc == 2001, a
        d.create("/cse-in/ae-Cdev/c", 4, {"m2m:cin": {"con": "secret"}})
        time.sleep(0.5)
        tried = len(listed.got)
        d.close(), other.close()
        n.cli("revoke", [c["id"] for c in __import__("json").loads(n.cli("-o", "json", "credential", "list")) if "Cother" in str(c)][0])
        down[0] = False
        time.sleep(4)
        after = {g.path for g in listed.got[tried:]}
        r.say("a credential revoked while its notification waits: it is not sent, the other's is", after == {"/mine"}, str(after))
    r.say("no process died of all this", n.pids() == pids)
    texts = [x.get("text") or "" for x in n.audit()]
    r.say("on record", any("credential was revoked" in t for t in texts))
    r.say("the inside service was never reached", not inside.got)
    r.all &= n.stop() == 0
end(control, r.all, "T21 outbound")
