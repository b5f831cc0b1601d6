"""tokens: a software token and a TPM simulator for tests, each in a folder of its own, with its own
configuration; nothing of the machine's own tokens is touched."""
import os, pathlib, shutil, signal, socket, subprocess, tempfile, time

from node import free_port

USER = 62000 + 16 + 1  # who serves token.1, when root starts the node
MODULE = "/usr/lib/softhsm/libsofthsm2.so"


def give(folder):
    """Root's tests run the service, whose token process has a user of its own."""
    if os.geteuid() == 0:
        for p in [folder, *folder.rglob("*")]:
            os.chown(p, USER, USER)


class SoftHsm:
    kind = "pkcs11"

    def __init__(self, label="holdfast", pin="4711-0815", sealed=False):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-hsm-"))
        os.chmod(self.top, 0o755)
        self.label, self.sealed = label, sealed
        self.folder, self.conf, self.pin = self.top / "tokens", self.top / "softhsm2.conf", self.top / "pin"
        self.folder.mkdir()
        self.conf.write_text(f"directories.tokendir = {self.folder}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.set_pin(pin)
        self.util("--init-token", "--free", "--label", label, "--so-pin", "so-pin-1", "--pin", pin)
        give(self.folder)

    def set_pin(self, pin):
        self.pin.write_text(pin)
        os.chmod(self.pin, 0o600)

    def env(self):
        return {**os.environ, "SOFTHSM2_CONF": str(self.conf)}

    def util(self, *argv):
        return subprocess.run(["softhsm2-util", *argv], env=self.env(), check=True, capture_output=True, text=True).stdout

    def uri(self, label=None, module=MODULE):
        source = "keeper" if self.sealed else f"file:{self.pin}"
        return (f"pkcs11:token={label or self.label}?module-path={module}&pin-source={source}"
                f"&x-env=SOFTHSM2_CONF={self.conf}&x-files={self.folder}")

    def init_args(self):
        return ["--token", self.uri(), *(["--pin-file", self.pin] if self.sealed else [])]

    def objects(self, pin=None):
        """What a stock tool sees on the token."""
        p = subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", self.label, "--login", "--pin",
                            pin or self.pin.read_text(), "--list-objects"], env=self.env(), capture_output=True, text=True)
        return p.returncode, p.stdout + p.stderr

    def remove(self):
        self.folder.rename(self.top / "away")
        self.folder.mkdir()
        give(self.folder)

    def put_back(self):
        shutil.rmtree(self.folder)
        (self.top / "away").rename(self.folder)

    def close(self):
        shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Swtpm:
    kind = "tpm"

    def __init__(self, pcrs=None):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-tpm-"))
        (self.top / "state").mkdir()
        self.pcrs, self.process = pcrs, None
        self.port = self.two_ports()
        self.start()

    @staticmethod
    def two_ports():
        """Two neighbouring ones: commands, and control."""
        while True:
            port = free_port()
            try:
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                pass

    def start(self):
        tcp = "type=tcp,bindaddr=127.0.0.1,port="
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.top}/state", "--server", f"{tcp}{self.port}",
             "--ctrl", f"{tcp}{self.port + 1}", "--flags", "not-need-init,startup-clear"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.time() + 10
        while time.time() < end:  # without connecting: it serves one at a time
            listening = pathlib.Path("/proc/net/tcp").read_text()
            if f"0100007F:{self.port:04X} 00000000:0000 0A" in listening:
                return
            time.sleep(0.02)
        raise RuntimeError("swtpm does not listen")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def uri(self):
        more = f"?pcrs={self.pcrs}" if self.pcrs else ""
        return f"tpm:swtpm:host=127.0.0.1,port={self.port}{more}"

    def init_args(self):
        return ["--token", self.uri()]

    def tool(self, *argv):
        """A tool of tpm2-tools; only while nobody else has the connection."""
        return subprocess.run([argv[0], "-T", f"swtpm:host=127.0.0.1,port={self.port}", *argv[1:]], check=True,
                              capture_output=True, text=True, timeout=20).stdout

    remove, put_back = kill, start

    def close(self):
        self.kill()
        shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
