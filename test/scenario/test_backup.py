"""The ceremony of a backup: made, the machine lost, restored on another by custodians."""
import shutil

import pytest

from node import Node


def people(folder, *names):
    """Files of custodians, each with a passphrase beside it."""
    out = []
    for name in names:
        f = folder / name
        (folder / (name + ".pass")).write_text("passphrase of " + name)
        out.append(f)
    return out


@pytest.fixture
def lost():
    """A node with devices and readings, its backup, and what is left: store, backup, custodians."""
    with Node() as n:
        custodians = people(n.top, "carl", "dora", "emil")
        for f in custodians:
            n.cli("administrator", "create", f, f.name)
        psk = n.enrol("p", "Cp", "device", True, "--identity", "p@demo.example")
        cert = n.enrol("c", "Cc")
        assert cert.register().rsc == 2001 and psk.register().rsc == 2001
        assert cert.create("/cse-in/ae-Cc", 3, {"m2m:cnt": {"rn": "r"}}).rsc == 2001
        assert cert.create("/cse-in/ae-Cc/r", 4, {"m2m:cin": {"con": "before"}}).rsc == 2001
        n.cli("key", "create", "s")
        more = [x for f in custodians for x in ("--custodian", f)]
        n.cli("backup", "create", n.top / "backup", "--quorum", "2", *more)
        for e in (psk, cert):
            e.close()
        assert n.stop() == 0
        shutil.copytree(n.dir / "store", n.top / "store")
        shutil.copytree(n.dir / "node", n.top / "public")
        shutil.rmtree(n.dir)  # the machine is gone
        yield n, custodians, cert, psk


def again(n):
    """A fresh node of the same name, on another machine."""
    n.cli("init", n.dir, "--sp", "//demo.example", "--cse-id", "/in-cse", "--listen", f"127.0.0.1:{n.port}", directory=False)
    n.start()


def share(n, who, number=0):
    out = n.top / f"share-{who.name}-{number}"
    n.cli("backup", "share", n.top / "backup", n.top / f"request-{number}", out, "--administrator", who)
    return out


def restore(n, *shares, backup=None):
    return n.cli("backup", "restore", backup or n.top / "backup", *[x for s in shares for x in ("--share", s)], check=False)


def test_a_lost_machine(lost):
    n, custodians, cert, psk = lost
    again(n)
    # one is not enough; each try has a restore key of its own
    n.cli("backup", "request", n.top / "request-0")
    code, text = restore(n, share(n, custodians[0]))
    assert code == 1 and "refused" in text, text
    # a share for another keeper's request, or an earlier one of this keeper, opens nothing
    old = share(n, custodians[1])
    n.cli("backup", "request", n.top / "request-1")
    first = share(n, custodians[0], 1)
    code, text = restore(n, first, old)
    assert code == 1 and "wrong" in text, text
    # an octet of the backup changed
    bad = bytearray((n.top / "backup").read_bytes())
    bad[-20] ^= 1
    (n.top / "bad").write_bytes(bad)
    n.cli("backup", "request", n.top / "request-2")
    pair = [share(n, w, 2) for w in custodians[1:]]
    code, text = restore(n, *pair, backup=n.top / "bad")
    assert code == 1 and "wrong" in text, text
    # two of three
    n.cli("backup", "request", n.top / "request-3")
    code, text = restore(n, *[share(n, w, 3) for w in custodians[1:]])
    assert code == 0, text
    code, text = n.cli("key", "sign", "s", "x", check=False)
    assert code == 1 and "locked" in text, text
    assert n.stop() == 0
    # the store comes back from its own backup
    keep = (n.dir / "store").stat()
    for f in (n.top / "public").iterdir():  # what anybody may see
        (n.dir / "node" / f.name).write_bytes(f.read_bytes())
    shutil.rmtree(n.dir / "store")
    shutil.copytree(n.top / "store", n.dir / "store")
    shutil.chown(n.dir / "store", keep.st_uid, keep.st_gid)
    (n.dir / "store").chmod(0o700)
    for f in (n.dir / "store").iterdir():
        shutil.chown(f, keep.st_uid, keep.st_gid)
    n.start()
    names = n.cli("key", "list")
    assert "psk/p@demo.example" in names and "user/s" in names
    answer = psk.retrieve("/cse-in/ae-Cp")
    assert answer.rsc == 2000, answer
    answer = cert.retrieve("/cse-in/ae-Cc/r/la")
    assert answer.rsc == 2000 and answer.json["m2m:cin"]["con"] == "before", answer
    psk.close(), cert.close()
    n.cli("audit", "verify")  # as far as the anchor in the backup, and on
    # administrators are those of before: the new machine's first is nobody
    code, text = n.cli("key", "create", "t", check=False)
    assert code == 1, text


def test_only_a_fresh_keeper(lost):
    n, custodians, *_ = lost
    again(n)
    n.cli("backup", "request", n.top / "request-0")
    shares = [share(n, w) for w in custodians[:2]]
    n.enrol("x", "Cx", "device", True, "--identity", "x@demo.example")
    code, text = restore(n, *shares)
    assert code == 1 and "refused" in text, text
    code, text = n.cli("backup", "request", n.top / "request-1", check=False)
    assert code == 1 and "not fresh" in text, text


def test_the_files_hold_no_secret(lost):
    n, custodians, cert, psk = lost
    key = bytes.fromhex((n.top / "profile-p/psk.key").read_text().strip())
    data = (n.top / "backup").read_bytes()
    assert key not in data and key.hex().encode() not in data
    # without a custodian's file there is no share
    (n.top / "eve.pass").write_text("passphrase of eve")
    n.cli("administrator", "create", n.top / "eve", "eve")
    again(n)
    n.cli("backup", "request", n.top / "request-0")
    code, text = n.cli("backup", "share", n.top / "backup", n.top / "request-0", n.top / "s", "--administrator", n.top / "eve", check=False)
    assert code == 1 and "no share" in text, text
