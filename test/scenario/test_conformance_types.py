"""Each type against the table of its attributes [TS-0004 7.4]: what is mandatory, optional or
not present in a Create and in an Update, and values of the wrong kind. The tables are the standard's
(test/vectors/onem2m/resource_attributes.tsv), read here, not the program's rows."""
import csv, http.client, itertools

import pytest
from lab import AE, Lab, Reply
from node import TOP, Node, encode

OWN = {"acr": [{"acor": ["CAdmin"], "acop": 63}]}
ALWAYS = "* * * * * * *"
# type: number, member, what a Create needs at least, parent
LEAST = {
    "accessControlPolicy": (1, "acp", {"pv": OWN, "pvs": OWN}, "ae"),
    "AE": (2, "ae", AE, "cb"),
    "container": (3, "cnt", {}, "ae"),
    "contentInstance": (4, "cin", {"con": "x"}, "ae/c"),
    "eventConfig": (7, "evcg", {"evt": 1}, "cb/g"),
    "group": (9, "grp", {"mnm": 2, "mid": ["cse-in/home"]}, "ae"),
    "locationPolicy": (10, "lcp", {"los": 2}, "cb"),
    "m2mServiceSubscriptionProfile": (11, "mssp", {}, "cb"),
    "mgmtCmd": (12, "mgc", {"cmt": 1, "ext": "cse-in/n"}, "cb"),
    "node": (14, "nod", {"ni": "urn:dev:1"}, "cb"),
    "schedule": (18, "sch", {"se": {"sce": [ALWAYS]}}, "ae/c/s"),
    "serviceSubscribedAppRule": (19, "asar", {}, "cb"),
    "serviceSubscribedNode": (20, "svsn", {"ni": "urn:dev:2"}, "cb/m"),
    "statsConfig": (22, "stcg", {}, "cb"),
    "subscription": (23, "sub", {"nu": ["cse-in/home"]}, "ae/c"),
    "semanticDescriptor": (24, "smd", {"dcrp": 4, "dsp": "PHJkZi8+"}, "ae"),
    "notificationTargetPolicy": (26, "ntp", {}, "cb"),
    "timeSeries": (29, "ts", {}, "ae"),
    "timeSeriesInstance": (30, "tsi", {"dgt": "20260101T000000", "con": "1"}, "ae/t"),
    "role": (31, "rol", {"rlid": "r@a.example", "tkis": "//demo.example/in-cse", "tkhd": "//demo.example/in-cse/Chome",
                         "tknb": "20260101T000000", "tkna": "20300101T000000"}, "ae"),
    "token": (32, "tk", {"tkid": "t@a.example", "tkob": "YQ.YQ.YQ"}, "ae"),
    "dynamicAuthorizationConsultation": (34, "dac", {"dae": True, "dap": ["http://127.0.0.1:9/"]}, "ae"),
    "firmware": (13, "fwr", {"mgd": 1001, "vr": "1", "fwn": "f", "url": "https://a.example/f", "ud": False}, "n"),
    "software": (13, "swr", {"mgd": 1002, "vr": "1", "swn": "s", "url": "https://a.example/s"}, "n"),
    "memory": (13, "mem", {"mgd": 1003, "mma": 1, "mmt": 2}, "n"),
    "areaNwkInfo": (13, "ani", {"mgd": 1004, "ant": "t", "ldv": ["d"]}, "n"),
    "areaNwkDeviceInfo": (13, "andi", {"mgd": 1005, "dvd": "d", "dvt": "t", "awi": "cse-in/n"}, "n"),
    "battery": (13, "bat", {"mgd": 1006, "btl": 50, "bts": 1}, "n"),
    "deviceInfo": (13, "dvi", {"mgd": 1007, "dlb": "a:b", "man": "m", "mod": "o", "dty": "d"}, "n"),
    "deviceCapability": (13, "dvc", {"mgd": 1008, "can": "c", "att": True, "cas": {"acn": "a", "sus": 1}, "cus": True}, "n"),
    "reboot": (13, "rbo", {"mgd": 1009}, "n"),
    "eventLog": (13, "evl", {"mgd": 1010, "lgt": 1, "lgd": "l", "lgst": 1}, "n"),
}
names = itertools.count(1)


def tables():
    out = {}
    with open(TOP / "test/vectors/onem2m/resource_attributes.tsv") as f:
        for row in list(csv.reader(f, delimiter="\t"))[1:]:
            if row[2] not in ("?", "") and row[3] in ("M", "O", "NP"):
                out.setdefault(row[0], []).append(row[2:6])
    for name in out:
        if LEAST.get(name, (0,))[0] == 13:
            out[name] += [r for r in out["mgmtObj"] if r[0] not in [o[0] for o in out[name]] + ["cmlk"]]
    return out


TABLES = tables()


