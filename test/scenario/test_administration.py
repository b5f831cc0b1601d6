"""The keeper's administration by command: keys from outside, and what may be enrolled without an
order."""
import json, os, pathlib, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import pytest

from node import SP, Node
from orders import OK, Door, Person, administrators, octets, order, paper, send
from waiting import in_time

DELAY = 2


@pytest.fixture
def node():
    with Node(init=("--delay", str(DELAY))) as n:
        yield n


def keys(n):
    return {k["name"]: k for k in json.loads(n.cli("-o", "json", "key", "list"))}


def key_file(n, name, octets):
    path = n.top / name
    path.write_text(os.urandom(octets).hex())
    return path


def test_a_key_from_outside_comes_in_and_is_replaced(node):
    old, new = key_file(node, "old", 32), key_file(node, "new", 16)
    node.cli("key", "import", "meter", old)
    key = keys(node)["user/meter"]
    assert key["class"] == "symmetric 256" and key["state"] == "active" and key["policy"] == "core: derive"
    assert node.cli("key", "import", "meter", old, check=False)[0] == 1  # once
    # one person alone: only with the old key
    for more in ((), (new,)):
        code, said = node.cli("key", "replace", "user/meter", new, *more, check=False)
        assert code == 1 and "too few persons" in said
    node.cli("key", "replace", "user/meter", new, old)
    assert keys(node)["user/meter"]["check"] == key["check"]  # not before the delay
    number = json.loads(node.cli("-o", "json", "key", "pending"))[0]["number"]
    node.cli("key", "undo", number)
    time.sleep(DELAY + 1.5)
    assert keys(node)["user/meter"]["check"] == key["check"]  # undone
    node.cli("key", "replace", "user/meter", new, old)
    assert in_time(lambda: keys(node)["user/meter"]["version"] == 2)
    assert keys(node)["user/meter"]["class"] == "symmetric 128"
    text = (node.dir / "keeper/keystore").read_bytes() + node.log_text().encode() + node.cli("audit", "list").encode()
    for f in (old, new):
        assert f.read_text().encode() not in text and bytes.fromhex(f.read_text()) not in text


def test_an_imported_key_has_the_policy_of_its_order(node):
    f = key_file(node, "policy", 32)
    for bad in (("--role", "door"), ("--role", ""), ("--suid", "100"), ("--protection", "5"), ("--count", "x"), ("--days", "99999")):
        assert node.cli("key", "import", "p", f, *bad, check=False)[0] == 2, bad
    node.cli("key", "import", "p", f, "--role", "core,gate", "--suid", "21", "--count", "7", "--days", "3", "--protection", "2")
    key = keys(node)["user/p"]
    assert key["policy"] == "core gate: handshake, derive; usage 21 only; 7 uses at most; level 2 at least", key
    node.cli("key", "import", "q", f)
    assert keys(node)["user/q"]["policy"] == "core: derive"


def test_what_is_no_key_and_no_name_is_refused(node):
    bad = node.top / "bad"
    for text in ("", "00", "zz" * 32, "00" * 31, "00" * 33):
        bad.write_text(text)
        assert node.cli("key", "import", "k", bad, check=False)[0] == 1, text
    good = key_file(node, "good", 32)
    for name in ("ca", "psk/d@demo.example", "app/1/k"):
        assert node.cli("key", "replace", name, good, check=False)[0] == 1, name
    assert node.cli("key", "import", "k", node.top / "absent", check=False)[0] == 1
    assert not [k for k in keys(node) if k.startswith("user/")]


def test_a_key_is_deprecated_and_the_list_says_so(node):
    node.cli("key", "create", "s")
    assert keys(node)["user/s"]["policy"] == "core: sign statements"
    node.cli("key", "deprecate", "user/s")
    assert keys(node)["user/s"]["state"] == "deprecated"
    assert "deprecated" in node.cli("key", "list")


def enrol(n, stem, identity, days):
    return n.cli("enrol", "device", stem, "--id", "C" + stem, "--out", n.top / f"out-{stem}-{days}", "--psk",
                 "--identity", identity, "--days", str(days), check=False)


