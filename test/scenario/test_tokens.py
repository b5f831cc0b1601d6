"""Keys on tokens: a node whose keys lie on SoftHSM2, on a TPM simulator; what happens when the token's
process, the simulator or the keeper is killed, and when the token is taken away and comes back. Nothing
else is ever restarted."""
import hashlib, json, os, pathlib, re, signal, socket, ssl, subprocess, sys, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from node import BUILD, NAME, Node
from orders import Door, MISSING, Person, octets, order
from orders import REFUSED as REFUSED_ORDER
from program import OK, Program, REFUSED, TAMPERED
from tokens import SoftHsm, Swtpm
from waiting import in_time, until

KINDS = [SoftHsm, Swtpm]


@pytest.fixture(params=KINDS, ids=[k.kind for k in KINDS], scope="module")
def served(request):
    """A token, and a node whose keys are on it."""
    with request.param() as token, Node(init=token.init_args(), start=False) as node:
        node.socket = node.top / "programs.sock"
        with open(node.dir / "holdfast.conf", "a") as f:
            f.write(f"door.programs = {node.socket}\ngate.failures_per_address = 0\n")  # these clients have no credential
        node.start()
        yield token, node
        node.stop()


def handshake(node, timeout=10):
    """A whole one, as a stock client without a credential: the node's key signs."""
    c = ssl.create_default_context(cafile=str(node.dir / "node/ca.pem"))
    with socket.create_connection(("127.0.0.1", node.port), timeout=timeout) as raw:
        raw.settimeout(timeout)
        with c.wrap_socket(raw, server_hostname=NAME) as s:
            return s.version()


def handshakes(node):
    try:
        handshake(node, timeout=4)
        return True
    except OSError:
        return False


def others(node, *changed):
    """Process numbers of all workers but those."""
    return {r: p for r, p in node.pids().items() if r not in changed}


