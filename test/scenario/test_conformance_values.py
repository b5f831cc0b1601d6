"""Each attribute of each type by its data type [TS-0004 6.3.3-6.3.5, 7.4]: values that it allows, those just outside,
other kinds, lists of none, one and many. The tables of attributes are the standard's (see
test_conformance_types.py); the values of each data type stand here, what a type says beyond that in OWN_WORDS."""
import csv

import pytest
from node import TOP, Node
from test_conformance_types import ALWAYS, LEAST, OWN, TREE, Fast, place

LINK = [{"nm": "a", "typ": 1013, "val": "cse-in/n"}]
SOON, LATER, PAST = "20300101T000000", "20310203T040506,123456", "20200101T000000"
MORE = {
    "remoteCSE": (16, "csr", {"cb": "/mnx/cse", "rr": False, "srv": ["3"]}, "cb"),
    "pollingChannel": (15, "pch", {}, "ae"),
    "statsCollect": (21, "stcl", {"cei": "CAdmin", "srs": 2, "sm": 1}, "cb"),
    "notificationTargetMgmtPolicyRef": (25, "ntpr", {"ntu": ["cse-in/other"]}, "ae/c/s"),
    "policyDeletionRules": (27, "pdr", {}, "cb/p"),
    "authorizationDecision": (35, "auds", {}, "cb"),
    "authorizationPolicy": (36, "aupy", {}, "cb"),
    "authorizationInformation": (37, "auif", {}, "cb"),
    "triggerRequest": (47, "tgr", {"mei": "1@a.example", "tri": 1, "tvt": "PT1H"}, "cb"),
    "crossResourceSubscription": (48, "crs", {"rrat": ["cse-in/home/c"], "encs": {"encn": [{"net": [1]}]}, "twt": 1,
                                              "tws": "PT10S", "nu": ["cse-in/home"]}, "cb"),
    "flexContainer": (28, "cod:binSh", {"cnd": "org.onem2m.common.moduleclass.binarySwitch", "powSe": True}, "ae"),
    "cmdhPolicy": (13, "cmp", {"mgd": 1011, "cpn": "x", "cmlk": LINK}, "n"),
    "activeCmdhPolicy": (13, "acmp", {"mgd": 1012, "acmlk": "cse-in/n"}, "n"),
    "cmdhDefaults": (13, "cmdf", {"mgd": 1013, "cmlk": LINK}, "n"),
    "cmdhDefEcValue": (13, "cmdv", {"mgd": 1014, "od": 1, "dev": 2, "ror": ["Cx"]}, "n"),
    "cmdhEcDefParamValues": (13, "cmpv", {"mgd": 1015, "aec": [2], "dqet": 1, "dset": 1, "doet": 1, "drp": 1, "dda": True}, "n"),
    "cmdhLimits": (13, "cml", {"mgd": 1016, "od": 1, "ror": ["Cx"], "lec": [2], "lqet": [1, 2], "lset": [1, 2],
                               "loet": [1, 2], "lrp": [1, 2], "lda": [True]}, "n"),
    "cmdhNetworkAccessRules": (13, "cmnr", {"mgd": 1017, "aecs": [0]}, "n"),
    "cmdhNwAccessRule": (13, "cmwr", {"mgd": 1018, "ttn": ["Cx"], "mrv": 0, "swt": 0, "cmlk": LINK,
                                      "bop": {"bops": [{"ibt": 1, "abt": 1, "mbt": 1}]}}, "n"),
    "cmdhBuffer": (13, "cmbf", {"mgd": 1019, "aec": [0], "mbfs": 1, "sgp": 1}, "n"),
}
TYPES = dict(LEAST, **MORE)
ORIGINS = {2: "C", 16: "/mnx"}
# What the file's tables print in the wrong column, by name.
SHIFTED = {
    "mgmtCmd": dict(dc="size256", cmt="m2m:cmdType", exra="m2m:execReqArgsListType", exe="xs:boolean", ext="m2m:nodeID",
                    exm="m2m:execModeType", exf="xs:duration", exy="xs:duration", exn="xs:nonNegativeInteger"),
    "semanticDescriptor": {"dcrp": "m2m:semanticFormat", "dsp": "xs:base64Binary", "or": "xs:anyURI",
                           "rels": "list of xs:anyURI", "svd": "xs:boolean", "vlde": "xs:boolean"},
    "cmdhEcDefParamValues": dict(aec="list of m2m:eventCatWithDef", dqet="xs:long", dset="xs:long", doet="xs:long",
                                 drp="xs:long", dda="xs:boolean"),
}
ONCE = {("cmdhEcDefParamValues", "obis"), ("cmdhEcDefParamValues", "obps")}
COMMON = {"lbl": "m2m:labels", "acpi": "acpi", "et": "et", "aa": "aa", "cr": "cr", "obis": "list of xs:anyURI",
          "obps": "list of xs:anyURI", "dc": "xs:string"}
