"""Access to the CSEBase itself: nobody's, until the operator grants it; his grant can be
taken back, and acts at once."""
import json

from node import Node

NODE = {"m2m:nod": {"rn": "n1", "ni": "1.2.3", "hcl": "/in-cse"}}


def rules(node):
    return json.loads(node.cli("-o", "json", "access", "list"))


def test_nobody_until_granted_and_nobody_after(door):
    e, other, node = door.entity(), door.entity(), door.node
    assert e.retrieve("/cse-in").rsc == 4103
    assert e.create("/cse-in", 14, NODE).rsc == 4103
    node.cli("access", "grant", e.originator, "--operations", "CR", "--types", "14,1")
    number = len(rules(node))
    assert e.retrieve("/cse-in").rsc == 2000
    assert e.create("/cse-in", 14, {"m2m:nod": {**NODE["m2m:nod"], "rn": "n-" + e.originator}}).rsc == 2001
    assert e.create("/cse-in", 3, {"m2m:cnt": {"rn": "x"}}).rsc == 4103  # a type that was not granted
    assert e.retrieve("/cse-in?fu=1").rsc == 4103                       # an operation that was not
    assert e.delete("/cse-in").rsc in (4103, 4005)
    assert other.retrieve("/cse-in").rsc == 4103                        # somebody else
    node.cli("access", "withdraw", str(number))
    assert e.retrieve("/cse-in").rsc == 4103


def test_the_policy_is_the_nodes_own(door):
    e, node = door.entity(), door.node
    node.cli("access", "grant", e.originator, "--operations", "CRUDNL")
    for answer in (e.retrieve("/cse-in/base-access"), e.delete("/cse-in/base-access"),
                   e.update("/cse-in/base-access", {"m2m:acp": {"pv": {"acr": []}}})):
        assert answer.rsc == 4103
    node.cli("access", "withdraw", str(len(rules(node))))


def test_bad_grants(one):
    before = rules(one.node)
    for argv in (["x y\n", "--operations", "R"], ["all"], ["all", "--operations", "Z"],
                 ["all", "--operations", "R", "--types", "a"], ["", "--operations", "R"]):
        assert one.node.cli("access", "grant", *argv, check=False)[0] != 0, argv
    assert one.node.cli("access", "withdraw", "99", check=False)[0] == 1
    assert rules(one.node) == before


def test_it_survives_a_restart():
    with Node() as node:
        e = node.enrol("app", "Sapp", "application")
        assert e.register().rsc == 2001
        node.cli("access", "grant", "Sapp", "--operations", "R")
        e.close()
        assert node.stop() == 0
        node.start()
        assert e.retrieve("/cse-in").rsc == 2000
        e.close()
