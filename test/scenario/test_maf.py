"""MAF and MEF of the node: closed until opened, for those who were admitted, each on an
association of its own [TS-0003 8.3, 8.8]. Clients are independent: python's ssl."""
import json

import pytest

from node import Node

MACR, MECR = 243, 244
BASES = [("maf", MACR, "sec:macr"), ("mef", MECR, "sec:mecr")]


@pytest.fixture(scope="module")
def node():
    with Node() as n:
        n.a = n.enrol("a", "Sa", "application")
        n.b = n.enrol("b", "Sb", "application")
        n.stranger = n.enrol("s", "Sstranger", "application")
        for base, ty, member in BASES:
            # Closed: there is nothing there, for anybody, and nobody can be admitted.
            assert n.a.retrieve("/" + base).rsc == 4004
            assert n.cli(base, "admit", "Sa", check=False)[0] == 1
            n.cli(base, "open")
            assert n.cli(base, "open", check=False)[0] == 1
            assert n.a.retrieve("/" + base).rsc == 4103
            n.cli(base, "admit", "Sa")
            n.cli(base, "admit", "Sb")
        yield n
        for e in (n.a, n.b, n.stranger):
            e.close()


def registration(admin="admin.example", **more):
    return {"adfq": admin, **more}


@pytest.mark.parametrize("base,ty,member", BASES)
def test_a_client_registers(node, base, ty, member):
    assert node.a.retrieve(f"/{base}").json[f"sec:{base}"]["ri"] == base
    made = node.a.create(f"/{base}", ty, {member: registration(lbl=["x"])})
    assert made.rsc == 2001, made
    got = made.json[member]
    assert got["cr"] == "//demo.example/Sa" and got["adfq"] == "admin.example" and got["et"]
    # Configuration retrieval, update, de-registration: by the client and by nobody else.
    where = "/" + got["ri"]
    assert node.a.retrieve(where).json[member]["lbl"] == ["x"]
    for ask in (node.b.retrieve(where), node.b.update(where, {member: {"lbl": ["y"]}}), node.b.delete(where)):
        assert ask.rsc == 4103
    assert node.a.update(where, {member: {"lbl": ["z"]}}).rsc == 2004
    assert node.a.update(where, {member: {"adfq": "other.example"}}).rsc == 4000
    # One registration a stakeholder.
    assert node.a.create(f"/{base}", ty, {member: registration()}).rsc == 4105
    other = node.a.create(f"/{base}", ty, {member: registration("other.example")})
    assert other.rsc == 2001
    listed = json.loads(node.cli("-o", "json", base, "list"))
    assert {(r["client"], r["administrator"]) for r in listed} == {
        ("//demo.example/Sa", "admin.example"), ("//demo.example/Sa", "other.example")}
    assert node.a.delete(where).rsc == 2002
    assert node.a.create(f"/{base}", ty, {member: registration()}).rsc == 2001


@pytest.mark.parametrize("base,ty,member", BASES)
def test_who_may_not(node, base, ty, member):
    stranger, b = node.stranger, node.b
    assert stranger.create(f"/{base}", ty, {member: registration()}).rsc == 4103
    assert stranger.retrieve(f"/{base}").rsc == 4103
    for bad in ({}, registration("not a name"), registration(""), registration(cr="//demo.example/Sa"),
                registration(aski="x@y")):
        assert b.create(f"/{base}", ty, {member: bad}).rsc == 4000, bad
    assert b.create(f"/{base}", 3, {"m2m:cnt": {}}).rsc in (4103, 4108)
    assert b.update(f"/{base}", {f"sec:{base}": {"lbl": []}}).rsc in (4103, 4005)
    assert b.delete(f"/{base}").rsc in (4103, 4005)
    # A client dismissed registers nothing more.
    rules = json.loads(node.cli("-o", "json", base, "clients"))
    node.cli(base, "dismiss", next(r["number"] for r in rules if "Sb" in str(r["acor"])))
    assert b.create(f"/{base}", ty, {member: registration()}).rsc == 4103
    node.cli(base, "admit", "Sb")


def test_it_survives_a_restart(node):
    made = node.b.create("/maf", MACR, {"sec:macr": registration("again.example")})
    assert made.rsc == 2001
    node.a.close(), node.b.close(), node.stranger.close()
    assert node.stop() == 0
    node.start()
    assert node.b.retrieve("/" + made.json["sec:macr"]["ri"]).rsc == 2000


def test_refusals_are_on_record(node):
    texts = [json.dumps(r) for r in node.audit()]
    assert any("TRUST_OPEN" in t for t in texts)
    assert any("Sstranger" in t and "4103" in t for t in texts)
