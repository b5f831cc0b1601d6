"""libholdfast-pkcs11.so: programs of others use keys that they never see."""
import os, pathlib, re, shutil, signal, socket, subprocess, sys, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from node import BUILD, Node, free_port
from program import *

ALICE, BOB = 33, 64102  # ssh wants a user with a name: www-data
LIBRARY = BUILD / "libholdfast-pkcs11.so"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs programs of two users")
ED = {"HOLDFAST_ED25519": "yes"}
ENGINE = "/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so"


class World:
    """A node with keys for two users, and a folder for what the programs write."""

    def __init__(self):
        self.node = Node(start=False)
        self.top = self.node.top
        self.socket = self.top / "programs.sock"
        with open(self.node.dir / "holdfast.conf", "a") as f:
            f.write(f"door.programs = {self.socket}\n")
        self.node.start()
        for name, user, *more in (("tls", ALICE, "--purpose", "digest"), ("doc", ALICE), ("ed", ALICE, "--class", "ed25519"),
                                  ("dh", ALICE, "--purpose", "agree"), ("tls", BOB, "--purpose", "digest")):
            self.node.cli("key", "generate", f"app/{name}", "--user", user, *more)
        self.home, self.certificates = self.top / "home", self.top / "certificates"
        for folder in (self.home, self.certificates):
            folder.mkdir()
            os.chmod(folder, 0o755)
        os.chown(self.home, ALICE, ALICE)
        # the library where every user may read it
        self.library = self.top / LIBRARY.name
        shutil.copy2(LIBRARY, self.library)
        self.conf = self.top / "openssl.cnf"
        self.conf.write_text(
            "openssl_conf = init\n[init]\nengines = engines\n[engines]\npkcs11 = pkcs11\n[pkcs11]\n"
            f"engine_id = pkcs11\ndynamic_path = {ENGINE}\nMODULE_PATH = {self.library}\ninit = 0\n"
            "[req]\ndistinguished_name = dn\n[dn]\n")
        self.ready = self.top / "openssl-ready.cnf"  # nginx asks an engine that is initialised
        self.ready.write_text(self.conf.read_text().replace("init = 0", "init = 1"))
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(self.home), "LANG": "C",
                            "HOLDFAST_PROGRAMS": str(self.socket), "HOLDFAST_CERTIFICATES": str(self.certificates),
                            "OPENSSL_CONF": str(self.conf)}

    def run(self, *argv, user=ALICE, data=b"", check=True, more=None, timeout=60):
        p = subprocess.run([str(a) for a in argv], input=data, capture_output=True, timeout=timeout, user=user, group=user,
                           extra_groups=[], cwd=self.home, env={**self.environment, **(more or {})})
        out = p.stdout + p.stderr
        if check and p.returncode:
            raise AssertionError(f"{argv}: {p.returncode}\n{out.decode(errors='replace')}")
        return out if check else (p.returncode, out)

    def spawn(self, *argv, user=ALICE, more=None):
        log = open(self.top / f"log-{pathlib.Path(argv[0]).name}", "ab")
        return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=user,
                                group=user, extra_groups=[], cwd=self.home, env={**self.environment, **(more or {})})

    def tool(self, *argv, **more):
        return self.run("pkcs11-tool", "--module", self.library, *argv, **more)

    def certificate(self, name, key="tls", subject="/CN=localhost"):
        """A certificate of a key that openssl never sees: signed by the key itself."""
        path = self.home / f"{name}.pem"
        self.run("openssl", "req", "-new", "-x509", "-days", "2", "-subj", subject, "-addext", "subjectAltName=DNS:localhost",
                 "-addext", "basicConstraints=critical,CA:TRUE", "-engine", "pkcs11", "-keyform", "engine",
                 "-key", f"pkcs11:object={key};type=private", "-sha256", "-out", path)
        return path


@pytest.fixture(scope="module")
def world():
    w = World()
    yield w
    w.node.close()


def wait_port(port, process, log):
    end = time.time() + 10
    while time.time() < end:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ident(label):
    return "--id", label.encode().hex()


def uses(world, name):
    import json
    return next(k["uses"] for k in json.loads(world.node.cli("-o", "json", "key", "list")) if k["name"] == name)


# --- pkcs11-tool ------------------------------------------------------------------

