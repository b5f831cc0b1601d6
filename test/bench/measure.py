"""measure: what the benchmarks share: processor time and memory of processes, the load
generator, a row beside its limit."""
import os, re, statistics, subprocess, sys, time
from node import BUILD, NAME

results = []
ROUNDS = int(os.environ.get("ROUNDS", 3))
FREE = f"0-{os.cpu_count() - 1}"


def cpu(pids):
    """Seconds of processor time of these processes, all their threads, by the kernel's clock of each (ns)."""
    return sum(time.clock_gettime(~p << 3 | 2) for p in pids)  # MAKE_PROCESS_CPUCLOCK(p, CPUCLOCK_SCHED)


def pss(pids):
    total = 0
    for p in pids:
        m = re.search(r"^Pss:\s+(\d+)", open(f"/proc/{p}/smaps_rollup").read(), re.M)
        total += int(m.group(1)) if m else 0
    return total


def generator(port, connections, tls, on="1", **options):
    argv = ["taskset", "-c", on, BUILD / "bench-load", "--port", port, "--connections", connections]
    argv += ["--name", NAME, *tls] if tls else []
    for k, v in options.items():
        argv += ["--" + k] if v is True else ["--" + k, v]
    return [str(a) for a in argv]


def load(port, seconds=3, connections=16, tls=None, **options):
    time.sleep(0.2)  # the last round's connections are forgotten
    out = subprocess.run(generator(port, connections, tls, seconds=seconds, **options), capture_output=True, text=True)
    f = dict(zip(out.stdout.split()[::2], out.stdout.split()[1::2]))
    if out.returncode or not f:
        sys.exit(f"load: {out.stdout}{out.stderr}")
    return {k: float(v) for k, v in f.items()}


def row(name, ours, limit, better, unit, aim=""):
    """ours, limit: lists of figures, one a round; better: 'less' or 'more'."""
    pairs = [(l / o if better == "less" else o / l) if o and l else 0 for o, l in zip(ours, limit)]
    r = dict(name=name, ours=round(statistics.median(ours), 2), limit=round(statistics.median(limit), 2),
             ratio=round(statistics.median(pairs), 3), spread=round(max(pairs) - min(pairs), 3), unit=unit, aim=aim)
    results.append(r)
    print(f"{name:<34} {r['ours']:>12} {r['limit']:>12} {r['ratio']:>7} {r['spread']:>7}  {unit:<14} {aim or '-'}", flush=True)


def note(text):
    print(f"{'':<34} {text}", flush=True)


def place(processes, on="0"):
    for p in processes:
        subprocess.run(["taskset", "-acp", on, str(p)], stdout=subprocess.DEVNULL)


def pids(n):
    return [p for ps in n.pids().values() for p in ps] + [n.process.pid]
