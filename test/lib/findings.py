"""findings: what a scanner finds is what test/vectors/tls-findings.tsv holds, each with a reason; more or less is
a difference."""
import pathlib

LIST = pathlib.Path(__file__).resolve().parents[1] / "vectors/tls-findings.tsv"


def kept(tool):
    rows = [l.split("\t") for l in LIST.read_text().splitlines() if l and not l.startswith("#")]
    return [(r[1], r[2]) for r in rows if r[0] == tool]


def differences(tool, found, whole=True):
    """found: [(finding, value)]. whole: each finding of the list has to be there."""
    known = kept(tool)
    wrong = [f"not on the list: {f}" for f in found if f not in known]
    names = {n for n, _ in found} | {n for n, value in known if value == "-"}
    if whole:
        wrong += [f"missing: {n}" for n in sorted({n for n, _ in known} - names)]
    return wrong