# What the least of each type stands below, or names.
TREE = [
    ("/cse-in", 2, {"m2m:ae": dict(AE, rn="home")}),
    ("/cse-in/home", 3, {"m2m:cnt": {"rn": "c"}}),
    ("/cse-in/home/c", 23, {"m2m:sub": {"rn": "s", "nu": ["cse-in/home"]}}),
    ("/cse-in/home", 29, {"m2m:ts": {"rn": "t"}}),
    ("/cse-in", 22, {"m2m:stcg": {"rn": "g"}}),
    ("/cse-in", 11, {"m2m:mssp": {"rn": "m"}}),
    ("/cse-in", 14, {"m2m:nod": {"rn": "n", "ni": "urn:dev:0"}}),
]


class Fast(Lab):
    """One connection for all."""
    connection = None

    def ask(self, method, path, body=None, ty=None, origin="CAdmin", rvi="3", **headers):
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.node.lab_port, timeout=10)
        h = {"X-M2M-Origin": origin, "X-M2M-RI": f"f{next(names)}", "X-M2M-RVI": rvi}
        if body is not None:
            h["Content-Type"] = "application/json" + (f";ty={ty}" if ty else "")
        self.connection.request(method, path, None if body is None else encode("json", body), h)
        return Reply(self.connection.getresponse())


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory") as node:
        lab = Fast(node)
        for path, ty, body in TREE:
            assert lab.create(path, ty, body).rsc == 2001, body
        yield lab


def place(where):
    return {"cb": "/cse-in", "ae": "/cse-in/home"}.get(where.split("/")[0], "/cse-in/n") + "".join(
        "/" + p for p in where.split("/")[1:])


def make(lab, name, **more):
    ty, member, least, where = LEAST[name]
    body = {k: v for k, v in dict(least, **more).items() if v is not KeyError}
    return lab.create(place(where), ty, {"m2m:" + member: body}, "C" if ty == 2 else "CAdmin")


def wrong_values(kind):
    """Values that no table of that data type allows."""
    if kind == "xs:boolean":
        return ["true", 1]
    if kind in ("xs:nonNegativeInteger", "xs:positiveInteger", "xs:unsignedInt", "xs:unsignedLong"):
        return [-1, "1", 1.5]
    if kind in ("xs:string", "xs:anyURI", "m2m:ID", "m2m:timestamp"):
        return [5, ["x"], {}]
    if kind.startswith("list of") or kind in ("m2m:listOfURIs", "m2m:poaList", "m2m:acpType"):
        return ["x", 5]
    return []


@pytest.mark.parametrize("name", LEAST)
def test_create(lab, name):
    """7.3.3.3: mandatory ones missing, those that may not be present, unknown ones, wrong kinds."""
    a = make(lab, name)
    assert a.rsc == 2001, (name, a)
    made = a.json["m2m:" + LEAST[name][1]]
    assert lab.delete("/" + made["ri"]).rsc == 2002
    assert make(lab, name, nonsense=1).rsc == 4000
    for short, create, _, kind in TABLES[name]:
        if create == "NP":
            for value in (1, "x", None):
                assert make(lab, name, **{short: value}).rsc == 4000, (name, short, value)
        if create == "M":
            assert make(lab, name, **{short: KeyError}).rsc == 4000, (name, short)
            assert make(lab, name, **{short: None}).rsc == 4000, (name, short)
        for value in wrong_values(kind) if create != "NP" else []:
            a = make(lab, name, **{short: value})
            assert a.rsc in (4000, 5001, 4125), (name, short, value, a)


@pytest.mark.parametrize("name", LEAST)
def test_update(lab, name):
    """7.3.3.4, 7.3.3.7."""
    a = make(lab, name)
    member = "m2m:" + LEAST[name][1]
    path = "/" + a.json[member]["ri"]
    if name in ("contentInstance", "timeSeriesInstance"):
        assert lab.put(path, {member: {"lbl": ["x"]}}).rsc == 4005
    else:
        assert lab.put(path, {member: {}}).rsc == 2004
        assert lab.put(path, {member: {"nonsense": None}}).rsc == 4000
        assert lab.put(path, {"m2m:other": {}}).rsc == 4000
        for short, create, update, kind in TABLES[name]:
            if update == "NP":
                for value in (1, "x", None):
                    assert lab.put(path, {member: {short: value}}).rsc == 4000, (name, short, value)
            elif create == "M":
                assert lab.put(path, {member: {short: None}}).rsc == 4000, (name, short)
            for value in wrong_values(kind) if update != "NP" else []:
                a = lab.put(path, {member: {short: value}})
                assert a.rsc in (4000, 5001), (name, short, value, a)
        before = a.json, lab.get(path).json
        assert before[1][member].get("rn") == path[1:] or "rn" in before[1][member]
    assert lab.delete(path).rsc == 2002 and lab.get(path).rsc == 4004
