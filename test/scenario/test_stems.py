"""S-type AE-IDs of AEs that register below the IN-CSE [TS-0001 10.2.2.2, 10.2.2.5]: the registrar announces the AE to
the IN-CSE, which compares that with the service subscription; requests and notifications to /Sapp find it; it moves
from one registrar to another where the subscription lets it, and no CSE takes one by an announcement of its own.

Two MNs and an IN, each with an authority of its own, and a CSE whose key we hold."""
import threading, time

import pytest

from node import Entity, Node, SP, acr, free_port
from waiting import until

CSES = "/in-cse", "/mn-1", "/mn-2"
OPEN = {"m2m:acp": {"rn": "open", "pv": {"acr": [acr(["*"], 63), acr([f"{SP}/*"], 63), acr([f"{SP}/*/*"], 63)]}, "pvs": {"acr": [acr(["*"], 63), acr([f"{SP}/*"], 63)]}}}


class World:
    def __init__(self):
        ports = [free_port() for _ in CSES]
        names = [f"{c[1:]}.{SP[2:]}" for c in CSES]
        at = [f"https://{n}:{p}" for n, p in zip(names, ports)]
        self.made = []

        def node(i, *lines):
            near = " ".join(f"{names[k]}:{ports[k]}@127.0.0.1" for k in range(3) if k != i)
            return Node(cse=CSES[i], port=ports[i], start=False,
                        options="\n".join((f"node.poa = {at[i]}", f"courier.allow = {near}", "outbound.time = 3", *lines)))

        self.inn = node(0)
        self.mns = [node(i, "node.cse_type = 2", f"registrar.url = {at[0]}", "registrar.id = /in-cse", "registrar.time = 60") for i in (1, 2)]
        for n in (self.inn, *self.mns):
            n.start()
        for m in self.mns:
            self.inn.cli("enrol", "cse", m.cse[1:], "--id", m.cse, "--certificate", m.dir / "node/node.pem")
            m.cli("enrol", "cse", "in", "--id", "/in-cse", "--certificate", self.inn.dir / "node/node.pem")
        for m in self.mns:
            until(lambda: "core: registered: registrar=/in-cse" in m.log_text())
        self.mallory = self.entity(self.inn, "/mallory", "cse")
        self.provider = self.entity(self.inn, "Sprovider", "application", "--app-id", "Nprovider")
        self.inn.cli("access", "grant", "Sprovider", "--operations", "CRUD", "--types", "11,19")
        assert self.provider.register("Nprovider").rsc == 2001
        assert self.mallory.create("/cse-in", 16, {"m2m:csr": {"rn": "mallory", "cb": "/mallory/x", "csi": "/mallory", "rr": False, "srv": ["3"]}}).rsc == 2001

    def entity(self, node, ident, what="device", *more):
        e = node.enrol(ident.strip("/"), ident, what, False, *more)
        e.originator = ident
        self.made.append(e)
        return e

    def subscribe(self):
        p = self.provider
        assert p.create("/cse-in", 11, {"m2m:mssp": {"rn": "sub"}}).rsc == 2001
        for name in ("mn-1", "mn-2", "mallory"):
            assert p.create("/cse-in", 19, {"m2m:asar": {"rn": f"rule-{name}", "apci": ["*"], "aai": ["Napp.*"], "aae": ["S*"]}}).rsc == 2001
            a = p.create("/cse-in/sub", 20, {"m2m:svsn": {"rn": name, "ni": "1.2.3", "csi": "/" + name, "rlk": [f"cse-in/rule-{name}"]}})
            assert a.rsc == 2001, a

    def names(self, cse, *stems, **more):
        """The provider names these AEs at that CSE, and no others."""
        assert self.provider.update(f"/cse-in/rule-{cse}", {"m2m:asar": {"aae": ["S*", *stems], **more}}).rsc == 2004

    def close(self):
        for e in self.made:
            e.close()
        nodes = [*self.mns, self.inn]
        codes = [n.stop() for n in nodes]
        for n in nodes:
            n.close()
        return codes


