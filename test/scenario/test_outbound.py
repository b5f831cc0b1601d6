"""Outbound: a request that needs an answer from elsewhere waits for it, is judged anew when it
came, and leaves one record; the courier goes to listed places only, and follows nobody."""
import socket, threading, time

import pytest

from node import Node, acr, free_port
from receiver import Receiver
from test_lab import Plain

SGN = {"m2m:sgn": {"nev": {"rep": {"m2m:cin": {"con": "1"}}, "net": 3}, "sur": "cse-in/x"}}
NAME = "mn-cse.in-cse.demo.example"


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="outbound.time = 3") as n:
        n.admin = Plain(n, "CAdmin")
        yield n
        n.admin.close()
        assert n.stop() == 0


def receiving(lab, rn, *poa, rr=True):
    e = Plain(lab, "C" + rn)
    a = e.create("/cse-in", 2, {"m2m:ae": {"rn": rn, "api": "Nlab", "rr": rr, "srv": ["3"], "poa": list(poa)}})
    assert a.rsc == 2001, a
    return e


def record_of(node, rqi):
    return [r for r in node.audit() if r.get("rqi", r.get("request")) == rqi]


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_a_notification_is_handed_on(lab, version):
    with Receiver(version=version) as r:
        receiving(lab, "on" + version[-1], r.url + "/in")
        for i in range(3):
            a = lab.admin.ask("POST", f"/cse-in/on{version[-1]}", SGN)
            assert a.rsc == 2000, a
        assert len(r.got) == 3 and r.got[0].sgn == SGN["m2m:sgn"]
        h = r.got[0].headers
        assert r.got[0].path == "/in" and h["x-m2m-origin"] == "/in-cse/CAdmin" and h["x-m2m-rvi"] == "3"
        assert "ntfy+json" in h["content-type"]
        # kept connections where the version has them
        assert r.connections == (1 if version == "HTTP/1.1" else 3)


def test_what_the_receiver_says_is_the_answer(lab):
    with Receiver(lambda got: (403, {"X-M2M-RSC": "4103"}, b"")) as r:
        receiving(lab, "no", r.url)
        assert lab.admin.ask("POST", "/cse-in/no", SGN).rsc == 4103
    assert lab.admin.ask("POST", "/cse-in/no", SGN).rsc == 5103


def test_the_cse_as_a_target(lab):
    """It agrees to a subscription of whom may notify it, and says what it has no use for."""
    ask = lambda content, e=lab.admin: e.ask("POST", "/cse-in", content).rsc
    verification = lambda **more: {"m2m:sgn": {"vrq": True, **more}}
    stranger = receiving(lab, "stranger")
    assert ask(verification(cr="CAdmin")) == 2000
    assert ask(verification(cr="/in-cse/CAdmin")) == 2000
    assert ask(verification(cr="Cstranger")) == 4101
    assert ask(verification(cr="Cnobody")) == 4101
    assert ask(verification(cr="CAdmin"), stranger) == 4103
    for bad in (verification(), verification(cr="a b//"), {"m2m:sgn": {"vrq": "yes"}}, {"m2m:sgn": []},
                {"m2m:cnt": {}}):
        assert ask(bad) == 4000, bad
    for useless in (SGN, {"m2m:sgn": {"sud": True, "sur": "cse-in/x"}}, {"m2m:agn": {"m2m:sgn": []}}):
        assert ask(useless) == 5001, useless
        assert ask(useless, stranger) == 4103
    assert lab.admin.create("/cse-in", 3, {"m2m:cnt": {"rn": "untold"}}).rsc == 2001
    assert lab.admin.ask("POST", "/cse-in/untold", verification(cr="CAdmin")).rsc == 4005
    stranger.close()


def test_the_next_point_of_access_is_tried(lab):
    with Receiver() as r:
        receiving(lab, "two", f"http://127.0.0.1:{free_port()}", r.url)
        assert lab.admin.ask("POST", "/cse-in/two", SGN).rsc == 2000


def test_one_who_hangs_holds_up_nobody_else(lab):
    release = threading.Event()
    with Receiver(lambda got: release.wait(8)) as slow, Receiver() as quick:
        receiving(lab, "slow", slow.url)
        receiving(lab, "quick", quick.url)
        answers = []

        def ask(rqi):
            e = Plain(lab, "CAdmin")
            answers.append(e.ask("POST", "/cse-in/slow", SGN, rqi=rqi))
            e.close()

        first = threading.Thread(target=ask, args=("hangs-1",))
        t = time.time()
        first.start()
        slow.wait(1)
        # the same identifier is not taken while it is pending, and who notifies may come again; others go on
        again = Plain(lab, "CAdmin")
        assert again.ask("POST", "/cse-in/slow", SGN, rqi="hangs-1").rsc == 5103
        assert again.ask("POST", "/cse-in/quick", SGN).rsc == 2000
        assert again.retrieve("/cse-in").rsc == 2000
        assert time.time() - t < 2
        again.close()
        first.join()
        assert 2.5 < time.time() - t < 6 and answers[0].rsc == 5103, answers
        release.set()


def test_a_right_withdrawn_while_waiting_refuses(lab):
    gate = threading.Event()
    with Receiver(lambda got: gate.wait(5) and None) as r:
        owner = receiving(lab, "judged", r.url)
        sender = Plain(lab, "Csender")
        assert sender.register("sender").rsc == 2001
        acp = {"m2m:acp": {"rn": "p", "pv": {"acr": [acr(["Csender"], 16)]}, "pvs": {"acr": [acr(["Cjudged"], 63)]}}}
        assert lab.admin.create("/cse-in/judged", 1, acp).rsc == 2001
        assert lab.admin.update("/cse-in/judged", {"m2m:ae": {"acpi": ["cse-in/judged/p"]}}).rsc == 2004
        gate.set()
        assert sender.ask("POST", "/cse-in/judged", SGN, rqi="n0").rsc == 2000
        gate.clear()
        answers = []
        t = threading.Thread(target=lambda: answers.append(sender.ask("POST", "/cse-in/judged", SGN, rqi="n1")))
        t.start()
        r.wait(2)
        acp["m2m:acp"].pop("rn")
        acp["m2m:acp"]["pv"]["acr"] = []
        assert owner.update("/cse-in/judged/p", acp).rsc == 2004
        gate.set()
        t.join()
        assert answers[0].rsc == 4103, answers


