"""mno: a mobile network operator in test processes of its own.

    mno.py hss              keys of subscribers, Milenage; asked by the BSF over HTTP (Zh)
    mno.py bsf HSS-PORT     Ub: HTTP Digest AKA (RFC 3310, TS 24.109); Zn: Nbsp_GBA
                            (TS 29.309); and the anchor function of AKMA (TS 29.535)
    mno.py usim SOCKET K OPC IMPI   the module of a device, in lines (client/usim.h)

hss and bsf print their port. Whatever is said to /test/NAME sets a knob or tells one."""
import base64, datetime, hashlib, http.client, http.server, json, os, re, socket, sys, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gaa, milenage  # noqa: E402

REALM = "bsf.mnc001.mcc001.pub.3gppnetwork.org"
AKMA_REALM = "akma.mnc001.mcc001.3gppnetwork.org"
HEX = bytes.fromhex


def post(port, path, value, timeout=5):
    """(status, JSON or None)"""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    c.request("POST", path, json.dumps(value), {"Content-Type": "application/json"})
    r = c.getresponse()
    body = r.read()
    c.close()
    return r.status, json.loads(body) if body else None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def say(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def say_json(self, value, status=200):
        self.say(status, json.dumps(value).encode(), Content_Type="application/json")


def serve(handler):
    s = Server(("127.0.0.1", 0), handler)
    print(s.server_address[1], flush=True)
    s.serve_forever()


# --- HSS ----------------------------------------------------------------------------

hss = milenage.Hss()
lock = threading.Lock()


class HssHandler(Handler):
    def do_POST(self):
        q = json.loads(self.body())
        with lock:
            try:
                answer = getattr(self, "do_" + self.path.rpartition("/")[2])(q)
            except KeyError:
                return self.say(404)
        self.say_json(answer)

    def do_add(self, q):
        hss.add(q["impi"], HEX(q["k"]), HEX(q["opc"]), q.get("sqn", 0))
        return {}

    def do_sqn(self, q):
        hss.subscribers[q["impi"]][1] = q["sqn"]
        return {}

    def do_vector(self, q):
        return {n: v.hex() for n, v in zip(("rand", "autn", "xres", "ck", "ik"), hss.vector(q["impi"]))}

    def do_resynchronise(self, q):
        return {"done": hss.resynchronise(q["impi"], HEX(q["rand"]), HEX(q["auts"]))}


# --- BSF, and AAnF ---------------------------------------------------------------------

def md5(text):
    return hashlib.md5(text).hexdigest()


def digest(username, realm, password, nonce, q, method, body):
    """response of RFC 2617 with the raw octets of RES as password; method "" for rspauth"""
    ha1 = md5(username.encode() + b":" + realm.encode() + b":" + password)
    a2 = method.encode() + b":" + q["uri"].encode()
    if q.get("qop") == "auth-int":
        a2 += b":" + md5(body).encode()
    return md5(":".join((ha1, nonce, q["nc"], q["cnonce"], q["qop"], md5(a2))).encode())


def parameters(field):
    return {n: a or b for n, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', field)}


class Bsf:
    def __init__(self, hss_port):
        self.hss = hss_port
        self.challenges, self.sessions, self.anchors = {}, {}, {}
        self.knobs = {"lifetime": 3600, "deaf": False, "status": 0, "break_mac": False, "garbage": "",
                      "wrong_rspauth": False}
        self.told = {"zn": 0, "resynchronised": 0, "challenges": 0}

    def challenge(self, impi):
        status, v = post(self.hss, "/vector", {"impi": impi})
        if status != 200:
            return None
        v = {n: HEX(x) for n, x in v.items()}
        if self.knobs["break_mac"]:
            v["autn"] = v["autn"][:-1] + bytes([v["autn"][-1] ^ 1])
        self.told["challenges"] += 1
        nonce = base64.b64encode(v["rand"] + v["autn"]).decode()
        self.challenges[nonce] = impi, v
        return nonce

    def end(self):
        return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.knobs["lifetime"])

    def accept(self, impi, v):
        btid = base64.b64encode(v["rand"]).decode() + "@" + REALM
        self.sessions[btid] = [impi, v["ck"] + v["ik"], v["rand"], self.end()]
        return btid


class BsfHandler(Handler):
    def do_GET(self):
        """Ub [TS 24.109 4.2]"""
        b = self.bsf
        q = parameters(self.headers.get("Authorization", ""))
        impi, known = q.get("username", ""), b.challenges.get(q.get("nonce"))
        if known and known[0] == impi and "auts" in q:
            del b.challenges[q["nonce"]]
            if digest(impi, REALM, b"", q["nonce"], q, "GET", b"") != q["response"]:
                return self.say(403)
            rand = known[1]["rand"]
            if not post(b.hss, "/resynchronise", {"impi": impi, "rand": rand.hex(),
                                                  "auts": base64.b64decode(q["auts"]).hex()})[1]["done"]:
                return self.say(403)
            b.told["resynchronised"] += 1
        elif known and known[0] == impi and q.get("response"):
            del b.challenges[q["nonce"]]
            xres = known[1]["xres"]
            if digest(impi, REALM, xres, q["nonce"], q, "GET", b"") == q["response"]:
                return self.welcome(impi, q, known[1])
            return self.say(403)
        nonce = b.challenge(impi)
        if not nonce:
            return self.say(404)
        self.say(401, WWW_Authenticate=f'Digest realm="{REALM}", nonce="{nonce}", algorithm=AKAv1-MD5, qop="auth-int"')

    def welcome(self, impi, q, v):
        btid = self.bsf.accept(impi, v)
        end = self.bsf.sessions[btid][3].strftime("%Y-%m-%dT%H:%M:%SZ")
        body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<BootstrappingInfo xmlns="uri:3gpp-gba">\n'
                f"<btid>{btid}</btid>\n<lifetime>{end}</lifetime>\n</BootstrappingInfo>\n").encode()
        rspauth = digest(impi, REALM, v["xres"], q["nonce"], q, "", body)
        if self.bsf.knobs["wrong_rspauth"]:
            rspauth = "0" * 32
        self.say(200, body, Content_Type="application/vnd.3gpp.bsf+xml",
                 Authentication_Info=f'qop={q["qop"]}, rspauth="{rspauth}", cnonce="{q["cnonce"]}", nc={q["nc"]}')

    def do_POST(self):
        b, q = self.bsf, json.loads(self.body())
        if self.path.startswith("/test/"):
            return self.test(self.path[6:], q)
        b.told["zn"] += 1
        if b.knobs["deaf"]:
            threading.Event().wait(30)
        if b.knobs["status"]:
            return self.say(b.knobs["status"])
        if b.knobs["garbage"]:
            return self.say(200, b.knobs["garbage"].encode(), Content_Type="application/json")
        if self.path == "/nbsp-gba/v1/bootstrapping-info-retrieval":
            return self.zn(q)
        if self.path == "/naanf-akma/v1/retrieve-applicationkey":
            return self.akma(q)
        self.say(404)

    def zn(self, q):
        session = self.bsf.sessions.get(q["btId"])
        if not session or session[3] <= datetime.datetime.now(datetime.timezone.utc):
            return self.say(404)
        impi, ks, rand, end = session
        naf = gaa.service(q["nafId"]["nafFqdn"], HEX(q["nafId"]["uaSecProtId"]))
        answer = {"meKeyMaterial": gaa.naf_key(ks, rand, impi, naf).hex(), "impi": impi, "gbaType": "3G_GBA",
                  "keyExpiryTime": end.isoformat()}
        if q.get("gbaUAware"):
            answer["uiccKeyMaterial"] = gaa.naf_key(ks, rand, impi, naf, True).hex()
        self.say_json(answer)

    def akma(self, q):
        anchor = self.bsf.anchors.get(q["aKId"])
        if not anchor:
            return self.say(204)
        fqdn, _, ua = q["afId"].partition("/")
        self.say_json({"expiry": self.bsf.end().isoformat(), "supi": anchor[0],
                       "kaf": gaa.application_key(anchor[1], gaa.service(fqdn, HEX(ua))).hex()})

    def test(self, name, q):
        b = self.bsf
        if name == "set":
            b.knobs.update(q)
        elif name == "forget":
            b.sessions.pop(q["btid"], None)
        elif name == "akma":  # the AUSF registers an anchor key
            b.anchors[q["aKId"]] = q["supi"], HEX(q["kAkma"])
        self.say_json({**b.told, "sessions": {t: [s[0], s[1].hex(), s[2].hex()] for t, s in b.sessions.items()}})