def test_the_tool_of_opensc_lists_and_signs(world):
    assert b"Holdfast" in world.tool("-L")
    assert world.tool("-O").count(b"Private Key Object") == 3
    listed = world.tool("-O", more=ED)
    assert listed.count(b"Private Key Object") == 4 and listed.count(b"Public Key Object") == 4
    assert b"never extractable" in listed and b"sensitive" in listed
    (world.home / "m").write_bytes(b"a document")
    out = world.home / "s"
    world.tool("--sign", "-m", "ECDSA-SHA256", *ident("doc"), "-i", "m", "-o", "s", "--signature-format", "openssl")
    world.tool("--read-object", "--type", "pubkey", "--label", "doc", "-o", "p")
    assert b"OK" in world.run("openssl", "dgst", "-sha256", "-verify", "p", "-keyform", "DER", "-signature", "s", "m")
    (world.home / "m").write_bytes(b"a documenT")
    code, _ = world.run("openssl", "dgst", "-sha256", "-verify", "p", "-keyform", "DER", "-signature", "s", "m", check=False)
    assert code != 0
    world.tool("--sign", "-m", "EDDSA", *ident("ed"), "-i", "m", "-o", "s", more=ED)
    with Program(world.socket, ALICE) as p:
        point = p.keys()[f"app/{ALICE}/ed"][2]
    (world.home / "p").write_bytes(bytes.fromhex("302a300506032b6570032100") + point)
    assert b"Success" in world.run("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "p", "-keyform", "DER",
                                   "-sigfile", "s", "-in", "m")


def test_the_tool_agrees_on_a_secret(world):
    plain = {"OPENSSL_CONF": "/dev/null"}
    world.run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "peer.pem", more=plain)
    world.run("openssl", "ec", "-in", "peer.pem", "-pubout", "-outform", "DER", "-out", "peer.der", more=plain)
    world.tool("--derive", "-m", "ECDH1-DERIVE", *ident("dh"), "-i", "peer.der", "-o", "z")
    world.tool("--read-object", "--type", "pubkey", "--label", "dh", "-o", "dh.der")
    world.run("openssl", "pkeyutl", "-derive", "-inkey", "peer.pem", "-peerkey", "dh.der", "-peerform", "DER", "-out", "z2", more=plain)
    assert (world.home / "z").read_bytes() == (world.home / "z2").read_bytes()
    assert len((world.home / "z").read_bytes()) == 32


def test_what_is_not_given_out_and_not_done(world):
    for label in ("doc", "tls", "ed", "dh"):
        world.tool("--read-object", "--type", "privkey", "--label", label, "-o", "x", check=False, more=ED)
        assert not (world.home / "x").exists()  # test/attack/T01-keys-of-programs.py asks harder
    (world.home / "m").write_bytes(bytes(32))
    for label, mechanism in (("doc", "ECDSA"), ("tls", "ECDSA-SHA256"), ("dh", "ECDSA"), ("dh", "ECDSA-SHA256")):
        code, out = world.tool("--sign", "-m", mechanism, *ident(label), "-i", "m", "-o", "x", check=False)
        assert code != 0 and b"CKR_KEY_FUNCTION_NOT_PERMITTED" in out, (label, out)
    code, out = world.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "new", check=False)
    assert code != 0
    code, out = world.tool("--delete-object", "--type", "privkey", "--label", "doc", check=False)
    assert code != 0 and b"doc" in world.tool("-O")


def test_another_user_finds_nothing_of_it(world):
    listed = world.tool("-O", user=BOB)
    assert listed.count(b"Private Key Object") == 1 and b"doc" not in listed
    assert world.tool("-O", user=BOB + 1).count(b"Object") == 0
    (world.home / "m").write_bytes(b"x")
    code, out = world.tool("--sign", "-m", "ECDSA-SHA256", *ident("doc"), "-i", "m", user=BOB, check=False)
    assert code != 0


# --- openssl, curl, nginx, mosquitto ----------------------------------------------

def test_openssl_makes_a_request_and_serves(world):
    before = uses(world, f"app/{ALICE}/tls")
    certificate = world.certificate("self")
    assert b"self.pem: OK" in world.run("openssl", "verify", "-CAfile", certificate, "self.pem")
    assert uses(world, f"app/{ALICE}/tls") > before
    code, out = world.run("openssl", "req", "-new", "-subj", "/CN=x", "-engine", "pkcs11", "-keyform", "engine",
                          "-key", "pkcs11:object=doc;type=private", "-sha256", check=False)
    assert code != 0  # a key whose digests only the keeper makes
    code, out = world.run("openssl", "req", "-new", "-subj", "/CN=x", "-engine", "pkcs11", "-keyform", "engine",
                          "-key", "pkcs11:object=doc;type=private", "-sha256", user=BOB, check=False)
    assert code != 0 and b"BEGIN" not in out


