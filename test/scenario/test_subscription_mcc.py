"""Subscriptions between CSEs: the receiver is registered at another one, two hops away."""
import time

import pytest
pytest.importorskip("requests")

from receiver import Receiver
from test_mcc_lab import AE, csr, three, until  # noqa: F401 (a fixture)


def opened(n, name):
    acp = {"m2m:acp": {"rn": name, "pv": {"acr": [{"acor": ["all"], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CAdmin"], "acop": 63}]}}}
    rsc, got = n.create("/-", "CAdmin", 1, acp)
    assert rsc == 2001, got
    return got["m2m:acp"]["ri"]


def test_a_receiver_at_another_cse(three):
    i, m, a = three
    with Receiver() as r:
        acp = opened(i, "openr")
        ae = dict(AE, rn="receiver", rr=True, poa=[r.url + "/in"], acpi=[acp])
        assert i.create("/-", "Creceiver", 2, {"m2m:ae": ae})[0] == 2001
        assert a.create("/-", "Cwriter", 2, {"m2m:ae": dict(AE, rn="writer")})[0] == 2001
        assert a.create("/-/writer", "Cwriter", 3, {"m2m:cnt": {"rn": "box"}})[0] == 2001
        sub = {"m2m:sub": {"rn": "s", "nu": ["/id-in/Creceiver"], "enc": {"net": [3]}}}
        rsc, got = a.create("/-/writer/box", "Cwriter", 23, sub)
        assert rsc == 2001, got
        assert r.got[0].sgn["vrq"] is True and r.got[0].headers["x-m2m-origin"] == "/id-asn"
        for k in range(3):
            assert a.create("/-/writer/box", "Cwriter", 4, {"m2m:cin": {"con": str(k)}})[0] == 2001
        until(lambda: len(r.got) == 4)
        assert [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in r.got[1:]] == ["0", "1", "2"]
        assert all(g.sgn["sur"].startswith("/id-asn/sub") and g.path == "/in" for g in r.got[1:])
        # the CSE where the receiver is registered decides whether it takes them
        assert i.ask("DELETE", "/-/openr", "CAdmin")[0] == 2002
        assert a.create("/-/writer/box", "Cwriter", 4, {"m2m:cin": {"con": "late"}})[0] == 2001
        time.sleep(1)
        assert len(r.got) == 4
        # and nobody is there who does not exist
        assert a.create("/-/writer/box", "Cwriter", 23, {"m2m:sub": {"rn": "t", "nu": ["/id-in/Cnobody"], "enc": {"net": [3]}}})[0] == 5204
        assert a.create("/-/writer/box", "Cwriter", 23, {"m2m:sub": {"rn": "t", "nu": ["/id-nowhere/C1"], "enc": {"net": [3]}}})[0] == 5204
