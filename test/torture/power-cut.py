#!/usr/bin/python3
"""power-cut: a block device that drops unsynced writes loses no acknowledged create.

The control proves the device: a file written without sync is gone after the cut."""
import os, pathlib, shutil, signal, subprocess, sys, tempfile, threading, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import node as lib
from node import Node, BUILD

ROUNDS = 10 if os.environ.get("TORTURE_LONG") else 3
MEGABYTES = 192


def sh(*argv):
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def attach(image, where):
    loop = subprocess.run(["losetup", "--find", "--show", str(image)], check=True,
                          capture_output=True, text=True).stdout.strip()
    where.mkdir(exist_ok=True)
    sh("mount", "-o", "data=ordered", loop, where)
    return loop


class Writer(threading.Thread):
    """Creates content instances; remembers those acknowledged before the cut."""

    def __init__(self, entity, number):
        super().__init__(daemon=True)
        self.entity, self.number, self.acknowledged, self.over = entity, number, [], False

    def run(self):
        n = 0
        try:
            while not self.over:
                name = f"i{self.number}-{n}"
                a = self.entity.create(f"/cse-in/ae-{self.entity.originator}/data", 4,
                                       {"m2m:cin": {"rn": name, "con": f"value {name}"}})
                if a.rsc == 2001 and not self.over:
                    self.acknowledged.append(name)
                n += 1
        except (OSError, ConnectionError):
            pass


class Enroller(threading.Thread):
    """Enrols by pre-shared key, so that the key store is written as well."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.acknowledged, self.over = node, [], False

    def run(self):
        n = 0
        try:
            while not self.over:
                self.node.enrol(f"p{n}", f"Cp{n}", "device", True, "--identity", f"p{n}@demo.example")
                if not self.over:
                    self.acknowledged.append(f"p{n}")
                n += 1
        except Exception:
            pass


def is_known(node, folder, name):
    """The key is in the key store and the credential in the register: it may register."""
    e = lib.PskEntity(node, folder, "C" + name)
    try:
        return e.register().rsc == 2001
    except (OSError, ConnectionError):
        return False
    finally:
        e.close()


def one_round(number, top):
    under, mount, after = top / "under", top / "mount", top / "after"
    under.mkdir()
    snapshot = top / "snapshot"
    drop = subprocess.Popen([str(BUILD / "dropfs"), str(under), str(MEGABYTES), str(snapshot)])
    loops, node = [], None
    try:
        for _ in range(100):
            if (under / "disk").exists():
                break
            time.sleep(0.05)
        sh("mkfs.ext4", "-q", "-F", under / "disk")
        loops.append(attach(under / "disk", mount))
        node = Node(folder=mount / "n" if (mount / "n").mkdir() is None else None)
        device = node.enrol("d", "Cdev")
        assert device.register().rsc == 2001
        assert device.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "data"}}).rsc == 2001
        device.close()
        os.sync()
        writers = []
        for i in range(4):
            e = lib.Entity(node, device.folder, "Cdev")
            e.connect()
            writers.append(Writer(e, i))
        for w in writers:
            w.start()
        late = Enroller(node)
        late.start()
        time.sleep(1.0 + 0.37 * number)
        with open(mount / "control", "w") as f:
            f.write("never synced")
        for w in writers:
            w.over = True
        late.over = True
        drop.send_signal(signal.SIGUSR1)
        while not pathlib.Path(str(snapshot) + ".done").exists():
            time.sleep(0.01)
        for pids in node.pids().values():
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        node.kill()
        said = sorted(n for w in writers for n in w.acknowledged)
        late.join(10)
        shutil.copytree(device.folder, top / "profile")
        enrolled = sorted(late.acknowledged)
        for name in enrolled:
            shutil.copytree(node.top / f"profile-{name}", top / f"profile-{name}")
        sh("umount", "-l", mount)
        loops.append(attach(snapshot, after))
        if (after / "control").exists() and (after / "control").read_text() == "never synced":
            print("the control survived: the device does not drop unsynced writes")
            return 1
        node.dir, node.top = after / "n" / "node-dir", top
        node.log_path = top / "log2"
        node.start()
        e = lib.Entity(node, top / "profile", "Cdev")
        lost = [n for n in said if e.retrieve(f"/cse-in/ae-Cdev/data/{n}").rsc != 2000]
        strangers = [n for n in enrolled if not is_known(node, top / f"profile-{n}", n)]
        on = e.create("/cse-in/ae-Cdev/data", 4, {"m2m:cin": {"con": "after the cut"}}).rsc
        verdict, whole = (node.cli(w, "verify", check=False) for w in ("audit", "store"))
        e.close()
        stopped = node.stop()
        print(f"round {number}: {len(said)} creates and {len(enrolled)} credentials acknowledged before the cut, "
              f"{len(lost)} and {len(strangers)} lost; a create after it {on}; audit verify exit {verdict[0]}, "
              f"store verify exit {whole[0]}, stop exit {stopped}", flush=True)
        if not said or not enrolled:
            print("nothing was acknowledged: nothing was tested")
            return 1
        return 1 if lost or strangers or verdict[0] or whole[0] or stopped or on != 2001 else 0
    finally:
        if node:
            node.kill()
        subprocess.run(["umount", "-l", str(after)], stderr=subprocess.DEVNULL)
        subprocess.run(["umount", "-l", str(mount)], stderr=subprocess.DEVNULL)
        for loop in loops:
            subprocess.run(["losetup", "-d", loop], stderr=subprocess.DEVNULL)
        drop.kill()
        subprocess.run(["umount", "-l", str(under)], stderr=subprocess.DEVNULL)


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse") or not os.path.exists("/dev/loop-control"):
        print("needs root, /dev/fuse and loop devices: not run")
        return 0 if os.environ.get("ALLOW_NO_DEVICES") else 1
    bad = 0
    for number in range(ROUNDS):
        top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-cut-"))
        try:
            bad += one_round(number, top)
        finally:
            shutil.rmtree(top, ignore_errors=True)
    print(f"{ROUNDS} power cuts, {bad} bad")
    return 1 if bad else 0


sys.exit(main())