def test_redirects_and_nonsense_are_no_answers(lab):
    with Receiver() as elsewhere:
        said = {"redirect": (302, {"Location": elsewhere.url + "/x"}, b""),
                "nonsense": (200, {"X-M2M-RSC": "99999999999"}, b""),
                "broken": (200, {"X-M2M-RSC": "2000", "Content-Type": "application/json"}, b"{broken"),
                "long": (200, {"X-M2M-RSC": "2000", "Content-Length": str(1 << 30)}, b"")}
        for name, answer in said.items():
            with Receiver(lambda got: answer) as r:
                receiving(lab, name, r.url)
                a = lab.admin.ask("POST", f"/cse-in/{name}", SGN)
                assert a.rsc == (2000 if name in ("nonsense", "broken") else 5103), (name, a)
        assert elsewhere.got == []


def test_not_reachable_is_said(lab):
    with Receiver() as r:
        receiving(lab, "unreachable", r.url, rr=False)
        assert lab.admin.ask("POST", "/cse-in/unreachable", SGN).rsc == 5103
        receiving(lab, "foreign", "coap://127.0.0.1:5683", "mqtt://127.0.0.1")
        assert lab.admin.ask("POST", "/cse-in/foreign", SGN).rsc == 5103
        assert r.got == []


def reached(port, call):
    """How many connections came to a bare socket there meanwhile."""
    with socket.create_server(("127.0.0.1", port)) as s:
        came = []

        def take():
            try:
                while True:
                    came.append(s.accept()[0].close())
            except OSError:
                pass

        t = threading.Thread(target=take)
        t.start()
        call()
        s.shutdown(socket.SHUT_RDWR)
        t.join()
    return len(came)


def test_mutual_tls_to_a_listed_place_only():
    port, other, bare = free_port(), free_port(), free_port()
    allow = f"courier.allow = {NAME}:{port}@127.0.0.1 wrong.example:{port}@127.0.0.1 bare.example:{bare}@127.0.0.1"
    with Node(options=allow) as n:
        mn, dev = n.enrol("mn", "/mn-cse", "cse"), n.enrol("dev", "Cdev")
        files = (mn.folder / "cert.pem", mn.folder / "key.pem")
        assert dev.create("/cse-in", 2, {"m2m:ae": {"rn": "dev", "api": "Nx", "rr": True, "srv": ["3"]}}).rsc == 2001

        def to(*poa):
            assert dev.update("/cse-in/dev", {"m2m:ae": {"poa": list(poa)}}).rsc == 2004
            return dev.ask("POST", "/cse-in/dev", SGN)

        with Receiver(certificate=files, anchor=n.dir / "node/ca.pem", port=port) as r:
            for _ in range(2):
                a = to(f"https://{NAME}:{port}/in")
                assert a.rsc == 2000, (a, n.log_text()[-1000:])
            assert len(r.got) == 2 and r.connections == 1
            assert r.got[0].peer == ["in-cse.demo.example"]
            # the listed name that the certificate does not have; the port and the address
            # that are not listed; plain
            for url in (f"https://wrong.example:{port}/", f"https://127.0.0.1:{port}/", f"https://localhost:{port}/",
                        f"https://{NAME}:{other}/", f"http://{NAME}:{port}/", f"http://127.0.0.1:{port}/"):
                assert to(url).rsc == 5103, url
            assert len(r.got) == 2
        # nor is a connection opened to what is not listed, which would tell who listens there
        assert reached(bare, lambda: to(f"https://bare.example:{bare}/")) > 0
        for at in (bare, other):  # a port of the list under another name; a port that the sandbox closes as well
            assert reached(at, lambda: [to(f"https://{host}:{at}/") for host in ("127.0.0.1", "localhost", "[::1]", NAME)]) == 0
        # a server that another CA vouches for
        with Node(start=False) as stranger:
            stranger.start()
            evil = stranger.enrol("mn", "/mn-cse", "cse")
            with Receiver(certificate=(evil.folder / "cert.pem", evil.folder / "key.pem"),
                          anchor=stranger.dir / "node/ca.pem", port=port) as r:
                assert to(f"https://{NAME}:{port}/in").rsc == 5103
                assert r.got == []
        assert "no association outward" in n.log_text()
        assert n.stop() == 0


def test_the_last_request_of_an_association_may_wait():
    """What it was admitted for it is answered, though the association is used up; nothing comes after."""
    with Node(options="association.requests = 3") as node:
        e = node.enrol("d1", "Cd1", "device")
        assert e.register().rsc == 2001
        assert e.create("/cse-in/ae-Cd1", 15, {"m2m:pch": {"rn": "p"}}).rsc == 2001
        a = e.retrieve("/cse-in/ae-Cd1/p/pcu", headers={"X-M2M-RET": "300"})
        assert a.rsc == 4008, a  # it waited, and nothing came
        try:
            assert e.retrieve("/cse-in/ae-Cd1").rsc == 4107
        except OSError:
            pass  # or the connection is closed already
        e.close()
        assert e.retrieve("/cse-in/ae-Cd1").rsc == 2000  # another association
        e.close()
        assert node.stop() == 0
