"""Rotation of data key and index keys: in the background, while the node serves, through a kill -9."""
import json, os, pathlib, signal, sqlite3, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from attack import scan_files
from node import Node

ROWS = 1500


def status(n):
    return json.loads(n.cli("-o", "json", "store", "status"))


def wait_done(n, seconds=60):
    seen, end = set(), time.time() + seconds
    while time.time() < end:
        s = status(n)
        seen.add((s["rotation"], s["resealed"]))
        if s["rotation"] == "done":
            return s, seen
        time.sleep(0.02)
    raise AssertionError(status(n))


def fill(n):
    e = n.enrol("a", "Ca")
    assert e.register().rsc == 2001
    assert e.create("/cse-in/ae-Ca", 3, {"m2m:cnt": {"rn": "c", "mni": 100000, "lbl": ["before"]}}).rsc == 2001
    for i in range(ROWS):
        assert e.create("/cse-in/ae-Ca/c", 4, {"m2m:cin": {"con": f"value {i}"}}).rsc == 2001
    return e


def epochs(n):
    """Sealed data keys, and the epochs that rows, records and log blocks name, of a stopped node."""
    db = sqlite3.connect(f"file:{n.dir}/store/holdfast.db?mode=ro", uri=True)
    keys = dict(db.execute("SELECT number,sealed FROM epoch"))
    used = {e for t in ("resource", "record", "log") for e, in db.execute(f"SELECT DISTINCT epoch FROM {t}")}
    db.close()
    return keys, used


def places(n):
    """The hashes by which a stopped node finds names, identifiers, values and records."""
    db = sqlite3.connect(f"file:{n.dir}/store/holdfast.db?mode=ro", uri=True)
    asked = ("name_h FROM resource", "ident_h FROM resource", "value_h FROM search", "mac FROM search", "key_h FROM record")
    found = {a: {h for h, in db.execute(f"SELECT {a}") if h is not None} for a in asked}
    db.close()
    return found


def check_places(n, before):
    """No place is as it was, and none that was is in any file: whoever has the index keys of before finds nothing."""
    now = places(n)
    for what, were in before.items():
        assert were and now[what] and not were & now[what], what
    names = {f"{i}": h for i, h in enumerate(sorted(before["name_h FROM resource"]))}
    assert not scan_files(n.dir / "store", names)


def check_all(n, e):
    found = e.retrieve("/cse-in/ae-Ca?fu=1&lbl=before")
    assert found.rsc == 2000 and found.json["m2m:uril"] == ["cse-in/ae-Ca/c"], found
    a = e.retrieve("/cse-in/ae-Ca/c?rcn=8&lim=2000")
    assert a.rsc == 2000
    assert e.retrieve("/cse-in/ae-Ca/c/la").json["m2m:cin"]["con"] == f"value {ROWS - 1}"
    assert e.retrieve("/cse-in/ae-Ca/c/ol").json["m2m:cin"]["con"] == "value 0"
    assert "every row opens" in n.cli("store", "verify")
    n.cli("audit", "verify")


def test_rotation_while_serving():
    with Node() as n:
        e = fill(n)
        e.close()
        n.stop()
        old, _ = epochs(n)
        assert old
        were = places(n)
        n.start()
        before = status(n)
        assert before["rotation"] == "never" and before["rows"] > ROWS
        n.cli("store", "rotate")
        code, text = n.cli("store", "rotate", check=False)
        assert code == 1 and "not finished" in text
        slowest = 0
        for _ in range(50):
            t = time.time()
            assert e.retrieve("/cse-in/ae-Ca/c/la").rsc == 2000
            assert e.retrieve("/cse-in/ae-Ca?fu=1&lbl=before").json["m2m:uril"] == ["cse-in/ae-Ca/c"]
            slowest = max(slowest, time.time() - t)
        done, seen = wait_done(n)
        assert done["resealed"] >= ROWS and len(seen) > 2, seen  # step by step
        assert slowest < 1
        assert done["keys"] == 1 and (before["index_generation"], done["index_generation"]) == (0, 1)
        check_all(n, e)
        e.close()
        text = str(n.audit())
        assert "earlier data keys and index keys destroyed" in text
        n.stop()
        keys, used = epochs(n)
        assert used <= set(keys) and not set(old) & set(keys)
        # the old keys are in no file any more, not even sealed
        found = scan_files(n.dir / "store", {str(k): v[-32:] for k, v in old.items()})
        assert not found, found
        found = scan_files(n.dir / "store", {str(k): v[-32:] for k, v in keys.items()})
        assert found  # what such a search finds
        check_places(n, were)
        n.start()
        check_all(n, e)
        e.close()


def test_rotation_through_kill_nine():
    with Node() as n:
        e = fill(n)
        e.close()
        n.stop()
        old, _ = epochs(n)
        were = places(n)
        n.start()
        n.cli("store", "rotate")
        killed, at = 0, []
        while killed < 4:
            s = status(n)
            if s["rotation"] == "done":
                break
            at.append(s["resealed"])
            for pid in n.pids()["core"]:
                os.kill(pid, signal.SIGKILL)
            killed += 1
            end = time.time() + 30
            while time.time() < end:
                try:
                    status(n)
                    break
                except RuntimeError:
                    time.sleep(0.02)
        assert killed >= 2, "the rotation was done before it could be killed"
        assert at == sorted(at), at  # it goes on, and does not begin anew
        done, _ = wait_done(n)
        check_all(n, e)
        e.close()
        n.stop()
        keys, used = epochs(n)
        assert used <= set(keys) and not set(old) & set(keys)
        check_places(n, were)


def test_the_root_key_is_rotated_and_data_keys_are_rewrapped():
    """By an order, then one transaction; a kill -9 anywhere leaves data keys that open."""
    with Node() as n:
        e = n.enrol("a", "Ca")
        assert e.register().rsc == 2001
        e.close()
        n.stop()
        old, _ = epochs(n)
        assert {v[:5] for v in old.values()} == {b"\2\0\0\0\1"}  # form 2, by the first root key
        n.start()
        n.cli("key", "rotate", "root")
        # killed while it is asked for: before, in it or after
        for pause in (0, 0.01, 0.03):
            asking = subprocess.Popen([n.build / "holdfast", "-d", n.dir, "store", "rewrap"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            for pid in n.pids()["core"]:
                os.kill(pid, signal.SIGKILL)
            asking.wait(20)
            end = time.time() + 30
            while n.cli("store", "status", check=False)[0] and time.time() < end:
                time.sleep(0.05)
        out = json.loads(n.cli("-o", "json", "store", "rewrap"))
        assert out["rewrapped"] >= len(old), out
        assert e.retrieve("/cse-in/ae-Ca").rsc == 2000
        e.close()
        n.cli("audit", "verify")
        n.stop()
        keys, used = epochs(n)
        assert used <= set(keys) and {v[:5] for v in keys.values()} == {b"\2\0\0\0\2"}
        assert not {v[-32:] for v in keys.values()} & {v[-32:] for v in old.values()}
        n.start()
        assert e.retrieve("/cse-in/ae-Ca").rsc == 2000
        e.close()
        for name in ("root", "root#1"):  # nothing that the store needs is destroyed
            assert n.cli("key", "destroy", name, check=False)[0] == 1