NO_TIME = ["2030", "20301301T000000", "20300132T000000", "20300101T250000", "20300101T000000Z", "20300101T000000.5",
           "20300101T000000,1234567", "2030-01-01T00:00:00", "", 20300101]
NAMED = ["a1.b_c-D@role-issuer.com"], ["x", "a@B.com", "a!@b.com", "a b@c.com", "@b.com", "a@", 5]
TEXT = ["x", "\u00fc  x", ""], [5, True, ["x"], {}]
SECOND = {"se": [{"sce": [ALWAYS]}]}
DATA = {  # allowed, not allowed
    "xs:string": TEXT, "size256": (["\u00fc" * 256], ["\u00fc" * 257, 5]), "m2m:nodeID": TEXT, "m2m:externalID": TEXT,
    "m2m:locationTargetID": TEXT, "xs:token": (["x"], [5, True, ["x"]]),
    "xs:boolean": ([True, False], ["true", 1, 0, [True], {}]),
    "xs:nonNegativeInteger": ([0, 1, 4294967296], [-1, "1", 1.5, True, [1]]),
    "xs:positiveInteger": ([1, 7], [0, -1, "1", 1.5, True, [1]]),
    "xs:unsignedInt": ([0, 4294967295], [4294967296, -1, "1", 1.5]),
    "xs:unsignedLong": ([0, 18446744073709551615], [-1, "1", 1.5]),
    "xs:long": ([0, -1, 5], ["1", 1.5, True]),
    "m2m:triggerRecipientID": ([0, 65535], [65536, -1, "1", 1.5]),
    "xs:duration": (["PT5S", "P1D", "P1Y2M3DT4H5M6S", "PT0.5S"], ["5", "P", "PT", "PT5", "P1S", "P1DT", "PT5S6M", "", 5]),
    "xs:anyURI": (["http://a.example/x?q=1#f", "cse-in/home"], [5, True, ["x"], {}]),
    "m2m:timestamp": ([SOON, LATER], NO_TIME), "m2m:absRelTimestamp": ([SOON, "3600000"], ["2030x", "", True, [1]]),
    "m2m:ID": (["Cx", "/id-in/Cx", "//demo.example/id-in/Cx"], ["", 5, "a b", ["x"]]),
    "xs:base64Binary": (["YQ=="], ["a", 5, "Y!=="]), "m2m:roleID": NAMED, "m2m:tokenID": NAMED,
    "m2m:dynAuthJWT": (["YQ.YQ.YQ", "YQ..YQ", "YQ.YQ.YQ.YQ.YQ", "YQ...YQ."],
                       ["YQ", "YQ.YQ", ".YQ.YQ", "YQ.YQ.", "YQ.Y=.YQ", "YQ.YQ.YQ.YQ", "YQ.YQ.YQ..YQ", "YQ.YQ.YQ.YQ.YQ.YQ", 5]),
    "m2m:resourceType": ([3], [0, 33, 9999, "3", -1]),
    "m2m:eventCat": ([2, 3, 4, 100, 999], [0, 5, 99, 1000, "2", -1]),
    "m2m:contentInfo": (["application/xml:1", "application/xml:1:5", "text/plain:0"],
                        ["application/xml:", "application/xml:3", "application/xml:1:6", "application:1", 5, ":1"]),
    "m2m:ipAddress": ([{"ip4": "10.0.0.1"}, {"ip6": "::1"}], [{}, {"ip4": "x"}, 5]),
    "m2m:locationRegion": ([{"accc": ["KR"]}, {"accr": [90, 180, 10.5]}, {"accr": [-90, -180, 0]}],
                           [{}, {"accc": ["KOR"]}, {"accc": []}, {"accr": [1, 2]}, {"accr": [1, 2, 3, 4]}, {"accr": [90.5, 0, 1]},
                            {"accr": [-91, 0, 1]}, {"accr": [0, 181, 1]}, {"accr": [0, 0, -1]}, {"accc": ["KR"], "accr": [1, 2, 3]}]),
    "m2m:setOfAcrs": ([OWN], [5, [], {"x": 1}]),
    "m2m:scheduleEntries": ([{"sce": [ALWAYS]}, {"sce": ["59 59 23 31 12 6 2000", "0 0 0 1 1 0 9999"]}],
                            [{}, {"sce": []}, {"sce": ["* * * * * *"]}, {"sce": ALWAYS}, ALWAYS] + [{"sce": [" ".join(
                                ["*"] * i + [x] + ["*"] * (6 - i))]} for i, x in enumerate(["60", "60", "24", "32", "13", "7", "1999"])]),
    "m2m:actionStatus": ([{"acn": "http://a.example/x", "sus": 1}, {"sus": 0}, {"sus": 3}], [{"sus": 4}, {"x": 1}, 5, {"acn": 5}]),
    "m2m:batchNotify": ([{"num": 3, "dur": "PT5S"}], [{"num": -1}, {"dur": "x"}, 5, {"x": 1}]),
    "m2m:rateLimit": ([{"mnn": 3, "tww": "PT1S"}], [{}, {"mnn": 1}, {"tww": "PT1S"}, {"mnn": -1, "tww": "PT1S"}, {"mnn": 1, "tww": "x"}]),
    "m2m:contentRef": ([{"urir": [{"nm": "a", "uri": "cse-in/home/c"}]}],
                       [{}, {"urir": []}, {"urir": [{"nm": "a"}]}, {"urir": [{"nm": "a b", "uri": "x"}]}, {"urir": [{"nm": "a", "uri": "x"}, {"nm": "a", "uri": "y"}]}, 5]),
    "m2m:mgmtLinkRef": ([LINK], [{}, 5, [{"typ": 1013, "val": "x"}], [{"nm": "a", "val": "x"}], [{"nm": "a", "typ": 1013}],
                                 [{"nm": "a b", "typ": 1013, "val": "cse-in/n"}]]),
    "m2m:backOffParameters": ([{"bops": [{"nwa": 5, "ibt": 1, "abt": 1, "mbt": 1, "rbt": 1}]}],
                              [{}, {"bops": []}, {"bops": [{"nwa": 6, "ibt": 1, "abt": 1, "mbt": 1}]}, {"bops": [{"ibt": 1, "abt": 1}]}]),
    "m2m:deletionContexts": ([{"tod": [ALWAYS]}, {"lr": [{"accc": ["KR"]}]}], [{"tod": []}, {"lr": []}, {"tod": ["x"]}, 5]),
    "m2m:e2eSecInfo": ([{"esf": [10, 45]}, {"esf": [12], "escert": ["YQ=="]}],
                       [{}, {"esf": []}, {"esf": [9]}, {"esf": [16]}, {"esf": [46]}, {"esf": [12], "escert": ["!"]}, {"esf": [12], "escert": [""]}]),
    "m2m:activityPatternElements": ([{"apt": [dict(SECOND, sti=2, dsi=1)]}],
                                    [{"apt": [{"sti": 1}]}, {"apt": [dict(SECOND, sti=3)]}, {"apt": [dict(SECOND, dsi=0)]}, 5]),
    "m2m:tokenPermissions": ([{"pm": [{"ris": ["cse-in/home"], "pv": OWN, "rids": ["a@b.com"]}]}], [{"pm": [{"rids": ["x"]}]}, 5]),
    "m2m:eventNotificationCriteria": ([{"net": [3], "chty": [4]}, {"om": [{"ops": 1}]}, {"atr": ["lbl"], "sts": 1, "stb": 0, "szb": 1}],
                                      [{"net": [0]}, {"net": [11]}, {"net": 1}, {"sts": 0}, {"szb": 0}, {"stb": -1}, {"crb": "x"},
                                       {"chty": [9999]}, {"om": [{}]}, {"om": [{"ops": 0}]}, {"om": [{"ops": 64}]}, {"fo": 0}, {"x": 1}, 5]),
    "m2m:eventNotificationCriteriaSet": ([{"encn": [{"net": [1]}]}], [{}, {"encn": []}, {"encn": [{"net": [0]}]}, 5]),
    "m2m:filterCriteria": ([{"fu": 1}], [5, "x"]), "m2m:execReqArgsListType": ([], [5, "x"]), "m2m:specializationType": ([], [{}, {"mgd": 1001, "cnd": "x"}]),
    "xs:anyType": ([], []), "xs:anySimpleType": (["x", 5, True, 1.5], [{}, []]), "m2m:sparql": ([], []),
    "m2m:listOfMinMax": ([[10, 2560], [-1, -1], [0, -1]], [[], [1], [1, 2, 3], "x", [1.5, 2], ["1", "2"], [-2, 5], 5]),
    "restricted list of xs:boolean": ([[True], [False, True]], [[], [1], ["true"], True]),
    "m2m:memberType": ([0, 3, 20001], [33, 9999, -1, "0"]), "acpi": ([["cse-in/open"]], [[], ["cse-in/none"], ["cse-in/home"], 5, [5]]),
    "et": ([SOON], NO_TIME + [PAST]), "aa": ([["lbl"]], ["x", 5, [5], [""], ["nonsense"]]), "cr": ([None], ["CAdmin", 5, "", []]),
}
LISTS = {  # items allowed, not allowed
    "m2m:listOfURIs": (["http://a.example/1", "cse-in/home"], [5, "", {}]),
    "m2m:poaList": (["http://172.25.0.10:8080/xyz", "mqtt://172.25.0.10:1883", "172.25.0.10", "mn.example"], [5, "", "a b", "http:// a.example"]),
    "m2m:serializations": (["json", "xml", "cbor"], [5, "", "text", "JSON"]),
    "m2m:supportedReleaseVersions": (["1", "2a", "3"], [5, "", "x", "0", 3]), "m2m:listOfM2MID": (["Cx", "/id-in/Cy"], [5, "", "a b"]),
    "list of m2m:ID": (["Cx", "/id-in/Cy"], [5, "", "a b"]), "m2m:labels": (["a", "k:v"], [5, "", {}]),
    "List of xs:duration": (["PT5S", "PT6S"], ["x", 5]), "list of m2m:deviceID": (["urn:dev:ops:1-2-3"], [5, ""]),
    "m2m:resourceTypeList": ([3, 4], [0, 33, 9999, "3", -1]), "list of m2m:operation": ([1, 5], [0, 6, "1"]),
    "list of m2m:eventCat": ([2, 100], [0, 5, 99, 1000]), "list of m2m:eventCatWithDef": ([0, 2, 100], [5, 99, 1000]),
    "list of m2m:roleID": (["a@b.com", "c@b.com"], ["x", 5, "a@B.com"]), "list of m2m:tokenID": (["a@b.com"], ["x", 5]),
    "list of m2m:dynAuthJWT": (["YQ.YQ.YQ"], ["x", 5]), "m2m:sessionCapabilities": (["audio:AVP", "video:RTS/AVP"], [5, "", "audio"]),
    "m2m:protocolList": (["application/x-alljoyn;version=1.0"], [5, ""]),
}
FILLED = {"srv", "nu", "acpi", "dap", "aec", "aecs", "lec"}  # elsewhere empty lists are read: doc/decision/042
NOT_BUILT = {"daci", "adri", "apri", "airi", "regs", "trps", "gta", "gec", "rlkl", "luec", "soe"}
SECRET = {"exra", "tkns"}
# What a type says beyond the data type: what is allowed there, what is refused, with which status.
OWN_WORDS = {
    ("AE", "api"): (["Nx", "Rx", "rx"], {"x": 4000}), ("node", "hcl"): (["csr12", "/id-mn/cse"], {"a b": 4000}),
    ("activeCmdhPolicy", "acmlk"): (["mgo12", "cse-in/n/p"], {"": 4000}),
    ("eventConfig", "evt"): ([1], {2: 4000}), ("eventConfig", "eve"): ([], {SOON: 4000}), ("eventConfig", "ds"): ([], {1: 4000}),
    ("group", "mid"): ([["cse-in/home"], []], {}), ("group", "macp"): ([["cse-in/open"]], {}), ("group", "mt"): ([0, 3], {38: 5001, 33: 4000}),
    ("locationPolicy", "los"): ([2, 3], {1: 5001}), ("locationPolicy", "lon"): (["x"], {"a b": 4000}),
    ("mgmtCmd", "cmt"): ([1, 7], {0: 6022, 8: 6022}), ("mgmtCmd", "exra"): ([], {}), ("mgmtCmd", "exe"): ([False], {True: 5001}),
    ("schedule", "nco"): ([], {True: 4102, False: 4102}), ("serviceSubscribedAppRule", "aai"): ([["Nx*", "*"]], {}),
    ("serviceSubscribedNode", "rlk"): ([], {}), ("subscription", "nu"): ([["cse-in/home"]], {}),
    ("subscription", "nct"): ([1, 2, 3], {4: 4000, 5: 4000}), ("semanticDescriptor", "dcrp"): ([2, 7], {1: 4000}),
    ("semanticDescriptor", "vlde"): ([False], {True: 5001}), ("timeSeries", "mdd"): ([False], {}),
    ("battery", "btl"): ([0, 100], {101: 4000}), ("remoteCSE", "csi"): ([], {}), ("remoteCSE", "dcse"): ([["/mny"]], {}),
    ("statsCollect", "srs"): ([2], {1: 4000}), ("notificationTargetMgmtPolicyRef", "ntu"): ([["cse-in/x"]], {}),
    ("timeSeries", "peid"): ([0, 1], {}), ("eventConfig", "eris"): ([], {}),
    ("crossResourceSubscription", "rrat"): ([], {}), ("crossResourceSubscription", "srat"): ([], {}),
    ("crossResourceSubscription", "nu"): ([["cse-in/home"]], {}),
}
ACTIONS = {"ud", "in", "un", "act", "dea", "ena", "dis", "rbo", "far", "lga", "lgo"}  # true: 5001, no executor


