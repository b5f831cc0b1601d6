#!/usr/bin/python3
"""T13, T7 on local sockets: another user listens where a node's door, or a device's module, is thought to be, while that
one does not run: in a folder that all can write, in one of his own there, behind a link of his. Who comes would tell him
what it wants sealed or signed, and believe what he says.

Control: clients that connect to whatever is there. Target: the PKCS#11 module, the command (administration, and the
module of a network's subscription)."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, select, shutil, socket, subprocess, tempfile

from attack import Refusals, end
from node import BUILD
from orders import KEY_LIST, Door
from program import KEYS, Program

NOBODY = 65534


class Listener:
    """A process of that user, which makes the socket at path and notes what it is sent."""

    def __init__(self, path, user=NOBODY):
        self.path, (self.read, write) = path, os.pipe()
        ready, go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setgid(user)
            os.setuid(user)
            s = socket.socket(socket.AF_UNIX)
            s.bind(str(path))
            os.chmod(path, 0o777)
            s.listen(8)
            os.write(go, b"x")
            while True:
                c, _ = s.accept()
                c.settimeout(1)
                try:
                    os.write(write, c.recv(4096))
                except OSError:
                    pass
                c.close()
        os.close(write)
        os.read(ready, 1)

    def heard(self):
        return os.read(self.read, 65536) if select.select([self.read], [], [], 0.3)[0] else b""

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.read)
        os.unlink(self.path)


def module(path):
    return subprocess.run(["pkcs11-tool", "--module", BUILD / "libholdfast-pkcs11.so", "--list-objects"], env={**os.environ, "HOLDFAST_PROGRAMS": str(path)},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)


def command(path):
    return subprocess.run([BUILD / "holdfast", "-d", path.parents[1], "status"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)


def subscription(path):
    return subprocess.run([BUILD / "holdfast", "network", "bootstrap", "--module", path, "--bsf", "127.0.0.1:9", "--naf", "x.example", "--server", "127.0.0.1:9",
                           "--id", "Cx", "--out", path.parents[2] / "never"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)


def careless(path):
    for client in (lambda: Program(path, 0, 1).send(KEYS.to_bytes(2, "big")), lambda: Door(Folder(path.parents[1])).call(KEY_LIST)):
        try:
            client()
        except OSError:
            pass


class Folder:
    def __init__(self, path):
        self.dir = path


top = pathlib.Path(tempfile.mkdtemp(prefix="doors-"))
os.chmod(top, 0o755)


def folder(path, user=0, mode=0o755):
    path.mkdir(exist_ok=True)
    os.chown(path, user, user)
    os.chmod(path, mode)
    return path


everybodys = folder(top / "all", 0, 0o1777)
places = {  # name -> the folder of the socket
    "in a folder that all can write": folder(folder(top / "open") / "run", 0, 0o1777),
    "in a folder of his own among those of all": folder(folder(everybodys / "dir", NOBODY) / "run", NOBODY),
    "in a folder that his group can write": folder(folder(top / "group", 0) / "run", NOBODY, 0o775),
}
his = folder(folder(top / "his", NOBODY) / "run", NOBODY)
os.symlink(top / "his", everybodys / "link")
os.lchown(everybodys / "link", NOBODY, NOBODY)
places["behind a link of his"] = everybodys / "link" / "run"

r = Refusals()
control = True
for what, run in places.items():
    path = run / "admin.sock"
    listener = Listener(path)
    careless(path)
    fell = listener.heard()
    control &= bool(fell)
    print(f"control: {'worked' if fell else 'FAILED'}: {what}: {len(fell)} octets told")
    for name, client in (("the PKCS#11 module", module), ("the command", command), ("the subscription's module", subscription)):
        p = client(path)
        r.say(f"{name}, {what}", not listener.heard(), (p.stdout + p.stderr).strip().splitlines()[-1][:100] if p.stdout + p.stderr else f"exit {p.returncode}")
    listener.close()
# where nobody else can have put it, one of another user is taken
listener = Listener(his / "admin.sock")
for name, client in (("the PKCS#11 module", module), ("the command", command), ("the subscription's module", subscription)):
    client(his / "admin.sock")
    r.say(f"{name}, in a folder that only he and the superuser can write (is asked)", listener.heard())
listener.close()
shutil.rmtree(top, ignore_errors=True)
end(control, r.all, "others at local doors")
