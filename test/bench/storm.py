"""storm: 100 000 devices end or come back together (simulated time, the node's own rules); by each framework a whole
handshake and a resumption, processor time and octets on the wire, beside bare OpenSSL that does both."""
import re, statistics, subprocess, sys, time

import frameworks
from node import BUILD, free_port
from measure import ROUNDS, cpu, generator, load, note, pids, place, row

DEVICES, SECONDS, SAMPLE, AT_ONCE = 100000, 300, 480, 16
MANY = 200 * AT_ONCE
OPEN = "peer.requests = 0\npeer.associations = 0\nsession.time = 3600"


class Bare:
    """The bare server for who comes by this pre-shared key."""

    def __init__(self, way):
        self.port = free_port()
        self.tls = ["--psk", f"{way.psk[0]}:{way.psk[1].hex()}"]
        self.p = subprocess.Popen([str(a) for a in ["taskset", "-c", "0", BUILD / "bench-echo", "--port", self.port, *self.tls, "--sessions", "yes"]],
                                  stdout=subprocess.PIPE)
        self.p.stdout.readline()  # listening

    def close(self):
        self.p.kill()
        self.p.communicate()


def together(port, tls, **options):
    """So many devices at once, each visit a connection of its own: sums of what they say."""
    all_of_them = [subprocess.Popen(generator(port, 1, tls, visits=True, requests=SAMPLE // AT_ONCE, **options), stdout=subprocess.PIPE, text=True)
                   for _ in range(AT_ONCE)]
    said = [p.communicate()[0].split() for p in all_of_them]
    if any(p.returncode for p in all_of_them):
        sys.exit(f"load: {said}")
    return {k: sum(float(w[w.index(k) + 1]) for w in said) for k in ("requests", "octets", "resumed")}


def visits(port, tls, group, way, resume):
    """CPU us of a connection's beginning and end, less those of its one request; octets of its handshake."""
    ask = dict(get=f"/cse-in/ae-{way.originator}", origin=way.originator)
    before = cpu(group)
    load(port, 0, AT_ONCE, tls, requests=MANY, **ask)  # so many that its handshakes do not count
    request = (cpu(group) - before) / MANY
    before = cpu(group)
    f = together(port, tls, **ask, **({"resume": True} if resume else {}))
    assert f["resumed"] == (SAMPLE - AT_ONCE if resume else 0), f
    time.sleep(0.2)  # what is left to do of the last one's end
    return ((cpu(group) - before) / SAMPLE - request) * 1e6, f["octets"] / AT_ONCE


def by_framework(Echo):
    with frameworks.Lab(OPEN) as lab:
        place(pids(lab.node))
        for way in lab.ways:
            if way.enrols:
                continue
            if way.psk:
                bare, tls = Bare(way), ["--psk", f"{way.psk[0]}:{way.psk[1].hex()}"]
            else:
                tls = ["--ca", lab.node.dir / "node/ca.pem", "--cert", way.folder / "cert.pem", "--key", way.folder / "key.pem"]
                bare = Echo(lab.node, tls, "--sessions", "yes")
            for resume, what in ((False, "whole"), (True, "resumed")):
                ours, limit = ([visits(port, t, group, way, resume) for _ in range(ROUNDS)]
                               for port, t, group in ((lab.node.port, tls, pids(lab.node)), (bare.port, bare.tls, [bare.p.pid])))
                for i, (unit, of) in enumerate((("us CPU", ""), ("octets", ": wire"))):
                    row(f"{way.name}, {what}{of}", [x[i] for x in ours], [x[i] for x in limit], "less", unit)
            bare.close()
        fetched(lab)
        lab.owner.close()


def fetched(lab):
    """What it costs that the network is asked for the key of the one who comes."""
    came = []
    for _ in range(5):
        folder = lab.bootstrap("Cgba", lab.modules["Cgba"])
        way = frameworks.Way(lab, "GBA", "Cgba", folder, psk=frameworks.profile_psk(folder))
        before = cpu(pids(lab.node))
        assert way.come(way.request(way.word()))
        came.append((cpu(pids(lab.node)) - before) * 1e6)
    note(f"GBA, the first visit by a key, which is fetched for it: {statistics.median(came):.0f} us CPU, request and record with it")


def storm(Echo):
    p = subprocess.run([str(BUILD / "bench-storm"), str(DEVICES), str(SECONDS), "1000"], capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"bench-storm: {p.stdout}{p.stderr}")
    for name, ours, limit in re.findall(r"^(\S+) ([\d.]+) ([\d.]+)", p.stdout, re.M):
        row(name + ", peak to mean", [float(ours)], [float(limit)], "less", "x", "<= 1.2; limit: without")
    for l in p.stderr.splitlines():
        note(l)
    by_framework(Echo)
