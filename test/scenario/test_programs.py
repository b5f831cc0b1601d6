"""Keys of the keeper for other programs of the machine, through the door's second socket."""
import contextlib, os, pathlib, signal, stat, struct, subprocess, sys, threading, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from node import Node
from program import *

ALICE, BOB = 64101, 64102
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs programs of two users")


@contextlib.contextmanager
def with_door():
    with Node(start=False) as n:
        n.socket = n.top / "programs.sock"
        with open(n.dir / "holdfast.conf", "a") as f:
            f.write(f"door.programs = {n.socket}\n")
        n.start()
        yield n


@pytest.fixture(scope="module")
def node():
    with with_door() as n:
        for name, user, *more in (("tls", ALICE, "--purpose", "digest"), ("doc", ALICE), ("dh", ALICE, "--purpose", "agree"),
                                  ("ed", ALICE, "--class", "ed25519"), ("tls", BOB, "--purpose", "digest")):
            n.cli("key", "generate", f"app/{name}", "--user", user, *more)
        yield n


def verify(public, message, signature, digest=True):
    """By the openssl command: the peer that knows nothing of us."""
    import tempfile
    spki = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + public
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        (d / "p").write_bytes(spki)
        (d / "m").write_bytes(message)
        (d / "s").write_bytes(signature)
        return subprocess.run(["openssl", "dgst", "-sha256", "-verify", d / "p", "-keyform", "DER", "-signature", d / "s",
                               d / "m"], capture_output=True).returncode == 0


def test_not_listening_by_default():
    with Node() as n:
        assert not list(n.top.rglob("programs*"))
        assert len([p for p in n.dir.rglob("*") if p.is_socket()]) == 1


def test_a_user_sees_and_uses_his_keys(node):
    import hashlib
    with Program(node.socket, ALICE) as p:
        keys = p.keys()
        assert set(keys) == {f"app/{ALICE}/{k}" for k in ("tls", "doc", "dh", "ed")}
        err, body = p.sign(f"app/{ALICE}/doc", FOR_SIGN, b"text")
        assert err == OK and verify(keys[f"app/{ALICE}/doc"][2], b"text", body[4:])
        assert not verify(keys[f"app/{ALICE}/tls"][2], b"text", body[4:])
        err, body = p.sign(f"app/{ALICE}/tls", FOR_DIGEST, hashlib.sha256(b"text").digest())
        assert err == OK and verify(keys[f"app/{ALICE}/tls"][2], b"text", body[4:])
        err, body = p.agree(f"app/{ALICE}/dh", keys[f"app/{ALICE}/tls"][2])
        assert err == OK and len(body) == 32


def test_another_user_and_another_purpose_are_refused(node):
    with Program(node.socket, BOB) as p:
        assert set(p.keys()) == {f"app/{BOB}/tls"}
        for name in (f"app/{ALICE}/tls", f"app/{ALICE}/none", "node", "ca"):
            assert p.sign(name, FOR_DIGEST, bytes(32))[0] == REFUSED
        assert p.sign(f"app/{BOB}/tls", FOR_SIGN, b"text")[0] == REFUSED
        assert p.agree(f"app/{BOB}/tls", bytes(65))[0] == REFUSED
    with Program(node.socket, 0) as p:  # root has no keys either
        assert p.keys() == {}
        assert p.sign(f"app/{ALICE}/tls", FOR_DIGEST, bytes(32))[0] == REFUSED
    end = time.time() + 30
    while time.time() < end and f"app/{ALICE}/tls user {BOB}" not in str(node.audit()):
        time.sleep(0.1)
    assert f"app/{ALICE}/tls user {BOB}" in str(node.audit())


def test_programs_are_no_administrators(node):
    for kind in (50, 53, 40, 44, 1):
        with Program(node.socket, 0) as p:
            p.send(bytes(10), kind)
            with pytest.raises(ConnectionError):
                p.read()
    with Program(node.socket, ALICE) as p:
        for op in range(64):
            if op not in (KEYS, SIGN, AGREE, SEAL, UNSEAL, WRAP, RANDOM):
                assert p.ask(op)[0] in (REFUSED, 15), op


def test_places_are_shared_fairly(node):
    held = [Program(node.socket, ALICE) for _ in range(40)]
    open_ = 0
    for p in held:
        try:
            open_ += p.ask(KEYS, bytes(4))[0] in (OK, LIMIT)
        except OSError:
            pass
    assert open_ == 16
    with Program(node.socket, BOB) as p:
        assert p.keys()
    assert node.cli("key", "list")
    for p in held:
        p.close()


def test_a_deprecated_key_signs_nothing_from_now_on(node):
    node.cli("key", "generate", "app/short", "--user", ALICE)
    with Program(node.socket, ALICE) as p:
        assert p.sign(f"app/{ALICE}/short", FOR_SIGN, b"x")[0] == OK
        node.cli("key", "deprecate", f"app/{ALICE}/short")
        assert p.sign(f"app/{ALICE}/short", FOR_SIGN, b"x")[0] == MISSING


def test_administration_says_what_it_wants(node):
    for wrong in (("app/x",), ("x", "--user", "1"), ("app/x", "--user", "me"), ("app/x", "--user", "1", "--purpose", "all"),
                  ("x", "--purpose", "sign")):
        code, text = node.cli("key", "generate", *wrong, check=False)
        assert code == 2, text
    code, text = node.cli("key", "generate", "app/x", "--user", "1", "--class", "ed25519", "--purpose", "agree", check=False)
    assert code == 1 and "refused" in text


