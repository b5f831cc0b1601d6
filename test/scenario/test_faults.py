"""What the system does to a node: a log that nobody reads, too few descriptors, a hangup before
there is anything to hang up, files of another user, a damaged store, a socket that is
another node's."""
import fcntl, json, os, resource, signal, socket, subprocess, tempfile, time

import pytest

from node import BUILD, Node
from waiting import in_time, until

F_SETPIPE_SZ = 1031
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="module")
def stopped():
    """A node that was initialised; each test starts it in its own way, and leaves it stopped."""
    with Node(start=False) as node:
        yield node
        assert not node.process


@pytest.fixture(scope="module", autouse=True)
def hung():
    """What is asked of nodes whose core, or whose door, hangs; answered while the other tests run."""
    asked, places = [], []
    with Node() as a, Node() as b:
        processes = [a.pids()["core"][0], b.pids()["door"][0]]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            for _ in range(80):  # more than may wait at the door
                places.append(socket.socket(socket.AF_UNIX))
                places[-1].setblocking(False)
                places[-1].connect_ex(str(b.dir / "run/admin.sock"))
            for node in (a, b):
                for word in ("status", "doctor"):
                    asked.append((subprocess.Popen([BUILD / "holdfast", "-d", node.dir, word], stdin=subprocess.DEVNULL,
                                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True), time.time()))
            yield asked
        finally:
            for asker, _ in asked:
                asker.kill()
            for process in processes:
                os.kill(process, signal.SIGCONT)
            for place in places:
                place.close()
        assert a.stop() == 0 and b.stop() == 0


def refused(node, **how):
    """It does not start: its exit status and what it says."""
    p = subprocess.run([BUILD / "holdfastd", "-d", node.dir], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=30, text=True, **how)
    return p.returncode, p.stdout


# --- the log ------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_log_that_nobody_reads_stops_nothing(stopped, kind):
    node = stopped
    if kind == "pipe":
        ours, theirs = os.pipe()
        fcntl.fcntl(theirs, F_SETPIPE_SZ, 4096)
        os.set_blocking(theirs, False)
    else:
        a, b = socket.socketpair()
        b.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        b.setblocking(False)
        ours, theirs = a.detach(), b.detach()
    try:
        while True:
            os.write(theirs, b"x")
    except BlockingIOError:
        os.set_blocking(theirs, True)
    node.process = subprocess.Popen([str(BUILD / "holdfastd"), "-d", str(node.dir)], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=theirs)
    try:
        node.wait_ready(10)
        if kind == "pipe":
            assert os.get_blocking(theirs), "what others write there waits as before"
        # it is read again: what was lost is told
        os.set_blocking(ours, False)
        said = b""
        def more():
            nonlocal said
            try:
                said += os.read(ours, 65536)
            except BlockingIOError:
                pass
            return b"configuration reloaded" in said
        more()
        node.process.send_signal(signal.SIGHUP)
        assert in_time(more) and b"lost lines: " in said, said[-600:]
        assert node.stop(20) == 0
    finally:
        node.kill()
        os.close(ours)
        os.close(theirs)


