"""node: a Holdfast node for tests: init, start, enrol, ask, stop.

Independent of our own client where it can be: requests go through python3-requests or raw
sockets with the credential files that `holdfast enrol` wrote."""
import json, os, pathlib, shutil, signal, socket, ssl, subprocess, tempfile, time, itertools

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", TOP / "build"))
SP, CSE = "//demo.example", "/in-cse"
NAME = "in-cse.demo.example"
counter = itertools.count(1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def encode(serialisation, value):
    if serialisation == "cbor":
        import cbor2
        return cbor2.dumps(value)
    if serialisation == "xml":
        import xmlform
        return xmlform.encode(value)
    return json.dumps(value).encode()


def decode(media, body):
    """The value, None where there is none that can be read."""
    try:
        if body and "cbor" in media:
            import cbor2
            return cbor2.loads(body)
        if body and "xml" in media:
            import xmlform
            return xmlform.decode(body)
        return json.loads(body) if body else None
    except ValueError:
        return None


import forms  # noqa: E402
import http2  # noqa: E402


class Answer:
    def __init__(self, status, headers, body):
        self.http, self.headers, self.body = status, headers, body
        self.rsc = int(headers.get("x-m2m-rsc", 0))
        self.json = decode(headers.get("content-type", ""), body)

    def __repr__(self):
        return f"<{self.http} rsc={self.rsc} {self.body[:300]!r}>"


class Entity:
    """An enrolled entity: certificate or pre-shared key files of its profile folder."""

    def __init__(self, node, folder, originator):
        self.node, self.folder, self.originator = node, pathlib.Path(folder), originator
        self.connection = None

    version = None  # 2: by ALPN over the same listener

    def speaks(self):
        return self.version or forms.now.version

    def context(self, cert=True):
        c = ssl.create_default_context(cafile=str(self.node.dir / "node/ca.pem"))
        c.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.speaks() == 2:
            c.set_alpn_protocols(["h2"])
        if cert:
            c.load_cert_chain(str(self.folder / "cert.pem"), str(self.folder / "key.pem"))
        return c

    def connect(self, timeout=10):
        self.close()
        raw = socket.create_connection(("127.0.0.1", self.node.port), timeout=timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = self.context().wrap_socket(raw, server_hostname=getattr(self.node, "name", NAME))
        return self.connection

    def close(self):
        self.shared = None
        if self.connection:
            self.connection.close()
            self.connection = None

    shared = None

    def ask2(self, method, path, fields, content):
        """The same over HTTP/2."""
        if not self.connection or not self.shared and self.version is None:
            self.connect()
        if not self.shared:
            self.shared = http2.Connection(self.connection)
        leave = ("host", "content-length", "connection")
        more = [(k.lower(), v) for k, v in fields.items() if v is not None and k.lower() not in leave]
        return Answer(*self.shared.answer(self.shared.ask(method, path, more, content or b"", fields["Host"])))

    serialisation = None

    def ask(self, method, path, body=None, ty=None, headers=None, **over):
        """One request; headers override; rqi, origin, rvi by keyword. None leaves a header out."""
        content = None
        h = {"Host": NAME, "Accept": "application/" + (self.serialisation or forms.now.serialisation),
             "X-M2M-Origin": over.get("origin", self.originator),
             "X-M2M-RI": over.get("rqi", f"r{os.getpid()}-{next(counter)}"),
             "X-M2M-RVI": over.get("rvi", "3")}
        if body is not None:
            serialisation, content = forms.write(self.serialisation, body)
            if serialisation == "json" and not isinstance(body, bytes):
                h["Accept"] = "application/json"
            h["Content-Type"] = "application/" + serialisation + (f";ty={ty}" if ty else "")
            h["Content-Length"] = str(len(content))
        h.update(headers or {})
        if self.speaks() == 2:
            return self.ask2(method, path, h, content)
        text = f"{method} {path} HTTP/1.1\r\n" + "".join(
            f"{k}: {v}\r\n" for k, v in h.items() if v is not None) + "\r\n"
        return self.raw(text.encode() + (content or b""))

    def raw(self, octets):
        if not self.connection or self.shared:
            self.connect()
        self.connection.sendall(octets)
        return read_answer(self.connection)

    def create(self, path, ty, body, **kw):
        return self.ask("POST", path, body, ty, **kw)

    def retrieve(self, path, **kw):
        return self.ask("GET", path, **kw)

    def update(self, path, body, **kw):
        return self.ask("PUT", path, body, **kw)

    def delete(self, path, **kw):
        return self.ask("DELETE", path, **kw)

    def register(self, app="Napp.example"):
        return self.create(f"/{self.node.cse_name}", 2,
                           {"m2m:ae": {"rn": "ae-" + self.originator, "api": app, "rr": False, "srv": ["3"]}})


class PskEntity(Entity):
    """An entity with a pre-shared key, through the stock client `openssl s_client`."""

    def connect(self, timeout=10, version="-tls1_3"):
        self.close()
        identity = (self.folder / "psk.identity").read_text().strip()
        key = (self.folder / "psk.key").read_text().strip()
        self.connection = OpensslClient(self.node.port, ["-psk_identity", identity, "-psk", key, version, *(["-alpn", "h2"] if self.speaks() == 2 else [])],
                                        getattr(self.node, "name", NAME))
        return self.connection


class OpensslClient:
    """The socket interface that read_answer needs, over `openssl s_client -quiet`."""

    def __init__(self, port, more, name=NAME, quiet=True):
        self.p = subprocess.Popen(["openssl", "s_client", *(["-quiet"] if quiet else []), "-connect", f"127.0.0.1:{port}",
                                   "-servername", name, *more], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def sendall(self, octets):
        self.p.stdin.write(octets)
        self.p.stdin.flush()

    def recv(self, n):
        return os.read(self.p.stdout.fileno(), n)

    def close(self):
        for f in (self.p.stdin, self.p.stdout, self.p.stderr):
            try:
                f.close()
            except OSError:
                pass
        self.p.kill()
        self.p.wait()


def read_answer(s):
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            raise ConnectionError("closed before an answer: %r" % data[:200])
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split()[1])
    headers = {k.strip().lower(): v.strip() for k, _, v in (l.partition(":") for l in lines[1:])}
    n = int(headers.get("content-length", 0))
    while len(body) < n:
        more = s.recv(65536)
        if not more:
            raise ConnectionError("closed inside an answer")
        body += more
    return Answer(status, headers, body)


class Node:
    def __init__(self, lab=False, options="", folder=None, build=None, start=True, engine=None, init=(), cse=CSE, port=None, sp=SP):
        self.build = pathlib.Path(build or BUILD)
        self.own = folder is None
        self.top = pathlib.Path(folder or tempfile.mkdtemp(prefix="holdfast-"))
        os.chmod(self.top, 0o755)
        self.dir = self.top / "node-dir"
        self.port = port or free_port()
        self.sp, self.cse, self.name = sp, cse, f"{cse[1:]}.{sp[2:]}"
        self.lab_port = free_port() if lab else None
        self.cse_name = "cse-in"
        self.process = self.log = None
        self.log_path = self.top / "log"
        if not self.dir.exists():
            self.cli("init", str(self.dir), "--sp", sp, "--cse-id", cse,
                     "--listen", f"127.0.0.1:{self.port}", *init, directory=False)
            with open(self.dir / "holdfast.conf", "a") as f:
                options = forms.store(options) if lab else options
                f.write(options + ("\n" if options else ""))
        if start:
            self.start()

    def cli(self, *argv, directory=True, check=True, text=True, timeout=60):
        argv = [str(self.build / "holdfast")] + (["-d", str(self.dir)] if directory else []) + [str(a) for a in argv]
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=timeout)
        out = p.stdout.decode(errors="replace")
        if check and p.returncode:
            raise RuntimeError(f"{argv}: exit {p.returncode}\n{out}")
        return out if check else (p.returncode, out)

    def spawn(self):
        """holdfastd, without waiting for it."""
        argv = [str(self.build / "holdfastd"), "-d", str(self.dir)]
        if self.lab_port:
            argv += ["--lab", "--lab-port", str(self.lab_port)]
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def start(self, wait=60, unless=None):
        self.spawn()
        self.wait_ready(wait, unless=unless)
        return self

    def wait_ready(self, seconds=60, listening=True, unless=None):
        """unless: in vain as soon as `status` says so, with a node whose keys are to stay locked."""
        end = time.time() + seconds
        while time.time() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"holdfastd ended with {self.process.returncode}\n" + self.log_text()[-3000:])
            code, said = self.cli("status", check=False)
            if unless and unless in said:
                raise RuntimeError(said)
            if code == 0 and not listening:
                return
            if code == 0:
                try:
                    for port in filter(None, (self.port, self.lab_port)):
                        socket.create_connection(("127.0.0.1", port), 1).close()
                    return
                except OSError:
                    pass
            time.sleep(0.05)
        raise RuntimeError("not ready\n" + self.log_text()[-3000:])

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def enrol(self, name, ident, kind="device", psk=False, *more):
        folder = self.top / f"profile-{name}"
        self.cli("enrol", kind, name, "--id", ident, *(["--psk"] if psk else []), *more,
                 "--out", str(folder), "--server", f"127.0.0.1:{self.port}")
        return (PskEntity if psk else Entity)(self, folder, ident)

    def audit(self):
        return json.loads(self.cli("-o", "json", "audit", "list", "--limit", "100000"))

    def pids(self):
        """role -> [pid], of the children of holdfastd."""
        found = {}
        for p in pathlib.Path("/proc").iterdir():
            if not p.name.isdigit():
                continue
            try:
                stat = (p / "stat").read_text()
                ppid = int(stat.rpartition(")")[2].split()[1])
                if ppid == self.process.pid:
                    exe = (p / "cmdline").read_bytes().split(b"\0")[0].decode()
                    found.setdefault(os.path.basename(exe).replace("holdfast-", ""), []).append(int(p.name))
            except (OSError, ValueError):
                pass
        return found

    def stop(self, wait=60):
        if not self.process:
            return None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(wait)
        self.process = None
        if self.log:
            self.log.close()
        return code

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self):
        try:
            if self.process:
                self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
        finally:
            if self.own:
                shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def acr(originators, operations, **context):
    rule = {"acor": originators, "acop": operations}
    if context:
        rule["acco"] = [context]
    return rule
