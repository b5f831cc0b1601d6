"""A subtree out of a node and into another place or node: exact, whole or not at all, sealed."""
import hashlib, json, os, re, time

import cbor2, pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node import Node, acr
from test_lab import Plain

PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trees")
    with Node(lab=True, options="store.portable = yes\nstore.engine = memory") as a, \
         Node(lab=True, options="store.portable = yes") as b:
        a.folder = b.folder = folder
        (folder / "pass").write_text(PASSPHRASE + "\n")
        for n in (a, b):
            n.admin = Plain(n, "CAdmin")
        yield a, b
        for n in (a, b):
            n.admin.close()
            assert n.stop() == 0


def tree(n, verb, *words, check=True):
    return n.cli("tree", verb, *words, "--administrator-passphrase", n.folder / "pass", check=check)


def opened(path):
    """The octets of a file, by its passphrase: independent of the command."""
    octets = path.read_bytes()
    assert octets[:8] == b"HOLDFTRE" and os.stat(path).st_mode & 0o777 == 0o600
    key = hashlib.scrypt(PASSPHRASE.encode(), salt=octets[11:43], n=1 << octets[10], r=8, p=1, dklen=32, maxmem=1 << 26)
    return AESGCM(key).decrypt(b"\0" * 12, octets[43:], octets[:43])


def sealed(plain, path):
    salt = os.urandom(32)
    head = b"HOLDFTRE\0\1" + bytes([15]) + salt
    key = hashlib.scrypt(PASSPHRASE.encode(), salt=salt, n=1 << 15, r=8, p=1, dklen=32, maxmem=1 << 26)
    path.write_bytes(head + AESGCM(key).encrypt(b"\0" * 12, plain, head))
    return path


def items(plain):
    import io
    f, found = io.BytesIO(plain), []
    while f.tell() < len(plain):
        found.append(cbor2.load(f))
    return found


def octets_of(rows):
    return b"".join(cbor2.dumps(r, canonical=True) for r in rows)


@pytest.fixture(scope="module")
def grown(two):
    """An AE with one of nearly everything below it."""
    a, _ = two
    e = Plain(a, "Cgrown")
    assert e.register("grown").rsc == 2001
    p = "/cse-in/grown"

    def make(at, ty, name, body, expect=2001):
        got = e.create(p + at, ty, {name: body})
        assert got.rsc == expect, (name, got)
        return got.json[name]

    own = [acr([e.originator], 63)]
    grp = make("", 9, "m2m:grp", {"rn": "members", "mnm": 5, "mid": ["cse-in/grown", "/in-cse/Cgrown"]})
    acp = make("", 1, "m2m:acp", {"rn": "p", "pv": {"acr": own + [acr([grp["ri"], "all"], 2, actw=["* * 8-20 * * * *"])]}, "pvs": {"acr": own}})
    make("", 3, "m2m:cnt", {"rn": "data", "mni": 5, "acpi": [acp["ri"]], "lbl": ["a:b", "ä"], "at": ["/elsewhere"]})
    for i in range(8):
        make("/data", 4, "m2m:cin", {"con": f"value {i} !i0:1:", "cnf": "text/plain:0"})
    sub = make("/data", 23, "m2m:sub", {"rn": "s", "nu": ["/in-cse/Cgrown"], "enc": {"net": [3]}, "bn": {"num": 4}})
    make("/data/s", 18, "m2m:sch", {"rn": "when", "se": {"sce": ["* * 0-12 * * * *"]}})
    make("", 29, "m2m:ts", {"rn": "series", "pei": 60000, "peid": 100, "mdd": True, "mdt": 1000, "mdn": 5})
    make("/series", 30, "m2m:tsi", {"dgt": time.strftime("%Y%m%dT%H%M%S", time.gmtime()), "con": 3.5})
    make("", 28, "cod:binSh", {"rn": "switch", "cnd": "org.onem2m.common.moduleclass.binarySwitch", "powSe": True, "fcied": True, "mni": 3})
    assert e.update(p + "/switch", {"cod:binSh": {"powSe": False}}).rsc == 2004
    cnt = make("", 3, "m2m:cnt", {"rn": "deep", "cr": None, "acpi": ["cse-in/grown/p", "/in-cse/" + acp["ri"]]})
    make("", 9, "m2m:grp", {"rn": "g", "mnm": 9, "mid": [cnt["ri"], "cse-in/grown/data/la", "/in-cse/cse-in/grown/deep", "-/grown/data", "/far/cnt3"]})
    yield e, p
    e.close()