@pytest.fixture(scope="module")
def world():
    w = World()
    yield w
    assert w.close() == [0, 0, 0]


def opened(e, box=True):
    """What it registered is open to all, with a container."""
    base = f"/cse-in/ae-{e.originator}"
    assert e.create(base, 1, OPEN).rsc == 2001
    assert e.update(base, {"m2m:ae": {"acpi": [f"{base[1:]}/open"]}}).rsc == 2004
    assert e.create(base, 3, {"m2m:cnt": {"rn": "box", "acpi": [f"{base[1:]}/open"]}}).rsc == 2001


def test_a_registration_is_compared_with_the_subscription(world):
    w, m = world, world.mns[0]
    e = w.entity(m, "Sapp")
    assert e.register().rsc == 4128                         # none at all
    assert e.retrieve("/cse-in/ae-Sapp").rsc == 4004        # nothing of it is here
    w.subscribe()
    assert e.register().rsc == 4126                         # a wildcard names nobody
    for wrong in ({"aai": ["Nother.*"]}, {"apci": ["10-other"]}, {"aae": ["S*", "Sother"]}):
        right = {"aai": ["Napp.*"], "apci": ["*-sapp.*", "*Sapp*"], "aae": ["S*", "Sapp"]}
        assert w.provider.update("/cse-in/rule-mn-1", {"m2m:asar": {**right, **wrong}}).rsc == 2004
        assert e.register().rsc == 4126, wrong
    assert w.provider.update("/cse-in/rule-mn-1", {"m2m:asar": right}).rsc == 2004
    assert e.register("Napp." + "a" * 2000).rsc == 2001     # an App-ID of any length
    assert e.register().rsc == 4117
    opened(e)


def test_requests_find_it_by_its_ae_id(world):
    """From an AE at the IN-CSE, and from one at the other MN; not under a name that is nowhere."""
    w = world
    user, far = w.entity(w.inn, "Cuser", "application", "--app-id", "Napp.example"), w.entity(w.mns[1], "Cfar")
    assert user.register().rsc == 2001 and far.register().rsc == 2001
    for e in (user, far):
        for path in ("/~/Sapp", "/~/Sapp/box", "/_/demo.example/Sapp/box", "/~/mn-1/Sapp/box"):
            a = e.retrieve(path)
            assert a.rsc == 2000, (path, a)
        assert e.create("/~/Sapp/box", 4, {"m2m:cin": {"con": e.originator}}).rsc == 2001
        for path in ("/~/Snowhere", "/~/Snowhere/box", "/~/Sapp2/box", "/~/Sap", "/~/S"):
            assert e.retrieve(path).rsc in (4004, 4000), path
    at_home = w.entity(w.mns[0], "Chome")
    assert at_home.register().rsc == 2001 and at_home.retrieve("/~/Sapp/box/la").json["m2m:cin"]["con"] == "Cfar"


def said(w, cse, status=2004):
    """How often a CSE was answered so about the announcement of Sapp, Sgone or Sback."""
    return sum(1 for r in w.inn.audit() if r.get("from") == SP + cse and r.get("operation") == 3 and r.get("rsc") == status)


def polled(e, n):
    """The next n notifications out of its polling channel, answered."""
    got, base = [], f"/cse-in/ae-{e.originator}"

    def poll():
        p = Entity(e.node, e.folder, e.originator)
        for _ in range(n):
            a = p.retrieve(f"{base}/pch/pcu", headers={"X-M2M-RET": "8000"})
            got.append(a)
            if a.rsc == 2000:
                p.ask("POST", f"{base}/pch/pcu", {"m2m:rsp": {"rsc": 2000, "rqi": a.json["m2m:rqp"]["rqi"], "rvi": "3"}})
        p.close()

    t = threading.Thread(target=poll)
    t.start()
    return t, got