def enumerations():
    """1 to the last, or from another."""
    out = {}
    for name, first, last in [("batteryStatus", 1, 7), ("logTypeId", 1, 5), ("logStatus", 1, 5), ("multicastCapability", 1, 2),
                              ("cseTypeID", 1, 3), ("consistencyStrategy", 1, 3), ("locationSource", 1, 3), ("operation", 1, 5),
                              ("locationInformationType", 1, 2), ("cmdType", 1, 7), ("execModeType", 1, 4), ("eventType", 1, 3),
                              ("pendingNotification", 1, 2), ("notificationContentType", 1, 5), ("semanticFormat", 1, 7),
                              ("notificationTargetPolicyAction", 1, 4), ("logicalOperator", 1, 2), ("statsRuleStatusType", 1, 2),
                              ("statModelType", 1, 1), ("triggerPurpose", 1, 4), ("timeWindowType", 1, 2)]:
        out["m2m:" + name] = list(range(first, last + 1)), [last + 1, first - 1, -1, "1", 1.5, [1]]
    return out


def tables():
    out = {}
    with open(TOP / "test/vectors/onem2m/resource_attributes.tsv") as f:
        for row in list(csv.reader(f, delimiter="\t"))[1:]:
            if row[3] in ("M", "O"):
                out.setdefault(row[0], []).append((row[2], row[3], row[4], row[5]))
    for name, (ty, *_) in TYPES.items():
        if ty == 13:
            out[name] += [r for r in out["mgmtObj"] if r[0] not in [o[0] for o in out[name]] + ["cmlk", "mgs"]]
    return out


