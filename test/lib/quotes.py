"""quotes: a client's machine with a TPM and an attestation key by stock tools, and how the client shows its
measured state by it (doc/protocol/state.md)."""
import hashlib, json, pathlib, shutil, tempfile, time

from tokens import Swtpm

PCRS = "sha256:0,16"
PATH = "/.well-known/holdfast/state"


class Machine(Swtpm):
    """A client's, with a TPM and an attestation key by stock tools."""

    def __init__(self):
        super().__init__()
        self.tool("tpm2_createek", "-G", "ecc", "-c", self.file("ek.ctx"), "-u", self.file("ek.pub"))
        self.attestation_key("ak")

    def file(self, name):
        return str(self.top / name)

    def attestation_key(self, name):
        self.tool("tpm2_flushcontext", "-t")
        self.tool("tpm2_createak", "-C", self.file("ek.ctx"), "-c", self.file(name + ".ctx"), "-G", "ecc", "-g", "sha256",
                  "-s", "ecdsa", "-u", self.file(name + ".pub"))
        self.tool("tpm2_flushcontext", "-t")
        return self.file(name + ".pub")

    def digest(self, pcrs=PCRS):
        self.tool("tpm2_pcrread", pcrs, "-o", self.file("pcrs"))
        return hashlib.sha256(pathlib.Path(self.file("pcrs")).read_bytes()).hexdigest()

    def key(self, name):
        return self.file(name + ".ctx")

    def quote(self, nonce, key="ak", pcrs=PCRS):
        self.tool("tpm2_quote", "-c", self.key(key), "-l", pcrs, "-q", nonce, "-g", "sha256", "-m", self.file("m"),
                  "-s", self.file("s"), "-f", "plain")
        self.tool("tpm2_flushcontext", "-t")
        return {"attest": pathlib.Path(self.file("m")).read_bytes().hex(), "signature": pathlib.Path(self.file("s")).read_bytes().hex()}


class LastingMachine(Machine):
    """Its attestation key lies in the TPM, and is there after a start."""

    HANDLE = "0x8101000a"

    def __init__(self):
        super().__init__()
        self.tool("tpm2_evictcontrol", "-C", "o", "-c", self.file("ak.ctx"), self.HANDLE)

    def key(self, name):
        return self.HANDLE


class CopiedMachine(LastingMachine):
    """What a copy of the folder of such a TPM makes of it elsewhere."""

    def __init__(self, folder):
        self.top, self.pcrs, self.process = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-tpm-")), None, None
        shutil.copytree(folder, self.top / "state")
        self.port = self.two_ports()
        self.start()


def nonce(e):
    for _ in range(40):
        a = e.ask("GET", PATH)
        if a.http != 503:
            break
        time.sleep(0.1)  # one a second
    assert a.http == 200, a
    return json.loads(a.body)["nonce"]


def show(e, quote):
    a = e.ask("POST", PATH, json.dumps(quote).encode())
    return a.http, json.loads(a.body)