def box_of(w):
    """A container at the IN-CSE that is open to all, the provider's."""
    if w.provider.retrieve("/cse-in/ae-Sprovider/box").rsc != 2000:
        assert w.provider.create("/cse-in/ae-Sprovider", 1, OPEN).rsc == 2001
        assert w.provider.create("/cse-in/ae-Sprovider", 3, {"m2m:cnt": {"rn": "box", "acpi": ["cse-in/ae-Sprovider/open"]}}).rsc == 2001
    return "/cse-in/ae-Sprovider/box"


def test_notifications_find_it_by_its_ae_id(world):
    w, e = world, next(x for x in world.made if x.originator == "Sapp")
    box = box_of(w)
    assert e.create("/cse-in/ae-Sapp", 15, {"m2m:pch": {"rn": "pch"}}).rsc == 2001
    a = w.provider.create(box, 23, {"m2m:sub": {"rn": "told", "nu": ["/Snowhere"], "enc": {"net": [3]}, "nct": 1}})
    assert a.rsc == 5204, a                                 # who is nowhere verifies nothing
    t, got = polled(e, 2)
    a = w.provider.create(box, 23, {"m2m:sub": {"rn": "told", "nu": ["/Sapp"], "enc": {"net": [3]}, "nct": 1}})
    assert a.rsc == 2001, (a, got)
    assert w.provider.create(box, 4, {"m2m:cin": {"con": "news"}}).rsc == 2001
    t.join(10)
    assert got[1].json["m2m:rqp"]["pc"]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"] == "news", got
    assert w.provider.delete(box + "/told").rsc == 2002


def lnk(stem, cse):
    return {"m2m:aeA": {"lnk": f"{cse}/{stem}", "api": "Napp.example"}}


@pytest.mark.parametrize("origin", ["/mallory", "/mallory/Sapp", "//demo.example/mallory/Sapp"])
def test_no_cse_takes_one_by_an_announcement_of_its_own(world, origin):
    """The control stands at the end: the same octets, once the provider named the AE at that CSE."""
    w, m = world, world.mallory
    for stem in ("Sapp", "Sprovider", "Snew", "S"):
        status = 4126 if stem == "Sapp" or origin == "/mallory" else 4103  # From is for Sapp only
        assert m.create("/cse-in", 10002, lnk(stem, "/mallory"), origin=origin).rsc == status, stem
    for stem, cse in (("Sapp", "/mn-1"), ("Sapp", "/mn-2"), ("Sapp", "/in-cse"), ("Sapp", "//other.example/mallory")):
        assert m.create("/cse-in", 10002, lnk(stem, cse), origin=origin).rsc == 4103, cse     # not its own
    assert m.update("/~/in-cse/Sapp", lnk("Sapp", "/mallory"), origin=origin).rsc == 4126
    assert m.update("/~/in-cse/Sapp", {"m2m:aeA": {"lnk": "INACTIVE"}}, origin=origin).rsc == 4103
    assert m.update("/~/in-cse/Sapp", lnk("Sapp", "/mn-2"), origin=origin).rsc == 4103
    assert m.update("/~/in-cse/Sapp", {"m2m:aeA": {"lbl": ["x"]}}, origin=origin).rsc == 4103
    assert m.delete("/~/in-cse/Sapp", origin="/mallory").rsc == 4103
    assert m.retrieve("/cse-in/ae-Sprovider", origin="/Sapp").rsc == 4106                      # nor does it speak for it
    for other in ("/mn-1", "/mn-1/Sapp", "/mn-2/Sapp", "/in-cse/Sapp", "//other.example/mallory/Sapp", "Sapp", "/S", "/mallory/S/Sapp"):
        assert m.create("/cse-in", 10002, lnk("Sapp", "/mallory"), origin=other).rsc in (4106, 4000, 4103), other
    user = next(x for x in w.made if x.originator == "Cuser")
    assert user.retrieve("/~/Sapp/box/la").json["m2m:cin"]["con"] == "Cfar"                    # it is where it was