ENUMERATIONS, TABLES = enumerations(), tables()


def values(name, short, kind):
    """Allowed values, and what is not: value and status."""
    kind = SHIFTED.get(name, {}).get(short) or COMMON.get(short) or kind.replace("List of m2m", "list of m2m")
    kind = {"list of xs:anyURI": "m2m:listOfURIs"}.get(kind, kind)
    if kind in LISTS:
        items, wrong = LISTS[kind]
        good, bad = [items[:1], items], ["x", 5, {}] + [[x] for x in wrong] + ([[]] if short in FILLED else [])
    else:
        good, bad = DATA.get(kind) or ENUMERATIONS[kind]
    refused = [(x, 4000) for x in bad]
    if (name, short) in OWN_WORDS:
        good, more = OWN_WORDS[name, short]
        refused = [] if short in ("cmt", "mt") else [(x, s) for x, s in refused if x not in good]
        refused += list(more.items())
        refused = [(x, s) for x, s in refused if name != "schedule" or short != "nco" or s != 4000]
    if TYPES[name][0] == 13 and short in ACTIONS:
        good, refused = [False], refused + [(True, 5001)]
    return good, refused


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory\nlab.remote_cses = /mnx,/mny") as node:
        lab = Fast(node)
        for path, ty, body in [*TREE, ("/cse-in", 26, {"m2m:ntp": {"rn": "p"}}),
                               ("/cse-in", 1, {"m2m:acp": {"rn": "open", "pv": {"acr": [{"acor": ["all"], "acop": 63}]}, "pvs": OWN}})]:
            assert lab.create(path, ty, body).rsc == 2001, body
        yield lab