def test_exact(two, grown):
    """What comes back is the same in all but the resourceIDs, and so are its octets."""
    a, b = two
    e, p = grown
    out = tree(a, "export", "cse-in/grown", a.folder / "first")
    assert "sealed" in out and "subtree" in a.cli("inspect", a.folder / "first")
    plain = opened(a.folder / "first")
    assert len(items(plain)) == 1 + items(plain)[0]["rows"] >= 19
    before = e.retrieve(p + "/data/la").json["m2m:cin"]
    # its identifier is taken here: nothing comes in
    code, text = tree(a, "import", a.folder / "first", "cse-in", "copy", check=False)
    assert code == 1 and "taken" in text and e.retrieve("/cse-in/copy").rsc == 4004
    # at another node it can be
    assert "resources" in tree(b, "import", a.folder / "first", "cse-in")
    there = Plain(b, "Cgrown")
    after = there.retrieve(p + "/data/la").json["m2m:cin"]
    assert {k: v for k, v in after.items() if k not in ("ri", "pi")} == {k: v for k, v in before.items() if k not in ("ri", "pi")}
    for at in ("", "/p", "/data", "/data/s", "/series", "/switch", "/deep", "/g", "/members"):
        x, y = (q.retrieve(p + at).json for q in (e, there))
        x, y = (json.loads(re.sub(r'\b(acp|cnt|grp|sub)\d+\b', r'\1#', json.dumps(q))) for q in (x, y))
        for q in (x, y):
            [q[k].pop(i, None) for k in q for i in ("ri", "pi")]
        assert x == y, at
    # names of its own resources lead to what came in
    g = there.retrieve(p + "/g").json["m2m:grp"]["mid"]
    assert there.retrieve("/" + g[0]).json["m2m:cnt"]["rn"] == "deep"
    assert there.retrieve(p + "/g/fopt").rsc == 2000
    tree(b, "export", "/in-cse/Cgrown", b.folder / "second")
    assert opened(b.folder / "second") == plain
    # and it lives on: counts, policies, subscriptions, instances
    assert there.create(p + "/data", 4, {"m2m:cin": {"con": "new"}}).rsc == 2001
    c = there.retrieve(p + "/data").json["m2m:cnt"]
    assert (c["cni"], c["st"]) == (5, 9)
    assert there.update(p + "/switch", {"cod:binSh": {"powSe": True}}).rsc == 2004
    assert there.retrieve(p + "/switch").json["cod:binSh"]["cni"] == 3
    assert there.ask("GET", p + "?fu=1&lbl=a:b").json["m2m:uril"] == ["cse-in/grown/data"]
    other = Plain(b, "Cother")
    assert other.register("other").rsc == 2001
    assert other.retrieve(p + "/deep").rsc in (2000, 4103) and other.retrieve(p + "/series").rsc == 4103
    other.close(), there.close()
    assert "every row opens" in b.cli("store", "verify")
    assert any(x.get("rule") == "import" for x in b.audit())


def test_below_another_name(two, grown):
    """What named the subtree by path names it where it is; what is outside must stand there again."""
    a, b = two
    e, p = grown
    made = e.create(p + "/deep", 3, {"m2m:cnt": {"rn": "sub", "acpi": ["cse-in/grown/p"]}})
    assert made.rsc == 2001
    for rn, named in (("x", "cse-in/grown/deep/sub"), ("y", "/in-cse/-/grown/deep/sub/la"), ("z", "!odd")):
        assert e.create(p + "/deep", 3, {"m2m:cnt": {"rn": rn, "or": named}}).rsc == 2001
    tree(a, "export", "cse-in/grown/deep", a.folder / "deep")
    tree(a, "import", a.folder / "deep", "cse-in/grown/data", "moved")
    named = [e.retrieve(f"{p}/data/moved/{rn}").json["m2m:cnt"]["or"] for rn in "xyz"]
    assert named == ["cse-in/grown/data/moved/sub", "/in-cse/-/grown/data/moved/sub/la", "!odd"]
    was, now = (e.retrieve(p + at).json["m2m:cnt"]["acpi"] for at in ("/deep", "/data/moved"))
    assert was == now
    # a policy that is outside, and not there
    q = e.create(p, 1, {"m2m:acp": {"rn": "q", "pv": {"acr": [acr([e.originator], 63)]}, "pvs": {"acr": [acr([e.originator], 63)]}}})
    assert e.update(p + "/deep", {"m2m:cnt": {"acpi": [q.json["m2m:acp"]["ri"]]}}).rsc == 2004
    (a.folder / "deep").unlink()
    tree(a, "export", "cse-in/grown/deep", a.folder / "deep")
    code, text = tree(b, "import", a.folder / "deep", "cse-in", check=False)
    assert code == 1 and "outside" in text and b.admin.retrieve("/cse-in/deep").rsc == 4004
    # a name that is taken
    code, text = tree(a, "import", a.folder / "deep", "cse-in/grown/data", "moved", check=False)
    assert code == 1 and "taken" in text