def test_the_socket_is_for_a_group():
    with Node(start=False) as n:
        n.socket = n.top / "programs.sock"
        n.socket.write_text("not a socket")
        with open(n.dir / "holdfast.conf", "a") as f:
            f.write(f"door.programs = {n.socket}\ndoor.programs_group = 64200\n")
        with pytest.raises(RuntimeError):
            n.start()  # what is no socket is not taken away
        assert n.socket.read_text() == "not a socket"
        n.socket.unlink()
        n.start()
        s = n.socket.stat()
        assert stat.S_IMODE(s.st_mode) == 0o660 and s.st_gid == 64200
        with pytest.raises(PermissionError):
            Program(n.socket, ALICE)
        n.stop()
        n.start()  # over the socket that is left
        assert Program(n.socket, 0).keys() == {}


ASK_RANDOM = struct.pack(">HI", RANDOM, 16)


def test_programs_that_go_away_leave_room_for_administrators(node):
    """While the keeper answers nobody: questions of programs that are gone stay open, and are not all there is room for."""
    (keeper,), turned_away = node.pids()["keeper"], 0
    os.kill(keeper, signal.SIGSTOP)
    try:
        for _ in range(200):
            with Program(node.socket, ALICE) as p:
                for _ in range(3):  # the last is answered by the door itself, when the others were taken
                    p.send(ASK_RANDOM)
                assert p.read()[2][0] == LIMIT
                turned_away += 1
        assert turned_away == 200
        assert node.cli("credential", "list", check=False)[0] == 0
        # Of those who are turned away the log has a few lines a second.
        held, began = [Program(node.socket, BOB) for _ in range(16)], time.time()
        tries = 0
        while tries < 300 or time.time() < began + 2.5:  # the lines of the first second may be spent
            with Program(node.socket, BOB) as p, contextlib.suppress(ConnectionError):
                assert p.s.recv(1) == b""
            tries += 1
        lines = node.log_text().count("door full")
        assert 0 < lines <= 5 * (time.time() - began + 2), lines
        [p.s.close() for p in held]
    finally:
        os.kill(keeper, signal.SIGCONT)
    with Program(node.socket, ALICE, 20) as p:
        end = time.time() + 10
        while p.sign(f"app/{ALICE}/doc", FOR_SIGN, b"text")[0] != OK:  # what was asked before counts into her share
            assert time.time() < end
            time.sleep(0.1)


@pytest.mark.parametrize("leaves", [True, False])
def test_who_is_gone_does_not_hold_the_end_of_the_node(leaves):
    """The keeper answers nobody, as the node stops: the door waits 3 s for the answer to who waits for it, and for nobody else."""
    with with_door() as n:
        (keeper,), (door,) = n.pids()["keeper"], n.pids()["door"]
        os.kill(keeper, signal.SIGSTOP)
        with Program(n.socket, ALICE) as p:
            for _ in range(50):
                p.send(ASK_RANDOM)
            p.read()  # that there are too many
            began = time.time()
            n.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
            if leaves:
                p.s.close()
            while pathlib.Path(f"/proc/{door}").exists():
                assert time.time() < began + 60
                time.sleep(0.02)
        took = time.time() - began
        os.kill(keeper, signal.SIGCONT)
        assert (took < 2.5) == leaves, took


def test_a_program_that_asks_on_does_not_hold_the_end_of_the_node():
    with with_door() as n:
        over = threading.Event()

        def asks(reads):
            with Program(n.socket, 0) as p:
                while not over.is_set():
                    try:
                        p.send(ASK_RANDOM)
                        if reads:
                            p.read()
                    except OSError:
                        return

        who = [threading.Thread(target=asks, args=(reads,)) for reads in (True, False)]
        [t.start() for t in who]
        try:
            time.sleep(0.3)
            assert n.stop() == 0
        finally:
            over.set()
            [t.join() for t in who]
        assert "did not stop in time" not in n.log_text()


FLOOD = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
from program import *
counts = {}
def run():
    end = time.time() + float(sys.argv[4])
    with Program(sys.argv[2], int(sys.argv[3])) as p:
        while time.time() < end:
            for _ in range(50):
                p.send(struct.pack(">H", SIGN) + octets(f"app/{sys.argv[3]}/tls") + bytes([FOR_DIGEST]) + octets(bytes(32)))
            for _ in range(50):
                err = p.read()[2][0]
                counts[err] = counts.get(err, 0) + 1
threads = [threading.Thread(target=run) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(counts)
"""


def test_a_flood_is_held_back_and_handshakes_go_on(node):
    """One user asks as fast as eight connections allow: he gets his thousand a second, and devices
    still come in, each by a signature of the keeper."""
    import ast
    device = node.enrol("flood", "Cflood")

    def handshakes(seconds):
        end, n = time.time() + seconds, 0
        while time.time() < end:
            device.connect().close()
            n += 1
        device.close()
        return n

    alone = handshakes(2)
    p = subprocess.Popen([sys.executable, "-c", FLOOD, str(pathlib.Path(__file__).parents[1] / "lib"), str(node.socket),
                          str(ALICE), "4"], stdout=subprocess.PIPE)
    time.sleep(0.7)
    during = handshakes(2)
    counts = ast.literal_eval(p.communicate(timeout=30)[0].decode())
    print(f"handshakes in 2 s: alone {alone}, in the flood {during}; the flood's answers: {counts}")
    assert set(counts) <= {OK, LIMIT} and counts[LIMIT] > 100
    assert counts[OK] <= 1000 * 7  # a thousand a second
    assert during > alone / 8  # the flood's own client takes a part of the machine