def member_of(name):
    member = TYPES[name][1]
    return member if ":" in member else "m2m:" + member


def make(lab, name, **more):
    ty, _, least, where = TYPES[name]
    body = {k: v for k, v in dict(least, **more).items() if v is not KeyError}
    a = lab.create(place(where), ty, {member_of(name): body}, ORIGINS.get(ty, "CAdmin"))
    made = a.json[member_of(name)] if a.rsc == 2001 else {}
    return a, made


def together(name, checked, update):
    """Sets of allowed values: the first of each attribute, the second ..., and one by one what does not go together."""
    found = {short: values(name, short, kind)[0] for short, kind in checked}
    found = {short: [x for x in good if not update or x is not None] for short, good in found.items()}
    return [{s: good[min(i, len(good) - 1)] for s, good in found.items() if good} for i in range(max(map(len, found.values())))]


@pytest.mark.parametrize("name", TYPES)
def test_create(lab, name):
    checked = []
    for short, create, _, kind in TABLES[name]:
        if short in NOT_BUILT:
            assert create != "O" or make(lab, name, **{short: ["cse-in/x"]})[0].rsc == 5001, (name, short)
        elif short not in ("?", "rn", "at", "mgd", "cnd", "mgs"):
            checked.append((short, create, kind))

    def allowed(some):
        a, made = make(lab, name, **some)
        if a.rsc != 2001 and len(some) > 1:
            return all(allowed({s: x}) for s, x in some.items())
        assert a.rsc == 2001, (name, some, a)
        shown = lab.get("/" + made["ri"]).json
        differ = [(k, v, shown[member_of(name)].get(k)) for k, v in made.items() if shown[member_of(name)].get(k) != v]
        assert not differ and shown == a.json, (name, some, differ)
        assert all(s in SECRET or made[s] == x or x is None for s, x in some.items()), (name, some, a)
        return lab.delete("/" + made["ri"]).rsc == 2002
    assert all(allowed(some) for some in together(name, [(s, k) for s, _, k in checked], False))
    for short, create, kind in checked:
        missing = [(KeyError, 4000), (None, 4000)] if create == "M" else [(None, 4000)] if short != "cr" else []
        for x, status in values(name, short, kind)[1] + missing:
            a, made = make(lab, name, **{short: x})
            assert a.rsc == status or (x is None and short == "nco"), (name, short, x, a)


