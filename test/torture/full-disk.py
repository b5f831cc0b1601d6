#!/usr/bin/python3
"""full-disk: a node whose disk is full refuses changes with 5000, loses nothing that it
acknowledged, goes on reading, and changes again when room returns, without a restart.

The node is on a small file system of its own. The control proves that the disk is full: a
file cannot be written there."""
import errno, json, os, pathlib, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from node import Node

MEGABYTES = 48
ROUNDS = 6 if os.environ.get("TORTURE_LONG") else 2
VALUE = "x" * 2000


def sh(*argv):
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def mount_small(top):
    image, mount = top / "image", top / "mount"
    with open(image, "wb") as f:
        f.truncate(MEGABYTES << 20)
    sh("mkfs.ext4", "-q", "-F", "-m", "0", image)
    mount.mkdir()
    sh("mount", "-o", "loop", image, mount)
    return mount


def fill(ballast):
    """Write until there is no room for a single octet more."""
    with open(ballast, "ab", buffering=0) as f:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    f.write(b"b" * size)
            except OSError as e:
                assert e.errno == errno.ENOSPC, e
        try:
            os.fsync(f.fileno())
        except OSError:
            pass


def is_full(mount):
    try:
        with open(mount / "probe", "wb", buffering=0) as f:
            f.write(b"p" * 4096)
            os.fsync(f.fileno())
        (mount / "probe").unlink()
        return False
    except OSError as e:
        return e.errno == errno.ENOSPC


class Room:
    def __init__(self, node, mount):
        self.node, self.mount, self.said, self.n, self.problems = node, mount, {}, 0, []
        self.device = node.enrol("d", "Cdev")
        assert self.device.register().rsc == 2001
        assert self.device.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "data"}}).rsc == 2001

    def check(self, good, what):
        if not good:
            self.problems.append(what)
            print("not so: " + what, flush=True)

    def create(self):
        self.n += 1
        value = f"{self.n} {VALUE}"
        a = self.device.create("/cse-in/ae-Cdev/data", 4, {"m2m:cin": {"con": value}})
        if a.rsc == 2001:
            self.said[a.json["m2m:cin"]["rn"]] = value
        return a

    def missing(self):
        def right(name, value):
            a = self.device.retrieve(f"/cse-in/ae-Cdev/data/{name}")
            return a.rsc == 2000 and a.json["m2m:cin"]["con"] == value
        return [n for n, v in self.said.items() if not right(n, v)]


def until_refused(room):
    """Create until the node refuses, and 20 times more."""
    codes = {}
    for _ in range(20000):
        a = room.create()
        codes[a.rsc] = codes.get(a.rsc, 0) + 1
        if sum(v for k, v in codes.items() if k != 2001) >= 20:
            break
    return codes


def while_full(room, number):
    node = room.node
    codes = until_refused(room)
    refusals = {k: v for k, v in codes.items() if k != 2001}
    room.check(set(refusals) == {5000} and refusals[5000] >= 20, f"creates on a full disk answer 5000: {codes}")
    room.check(is_full(room.mount), "control: a file cannot be written either")
    before = len(room.said)
    lost = room.missing()
    room.check(not lost, f"what was acknowledged can be read while the disk is full: {len(lost)} of {before} lost")
    count = room.device.retrieve("/cse-in/ae-Cdev/data").json["m2m:cnt"]["cni"]
    room.check(count == before, f"nothing is there that was refused: {count} of {before}")
    code, out = node.cli("enrol", "device", f"late{number}", "--id", f"Clate{number}", "--out", str(room.folder / f"late{number}"),
                         "--server", "127.0.0.1:1", check=False)
    room.check(code == 1, f"an enrolment that cannot be kept is refused: {code} {out}")
    code, out = node.cli("enrol", "device", "psk", "--id", "Cpsk", "--psk", "--identity", "psk@demo.example", "--out",
                         str(room.folder / "psk"), "--server", "127.0.0.1:1", check=False)
    room.check(code == 1 and "psk@" not in node.cli("key", "list"), f"so is one by pre-shared key, and its key is gone: {out}")
    code, out = node.cli("status", check=False)
    room.check(code == 0, f"status answers: {out}")
    return codes