def test_the_standing_policy_is_changed_by_order(node):
    assert json.loads(node.cli("-o", "json", "enrol", "policy")) == {"delay": DELAY, "a_day": 10000, "days": 3650, "names": []}
    assert node.cli("enrol", "policy", "--delay", "2", check=False)[0] == 2  # the whole of it
    assert node.cli("enrol", "policy", "--delay", "99999999", "--count", "1", "--days", "1", check=False)[0] == 2
    # narrower: at once
    node.cli("enrol", "policy", "@in.example", "--delay", str(DELAY), "--count", "3", "--days", "30")
    assert node.cli("enrol", "policy") == f"delay {DELAY} s; 3 enrolments a day, for 30 days at most, of @in.example\n"
    out = enrol(node, "a", "a@out.example", 20)
    assert out[0] != 0
    assert enrol(node, "b", "b@in.example", 40)[0] != 0
    assert enrol(node, "c", "c@in.example", 20)[0] == 0, out
    # one, by name, once
    node.cli("enrol", "allow", "a@out.example")
    assert enrol(node, "d", "d@out.example", 20)[0] != 0
    code, said = enrol(node, "a2", "a@out.example", 20)
    assert code == 0, said
    assert enrol(node, "e", "e@out.example", 20)[0] != 0
    # wider: after the delay
    node.cli("enrol", "policy", "--delay", str(DELAY), "--count", "100", "--days", "60")
    assert enrol(node, "f", "f@out.example", 40)[0] != 0
    assert in_time(lambda: json.loads(node.cli("-o", "json", "key", "pending")) == [])
    code, said = enrol(node, "g", "g@out.example", 40)
    assert code == 0, said


def test_what_an_order_says_is_shown_before_it_is_signed(node):
    for who in ("b", "c"):
        pathlib.Path(node.top / f"{who}.pass").write_text("a passphrase of " + who)
        made = json.loads(node.cli("-o", "json", "administrator", "create", node.top / who, who))
        if who == "b":
            node.cli("administrator", "add", node.top / who)
    paper = node.top / "paper"
    node.cli("enrol", "policy", "@in.example", "dev", "--delay", "7", "--count", "11", "--days", "13", "--order", paper)
    said = node.cli("order", "show", paper)
    assert "delay 7 s; 11 enrolments a day, for 13 days at most, of @in.example dev\n" in said
    paper = node.top / "paper-2"
    node.cli("administrator", "add", node.top / "c", "--order", paper)
    assert made["public"] in node.cli("order", "show", paper)


def test_two_administrators_with_the_longest_names(node):
    """Of 32 octets, the most there are: what both sign is carried out, and on record under both whole names."""
    anna, bert = Person("anna" + "-a" * 14), Person("bert" + "-b" * 14, ed=True)
    assert node.cli("administrator", "create", node.top / "long", "x" * 33, check=False)[0] != 0
    administrators(node, anna, bert)
    both = f"{anna.name.decode()},{bert.name.decode()}"
    door = Door(node)
    assert order(door, "ADD", octets(b"x" * 33) + Person("x").added()[5:], anna, bert)[0] != OK
    listed = [a["name"] for a in json.loads(node.cli("-o", "json", "administrator", "list"))]
    assert {p.name.decode() for p in (anna, bert)} < set(listed) and len(listed) == 3
    # Two persons are needed; the same one twice, or another's signature under a name as long, are not two.
    node.cli("key", "create", "k")
    o = paper(door, "DESTROY", octets(b"user/k"))
    for signed in ([(anna.name, anna.sign(o))], [(anna.name, anna.sign(o))] * 2,
                   [(anna.name, anna.sign(o)), (bert.name, anna.sign(o))],
                   [(anna.name, anna.sign(o)), (bert.name[:-1], bert.sign(o))],
                   [(anna.name, anna.sign(o)), (bert.name + b"-", bert.sign(o))]):
        assert send(door, o, signed)[0] != OK, signed
    assert "user/k" in keys(node)
    assert send(door, o, [(p.name, p.sign(o)) for p in (anna, bert)])[0] == OK
    pending = json.loads(node.cli("-o", "json", "key", "pending"))
    assert [p["by"] for p in pending] == [both], pending
    assert in_time(lambda: "user/k" not in keys(node))
    # What the core carries out: the end of a credential, by both.
    entity = "//demo.example/in-cse/C" + "d" * 40
    stays = node.enrol("stays", "Cstays", "device")
    gone = node.enrol("gone", entity.rsplit("/")[-1], "device")
    assert order(door, "REVOKE", octets(f"33-{entity}".encode()), anna, bert)[0] == OK
    revoked = lambda: [c["id"] for c in json.loads(node.cli("-o", "json", "credential", "list")) if c["revoked"]]
    assert in_time(lambda: revoked() == [f"33-{entity}"])
    with pytest.raises(OSError):
        gone.retrieve("/cse-in")
    assert stays.retrieve("/cse-in").rsc == 4103
    assert in_time(lambda: f"revoked entity={entity}" in node.cli("audit", "list", "--limit", "300"))
    log = node.cli("audit", "list", "--limit", "300")
    assert f"ordered by {both}" in log and f"by {both}" in log.replace("ordered by", ""), log
    door.close(), stays.close()