@pytest.mark.parametrize("name", [n for n in TYPES if n not in ("contentInstance", "timeSeriesInstance", "triggerRequest")])
def test_update(lab, name):
    """Allowed ones stand, wrong ones change nothing, null deletes what need not be there."""
    a, made = make(lab, name)
    path, who = "/" + made["ri"], {2: made.get("aei"), 16: "/mnx"}.get(TYPES[name][0], "CAdmin")
    checked = [(s, c, k) for s, c, u, k in TABLES[name] if u == "O" and (name, s) not in ONCE and
               s not in {"?", "at", "acpi", "et"} | NOT_BUILT]

    def put(**some):
        return lab.put(path, {member_of(name): some}, who)

    def allowed(some):
        a = put(**some)
        if a.rsc != 2004 and len(some) > 1:
            return all(allowed({s: x}) for s, x in some.items())
        assert a.rsc == 2004, (name, some, a)
        shown = lab.get(path, who).json[member_of(name)]
        return all(s in SECRET or shown[s] == x for s, x in some.items())
    for some in together(name, [(s, k) for s, _, k in checked], True):
        assert allowed(some), (name, some)
    for short, create, kind in checked:
        before = lab.get(path, who).json
        for x, status in values(name, short, kind)[1]:
            a = put(**{short: x})
            assert a.rsc == status, (name, short, x, a)
        assert lab.get(path, who).json == before
        a = put(**{short: None})
        one = create == "M" or (name, short) == ("subscription", "nct")
        assert a.rsc == (4102 if short == "nco" else 4000 if one else 2004), (name, short, a)
        assert a.rsc != 2004 or short == "peid" or short not in lab.get(path, who).json[member_of(name)], (name, short)
    assert lab.delete(path, who).rsc == 2002


