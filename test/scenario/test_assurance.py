"""Levels of assurance: asked for by rules, computed from evidence, raised within a live
association, lost again when the evidence is gone."""
import json, time

from node import Node


def level(node, entity):
    rows = json.loads(node.cli("-o", "json", "association", "list"))
    return {r["credential"]: (r["assurance"], r["number"]) for r in rows if r["entity"].endswith("/" + entity.originator)}


def require(node, *argv):
    return json.loads(node.cli("-o", "json", "assurance", "require", *argv))["number"]


def valve(door, *more):
    e = door.entity("C", True, *more)
    assert e.create(e.root, 3, {"m2m:cnt": {"rn": "valve"}}).rsc == 2001
    return e


def test_a_rule_asks_for_a_level_and_says_what_is_missing(door):
    e, node = valve(door), door.node
    where = e.root[1:] + "/valve"
    assert e.create(e.root + "/valve", 4, {"m2m:cin": {"con": "open"}}).rsc == 2001
    number = require(node, "3", where, "--operations", "CUD")
    a = e.create(e.root + "/valve", 4, {"m2m:cin": {"con": "shut"}})
    assert a.rsc == 4103 and "level of assurance 3 is needed, it is 2" in a.json["m2m:dbg"], a
    assert e.delete(e.root + "/valve").rsc == 4103
    assert any("level of assurance 3" in json.dumps(r) for r in node.audit())
    node.cli("assurance", "remove", str(number))


def test_reading_and_discovery_are_ruled_too(door):
    e, node = valve(door), door.node
    where = e.root[1:] + "/valve"
    e.create(e.root + "/valve", 4, {"m2m:cin": {"con": "secret"}})

    def found():
        a = e.retrieve(e.root + "?fu=1")
        assert a.rsc == 2000, a
        return [u for u in a.json["m2m:uril"] if "valve" in u]

    assert len(found()) == 2, found()
    number = require(node, "4", where)
    assert e.retrieve(e.root + "/valve/la").rsc == 4103
    assert not found()
    a = e.retrieve(e.root + "?rcn=4")
    assert a.rsc == 2000 and b"valve" not in a.body, a
    node.cli("assurance", "remove", str(number))
    assert e.retrieve(e.root + "/valve/la").rsc == 2000 and len(found()) == 2


def test_an_operator_lifts_a_good_key_for_a_while_but_not_one_in_software(door):
    strong, weak, node = valve(door, "--protection", "2"), valve(door), door.node
    numbers = [require(node, "3", e.root[1:] + "/valve") for e in (strong, weak)]
    for e, before in ((strong, 4103), (weak, 4103)):
        assert e.retrieve(e.root + "/valve").rsc == before
        (_, number), = level(node, e).values()
        said = node.cli("association", "approve", str(number), "--minutes", "1")
        assert f"its level of assurance is {3 if e is strong else 2} " in said, said
    assert strong.retrieve(strong.root + "/valve").rsc == 2000
    assert weak.retrieve(weak.root + "/valve").rsc == 4103
    (worth, number), = level(node, strong).values()
    assert worth == 3
    out = node.cli("association", "show", str(number))
    assert "operator, user" in out and "tamper-resistant" in out, out
    strong.close()  # the approval dies with the association
    assert strong.retrieve(strong.root + "/valve").rsc == 4103
    for n in numbers:
        node.cli("assurance", "remove", str(n))


def test_a_second_factor_is_a_second_association_of_the_same_entity(door):
    e, node = valve(door, "--protection", "3", "--bound"), door.node
    number = require(node, "4", e.root[1:] + "/valve")

    def second(name, ident, *more):
        other = node.enrol(name, ident, "device", True, "--identity", f"{name}@demo.example", *more)
        other.serialisation = door.serialisation
        door.entities.append(other)
        return other

    n = e.originator
    uicc = second(f"uicc-{n}", n, "--factor", "network", "--protection", "3", "--bound", "--environment", f"uicc {n}")
    stranger = second(f"other-{n}", n + "x", "--factor", "network", "--protection", "3", "--bound")
    assert e.retrieve(e.root + "/valve").rsc == 4103
    assert stranger.retrieve("/cse-in/absent").rsc in (4004, 4103, 4106)
    assert e.retrieve(e.root + "/valve").rsc == 4103  # the second factor of somebody else
    assert uicc.retrieve(e.root).rsc == 2000
    assert e.retrieve(e.root + "/valve").rsc == 2000
    uicc.close()
    for _ in range(50):
        if e.retrieve(e.root + "/valve").rsc == 4103:
            break
        time.sleep(0.1)
    assert e.retrieve(e.root + "/valve").rsc == 4103  # it decays with its association
    assert uicc.retrieve(e.root).rsc == 2000 and e.retrieve(e.root + "/valve").rsc == 2000
    node.cli("revoke", f"12-uicc-{n}@demo.example")
    assert e.retrieve(e.root + "/valve").rsc == 4103
    node.cli("assurance", "remove", str(number))


def test_two_keys_in_one_environment_are_one_factor(one):
    e, node = valve(one, "--protection", "2", "--environment", "the one chip"), one.node
    number = require(node, "3", e.root[1:] + "/valve")
    n = e.originator
    twin = node.enrol(f"twin-{n}", n, "device", True, "--identity", f"twin-{n}@demo.example",
                      "--factor", "network", "--protection", "2", "--environment", "the one chip")
    one.entities.append(twin)
    assert twin.retrieve(e.root).rsc == 2000
    assert e.retrieve(e.root + "/valve").rsc == 4103
    node.cli("assurance", "remove", str(number))


def test_a_proof_ages():
    with Node(options="assurance.proof_time = 60\nstore.engine = memory") as node:
        e = node.enrol("lamp", "Clamp")
        assert e.register().rsc == 2001
        (worth, number), = level(node, e).values()
        assert worth == 2
        until = node.cli("-o", "json", "association", "show", str(number))
        row = json.loads(until)[0]
        assert row["until"] <= int(time.time() * 1000) + 60000
        e.close()


def test_bad_rules_are_refused(one):
    for argv in (["1", "cse-in"], ["5", "cse-in"], ["3", ""], ["x", "cse-in"], ["3", "cse-in", "--operations", "Z"],
                 ["3", "cse-in", "--outside", "10.0.0.0/99"], ["3", "cse-in", "--during", "* *"]):
        code, out = one.node.cli("assurance", "require", *argv, check=False)
        assert code != 0, (argv, out)
    assert one.node.cli("assurance", "remove", "999", check=False)[0] == 1
    assert one.node.cli("association", "approve", "12345", check=False)[0] == 1


def test_rules_survive_a_restart():
    with Node() as node:
        e = node.enrol("lamp", "Clamp")
        assert e.register().rsc == 2001
        require(node, "3", "cse-in/ae-Clamp", "--operations", "R")
        assert e.retrieve("/cse-in/ae-Clamp").rsc == 4103
        e.close()
        assert node.stop() == 0
        node.start()
        assert e.retrieve("/cse-in/ae-Clamp").rsc == 4103
        e.close()