# --- a key store without administrators, as those of the form before are --------------------------------

def without_administrator(n):
    """The node's keeper made anew, with nobody who could order anything of it."""
    keeper = n.dir / "keeper"
    owner = os.stat(keeper)
    for f in keeper.iterdir():
        f.unlink()
    with open(n.dir / "credential") as passphrase:
        pem = subprocess.run([n.build / "holdfast-keeper", "--init", keeper, "--sp", SP, "--cse-id", n.cse,
                              "--passphrase-fd", "0"], stdin=passphrase, capture_output=True, check=True).stdout
    end = b"-----END CERTIFICATE-----\n"
    for name, one in zip(("ca", "node"), pem.split(end)):
        (n.dir / f"node/{name}.pem").write_bytes(one + end)
    for f in keeper.iterdir():
        os.chown(f, owner.st_uid, owner.st_gid)
    for name in ("administrator", "administrator.pass"):
        (n.dir / name).unlink()


def doctor(n):
    return next(c["says"] for c in json.loads(n.cli("-o", "json", "doctor", check=False)[1]) if c["check"] == "administrators")


def test_the_first_administrator_is_named_at_the_machine():
    with Node(start=False) as n:
        without_administrator(n)
        a, b = n.top / "a", n.top / "b"
        for who in (a, b):
            pathlib.Path(f"{who}.pass").write_text(f"passphrase of {who.name}")
            n.cli("administrator", "create", who, who.name)
        n.start()
        assert "there is none" in doctor(n)
        assert n.cli("key", "create", "k", "--administrator", a, check=False)[0] == 1
        assert n.cli("administrator", "add", a, "--administrator", a, check=False)[0] == 1
        code, said = n.cli("administrator", "first", a, check=False)
        assert code == 1 and "as it was" in said, said  # the node runs
        n.stop()
        wrong = n.top / "wrong"
        wrong.write_text("not the passphrase")
        assert n.cli("administrator", "first", a, "--passphrase-file", wrong, check=False)[0] == 1
        before = os.stat(n.dir / "keeper/keystore")
        n.cli("administrator", "first", a)
        after = os.stat(n.dir / "keeper/keystore")
        assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
        assert n.cli("administrator", "first", b, check=False)[0] == 1  # another waits
        n.start()
        assert in_time(lambda: "a" in [x["name"] for x in json.loads(n.cli("-o", "json", "administrator", "list"))])
        recorded = [str(r) for r in n.audit() if "by the machine" in str(r)]
        assert len(recorded) == 2 and all("ADMINISTRATOR_ADD a by the machine" in r for r in recorded), n.audit()[-8:]
        n.cli("key", "create", "k", "--administrator", a)
        n.stop()
        code, said = n.cli("administrator", "first", b, check=False)
        assert code == 1 and "already" in said
        n.start()
        assert [x["name"] for x in json.loads(n.cli("-o", "json", "administrator", "list"))] == ["a"]