CHILDREN = {  # TS-0004 tables 7.4.x.1-4; announced variants and types that are not built are left out
    1: [51], 5: [14, 2, 3, 9, 1, 12, 10, 22, 21, 18, 11, 19, 26, 34, 28, 29, 31, 32, 35, 36, 37, 48, 50, 51],
    16: [3, 28, 9, 1, 15, 34, 29, 48, 50, 51], 2: [3, 9, 1, 15, 24, 34, 28, 29, 47, 48, 50, 51], 3: [4, 3, 24, 28, 29, 51],
    4: [24, 51], 23: [18, 25, 51], 18: [51], 10: [51], 9: [24, 51], 13: [24, 51], 12: [51], 14: [13, 24, 51, 18], 11: [20, 51],
    20: [51], 15: [51], 22: [7, 51], 7: [51], 21: [51], 19: [51], 25: [51], 26: [27, 51], 27: [51], 24: [51], 34: [51],
    28: [24, 3, 28, 29, 51], 29: [30, 24, 51], 30: [24, 51], 31: [51], 32: [51], 35: [51], 36: [51], 37: [31, 32, 51], 47: [51],
    48: [25, 51, 18]}
NOT_SUBSCRIBABLE = {4, 15, 23, 30, 48}
# Below more than in those tables: of other releases, and of TS-0001 9.6.38-9.6.39 (doc/decision/082).
ELSEWHERE = {(18, 2), (18, 16), (24, 5), (24, 16), (28, 14), (31, 2), (31, 16), (32, 2), (32, 16), (47, 5), (47, 16)}