# --- USIM --------------------------------------------------------------------------------

class Module:
    """What a module says to a line: client/usim.h."""

    def __init__(self, k, opc, impi):
        self.usim, self.impi, self.boot = milenage.Usim(k, opc), impi, None
        self.kausf = hashlib.sha256(b"kausf" + k).digest()  # of a registration in 5G that went before
        self.supi = "imsi-" + impi.partition("@")[0]

    def akid(self):
        return "rid1.atid" + gaa.temporary_id(self.kausf, self.supi).hex()[:32] + "@" + AKMA_REALM

    def answer(self, words):
        if words[0] == "IMPI":
            return "IMPI " + self.impi
        if words[0] in ("AKA", "GBA"):
            got = self.usim.authenticate(HEX(words[1]), HEX(words[2]))
            if got[0] != "ok":
                return " ".join([got[0].upper(), *(x.hex() for x in got[1:])])
            if words[0] == "AKA":
                return "RES " + " ".join(x.hex() for x in got[1:])
            self.boot = got[2] + got[3], HEX(words[1])
            return "RES " + got[1].hex()
        if words[0] == "NAF":
            return "KEY " + gaa.naf_key(*self.boot, self.impi, HEX(words[1])).hex()
        if words[0] == "AF":
            key = gaa.application_key(gaa.anchor_key(self.kausf, self.supi), HEX(words[1]))
            return f"KEY {self.akid()} {key.hex()}"
        return "ERROR"


def usim(path, k, opc, impi):
    module = Module(HEX(k), HEX(opc), impi)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(4)
    print("ready", flush=True)
    while True:
        c, _ = s.accept()
        with c, c.makefile("rw") as f:
            for line in f:
                words = line.split()
                if words[0] == "SQN":  # of a USIM that was used elsewhere
                    module.usim.sqn = int(words[1])
                    f.write("DONE\n")
                else:
                    f.write(module.answer(words) + "\n")
                f.flush()


if __name__ == "__main__":
    if sys.argv[1] == "hss":
        serve(HssHandler)
    elif sys.argv[1] == "bsf":
        BsfHandler.bsf = Bsf(int(sys.argv[2]))
        serve(BsfHandler)
    else:
        usim(*sys.argv[2:])