def in_old_form(n):
    """The key store as the form before administrators had it: header of form 1, records of form 2."""
    import hashlib, hmac, struct
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    path = n.dir / "keeper/keystore"
    d = path.read_bytes()
    parts, salt, sizes = struct.unpack(">H", d[14:16])[0], d[16:48], struct.unpack(">HH", d[124:128])
    identity = bytes(32)
    if parts:
        part = lambda bit, path: pathlib.Path(path).read_bytes().strip().ljust(64, b"\0") if parts & bit else bytes(64)
        identity = hashlib.sha256(part(1, "/etc/machine-id") + part(2, "/sys/class/dmi/id/product_uuid")).digest()
    head_n = 128 + sum(sizes)
    head_n += 4 + struct.unpack(">I", d[head_n:head_n + 4])[0]
    mac = lambda key, text: hmac.new(key, text, hashlib.sha256).digest()
    master = hashlib.scrypt((n.dir / "credential").read_bytes().strip(), salt=mac(salt, b"holdfast machine\0" + identity), n=1 << 15, r=8, p=1,
                            maxmem=1 << 27, dklen=32)
    cipher = lambda head: AESGCM(mac(master, b"holdfast keystore file\0" + head[80:112]))
    nonce = lambda i: bytes(8) + struct.pack(">I", i)
    head, at, sealed = d[:head_n], head_n, []
    while at < len(d):
        size = struct.unpack(">I", d[at:at + 4])[0]
        sealed.append(d[at + 4:at + 4 + size])
        at += 4 + size
    old = bytearray(d[:128 + sum(sizes)])
    old[8:10], old[80:112] = struct.pack(">H", 1), os.urandom(32)
    old = bytes(old)
    out = [cipher(old).encrypt(nonce(2**32 - 1), b"", old)]
    for i, one in enumerate(sealed[2:]):  # behind the header's seal and the administration
        r = cipher(head).decrypt(nonce(i), one, head)
        out.append(cipher(old).encrypt(nonce(i), b"\0\2" + r[2:6] + bytes([r[9]]) + r[37:], old))
    with open(path, "r+b") as f:
        f.write(old + b"".join(struct.pack(">I", len(x)) + x for x in out))
        f.truncate()


def test_the_first_administrator_of_a_key_store_of_the_old_form():
    with Node(start=False) as n:
        without_administrator(n)
        in_old_form(n)
        keystore = n.dir / "keeper/keystore"
        assert keystore.read_bytes()[8:10] == b"\0\1"
        a = n.top / "a"
        pathlib.Path(f"{a}.pass").write_text("passphrase of a")
        n.cli("administrator", "create", a, "a")
        n.start()
        assert "there is none" in doctor(n) and n.cli("key", "create", "k", "--administrator", a, check=False)[0] == 1
        device = n.enrol("old", "Cold")
        assert device.register().rsc == 2001
        device.close()
        n.stop()
        in_form = keystore.read_bytes()[8:10]
        n.cli("administrator", "first", a)
        assert keystore.read_bytes()[8:10] == b"\0\3" and in_form in (b"\0\1", b"\0\3")
        n.start()
        assert in_time(lambda: "a" in [x["name"] for x in json.loads(n.cli("-o", "json", "administrator", "list"))])
        n.cli("key", "create", "k", "--administrator", a)
        assert device.retrieve("/cse-in/ae-Cold").rsc == 2000
        device.close()


def test_a_node_with_an_administrator_takes_no_first_one():
    with Node(start=False) as n:
        pathlib.Path(n.top / "e.pass").write_text("passphrase of e")
        n.cli("administrator", "create", n.top / "e", "eve")
        code, said = n.cli("administrator", "first", n.top / "e", check=False)
        assert code == 1 and "already" in said