def test_the_control(world):
    w, m = world, world.mallory
    w.names("mallory", "Smine", "Sfree")
    assert m.create("/cse-in", 10002, lnk("Smine", "/mallory"), origin="/mallory/Smine").rsc == 2001
    assert m.create("/cse-in", 10002, lnk("Smine", "/mallory"), origin="/mallory/Smine").rsc == 4105   # once; then it is updated
    assert m.update("/~/in-cse/Smine", lnk("Smine", "/mallory"), origin="/mallory/Smine").rsc == 2004
    assert m.retrieve("/cse-in/ae-Sprovider/box", origin="/Smine").rsc == 2000
    # the IN-CSE chooses where it is asked to: one that is named, and free
    a = m.create("/cse-in", 10002, lnk("S", "/mallory"), origin="/mallory/S")
    assert a.rsc == 2001 and (a.json["m2m:aeA"]["ri"], a.json["m2m:aeA"]["lnk"]) == ("Sfree", "/mallory/Sfree"), a
    assert m.create("/cse-in", 10002, lnk("S", "/mallory"), origin="/mallory/S").rsc == 4126           # none is left
    assert m.retrieve("/~/in-cse/Sfree").json["m2m:aeA"]["lnk"] == "/mallory/Sfree"
    # with the provider's word mallory takes it, which is what the refusals above are against
    w.names("mallory", "Smine", "Sfree", "Sapp")
    assert m.update("/~/in-cse/Sapp", lnk("Sapp", "/mallory"), origin="/mallory/Sapp").rsc == 2004
    assert m.retrieve("/cse-in/ae-Sprovider/box", origin="/Sapp").rsc == 2000
    user = next(x for x in w.made if x.originator == "Cuser")
    assert user.retrieve("/~/Sapp/box/la").rsc == 5103                                                 # its way leads to mallory now
    w.names("mallory", "Smine")                                                                        # and ends with the word
    assert user.retrieve("/~/Sapp/box/la").rsc == 4004
    assert m.retrieve("/cse-in/ae-Sprovider/box", origin="/Sapp").rsc == 4106
    assert m.update("/~/in-cse/Sapp", {"m2m:aeA": {"lnk": "INACTIVE"}}).rsc == 2004                      # it lets go
    assert m.update("/~/in-cse/Sapp", lnk("Sapp", "/mallory")).rsc == 4126


def test_an_announcement_stands_for_nobody_else(world):
    """What a CSE writes into one makes no AE a member of a group, and hosts nobody on a node."""
    w, m, p = world, world.mallory, world.provider
    base = "/cse-in/ae-Sprovider"
    user = next(x for x in w.made if x.originator == "Cuser")
    assert p.create(base, 9, {"m2m:grp": {"rn": "g", "mt": 0, "mnm": 3, "mid": ["/in-cse/Smine"]}}).rsc == 2001
    assert p.create(base, 1, {"m2m:acp": {"rn": "ga", "pv": {"acr": [acr([base[1:] + "/g"], 63)]}, "pvs": {"acr": [acr([f"{SP}/Sprovider"], 63)]}}}).rsc == 2001
    assert p.create(base, 3, {"m2m:cnt": {"rn": "members", "acpi": [base[1:] + "/ga"]}}).rsc == 2001
    w.inn.cli("access", "grant", "Sprovider", "--operations", "CRUD", "--types", "14")
    assert p.create("/cse-in", 14, {"m2m:nod": {"rn": "nod", "ni": "1.2.4"}}).rsc == 2001
    assert p.update(base, {"m2m:ae": {"nl": "cse-in/nod"}}).rsc == 2004
    for aei in ("Cuser", "Sprovider"):
        assert m.update("/~/in-cse/Smine", {"m2m:aeA": {"aei": aei, "nl": "cse-in/nod"}}).rsc == 2004
        assert user.retrieve(base + "/members").rsc == 4103
        assert p.retrieve("/cse-in/nod").json["m2m:nod"]["hael"] == ["Sprovider"]
    assert m.update("/~/in-cse/Smine", {"m2m:aeA": {"nl": None}}).rsc == 2004
    assert p.retrieve("/cse-in/nod").json["m2m:nod"]["hael"] == ["Sprovider"]
    # nor does one CSE take the node of another that is registered here; what has left it is free
    other = w.entity(w.inn, "/other", "cse")
    csr = {"rn": "other", "cb": "/other/x", "csi": "/other", "rr": False, "srv": ["3"], "nl": "cse-in/nod"}
    assert other.create("/cse-in", 16, {"m2m:csr": csr}).rsc == 2001
    for link, host in (("cse-in/nod", "/other"), (None, "/other")):
        assert m.update("/cse-in/mallory", {"m2m:csr": {"nl": link}}).rsc == 2004
        assert p.retrieve("/cse-in/nod").json["m2m:nod"]["hcl"] == host
    assert other.delete("/cse-in/other").rsc == 2002
    assert m.update("/cse-in/mallory", {"m2m:csr": {"nl": "cse-in/nod"}}).rsc == 2004
    assert p.retrieve("/cse-in/nod").json["m2m:nod"]["hcl"] == "/mallory"
    assert p.update(base + "/g", {"m2m:grp": {"mid": ["/in-cse/Smine", "/in-cse/cse-in/ae-Cuser"]}}).rsc == 2004
    assert user.retrieve(base + "/members").rsc == 2000     # the control: an AE that is here is one


