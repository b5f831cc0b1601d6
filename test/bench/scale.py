"""scale: what many resources cost, on a node in lab mode (plain HTTP, so that the service layer
is measured and not TLS): discovery over 10^6, 10^5 subscriptions, a group of 1 000, HTTP/2."""
import re, statistics, subprocess, time
from lab import AE, Lab
from measure import ROUNDS, cpu, load, note, pids, place, row
from node import BUILD, Node, free_port

# One creator may own 10^6 resources: the AE, its container and some beyond the count are among them.
COUNT = {"discovery": 999_000, "subscriptions": 10 ** 5, "fanout": 1000}
BASE = "/cse-in/ae-Cdev"
OCTETS = 178 # of the answer to a retrieve of it


class Ground:
    """A lab node with one AE, and the answers it gives."""

    def __init__(self):
        self.node = Node(lab=True, options="peer.requests = 0")
        self.lab = Lab(self.node)
        self.made(self.lab.create("/cse-in", 2, {"m2m:ae": dict(AE, rn="ae-Cdev")}, "Cdev"))
        place(pids(self.node))

    def made(self, answer):
        if answer.rsc != 2001:
            raise SystemExit(f"bench: {answer}")

    def container(self, name, **more):
        self.made(self.lab.create(BASE, 3, {"m2m:cnt": dict(rn=name, **more)}, "Cdev"))

    def fill(self, count, path, ty, content, connections=64):
        """count resources; `#` in path and content is their number."""
        load(self.node.lab_port, connections=connections, requests=count, post=path, ty=ty, content=content)

    def timed(self, ask, times=15):
        """Median milliseconds of an answer, and the last one."""
        seen = []
        for _ in range(times):
            began = time.perf_counter()
            answer = ask()
            seen.append((time.perf_counter() - began) * 1e3)
        return statistics.median(seen), answer


def discovery():
    """The first page over 10^6 resources, each with a label of its own."""
    g, n = Ground(), COUNT["discovery"]
    g.container("many", mni=2 * n)
    began = time.time()
    g.fill(n, BASE + "/many", 4, '{"m2m:cin":{"con":"#","lbl":["number-#"]}}')
    note(f"{n} contentInstances made in {time.time() - began:.0f} s")
    for name, query in (("by label", "lbl=number-777777"), ("by type", "ty=4"), ("by both", "ty=4&lbl=number-5"),
                        ("by a label nobody has", "lbl=nowhere"), ("by a type that is rare", "ty=3")):
        ms, answer = g.timed(lambda q=query: g.lab.get(f"/cse-in?fu=1&lim=100&{q}", "Cdev"))
        found = len(answer.json["m2m:uril"])
        row(f"discovery {name}, 10^6", [ms], [50.0], "less", "ms", ">= 1 (50 ms)")
        note(f"{found} found")
    g.node.close()


def subscriptions():
    """Creates into a container nobody is subscribed to, while 10^5 others have a subscription,
    beside the same with as many resources that are no subscriptions."""
    n, figures = COUNT["subscriptions"], []
    for ty, content in ((23, '{"m2m:sub":{"rn":"s","nu":["Cdev"],"enc":{"net":[3]}}}'), (3, '{"m2m:cnt":{"rn":"s"}}')):
        g = Ground()
        g.container("calm", mni=1000)
        g.fill(n, BASE, 3, '{"m2m:cnt":{"rn":"c#"}}')
        # fewer than there are containers: requests under way when the last is answered are counted twice
        g.fill(n - 100, BASE + "/c#", ty, content)
        cost = []
        for _ in range(ROUNDS):
            before = cpu(pids(g.node))
            f = load(g.node.lab_port, 3, 16, post=BASE + "/calm")
            cost.append((cpu(pids(g.node)) - before) * 1e6 / f["requests"])
        figures.append(cost)
        g.node.close()
    row("create beside 10^5 subscriptions", *figures, "less", "us CPU", ">= 0.91 (1.1 x)")


