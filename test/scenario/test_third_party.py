"""A third party that administers credentials on the provider's behalf (the draft's 5.2, 6.1.3): an administrator
of the keeper who is bounded to some orders about some names for a time. By command, as provider and third party
would, and by orders whose octets are made without our own client."""
import calendar, json, re, struct, time

import pytest

from node import CSE, SP, Node
from orders import Door, EXPIRED, MISSING, OK, Person, REFUSED, keys, octets, order, paper, policy

RANGE = 4
DELAY, HERE = 2, SP + CSE + "/"


@pytest.fixture(scope="module")
def node():
    with Node(init=("--delay", str(DELAY))) as n:
        for who in ("bert", "acme"):
            (n.top / f"{who}.pass").write_text("a passphrase of " + who)
            n.cli("administrator", "create", n.top / who, who)
        n.cli("administrator", "add", n.top / "bert")
        yield n


@pytest.fixture
def door(node):
    d = Door(node)
    yield d
    d.close()


def both(node):
    return "--administrator", node.dir / "administrator", "--administrator", node.top / "bert"


def enrol(n, stem):
    return n.cli("enrol", "device", stem, "--id", stem, "--out", n.top / f"out-{stem}-{time.time()}", check=False)


def test_the_provider_bounds_and_the_third_party_decides_who_is_enrolled(node):
    acme, bound = ("--administrator", node.top / "acme"), ("administrator", "bound", node.top / "acme")
    # nothing is enrolled without an order any more; who may order is another matter
    node.cli("enrol", "policy", "nobody", "--delay", str(DELAY), "--count", "0", "--days", "30", *both(node))
    assert enrol(node, "Cacme-1")[0] == 1
    assert node.cli("enrol", "allow", HERE + "Cacme-1", *acme, check=False)[0] == 1  # nobody yet
    # a quorum, orders that can be bounded, names
    assert node.cli(*bound, "ENROL_ALLOW", "Cacme-*", "--administrator", node.dir / "administrator", check=False)[0] == 1
    for orders, names in (("POLICY", "Cacme-*"), ("ADMINISTRATOR_BOUND", "Cacme-*"), ("", "Cacme-*")):
        assert node.cli(*bound, orders, names, *both(node), check=False)[0] == 2, orders
    assert node.cli(*bound, "ENROL_ALLOW", "*", *both(node), check=False)[0] == 1
    # as it goes: the order on paper, seen before the second person signs
    sheet = node.top / "bounds"
    node.cli(*bound, "ENROL_ALLOW,KEY_CREATE,KEY_DESTROY", f"{HERE}Cacme-*,user/acme-*", "--hours", "12", "--order", sheet)
    said = node.cli("order", "show", sheet)
    what = re.search(r"\n(only KEY_CREATE,KEY_DESTROY,ENROL_ALLOW of \S+Cacme-\*,user/acme-\*, until (\w+) UTC)\n", said)
    assert what, said
    assert 0 <= time.time() + 12 * 3600 - calendar.timegm(time.strptime(what[2], "%Y%m%dT%H%M%S")) < 60, said
    before = sheet.read_bytes()
    code, out = node.cli("order", "sign", sheet, check=False)
    assert code == 1 and "has signed it already" in out and sheet.read_bytes() == before, out
    node.cli("order", "sign", sheet, "--administrator", node.top / "bert")
    shown = json.loads(node.cli("-o", "json", "order", "show", sheet))
    assert (shown["order"], len(shown["signed"])) == ("ADMINISTRATOR_BOUND", 2), shown
    node.cli("order", "send", sheet)
    row = {a["name"]: a for a in json.loads(node.cli("-o", "json", "administrator", "list"))}["acme"]
    assert row["bounds"] == f"KEY_CREATE,KEY_DESTROY,ENROL_ALLOW of {HERE}Cacme-*,user/acme-*" and row["until"] > time.time() * 1000
    assert "2 of them" in node.cli("doctor", check=False)[1]
    # within
    node.cli("enrol", "allow", HERE + "Cacme-1", *acme)
    assert enrol(node, "Cacme-1")[0] == 0
    assert enrol(node, "Cacme-2")[0] == 1  # one
    node.cli("key", "create", "acme-sign", *acme)
    # without: another identifier, another class, and what would make it wider
    for line in (("enrol", "allow", HERE + "Cother"), ("enrol", "allow", "//x" + HERE + "Cacme-1"), ("key", "create", "other"), ("key", "rotate", "user/acme-sign"),
                 ("enrol", "policy", "--delay", "0", "--count", "9", "--days", "9"), ("administrator", "add", node.top / "acme"),
                 (*bound, "ENROL_ALLOW", "C*"), ("administrator", "withdraw", "acme"), ("administrator", "remove", "bert")):
        code, out = node.cli(*line, *acme, check=False)
        assert code == 1, (line, out)
    assert enrol(node, "Cother")[0] == 1
    # alone it destroys nothing; with a person of the provider, after the delay
    assert node.cli("key", "destroy", "user/acme-sign", *acme, check=False)[0] == 1
    node.cli("key", "destroy", "user/acme-sign", *acme, "--administrator", node.top / "bert")
    # withdrawn before that is over: what waited on its word is not carried out
    node.cli("administrator", "withdraw", "acme", *both(node))
    end = time.time() + 30
    while json.loads(node.cli("-o", "json", "key", "pending")) and time.time() < end:
        time.sleep(0.2)
    names = [k["name"] for k in json.loads(node.cli("-o", "json", "key", "list"))]
    assert "user/acme-sign" in names and not json.loads(node.cli("-o", "json", "key", "pending"))
    assert node.cli("enrol", "allow", HERE + "Cacme-2", *acme, check=False)[0] == 1
    # all of it is on record, with who it was
    log = node.cli("audit", "list", "--limit", "300")
    for text in ("ADMINISTRATOR_BOUND acme by first,bert: " + what[1], "ADMINISTRATOR_BOUND acme by first,bert: no orders any more", f"ENROL_ALLOW {HERE}Cacme-1 by acme", f"ENROL_ALLOW {HERE}Cother by acme",
                 "KEY_ROTATE user/acme-sign by acme", "KEY_DESTROY user/acme-sign by acme,bert is due"):
        assert text in log, (text, log)