def test_who_had_it_has_nothing_left_there(world):
    """Policies that a CSE linked to the announcement of an AE that is elsewhere now give it no say any more."""
    w, m = world, world.mallory
    assert m.create("/cse-in/mallory", 1, {"m2m:acp": {"rn": "hold", "pv": {"acr": [acr([f"{SP}/mallory"], 63)]}, "pvs": {"acr": [acr([f"{SP}/mallory"], 63)]}}}).rsc == 2001
    hold = {"acpi": ["/in-cse/cse-in/mallory/hold"]}
    w.names("mallory", "Smine", "Sheld")
    assert m.create("/cse-in", 10002, {"m2m:aeA": {**lnk("Sheld", "/mallory")["m2m:aeA"], **hold}}, origin="/mallory/Sheld").rsc == 2001
    assert m.update("/~/in-cse/Sheld", {"m2m:aeA": hold}).rsc == 2004                                      # the control: now it may
    w.names("mallory", "Smine")
    w.names("mn-2", "Sheld")
    e, user = w.entity(w.mns[1], "Sheld"), next(x for x in w.made if x.originator == "Cuser")
    assert e.register().rsc == 2001
    opened(e)
    for what in (hold, {"lnk": "INACTIVE"}, {"lbl": ["x"]}):
        assert m.update("/~/in-cse/Sheld", {"m2m:aeA": what}).rsc == 4103, what
    assert m.create("/~/in-cse/Sheld", 10003, {"m2m:cntA": {"lnk": "/mallory/cnt1"}}).rsc == 4103
    assert m.delete("/~/in-cse/Sheld").rsc == 4103 and m.retrieve("/~/in-cse/Sheld").rsc == 4103
    assert user.retrieve("/~/Sheld/box").rsc == 2000


def test_no_registration_by_a_group_or_a_transaction(world):
    """The IN-CSE is asked at every door: one that may create at the CSEBase comes in by no other."""
    w, m = world, world.mns[0]
    e, near = w.entity(m, "Sdoor"), w.entity(m, "Cnear")
    m.cli("access", "grant", "Sdoor", "--operations", "CRUD")
    assert near.register().rsc == 2001
    assert near.create("/cse-in/ae-Cnear", 1, OPEN).rsc == 2001
    assert near.create("/cse-in/ae-Cnear", 9, {"m2m:grp": {"rn": "g", "mt": 0, "mnm": 1, "mid": ["cse-in"], "acpi": ["cse-in/ae-Cnear/open"], "macp": ["cse-in/ae-Cnear/open"]}}).rsc == 2001
    ae = {"m2m:ae": {"rn": "ae-Sdoor", "api": "Napp.example", "rr": True, "srv": ["3"]}}
    a = e.create("/cse-in/ae-Cnear/g/fopt", 2, ae)
    t = e.create("/cse-in", 50, {"m2m:tram": {"rqps": {"rqp": [{"op": 1, "to": "cse-in", "fr": "Sdoor", "rqi": "in-t", "rvi": "3", "ty": 2, "pc": ae}]}, "tmd": 1}})
    assert a.json["m2m:agr"]["m2m:rsp"][0]["rsc"] == 4005, a
    assert t.json["m2m:tram"]["rsps"]["m2m:rsp"][0]["rsc"] == 4005, t
    assert e.retrieve("/cse-in/ae-Sdoor").rsc == 4004
    assert e.register().rsc == 4126