def fanout():
    """One contentInstance in each of 1 000 containers, by one request."""
    g, n = Ground(), COUNT["fanout"]
    g.fill(n + 100, BASE, 3, '{"m2m:cnt":{"rn":"c#","mni":10}}')
    members = [f"{BASE[1:]}/c{i}" for i in range(1, n + 1)]
    g.made(g.lab.create(BASE, 9, {"m2m:grp": {"rn": "g", "mt": 3, "mnm": n, "mid": members}}, "Cdev"))
    ms, answer = g.timed(lambda: g.lab.create(BASE + "/g/fopt", 4, {"m2m:cin": {"con": "1"}}, "Cdev"), ROUNDS)
    good = sum(r["rsc"] == 2001 for r in answer.json["m2m:agr"]["m2m:rsp"])
    if good != n:
        raise SystemExit(f"bench: {good} of {n} members answered 2001")
    row("fan-out to 1 000 members", [ms], [1000.0], "less", "ms", ">= 1 (1 s)")
    g.node.close()


def h2load(port, *more):
    """Requests that were answered well, by the stock client. It sees no status in an answer of HTTP/1.1
    without a reason phrase: there they are good when they are as long as good ones."""
    head = [x for h in ("X-M2M-Origin: Cdev", "X-M2M-RI: h2", "X-M2M-RVI: 3", "Accept: application/json") for x in ("-H", h)]
    out = subprocess.run(["taskset", "-c", "1", "h2load", "-c", "16", "-D", "3", *more, *head,
                          f"http://127.0.0.1:{port}{BASE}"], capture_output=True, text=True)
    done = re.search(r"(\d+) done, (\d+) succeeded, \d+ failed, (\d+) errored, (\d+) timeout", out.stdout)
    data = re.search(r"\((\d+)\) data", out.stdout)
    if not done or not data or done[1] == "0" or done[3] != "0" or done[4] != "0":
        raise SystemExit(f"h2load: {out.stdout}{out.stderr}")
    requests = int(done[1])
    good = requests == int(done[2]) if "--h1" not in more else abs(int(data[1]) / requests / OCTETS - 1) < 0.02
    if not good:
        raise SystemExit(f"h2load: not every answer was good: {out.stdout}{out.stderr}")
    return requests


class Bare:
    """A server of test/bench/limit, plain, with answers as long as ours of an AE."""

    def __init__(self, program):
        self.port = free_port()
        self.p = subprocess.Popen(["taskset", "-c", "0", BUILD / program, "--port", str(self.port), "--octets", str(OCTETS)],
                                  stdout=subprocess.PIPE)
        self.p.stdout.readline()  # listening

    def close(self):
        self.p.kill()
        self.p.wait()


def http2():
    """Retrieves of an AE: 16 connections of 16 streams against 16 connections of HTTP/1.1; and
    each beside a bare server of its kind."""
    g = Ground()
    octets = len(g.lab.get(BASE, "Cdev").body)
    if octets != OCTETS:
        raise SystemExit(f"bench: an answer of {octets} octets, not of {OCTETS}")
    bare = [Bare("bench-echo2"), Bare("bench-echo")]
    kinds = [["-p", "h2c", "-m", "16"], ["--h1"]]
    groups = {"gate": g.node.pids()["gate"], "all processes": pids(g.node)}
    cost = {who: ([], []) for who in [*groups, "bare"]}
    for _ in range(ROUNDS):
        for at, more in enumerate(kinds):
            before = {who: cpu(p) for who, p in groups.items()}
            requests = h2load(g.node.lab_port, *more)
            for who, p in groups.items():
                cost[who][at].append((cpu(p) - before[who]) * 1e6 / requests)
            before = cpu([bare[at].p.pid])
            requests = h2load(bare[at].port, *more)
            cost["bare"][at].append((cpu([bare[at].p.pid]) - before) * 1e6 / requests)
    row("HTTP/2 beside HTTP/1.1, gate", *cost["gate"], "less", "us/request", ">= 2 (0.5 x)")
    row("HTTP/2 beside HTTP/1.1, all", *cost["all processes"], "less", "us/request", "-")
    row("HTTP/2 beside HTTP/1.1, bare", *cost["bare"], "less", "us/request", "-")
    row("HTTP/2, gate beside bare", cost["gate"][0], cost["bare"][0], "less", "us/request", "-")
    row("HTTP/1.1, gate beside bare", cost["gate"][1], cost["bare"][1], "less", "us/request", "-")
    for b in bare:
        b.close()
    g.node.close()