def people(node, door):
    """Two of the provider, whose keys are here."""
    a, b = Person("anna"), Person("carl", ed=True)
    for p in (a, b):
        if p.name.decode() not in node.cli("administrator", "list"):
            body = node.top / (p.name.decode() + ".order")
            body.write_bytes(octets(paper(door, "ADD", p.added())) + b"\0")
            for signer in (node.dir / "administrator", node.top / "bert"):
                node.cli("order", "sign", body, "--administrator", signer)
            node.cli("order", "send", body)
    return a, b


def test_bounds_hold_for_orders_of_any_maker(node, door):
    anna, carl = people(node, door)
    ours, theirs, more = Person("third"), Person("third"), Person("fourth")
    make = lambda name: octets(name) + bytes([1, 0]) + policy(1 << 2, 1 << 4)
    soon = time.time() + 3600
    assert order(door, "BOUND", ours.bounded(["CREATE", "DESTROY"], ["user/t-*"], soon), anna)[0] == REFUSED
    assert order(door, "BOUND", ours.bounded(["CREATE", "UNDO"], ["user/t-*"], soon), anna, carl)[0] == RANGE
    assert order(door, "BOUND", ours.bounded(["CREATE"], ["user/t-*"], time.time() - 1), anna, carl)[0] == RANGE
    assert order(door, "BOUND", ours.bounded(["CREATE", "DESTROY"], ["user/t-*"], soon), anna, carl)[0] == OK
    assert order(door, "BOUND", more.bounded(["CREATE", "DESTROY"], ["user/t-*"], soon), anna, carl)[0] == OK
    # another key of that name is not the one who is bounded
    assert order(door, "BOUND", theirs.bounded(["CREATE"], ["user/t-*"], soon), anna, carl)[0] != OK
    error, made = order(door, "CREATE", make(b"user/t-1"), ours)
    assert error == OK, error
    assert order(door, "CREATE", make(b"user/u-1"), ours)[0] == REFUSED
    # two of them are not two persons
    assert order(door, "DESTROY", octets(b"user/t-1"), ours, more)[0] == REFUSED
    # itself wider: alone, with the other, with one of the provider
    for who in ((ours,), (ours, more), (ours, anna), (more, carl)):
        assert order(door, "BOUND", ours.bounded(["CREATE", "ROTATE"], ["user/*"], soon), *who)[0] == REFUSED
        assert order(door, "ADD", Person("own").added(), *who)[0] == REFUSED
    # expired: the clock of the node decides
    assert order(door, "BOUND", ours.bounded(["CREATE"], ["user/t-*"], time.time() + 1.5), anna, carl)[0] == OK
    assert order(door, "CREATE", make(b"user/t-2"), ours)[0] == OK
    end = time.time() + 30
    while order(door, "CREATE", make(b"user/t-%.0f" % (1000 * time.time())), ours)[0] == OK and time.time() < end:
        time.sleep(0.3)
    assert order(door, "CREATE", make(b"user/t-4"), ours)[0] == EXPIRED
    # withdrawn, and so after a restart
    gone = octets(more.name) + b"\0" + octets(b"") + struct.pack(">I", 0)
    assert order(door, "BOUND", gone, more)[0] == REFUSED
    assert order(door, "BOUND", gone, anna, carl)[0] == OK
    door.close()
    node.stop()
    node.start()
    again = Door(node)
    assert order(again, "CREATE", make(b"user/t-5"), more)[0] == MISSING
    assert order(again, "CREATE", make(b"user/t-5"), ours)[0] == EXPIRED
    assert "user/t-1" in keys(again) and "user/t-4" not in keys(again)
    again.close()