def test_it_moves_from_one_mn_to_another(world):
    w, e = world, next(x for x in world.made if x.originator == "Sapp")
    user, (one, two) = next(x for x in w.made if x.originator == "Cuser"), w.mns
    assert e.delete("/cse-in/ae-Sapp").rsc == 2002
    w.names("mn-1", "Sapp", "Sback")
    assert e.register().rsc == 2001                         # once more where it was
    opened(e)
    assert user.retrieve("/~/Sapp/box").rsc == 2000
    moved = w.entity(two, "Sapp")
    assert moved.register().rsc == 4126                     # the provider does not say so
    w.names("mn-2", "Sapp")
    assert moved.register("Napp.other").rsc == 2001
    opened(moved)
    assert moved.create("/cse-in/ae-Sapp/box", 4, {"m2m:cin": {"con": "moved"}}).rsc == 2001
    assert user.retrieve("/~/Sapp/box/la").json["m2m:cin"]["con"] == "moved"
    # both are named: the one where it registered last speaks for it, the other does not
    box = "/~/in-cse" + box_of(w)
    assert moved.retrieve(box).rsc == 2000 and e.retrieve(box).rsc == 4106
    # what is said at the old place of its end changes nothing
    assert e.update("/cse-in/ae-Sapp", {"m2m:ae": {"lbl": ["left behind"]}}).rsc == 2004
    assert e.delete("/cse-in/ae-Sapp").rsc == 2002
    time.sleep(0.5)
    assert user.retrieve("/~/Sapp/box/la").json["m2m:cin"]["con"] == "moved"
    # it leaves: nobody is found, and nobody else's CSE may say otherwise
    before = said(w, "/mn-2")
    assert moved.delete("/cse-in/ae-Sapp").rsc == 2002
    until(lambda: said(w, "/mn-2") > before)
    assert user.retrieve("/~/Sapp/box").rsc == 4004
    refused = [r for r in w.inn.audit() if r.get("from") == "//demo.example/mn-1" and r.get("rsc") == 4103]
    assert refused and "CSE of its original" in str(refused), refused
    assert w.mallory.update("/~/in-cse/Sapp", lnk("Sapp", "/mallory")).rsc == 4126


def test_while_the_in_cse_is_away(world):
    """Nobody registers by an AE-ID that cannot be compared; who leaves meanwhile is told of later, and who comes back
    before that is where it is."""
    w, one = world, world.mns[0]
    e, gone = w.entity(one, "Sback"), w.entity(one, "Sgone")
    w.names("mn-1", "Sback", "Sgone", "Snext", apci=["*"])
    user = next(x for x in w.made if x.originator == "Cuser")
    for x in (e, gone):
        assert x.register().rsc == 2001
        opened(x)
        assert user.retrieve(f"/~/{x.originator}/box").rsc == 2000
    nxt = w.entity(one, "Snext")
    user.close(), w.mallory.close(), w.provider.close()
    assert w.inn.stop() == 0
    a = nxt.register()
    assert a.rsc == 5103 and nxt.retrieve("/cse-in/ae-Snext").rsc == 4004, a
    for x in (e, gone):
        assert x.delete(f"/cse-in/ae-{x.originator}").rsc == 2002
    w.inn.start()
    until(lambda: nxt.register().rsc == 2001)
    assert e.register().rsc == 2001
    opened(e)
    until(lambda: user.retrieve("/~/Sgone/box").rsc == 4004)
    assert user.retrieve("/~/Sback/box").rsc == 2000
    time.sleep(1)
    assert user.retrieve("/~/Sback/box").rsc == 2000