def test_serves(served):
    token, node = served
    assert handshake(node) == "TLSv1.3"
    device = node.enrol(f"{token.kind}-a", "Cdeva")
    assert device.register().rsc == 2001
    assert device.create("/cse-in/ae-Cdeva", 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    device.close()


def test_psk(served):
    """The pre-shared key lies on the token, too; in TLS 1.3 it takes part from there. TLS 1.2 wants the
    key inside a hash's key: no token does that, and the handshake fails."""
    token, node = served
    device = node.enrol(f"{token.kind}-p", "Cdevp", "device", True, "--identity", f"{token.kind}@demo.example")
    assert device.register().rsc == 2001
    device.close()
    device.connect(version="-tls1_2")
    with pytest.raises(ConnectionError):
        device.raw(b"GET /cse-in HTTP/1.1\r\n\r\n")
    device.close()


def test_keys_stay(served):
    """The key store holds references: no software key but the pairing secret."""
    token, node = served
    listed = node.cli("key", "list")
    assert "token/1" in listed and "ca" in listed
    if token.kind == "pkcs11":
        code, seen = token.objects()
        assert code == 0 and seen.count("Private Key Object") == 3, seen  # ca, node, import
        assert "never extractable" in seen and "sensitive" in seen
        assert "wrap" not in seen and "crypt," not in seen, seen


def test_place_is_chosen_per_key(served):
    """Each key where the order says: on the token, or in software; it keeps its place when rotated."""
    token, node = served
    for name, where in (("here", "software"), ("there", "token.1")):
        node.cli("key", "create", name, "--provider", where)
        assert "user/" + name in node.cli("key", "list")
    rows = {k["name"]: k["provider"] for k in json.loads(node.cli("-o", "json", "key", "list"))}
    assert rows["user/here"] == "software" and rows["user/there"] == "token.1", rows
    assert rows["root"] == rows["audit"] == "software" and rows["node"] == rows["ca"] == "token.1", rows
    for name in ("here", "there"):
        assert len(node.cli("key", "sign", name, "a statement").strip()) > 100
    code, said = node.cli("key", "create", "nowhere", "--provider", "token.2", check=False)
    assert code == 1, said
    assert node.cli("key", "create", "x", "--provider", "card", check=False)[0] == 2
    providers = json.loads(node.cli("-o", "json", "provider", "list"))
    assert [p["name"] for p in providers] == ["software", "token.1"]
    # what a token says of itself raises nothing
    assert all(p["level"] == 1 and p["state"] == "present" for p in providers), providers


def test_programs_seal(served):
    """What a program has sealed by a key on the token opens again, also after the key was rotated and its
    token's process killed; altered it does not. A token has AES-GCM itself, a TPM a key for each message."""
    token, node = served
    me = os.geteuid()
    node.cli("key", "create", "app/box", "--user", me, "--class", "symmetric32", "--purpose", "seal")
    with Program(node.socket, me) as p:
        err, sealed = p.seal(f"app/{me}/box", b"more", b"a secret of the program")
        assert err == OK and b"secret" not in sealed, err
        assert sealed[4] == {"pkcs11": 1, "tpm": 2}[token.kind]
        node.cli("key", "rotate", f"app/{me}/box")
        os.kill(node.pids()["token"][0], signal.SIGKILL)
        assert in_time(lambda: handshakes(node))
        assert p.unseal(f"app/{me}/box", b"more", sealed) == (OK, b"a secret of the program")
        assert p.unseal(f"app/{me}/box", b"less", sealed)[0] == TAMPERED
        assert p.unseal(f"app/{me}/box", b"more", sealed[:-1] + bytes([sealed[-1] ^ 1]))[0] == TAMPERED
        assert p.unseal(f"app/{me}/box", b"more", sealed)[0] == OK
        assert p.seal(f"app/{me}/box", b"", bytes(4096))[0] == OK
        # keys that a key on the token wraps
        node.cli("key", "create", "app/keys", "--user", me, "--class", "symmetric32", "--purpose", "wrap")
        err, wrapped = p.wrap(f"app/{me}/keys")
        assert err == OK and wrapped[4] == sealed[4], err
        err, record = p.seal(f"app/{me}/keys", b"r", b"one record", wrapped)
        assert err == OK and p.unseal(f"app/{me}/keys", b"r", record, wrapped) == (OK, b"one record")
        assert p.unseal(f"app/{me}/keys", b"r", record, wrapped[:-1] + b"?")[0] == TAMPERED
        assert p.unseal(f"app/{me}/keys", b"holdfast wrapped key", wrapped)[0] == REFUSED


def test_token_process_is_killed(served):
    token, node = served
    before = others(node, "token")
    os.kill(node.pids()["token"][0], signal.SIGKILL)
    assert in_time(lambda: handshakes(node)), node.log_text()[-2000:]
    assert others(node, "token") == before


def test_keeper_is_killed(served):
    token, node = served
    before = others(node, "keeper")
    os.kill(node.pids()["keeper"][0], signal.SIGKILL)
    assert in_time(lambda: handshakes(node)), node.log_text()[-2000:]
    assert others(node, "keeper") == before


def test_killed_in_the_middle(served):
    """Under handshakes without pause the token's process, the keeper, and the simulator are killed in turn:
    each time it goes on by itself, and nothing else is restarted."""
    import threading
    token, node = served
    stop, done = threading.Event(), []

    def run():
        while not stop.is_set():
            if handshakes(node):
                done.append(time.time())

    def goes_on():
        mark = time.time()
        return in_time(lambda: sum(t > mark for t in done) >= 3, 20)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for t in threads:
        t.start()
    try:
        assert goes_on()
        before = others(node, "token", "keeper")
        for role in ("token", "keeper", "token"):
            os.kill(node.pids()[role][0], signal.SIGKILL)
            assert goes_on(), (role, node.log_text()[-2000:])
        if token.kind == "tpm":
            token.kill()
            token.start()
            assert goes_on(), node.log_text()[-2000:]
        assert others(node, "token", "keeper") == before
    finally:
        stop.set()
        for t in threads:
            t.join()


def test_token_goes_and_comes_back(served):
    token, node = served
    assert handshakes(node)
    before = others(node)
    token.remove()
    try:
        assert in_time(lambda: not handshakes(node)), "a handshake without the token"
        # what needs no key goes on, and the state is clear
        assert node.cli("status", check=False)[0] == 0
        assert node.cli("audit", "list")
        code, said = node.cli("doctor", check=False)
        assert "token absent" in node.log_text()
        assert "fail" in said and "token.1" in said, said
    finally:
        token.put_back()
    assert in_time(lambda: handshakes(node), 20), node.log_text()[-2000:]
    assert others(node) == before


def test_nobody_is_blamed_for_a_token_that_is_away():
    """Handshakes that fail for want of our own key are not the failures of who came."""
    with SoftHsm() as token, Node(init=token.init_args(), options="gate.failures_per_address = 4") as node:
        e = node.enrol("d", "Cdev")
        assert e.register().rsc == 2001
        e.close()
        token.remove()
        try:
            assert in_time(lambda: "did not sign: error=ABSENT" in (handshakes(node), node.log_text())[1])
            for _ in range(12):
                with pytest.raises(OSError):
                    e.connect()
        finally:
            token.put_back()
        assert in_time(lambda: shakes(e), 10), node.log_text()[-2000:]
        e.close()
        node.stop()


def shakes(e):
    try:
        e.close()
        return e.retrieve("/cse-in/ae-Cdev").rsc == 2000
    except OSError:
        return False


def test_wrong_pin():
    """Tried once, said plainly, and nothing else is disturbed."""
    with SoftHsm() as token, Node(init=token.init_args()) as node:
        assert handshakes(node)
        assert node.stop() == 0
        token.set_pin("0000")
        node.start()
        assert not handshakes(node)
        time.sleep(3)
        assert node.log_text().count("wrong PIN") <= 3 and "wrong PIN" in node.log_text()
        assert node.cli("status", check=False)[0] == 0
        token.set_pin("4711-0815")
        os.kill(node.pids()["token"][0], signal.SIGKILL)
        assert in_time(lambda: handshakes(node))
        node.stop()


def test_missing_library():
    """A token whose library is not there: the node says so and does what needs no key."""
    with SoftHsm() as token, Node(init=token.init_args(), start=False) as node:
        conf = node.dir / "holdfast.conf"
        conf.write_text(conf.read_text().replace("libsofthsm2.so", "libnosuch.so"))
        node.start()
        assert not handshakes(node)
        assert "cannot be loaded" in node.log_text()
        assert node.cli("status", check=False)[0] == 0
        node.stop()


def keeper_test(*argv):
    p = subprocess.run([BUILD / "holdfast", "keeper", "test", *map(str, argv)], capture_output=True, text=True,
                       timeout=60)
    return p.returncode, p.stdout, p.stderr


def test_conformance():
    """What a maker sees of his token: as asked, lacking and what that costs, wrong PIN, wrong name,
    missing library; nothing is left on it."""
    with SoftHsm() as token:
        code, out, err = keeper_test(token.uri())
        assert code == 0 and "0 lacking, 0 failed" in out, out + err
        assert "level: 1" in out
        assert "Object" not in token.objects()[1]
        assert keeper_test(token.uri(label="nosuch"))[2].count("no slot holds the token") == 1
        assert "cannot be loaded" in keeper_test(token.uri(module="/usr/lib/nosuch.so"))[2]
        assert keeper_test("pkcs11:token=a?module-path=/m&pin-value=1")[0] == 2
        token.set_pin("0000")
        code, out, err = keeper_test(token.uri())
        assert code == 1 and "wrong PIN" in err, err
        token.set_pin("4711-0815")
        assert keeper_test(token.uri())[0] == 0
    with Swtpm() as tpm:
        code, out, err = keeper_test(tpm.uri())
        assert code == 0 and "lacks    extract" in out and "costs: end-to-end master keys" in out, out + err
        tpm.kill()
        assert "cannot be reached" in keeper_test(tpm.uri())[2]


def test_another_token_in_its_place():
    with SoftHsm() as token, Node(init=token.init_args()) as node:
        assert handshakes(node)
        assert node.stop() == 0
        with SoftHsm() as other:
            conf = node.dir / "holdfast.conf"
            conf.write_text(conf.read_text().replace(token.uri(), other.uri()))
            node.start()
            assert not handshakes(node)
            node.stop()


def test_sealed_pin():
    """pin-source=keeper: the token's PIN is one that only this node's keeper can make; a token that is
    carried away does not open with the PIN that was once given, nor for another node."""
    with SoftHsm(sealed=True) as token:
        assert token.objects()[0] == 0  # the control: before, the PIN opens it
        with Node(init=token.init_args()) as node:
            assert handshakes(node)
            code, said = token.objects()
            assert code != 0 and "PIN_INCORRECT" in said, said
            os.kill(node.pids()["token"][0], signal.SIGKILL)
            assert in_time(lambda: handshakes(node))
            node.stop()
        with pytest.raises(RuntimeError, match="wrong PIN"):
            Node(init=["--token", token.uri()], start=False)


def test_measured_state():
    """Keys made under a PCR policy: in another state the TPM refuses their use, and that is seen before
    anybody needs one; in the state that they were made in they are usable again, without a word."""
    def said(result):
        rows = json.loads(node.cli("-o", "json", "doctor", check=False)[1])
        row, = [r for r in rows if r["check"] == "tokens"]
        return row["says"] if row["result"] == result else ""

    def state():
        return json.loads(node.cli("-o", "json", "provider", "list"))[1]["state"]

    with Swtpm(pcrs="16,23") as tpm, Node(init=tpm.init_args()) as node:
        assert handshakes(node)
        assert said("ok") and state() == "present"
        assert node.stop() == 0
        tpm.tool("tpm2_pcrextend", "23:sha256=" + "a5" * 32)
        node.start()
        assert in_time(lambda: "measured state (PCRs)" in said("FAIL")), node.cli("doctor", check=False)
        assert "token.1 refuses its keys" in said("FAIL") and state() == "UNFIT"
        assert not handshakes(node)
        assert "measured state" in node.log_text()
        # what needs no key goes on
        assert node.cli("status", check=False)[0] == 0 and node.cli("audit", "list")
        assert node.stop() == 0
        tpm.tool("tpm2_pcrreset", "23")  # a debug PCR, which software may reset
        node.start()
        assert handshakes(node)
        assert said("ok") and state() == "present"
        node.stop()


def test_approved_state():
    """A firmware update: its measured state is approved before or after, by an order of the administrators,
    and the keys that were made in the one before open; in no other. What is approved no more opens nothing,
    also for who kept the signature: the TPM's counter went on."""
    def row():
        return json.loads(node.cli("-o", "json", "provider", "list"))[1]

    def update(value):
        """Stopped, another value in PCR 23, started. Whether the node's key signs."""
        assert node.stop() == 0
        tpm.tool("tpm2_pcrreset", "23")
        if value:
            tpm.tool("tpm2_pcrextend", f"23:sha256={value * 32}")
        node.start()
        until(lambda: row()["state"] == "UNFIT" or handshakes(node))
        return handshakes(node)

    def digest(value):
        """As the maker of the firmware would compute it: SHA-256 over the values."""
        extended = hashlib.sha256(bytes(32) + bytes.fromhex(value * 32)).digest()
        return hashlib.sha256(bytes(32) + extended).hexdigest()

    with Swtpm(pcrs="16,23") as tpm, Node(init=tpm.init_args()) as node:
        born = row()["measured"].split()
        assert born[0] == "16,23" and born[1] == hashlib.sha256(bytes(64)).hexdigest() and born[2] == "approved", born
        assert handshakes(node)
        # before the update, by its digest
        node.cli("provider", "approve", "token.1", digest("a1"))
        assert update("a1"), node.log_text()[-2000:]
        assert row()["measured"].split()[1:] == [digest("a1"), "approved"]
        # another one is refused, until it is approved where it is
        assert not update("b2") and row()["state"] == "UNFIT" and "NOT approved" in row()["measured"]
        code, said = node.cli("provider", "approve", "token.1", "00", check=False)
        assert code == 2, said
        # ordered by nobody, and by somebody who is no administrator: refused, and it stays so
        tpm_id = re.search(r"token\.1/approve/([0-9a-f]{32})/", node.cli("audit", "list")).group(1)
        door, this = Door(node), row()["measured"].split()[1]
        wanted = octets(f"token.1/approve/{tpm_id}/00810000/{this}".encode())
        assert order(door, "STATE", wanted)[0] == REFUSED_ORDER and order(door, "STATE", wanted, Person("eve"))[0] == MISSING
        door.close()
        assert row()["state"] == "UNFIT" and "NOT approved" in row()["measured"] and not handshakes(node)
        node.cli("provider", "approve", "token.1")
        assert in_time(lambda: handshakes(node)), node.log_text()[-2000:]
        assert in_time(lambda: row()["state"] == "present") and row()["measured"].split()[1:] == [digest("b2"), "approved"]
        # the first states are approved no more: back to them is a wrong state
        for state in (born[1], digest("a1")):
            node.cli("provider", "disapprove", "token.1", state)
        assert in_time(lambda: handshakes(node))
        assert node.cli("provider", "disapprove", "token.1", born[1], check=False)[0] == 1
        assert not update("") and not update("a1") and update("b2")
        listed = node.cli("audit", "list")
        assert "STATE_APPROVE token.1/approve/" in listed and digest("a1") in listed and "/withdraw/" in listed
        # over a new keeper and a new process of the token
        for role in ("keeper", "token"):
            os.kill(node.pids()[role][0], signal.SIGKILL)
            assert in_time(lambda: handshakes(node)), (role, node.log_text()[-2000:])
        node.stop()


def test_another_tpm():
    """The key records moved to a machine with another TPM: nothing opens there."""
    with Swtpm() as tpm, Node(init=tpm.init_args()) as node:
        assert handshakes(node)
        assert node.stop() == 0
        with Swtpm() as other:
            conf = node.dir / "holdfast.conf"
            conf.write_text(conf.read_text().replace(tpm.uri(), other.uri()))
            node.start()
            assert not handshakes(node)
            node.stop()