def one_round(room, number):
    node, ballast = room.node, room.mount / "ballast"
    for _ in range(200):
        room.check(room.create().rsc == 2001, "creates are served with room left")
    pids = node.pids()
    fill(ballast)
    codes = while_full(room, number)
    ballast.unlink()
    end = time.time() + 10
    answer = room.create()
    while answer.rsc != 2001 and time.time() < end:
        time.sleep(0.1)
        answer = room.create()
    room.check(answer.rsc == 2001, f"changes are served again: {answer}")
    room.check("could not be kept" in json.dumps(node.audit()), "the gap in the log is on record")
    room.check(node.pids() == pids, f"without a restart: {pids} {node.pids()}")
    room.check(not room.missing(), "nothing is lost")
    code, out = node.cli("enrol", "device", f"late{number}", "--id", f"Clate{number}", "--out", str(room.folder / f"late{number}"),
                         "--server", "127.0.0.1:1", check=False)
    room.check(code == 0, f"the enrolment works now: {out}")
    for what in ("audit", "store"):
        code, out = node.cli(what, "verify", check=False)
        room.check(code == 0, f"{what} verify: {out}")
    print(f"round {number}: {codes} while full, then served again", flush=True)


def through_the_end(room):
    """kill -9 on a full disk: the node starts, serves nothing and says why, and opens by itself
    when room returns."""
    node, ballast = room.node, room.mount / "ballast"
    fill(ballast)
    until_refused(room)
    room.device.close()
    node.kill()
    at = len(node.log_text())
    try:
        node.start(3)
    except RuntimeError:
        room.check(node.process.poll() is None, "holdfastd runs on a full disk")
    code, out = node.cli("status", check=False)
    said = "no room left on the disk" in node.log_text()[at:]
    if "not open" in out:
        room.check(said, "the log says why it is not open: " + node.log_text()[-600:])
        shut = "is not open there"
    else:
        shut = "had room enough to open there"
    pids = node.pids()
    ballast.unlink()
    end = time.time() + 20
    while time.time() < end:
        try:
            if room.create().rsc == 2001:
                break
        except (OSError, ConnectionError):
            room.device.close()
        time.sleep(0.2)
    room.check(room.create().rsc == 2001, "changes are served when room returns")
    room.check(node.pids() == pids, f"without a restart: {pids} {node.pids()}")
    room.check(not room.missing(), "nothing is lost over kill -9 on a full disk")
    print(f"kill -9 on a full disk: the node {shut}; it goes on with room", flush=True)


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        print("needs root and loop devices: not run")
        return 0 if os.environ.get("ALLOW_NO_DEVICES") else 1
    top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-full-"))
    os.chmod(top, 0o755)
    node = None
    try:
        mount = mount_small(top)
        (mount / "n").mkdir()
        node = Node(folder=mount / "n", start=False)
        node.log_path = top / "log"
        node.start()
        room = Room(node, mount)
        room.folder = top
        for number in range(ROUNDS):
            one_round(room, number)
        through_the_end(room)
        room.device.close()
        code, out = node.cli("audit", "verify", check=False)
        room.check(code == 0, f"audit verify: {out}")
        stopped = node.stop()
        room.check(stopped == 0, f"a clean end: {stopped}")
        print(f"{len(room.said)} creates acknowledged, {len(room.problems)} problems")
        if room.problems:
            print(node.log_text()[-2500:])
        return 1 if room.problems else 0
    finally:
        if node:
            node.kill()
        subprocess.run(["umount", "-l", str(top / "mount")], stderr=subprocess.DEVNULL)
        shutil.rmtree(top, ignore_errors=True)


sys.exit(main())
