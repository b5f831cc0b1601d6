#!/usr/bin/python3
"""The parent and the door, with workers that only behave (fake_worker.c).

Start, crash, restart, penalty, reload, order of the end, who may enter at the door; as root and as
an ordinary user. Needs nothing but Python; `test_processes.py BUILD` runs it alone."""
import os, pathlib, re, shutil, signal, socket, stat, struct, subprocess, sys, tempfile, time, unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", TOP / "build"))
NOBODY, OTHER = 65534, 65533
ADMIN, ADMIN_ROW, ADMIN_DONE, ADMIN_CALL, ADMIN_RESULT = 50, 51, 52, 53, 54
SYNTAX, REFUSED, UNSUPPORTED, CLOSED = 3, 9, 15, 19
FAKES = ("holdfast-keeper", "holdfast-core", "holdfast-gate")
CONF = "node.sp_id = //sp.example.org\nnode.cse_id = /in-cse\nlog.level = info\ngate.workers = 2\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def frame(kind, ref, body=b"", zero=0, size=None):
    return struct.pack(">IHHQ", len(body) if size is None else size, kind, zero, ref) + body


class Fake:
    """A node directory, a folder of programs and the parent that runs them."""

    def __init__(self, user=None, conf="", start=True, listen=True):
        self.user, self.process = user, None
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-processes-"))
        os.chmod(self.top, 0o755)
        self.programs, self.dir, self.port = self.top / "programs", self.top / "n", free_port()
        self.programs.mkdir()
        for name in ("holdfastd", "holdfast-door", "holdfast-courier"):
            shutil.copy2(BUILD / name, self.programs / name)
        for name in FAKES:
            shutil.copy2(BUILD / "fake-worker", self.programs / name)
        for folder in ("", "keeper", "store", "node"):
            (self.dir / folder).mkdir(mode=0o755)
        self.conf = self.dir / "holdfast.conf"
        self.text = CONF + (f"listen.https = 127.0.0.1:{self.port}\n" if listen else "") + conf
        self.conf.write_text(self.text)
        os.chmod(self.conf, 0o600)
        if user is not None:
            for p in [self.dir, *self.dir.rglob("*")]:
                os.chown(p, user, user)
        self.log = self.top / "log"
        if start:
            try:
                self.start()
            except AssertionError:
                self.close()
                raise

    def run(self, *argv):
        p = subprocess.run([self.programs / "holdfastd", *map(str, argv)], stdin=subprocess.DEVNULL, timeout=30,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self.who())
        return p.returncode, p.stdout.decode()

    def who(self):
        return {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}

    def start(self, *more, env=None, ready=True):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.programs / "holdfastd", "-d", self.dir, *more], stderr=log,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            env={**os.environ, **(env or {})}, **self.who())
        if ready:
            self.wait(lambda: self.status().get("parent 0", [""] * 3)[:3:2] == [str(self.process.pid), "ready"])

    def wait(self, what, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            if what():
                return
            if self.process and self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError("waited in vain\n" + self.said())

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def status(self):
        """role number -> [pid, user, state, protections, missing]"""
        try:
            lines = (self.dir / "run/status").read_text().splitlines()
        except OSError:
            return {}
        return {" ".join(f[:2]): f[2:] for f in (l.split(" ", 6) for l in lines)}

    def pid(self, name):
        """Of a worker that is ready; never 0, which would be all of us."""
        self.wait(lambda: self.status().get(name, ["0", "", ""])[2] == "ready")
        pid = int(self.status()[name][0])
        assert pid > 1
        return pid

    def replaced(self, name, old):
        def look():
            f = self.status().get(name)
            return f and int(f[0]) not in (0, old) and f[2] == "ready"
        self.wait(look)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(40)
        self.process = None
        return code

    def door(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(str(self.dir / "run/admin.sock"))
        return s

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.top, ignore_errors=True)


def octets(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def answer(s):
    size, kind, zero, ref = struct.unpack(">IHHQ", octets(s, 16))
    return kind, ref, octets(s, size)


def answered_as(user, path):
    """1 when the door answers another user's question, 0 when it closes."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            os.setresuid(user, user, user)
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(str(path))
                code = 0
                s.sendall(frame(ADMIN, 5, b"\0\1"))
                code = len(s.recv(1))
        except ConnectionError:
            pass
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Case(unittest.TestCase):
    user = None
    options = ""

    def setUp(self):
        self.n = Fake(self.user, self.options)
        self.addCleanup(self.n.close)

    def has(self, what):
        self.n.wait(lambda: re.search(what, self.n.said()))


class Life:
    """What holds for every node, whoever started it."""
    def sanitized(self):
        return "built with sanitizers" in self.n.status()["keeper 0"][4]

    def test_start_and_end(self):
        status = self.n.status()
        self.assertEqual(set(status), {"parent 0", "keeper 0", "core 0", "gate 0", "gate 1", "courier 0", "door 0"})
        for name, f in status.items():
            self.assertEqual(f[2], "ready", name)
            self.check_worker(name, f)
        pids = [int(f[0]) for f in status.values()]
        self.assertEqual(self.n.end(), 0, self.n.said())
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)
        self.assertFalse((self.n.dir / "run/admin.sock").exists())

    def test_a_killed_worker_comes_back_and_its_neighbours_know(self):
        for name in ("gate 0", "courier 0", "door 0", "core 0", "keeper 0"):
            old = self.n.pid(name)
            os.kill(old, signal.SIGKILL)
            self.n.replaced(name, old)
            with self.n.door() as s:
                s.sendall(frame(ADMIN, 7, b"\0\1") + frame(ADMIN_CALL, 8, b"\0\24"))
                got = sorted([answer(s), answer(s), answer(s)])
            self.assertEqual([g[:2] for g in got], [(ADMIN_ROW, 7), (ADMIN_DONE, 7), (ADMIN_RESULT, 8)], name)
        self.assertEqual(len(re.findall("worker died", self.n.said())), 5)
        self.assertEqual(self.n.end(), 0, self.n.said())

    def test_the_source_of_a_crash_is_refused_for_a_while(self):
        pids = {self.n.pid("gate 0"), self.n.pid("gate 1")}
        with socket.create_connection(("127.0.0.1", self.n.port)) as s:
            s.sendall(b"!")
            self.has("source refused: address=127.0.0.1 seconds=60")
        self.has("gate 0: penalty: octets=21")
        self.has("gate 1: penalty: octets=21")
        self.n.wait(lambda: len([f for f in self.n.status().values() if f[2] == "ready"]) == 7)
        self.assertNotEqual({self.n.pid("gate 0"), self.n.pid("gate 1")}, pids)
        with socket.create_connection(("127.0.0.1", self.n.port)) as s:
            s.sendall(b"!")
            self.has("source refused: address=127.0.0.1 seconds=120")
        # a quiet end accuses nobody
        os.kill(self.n.pid("gate 0"), signal.SIGKILL)
        time.sleep(0.3)
        self.assertEqual(self.n.said().count("source refused"), 2)

    def test_a_reload_takes_over_what_may_change(self):
        self.n.conf.write_text(self.n.text.replace("log.level = info", "log.level = debug") + "gate.connections = 77\n")
        self.n.process.send_signal(signal.SIGHUP)
        self.has("configuration reloaded")
        self.has("needs a restart: option=gate.connections")
        self.has("gate 1: reloaded: level=debug")
        self.n.conf.write_text(self.n.text + "gate.idle_time = never\n")
        self.n.process.send_signal(signal.SIGHUP)
        self.has(r"configuration refused: the old one stays in force; line \d+: gate.idle_time")
        self.n.conf.write_text(self.n.text + "lab = yes\n")
        self.n.process.send_signal(signal.SIGHUP)
        self.has("lab mode is set by holdfastd --lab only")
        self.assertEqual(len(re.findall("gate 1: reloaded", self.n.said())), 1)
        self.assertEqual(self.n.end(), 0)

    def test_workers_end_with_their_parent(self):
        pids = [int(f[0]) for name, f in self.n.status().items()]
        self.n.process.kill()
        self.n.process.wait()
        end = time.time() + 30
        while time.time() < end and any(os.path.exists(f"/proc/{p}") for p in pids):
            time.sleep(0.02)
        self.assertFalse([p for p in pids if os.path.exists(f"/proc/{p}")])
        # and the next start finds nothing in its way
        self.n.start()
        self.assertEqual(self.n.end(), 0)

    def test_one_instance(self):
        code, out = self.n.run("-d", self.n.dir)
        self.assertEqual(code, 1)
        self.assertIn("runs already", out)
        # nor another node on the same address
        with_other = Fake(self.user, start=False, listen=False, conf=f"listen.https = 127.0.0.1:{self.n.port}\n")
        self.addCleanup(with_other.close)
        code, out = with_other.run("-d", with_other.dir)
        self.assertEqual(code, 1)
        self.assertIn("cannot listen", out)

    def test_a_worker_that_does_not_stop_is_ended(self):
        os.kill(self.n.pid("core 0"), signal.SIGSTOP)
        began = time.time()
        self.assertEqual(self.n.end(), 1)
        self.assertLess(time.time() - began, 30)
        self.assertIn("did not stop in time", self.n.said())

    def test_the_service_manager_is_told(self):
        self.assertEqual(self.n.end(signal.SIGINT), 0)
        path = str(self.n.top / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            os.chmod(path, 0o777)
            s.settimeout(20)
            self.n.start(env={"NOTIFY_SOCKET": path})
            self.assertEqual(s.recv(200), b"READY=1")
            self.n.process.send_signal(signal.SIGHUP)
            self.assertRegex(s.recv(200), rb"RELOADING=1\nMONOTONIC_USEC=\d+")
            self.assertEqual(s.recv(200), b"READY=1")
            self.assertEqual(self.n.end(), 0)
            self.assertEqual(s.recv(200), b"STOPPING=1")

    def test_the_door_tells_the_core_who_asks(self):
        with self.n.door() as s:
            s.sendall(frame(ADMIN, 5, b"\0\1rest"))
            self.assertEqual(answer(s), (ADMIN_ROW, 5, struct.pack(">II", os.geteuid(), os.getpid()) + b"\0\1rest"))

    def test_the_door_keeps_to_its_table(self):
        for bad in (frame(1, 0), frame(25, 5), frame(40, 5, b"\0\1"), frame(51, 5), frame(63, 5),
                    frame(ADMIN, 5, zero=1), frame(ADMIN, 5, size=65537), b"\xff" * 16):
            with self.n.door() as s:
                s.sendall(bad)
                with self.assertRaises((EOFError, ConnectionError)):
                    answer(s)
        with self.n.door() as s:  # the largest with the user in front does not fit any more
            s.sendall(frame(ADMIN, 9, b"x" * 65536))
            kind, ref, body = answer(s)
            self.assertEqual((kind, ref, body[0]), (ADMIN_DONE, 9, 2))
        # a question that nobody reads the answer of harms nobody
        with self.n.door() as s:
            s.sendall(frame(ADMIN, 5, b"\0\1"))
        many = [self.n.door() for _ in range(16)]
        for s in many:
            self.addCleanup(s.close)
        with self.n.door() as s:
            with self.assertRaises((EOFError, ConnectionError)):
                s.sendall(frame(ADMIN, 5, b"\0\1"))
                answer(s)
        for s in many:
            s.sendall(frame(ADMIN, 6, b"\0\1"))
            self.assertEqual(answer(s)[:2], (ADMIN_ROW, 6))
            s.close()
        self.assertEqual(len(re.findall("worker died", self.n.said())), 0)

    def test_an_open_question_ends_when_the_core_does(self):
        with self.n.door() as s:
            s.sendall(frame(ADMIN, 5, b"\0\77"))
            kind, ref, body = answer(s)
            self.assertEqual((kind, ref, body[0]), (ADMIN_DONE, 5, CLOSED))

    def test_the_socket_is_closed_to_others(self):
        s = os.stat(self.n.dir / "run/admin.sock")
        self.assertEqual(stat.S_IMODE(s.st_mode), 0o600)
        self.assertEqual(s.st_uid, os.geteuid() if self.user is None else self.user)
        os.chmod(self.n.dir / "run/admin.sock", 0o666)
        os.chmod(self.n.dir, 0o755)
        if os.geteuid() == 0:
            self.assertEqual(answered_as(OTHER, self.n.dir / "run/admin.sock"), 0)
            self.has(f"refused at the door: user={OTHER}")

    def test_a_core_that_cannot_live_ends_the_node(self):
        self.n.end()
        (self.n.programs / "holdfast-core").unlink()
        shutil.copy2("/bin/false", self.n.programs / "holdfast-core")
        self.n.start(ready=False)
        self.assertEqual(self.n.process.wait(30), 1)
        self.n.process = None
        self.assertIn("given up: role=core", self.n.said())


class Courier(Case):
    options = "courier.allow = peer.example:443 127.0.0.9:8443\n"

    def ask(self, target, more=b""):
        """SEND as a core would: 2 s, no flags, JSON, URL, primitive."""
        body = struct.pack(">IBBI", 2000, 0, 0, len(target)) + target + struct.pack(">I", 1) + b"\xa0" + more
        with self.n.door() as s:
            s.sendall(frame(ADMIN, 5, b"\0\76" + body))
            kind, ref, got = answer(s)
            self.assertEqual((kind, ref, got[1:]), (ADMIN_ROW, 5, bytes(4)))
            return got[0]

    def test_only_allowed_places(self):
        for target in (b"https://other.example/x", b"https://peer.example:444/x", b"https://127.0.0.9/x",
                       b"https://127.0.0.99:8443/x"):
            self.assertEqual(self.ask(target), REFUSED, target)
        for target in (b"https://peer.example@evil.example/", b"https://peer.example:0/", b"https:///", b"https://a b/",
                       b"https://PEER.example/", b"https://peer.example:443:443/"):
            self.assertEqual(self.ask(target), SYNTAX, target)
        self.assertEqual(self.ask(b"http://127.0.0.9:8443/"), UNSUPPORTED)
        # allowed, but without a keeper there is no credential to go with
        self.assertEqual(self.ask(b"https://127.0.0.9:8443/x"), UNSUPPORTED)


@unittest.skipUnless(os.geteuid() == 0, "as root only")
class AsRoot(Life, Case):
    def check_worker(self, name, f):
        proc = pathlib.Path("/proc") / f[0]
        text = (proc / "status").read_text()
        self.assertIn("NoNewPrivs:\t1", text)
        if not self.sanitized():
            self.assertIn("Seccomp:\t2", text, name)
            self.assertIn("system-calls", f[3], name)
            self.assertIn("no-dumps", f[3], name)
        if name == "parent 0":
            self.assertIn("CapEff:\t" + f"{1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 18:016x}", text)
            return
        self.assertRegex(text, r"Uid:\t(\d+)\t\1\t\1\t\1\n")
        self.assertIn(f"Uid:\t{f[1]}\t", text)
        self.assertRegex(f[1], "^6200[1-5]$")
        for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertIn(f"{caps}:\t{0:016x}", text, name)
        self.assertIn("Groups:\t \n", text)
        root = os.readlink(proc / "root")
        self.assertTrue(root.startswith(str(self.n.dir)), root)
        self.assertTrue(root.endswith({"keeper": "/keeper", "core": "/store"}.get(name.split()[0], "/empty")), root)
        self.assertIn("user,root,capabilities,files", f[3])
        for line in (proc / "limits").read_text().splitlines():
            if line.startswith("Max core file size"):
                self.assertEqual(line.split()[4:6], ["0", "0"])
        kept = {os.readlink(p) for p in (proc / "fd").iterdir()}
        self.assertFalse([k for k in kept if k.startswith("/") and k not in ("/dev/null", str(self.n.log), str(self.n.dir / "run/workers"))
                              and (k != "/run/holdfast.witness" or not name.startswith("keeper"))], name)


class AsUser(Life, Case):
    """An ordinary user: less is protected, and that is said."""
    user = NOBODY if os.geteuid() == 0 else None

    def check_worker(self, name, f):
        text = pathlib.Path(f"/proc/{f[0]}/status").read_text()
        self.assertIn("NoNewPrivs:\t1", text)
        self.assertIn("CapPrm:\t0000000000000000", text)
        if not self.sanitized():
            self.assertIn("Seccomp:\t2", text, name)
            self.assertIn("system-calls", f[3], name)
        self.assertEqual(f[1], str(os.geteuid() if self.user is None else self.user))
        if name != "parent 0":
            self.assertIn("not started as root", f[4])
            self.assertIn("capabilities,files", f[3])


class Refused(unittest.TestCase):
    """Starts that must not happen."""

    def refused(self, why, *argv, conf="", prepare=None, code=1, listen=True):
        n = Fake(conf=conf, start=False, listen=listen)
        self.addCleanup(n.close)
        if prepare:
            prepare(n)
        got, out = n.run("-d", n.dir, *argv)
        self.assertEqual(got, code, out)
        self.assertIn(why, out)
        return n

    def test_configurations(self):
        self.refused("others may write it", prepare=lambda n: os.chmod(n.conf, 0o620))
        self.refused("others may write it", prepare=lambda n: os.chmod(n.conf, 0o602))
        self.refused("others may write in it", prepare=lambda n: os.chmod(n.dir, 0o777))
        self.refused("No such file", prepare=lambda n: n.conf.unlink())
        self.refused("configuration refused", prepare=lambda n: (n.conf.rename(n.dir / "x"), n.conf.symlink_to("x")))
        self.refused("there is no option \"gate.idl_time\"; \"gate.idle_time\" is meant?", conf="gate.idl_time = 3\n")
        self.refused("line 6: lab mode is set by holdfastd --lab only", conf="lab = yes\n")
        self.refused("for holdfastd --lab only", conf="lab.admin = CAdmin\n")
        self.refused("for holdfastd --lab only", conf="listen.lab_http = 127.0.0.1:80\n")
        self.refused("listen.https", conf="listen.https = localhost:80\n", listen=False)
        self.refused("listen.https", conf="listen.https = 127.0.0.1:65536\n", listen=False)
        self.refused("line 6", "--check", conf="x\n")
        self.refused("no passphrase", conf="keeper.passphrase_file = nowhere\n")

        def open_passphrase(n):
            (n.dir / "credential").write_text("secret")
            os.chmod(n.dir / "credential", 0o640)
        self.refused("chmod 600", conf="keeper.passphrase_file = credential\n", prepare=open_passphrase)

    def test_directories(self):
        self.refused("not a node directory", prepare=lambda n: (n.dir / "store").rmdir())
        self.refused("not a node directory", prepare=lambda n: ((n.dir / "store").rmdir(), (n.dir / "store").symlink_to("node")))
        if os.geteuid() == 0:
            self.refused("directory refused", prepare=lambda n: os.chown(n.dir / "keeper", OTHER, OTHER))

    def test_lab(self):
        self.refused("loopback addresses only", "--lab", conf="listen.https = 0.0.0.0:1\n", listen=False)
        self.refused("loopback addresses only", "--lab", conf="listen.lab_http = 192.0.2.1:1\n")
        self.refused("loopback addresses only", "--lab", conf="listen.lab_http = [::]:1\n")
        self.refused("started without --lab before", "--lab", prepare=lambda n: ((n.dir / "run").mkdir(), (n.dir / "run/lock").touch()))
        self.refused("the directory of a lab", prepare=lambda n: (n.dir / "lab").touch())

    def test_usage(self):
        for argv in (["--labb"], ["--lab-port", "8"], ["--lab", "--lab-port", "x"], ["--lab", "--lab-port", "70000"], ["-d"], ["x"]):
            n = Fake(start=False)
            self.addCleanup(n.close)
            self.assertEqual(n.run(*argv)[0], 2, argv)

    def test_words(self):
        n = Fake(start=False)
        self.addCleanup(n.close)
        self.assertEqual(n.run("--version")[0], 0)
        self.assertIn("SIGHUP", n.run("--help")[1])
        code, out = n.run("--print-options")
        self.assertEqual(code, 0)
        n.conf.write_text(CONF + out)
        self.assertEqual(n.run("-d", n.dir, "--check"), (0, "the configuration is good\n"))
        self.assertFalse((n.dir / "run").exists())

    def test_workers_are_not_started_by_hand(self):
        for name in ("holdfast-door", "holdfast-courier"):
            p = subprocess.run([BUILD / name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            self.assertEqual(p.returncode, 2)
            self.assertIn(b"start holdfastd", p.stdout)
            self.assertEqual(subprocess.run([BUILD / name, "--version"], stdout=subprocess.DEVNULL).returncode, 0)


class Lab(unittest.TestCase):
    def test_says_what_is_off(self):
        n = Fake(start=False)
        self.addCleanup(n.close)
        port = free_port()
        n.start("--lab", "--lab-port", str(port))
        self.assertIn("LAB MODE", n.said())
        self.assertIn("off: encryption", n.said())
        with socket.create_connection(("127.0.0.1", port)):
            pass
        self.assertEqual(n.end(), 0)
        # from now on it is a lab
        self.assertEqual(n.run("-d", n.dir)[0], 1)
        n.start("--lab", "--lab-port", str(port))
        self.assertEqual(n.end(), 0)


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]):
        BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