@pytest.mark.parametrize("name", TYPES)
def test_children(lab, name):
    """7.3.3.3: what may stand below is judged by its content, the rest is 4108; 7.4.8.2.1: a subscription 5203."""
    parent = TYPES[name][0]
    a, made = make(lab, name)
    path, who = "/" + made["ri"], {2: made.get("aei"), 15: "CAdmin"}.get(parent, "CAdmin")
    for child in sorted({c for below in CHILDREN.values() for c in below}):
        a = lab.create(path, child, {"m2m:nothing": {}}, who)
        if child in (2, 15):  # an AE is told so wherever it is; a channel is its owner's
            assert a.rsc in ((4000, 4103) if child in CHILDREN[parent] else (4000, 4103, 4108)), (name, child, a)
        elif (child, parent) not in ELSEWHERE:
            assert a.rsc == (4000 if child in CHILDREN[parent] else 4108), (name, child, a)
    a = lab.create(path, 23, {"m2m:nothing": {}}, who)
    assert a.rsc == (5203 if parent in NOT_SUBSCRIBABLE else 4000), (name, a)
    assert lab.delete(path, "/mnx" if parent == 16 else who).rsc == 2002


ANNOUNCED = {10001: ("m2m:acpA", {"pv": OWN, "pvs": OWN}), 10002: ("m2m:aeA", {"api": "Nx"}), 10003: ("m2m:cntA", {}),
             10004: ("m2m:cinA", {}), 10009: ("m2m:grpA", {}), 10010: ("m2m:lcpA", {}), 10014: ("m2m:nodA", {}),
             10016: ("m2m:csrA", {}), 10018: ("m2m:schA", {}), 10024: ("m2m:smdA", {}), 10029: ("m2m:tsA", {}),
             10030: ("m2m:tsiA", {}), 10013: ("m2m:batA", {"mgd": 1006}),
             10028: ("cod:binShA", {"cnd": "org.onem2m.common.moduleclass.binarySwitch"})}


def test_announced(lab):
    """7.4.26: what an announced resource has to have, and what it has not."""
    assert lab.create("/cse-in", 16, {"m2m:csr": {"cb": "/mny/cse", "rr": False, "srv": ["3"]}}, "/mny").rsc == 2001
    assert lab.create("/cse-in", 10005, {"m2m:cbA": {"rn": "far", "lnk": "/mny/cse", "et": SOON}}, "/mny").rsc == 2001
    for ty, (member, must) in ANNOUNCED.items():
        good = dict(must, lnk="/mny/x", et=SOON)
        a = lab.create("/cse-in/far", ty, {member: good}, "/mny")
        assert a.rsc == 2001, (member, a)
        bad = [{k: v for k, v in good.items() if k != gone} for gone in ("lnk", *must)]
        for body in bad + [dict(good, **more) for more in ({"lnk": ""}, {"lnk": 5}, {"lnk": None}, {"at": ["/x"]}, {"aa": ["lbl"]},
                                                           {"ri": "x"}, {"nonsense": 1}, {"et": PAST})]:
            assert lab.create("/cse-in/far", ty, {member: body}, "/mny").rsc == 4000, (member, body)
        path = "/" + a.json[member]["ri"]
        assert lab.put(path, {member: {"lbl": ["x"]}}, "/mny").rsc == 2004
        for body in [{"lnk": None}, {"rn": "x"}, {"at": ["/x"]}, {"nonsense": 1}, {"et": PAST}] + [{k: None} for k in must]:
            assert lab.put(path, {member: body}, "/mny").rsc == 4000, (member, body)
