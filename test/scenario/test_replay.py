"""A repeated request is not executed again; survives a restart."""
import time

from node import Node


def stamp(offset=0):
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + offset))


def instances(e):
    return e.retrieve(e.root + "/c").json["m2m:cnt"]["cni"]


def test_a_repeated_create_gives_the_first_answer_once_more(door):
    e = door.entity()
    e.create(e.root, 3, {"m2m:cnt": {"rn": "c"}})
    body = {"m2m:cin": {"con": "pay 5"}}
    first = e.create(e.root + "/c", 4, body, rqi="pay-1")
    again = e.create(e.root + "/c", 4, body, rqi="pay-1")
    assert first.rsc == again.rsc == 2001
    assert first.json["m2m:cin"]["ri"] == again.json["m2m:cin"]["ri"]
    assert instances(e) == 1
    e.close()
    again = e.create(e.root + "/c", 4, body, rqi="pay-1")   # a new association
    assert again.rsc == 2001 and instances(e) == 1


def test_the_same_identifier_with_other_content_is_refused(door):
    e = door.entity()
    e.create(e.root, 3, {"m2m:cnt": {"rn": "c"}})
    assert e.create(e.root + "/c", 4, {"m2m:cin": {"con": "pay 5"}}, rqi="pay-1").rsc == 2001
    assert e.create(e.root + "/c", 4, {"m2m:cin": {"con": "pay 500"}}, rqi="pay-1").rsc == 4105
    assert e.delete(e.root + "/c", rqi="pay-1").rsc == 4105
    assert instances(e) == 1


def test_outside_the_window_is_refused(door):
    e = door.entity()
    e.create(e.root, 3, {"m2m:cnt": {"rn": "c"}})
    body = {"m2m:cin": {"con": "x"}}
    assert e.create(e.root + "/c", 4, body, headers={"X-M2M-OT": stamp(-3600)}).rsc == 4008
    assert e.create(e.root + "/c", 4, body, headers={"X-M2M-OT": stamp(3600)}).rsc == 4008
    assert e.create(e.root + "/c", 4, body, headers={"X-M2M-OT": stamp()}).rsc == 2001
    assert instances(e) == 1


def test_strict_requires_a_timestamp(door):
    e = door.entity("C", False, "--replay", "strict")
    ae = {"m2m:ae": {"rn": "ae-" + e.originator, "api": "Nx", "rr": False, "srv": ["3"]}}
    assert e.create("/cse-in", 2, ae).rsc == 4000
    assert e.create("/cse-in", 2, ae, headers={"X-M2M-OT": stamp()}).rsc == 2001


def test_the_window_survives_a_restart():
    with Node() as node:
        e = node.enrol("d", "Cdev")
        e.root = "/cse-in/ae-Cdev"
        e.register()
        e.create(e.root, 3, {"m2m:cnt": {"rn": "c"}})
        first = e.create(e.root + "/c", 4, {"m2m:cin": {"con": "x"}}, rqi="once")
        assert first.rsc == 2001
        e.close()
        assert node.stop() == 0
        node.start()
        again = e.create(e.root + "/c", 4, {"m2m:cin": {"con": "x"}}, rqi="once")
        assert again.rsc == 2001 and again.json["m2m:cin"]["ri"] == first.json["m2m:cin"]["ri"]
        assert instances(e) == 1
        assert e.create(e.root + "/c", 4, {"m2m:cin": {"con": "y"}}, rqi="once").rsc == 4105
        e.close()