def test_whole_or_not_at_all(two, grown):
    """A file that was altered, or was made by hand, changes nothing and kills nobody."""
    a, b = two
    pids = b.pids()
    tree(a, "export", "cse-in/grown/data", a.folder / "data")
    octets = bytearray((a.folder / "data").read_bytes())
    for at in (9, 20, len(octets) - 1):
        bad = bytearray(octets)
        bad[at] ^= 1
        (a.folder / "bad").write_bytes(bad)
        code, text = tree(b, "import", a.folder / "bad", "cse-in", check=False)
        assert code == 1 and "altered" in text, text
    rows = items(opened(a.folder / "data"))
    head, root, child = rows[0], rows[1], rows[2]
    for r in rows[1:]:  # what is outside of it is not at the other node
        r["b"].pop("acpi", None)

    def changed(where, **how):
        new = [dict(r, b=dict(r["b"])) if "b" in r else dict(r) for r in rows]
        for k, v in how.items():
            new[where]["b"][k] = v
        return new

    hostile = {
        "count": changed(1, cni=77), "octets": changed(1, cbs=0), "unknown": changed(1, nonsense=1),
        "value": changed(1, mni=-5), "creator": changed(1, **{"@cr": "no id!"}), "internal": changed(1, acpi=["!i0:99:"]),
        "outside": changed(1, acpi=["!o0:cse-in/none:"]), "order": [head, dict(root, p=2)] + rows[2:], "type": [head, dict(root, ty=5)] + rows[2:], "name": [head, dict(root, rn="../x")] + rows[2:],
        "ident": [head, dict(root, id="Cx")] + rows[2:], "time": [head, dict(root, ct=1 << 62)] + rows[2:],
        "short": rows[:-1], "twice": [head, root, child, child] + rows[4:],
    }
    for what, made in hostile.items():
        code, text = tree(b, "import", sealed(octets_of(made), a.folder / f"h-{what}"), "cse-in", check=False)
        assert code == 1, (what, text)
        assert b.admin.retrieve("/cse-in/data").rsc == 4004, what
    for what, plain in (("junk", os.urandom(300)), ("cut", octets_of(rows)[:-3]), ("deep", b"\x81" * 5000)):
        code, text = tree(b, "import", sealed(plain, a.folder / f"j-{what}"), "cse-in", check=False)
        assert code == 1, (what, text)
    assert tree(b, "import", sealed(octets_of(rows), a.folder / "good"), "cse-in") and b.admin.retrieve("/cse-in/data").rsc == 2000
    assert b.pids() == pids
    # a resourceID that led nowhere is kept, but not where it is another's
    ri = b.admin.retrieve("/cse-in/data").json["m2m:cnt"]["ri"]
    for name, named, want in (("free", "cnt99999", 0), ("another", ri, 1), ("rule", "/in-cse/" + ri + "/la", 1)):
        made = changed(1, **{"or": named})
        made[1]["rn"] = name
        code, text = tree(b, "import", sealed(octets_of(made), a.folder / f"n-{name}"), "cse-in", check=False)
        assert code == want and ("another resource" in text) == bool(want), text
    code, text = tree(a, "export", "cse-in", a.folder / "base", check=False)
    assert code == 1 and "CSEBase" in text


def test_off_until_it_is_set(tmp_path):
    with Node(lab=True) as n:
        n.folder = tmp_path
        (tmp_path / "pass").write_text(PASSPHRASE + "\n")
        e = Plain(n, "Cdev")
        assert e.register("dev").rsc == 2001
        for words in (("export", "cse-in/dev", tmp_path / "f"), ("import", sealed(b"\xa0", tmp_path / "g"), "cse-in")):
            code, text = tree(n, *words, check=False)
            assert code == 1 and "store.portable" in text
        assert not (tmp_path / "f").exists()
        e.close()