NGINX = """daemon off; master_process {master}; pid {home}/nginx.pid; error_log stderr info;
env HOLDFAST_PROGRAMS; env HOLDFAST_CERTIFICATES; env OPENSSL_CONF;
worker_processes 1; events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {home}/b; proxy_temp_path {home}/t; fastcgi_temp_path {home}/f;
  uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{ listen 127.0.0.1:{port} ssl; server_name localhost;
    ssl_certificate {certificate}; ssl_certificate_key "engine:pkcs11:pkcs11:object=tls;type=private";
    ssl_client_certificate {certificate}; ssl_verify_client optional_no_ca;
    location / {{ return 200 "seen: $ssl_client_verify $ssl_client_s_dn\\n"; }} }} }}
"""


@pytest.mark.parametrize("master", ["off", "on"])
def test_nginx_serves_and_curl_asks_with_keys_they_never_see(world, master):
    certificate, port = world.certificate("web"), free_port()
    conf = world.home / "nginx.conf"
    conf.write_text(NGINX.format(home=world.home, port=port, certificate=certificate, master=master))
    p = world.spawn("/usr/sbin/nginx", "-c", conf, more={"OPENSSL_CONF": str(world.ready)})
    try:
        wait_port(port, p, world.top / "log-nginx")
        before = uses(world, f"app/{ALICE}/tls")
        for _ in range(5):
            said = world.run("curl", "-sS", "--cacert", certificate, "--resolve", f"localhost:{port}:127.0.0.1",
                             "--engine", "pkcs11", "--key-type", "ENG", "--key", "pkcs11:object=tls;type=private",
                             "--cert", certificate, f"https://localhost:{port}/")
            assert b"CN=localhost" in said and b"NONE" not in said, said
        assert uses(world, f"app/{ALICE}/tls") >= before + 10  # server and client, five times
        code, out = world.run("curl", "-sS", "--cacert", certificate, "--resolve", f"localhost:{port}:127.0.0.1",
                              "--engine", "pkcs11", "--key-type", "ENG", "--key", "pkcs11:object=tls;type=private",
                              "--cert", certificate, f"https://localhost:{port}/", user=BOB, check=False)
        assert code != 0  # Bob's key "tls" is another one
    finally:
        stop(p)


def test_mosquitto_serves_with_a_key_it_never_sees(world):
    certificate, port = world.certificate("broker"), free_port()
    conf = world.home / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\ncertfile {certificate}\ntls_engine pkcs11\n"
                    "tls_keyform engine\nkeyfile pkcs11:object=tls;type=private\n")
    p = world.spawn("/usr/sbin/mosquitto", "-c", conf)
    try:
        wait_port(port, p, world.top / "log-mosquitto")
        said = world.run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", certificate, "-verify_return_error",
                         "-servername", "localhost", data=b"Q\n")
        assert b"Verify return code: 0 (ok)" in said, said
    finally:
        stop(p)


# --- ssh -----------------------------------------------------------------------------

def test_ssh_logs_in_with_a_key_it_never_sees(world):
    ssh = world.home / "ssh"
    ssh.mkdir()
    os.chown(ssh, ALICE, ALICE)
    os.chmod(ssh, 0o700)
    listed = world.run("ssh-keygen", "-D", world.library).decode()
    public = [l for l in listed.splitlines() if l.startswith("ecdsa-sha2-nistp256")]
    assert len(public) == 3, listed
    world.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ssh / "host")
    (ssh / "authorized").write_text("\n".join(public) + "\n")
    os.chown(ssh / "authorized", ALICE, ALICE)
    port = free_port()
    (ssh / "conf").write_text(f"ListenAddress 127.0.0.1:{port}\nHostKey {ssh}/host\nPidFile none\nStrictModes no\n"
                              f"AuthorizedKeysFile {ssh}/authorized\nPasswordAuthentication no\nUsePAM no\n"
                              "KbdInteractiveAuthentication no\n")
    p = world.spawn("/usr/sbin/sshd", "-D", "-e", "-f", ssh / "conf")
    log = world.top / "log-sshd"
    ask = ["ssh", "-v", "-F", "/dev/null", "-p", port, "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={ssh}/known",
           "-o", "BatchMode=yes", "-o", "IdentityFile=none", "-I", world.library, "www-data@127.0.0.1", "true"]
    try:
        wait_port(port, p, log)
        before = uses(world, f"app/{ALICE}/tls")
        _, said = world.run(*ask, check=False)  # the account has no shell: what counts is who was let in
        assert b'Authenticated to 127.0.0.1' in said, (said, log.read_text()[-3000:])
        assert "Accepted publickey for www-data" in log.read_text() and "ECDSA" in log.read_text()
        assert uses(world, f"app/{ALICE}/tls") == before + 1
    finally:
        stop(p)