def test_a_third_party_ends_what_it_administers(node, door):
    """It orders the revocation of a credential of its names, also of a certificate; of no other."""
    acme = ("--administrator", node.top / "acme")
    at = {}
    for stem in ("Cacme-9", "Cours-9"):
        node.cli("enrol", "allow", HERE + stem, *both(node))
        at[stem] = node.enrol(stem, stem, "device")
        assert at[stem].retrieve("/cse-in").rsc == 4103  # known, and granted nothing
    theirs, ours = ("33-" + HERE + stem for stem in at)
    revoked = lambda: {c["id"] for c in json.loads(node.cli("-o", "json", "credential", "list")) if c["revoked"]}
    # Nobody who may; who may order something else; a pattern for all.
    assert node.cli("revoke", theirs, *acme, check=False)[0] == 1
    bound = lambda orders, names: node.cli("administrator", "bound", node.top / "acme", orders, names, "--hours", "1", *both(node), check=False)[0]
    assert bound("ENROL_ALLOW", HERE + "Cacme-*") == 0 and node.cli("revoke", theirs, *acme, check=False)[0] == 1
    assert bound("REVOKE", "*") == 1
    assert bound("REVOKE", f"33-{HERE}Cacme-*") == 0
    # Outside of the names: refused, and it goes on; as an order of any maker, too.
    for id in (ours, "12-kpm@acme", HERE + "Cacme-9", "33-//other.example/Cacme-9"):
        assert node.cli("revoke", id, *acme, check=False)[0] == 1
    anna, _ = people(node, door)
    assert order(door, "REVOKE", octets(f"33-{HERE}Cacme-9 by x".encode()), anna)[0] not in (OK, REFUSED)
    assert order(door, "REVOKE", octets(b""), anna)[0] not in (OK, REFUSED)
    assert order(door, "REVOKE", octets(theirs.encode()) + b"\0", anna)[0] not in (OK, REFUSED)
    assert not revoked() & {theirs, ours} and at["Cours-9"].retrieve("/cse-in").rsc == 4103
    # Within: the association ends with it, and it is on record who ordered it.
    assert at["Cacme-9"].retrieve("/cse-in").rsc == 4103
    assert "revoked" in node.cli("revoke", theirs, *acme)
    assert revoked() & {theirs, ours} == {theirs}
    with pytest.raises((ConnectionError, BrokenPipeError, OSError)):
        at["Cacme-9"].retrieve("/cse-in")
        at["Cacme-9"].connect()
        at["Cacme-9"].retrieve("/cse-in")
    assert at["Cours-9"].retrieve("/cse-in").rsc == 4103
    log = node.cli("audit", "list", "--limit", "300")
    for text in (f"REVOKE {theirs} by acme", "ordered by acme", f"revoked entity={HERE}Cacme-9"):
        assert text in log, text
    # What is not there is not revoked, and is said so.
    code, text = node.cli("revoke", f"33-{HERE}Cacme-none", *acme, check=False)
    assert code == 1 and "no such credential" in text
    for e in at.values():
        e.close()