def test_a_log_whose_reader_is_gone_stops_nothing(stopped):
    node = stopped
    ours, theirs = os.pipe()
    os.close(ours)
    node.process = subprocess.Popen([str(BUILD / "holdfastd"), "-d", str(node.dir)], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    try:
        node.wait_ready(10)
        assert node.stop(20) == 0
    finally:
        node.kill()


# --- descriptors ----------------------------------------------------------------------------------

def test_too_few_open_files_are_named(stopped):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
    began = time.time()
    code, said = refused(stopped, preexec_fn=few, **({"user": os.stat(stopped.dir).st_uid} if os.geteuid() else {}))
    assert code == 1 and "too few open files" in said and "limit=128" in said, said
    assert time.time() - began < 5


# --- signals ----------------------------------------------------------------------------------------

def test_a_hangup_before_it_has_started_is_a_reload(stopped):
    node = stopped
    os.makedirs(node.dir / "run", exist_ok=True)
    with open(node.dir / "run/workers", "w") as life:
        fcntl.flock(life, fcntl.LOCK_EX)
        node.spawn()
        try:
            until(lambda: "waiting: " in node.log_text())
            node.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
            life.close()
            node.wait_ready(20)
            until(lambda: "configuration reloaded" in node.log_text())
            assert node.stop() == 0
        finally:
            node.kill()


# --- files --------------------------------------------------------------------------------------------

@root
@pytest.mark.parametrize("name", ["store/holdfast.db", "keeper/keystore", "keeper/counter"])
def test_a_file_that_its_worker_cannot_open_is_named(stopped, name):
    node = stopped
    node.start()
    assert node.stop() == 0
    file = node.dir / name
    was = file.stat()
    try:
        for spoil, words in ((lambda: os.chown(file, 0, 0), ("owner=0", f"needed={was.st_uid}", "chown")),
                             (lambda: os.chmod(file, 0o400), ("mode=400", "chmod"))):
            spoil()
            code, said = refused(node)
            assert code == 1 and f"file refused: name={name}" in said and all(w in said for w in words), said
            assert "holdfast init" not in said
            os.chown(file, was.st_uid, was.st_gid)
            os.chmod(file, 0o600)
    finally:
        os.chown(file, was.st_uid, was.st_gid)
        os.chmod(file, 0o600)
    node.start()
    assert node.stop() == 0


def test_a_damaged_store_is_named():
    with Node() as node:
        assert node.stop() == 0
        store = node.dir / "store/holdfast.db"
        with open(store, "r+b") as f:
            f.seek(100)
            f.write(b"\x55" * 300)
        damaged = store.read_bytes()
        node.spawn()
        until(lambda: "not open: " in node.log_text())
        node.stop()
        said = node.log_text()
        assert "not open: store=store" in said and "integrity check failed" in said and "put back a copy" in said, said
        assert store.read_bytes() == damaged, "it is left as it is"


@root
def test_a_full_disk_is_told(stopped):
    def room():
        rows = json.loads(subprocess.run([BUILD / "holdfast", "-d", stopped.dir, "-o", "json", "doctor"],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout)
        return next(r for r in rows if r["check"] == "room")
    was = room()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", stopped.dir / "store"],
                             stderr=subprocess.DEVNULL).returncode == 0
    if not mounted:
        pytest.skip("nothing can be mounted here")
    try:
        little = room()
        with open(stopped.dir / "store/fill", "wb") as f, pytest.raises(OSError):
            while True:
                f.write(bytes(65536))
                f.flush()
        none = room()
    finally:
        subprocess.run(["umount", stopped.dir / "store"], check=True)
    assert [r["result"] for r in (was, little, none)] == ["ok", "warn", "FAIL"], (was, little, none)
    assert "store" in none["says"], none


# --- sockets --------------------------------------------------------------------------------------------

def test_the_socket_for_programs_of_another_node_is_not_taken():
    with tempfile.TemporaryDirectory() as top:
        place = f"{top}/programs"
        with Node(options=f"door.programs = {place}") as first:
            was = os.stat(place).st_ino
            with Node(options=f"door.programs = {place}", start=False) as second:
                code, said = refused(second)
                assert code == 1 and "no socket for programs" in said and "in use" in said, said
            assert os.stat(place).st_ino == was
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(place)
            # one that a dead node left is taken
            first.kill()
            first.start()
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(place)
            assert first.stop() == 0


# --- what hangs ------------------------------------------------------------------------------------------

def test_who_asks_a_node_that_hangs_is_told_so(hung):
    for asker, began in hung:
        said = asker.communicate(timeout=max(1, began + 25 - time.time()))[0]
        assert asker.returncode == 1 and "a node runs" in said and "does not answer" in said, said
        assert "no node runs" not in said and "does not run" not in said
