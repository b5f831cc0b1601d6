"""common: what the checks share. Each is called as

    tools/check/NAME [BUILD_FOLDER] [--top FOLDER]

--top looks at another tree: selftest plants defects in a copy with it."""
import pathlib, re, sys

TOP = pathlib.Path(__file__).resolve().parents[2]


class Check:
    """Collects what is bad; a check that looked at nothing has failed."""

    def __init__(self, name):
        arguments = sys.argv[1:]
        self.top = TOP
        if "--top" in arguments:
            at = arguments.index("--top")
            self.top = pathlib.Path(arguments[at + 1]).resolve()
            del arguments[at:at + 2]
        self.build = pathlib.Path(arguments[0] if arguments else TOP / "build").resolve()
        self.name, self.bad = name, 0

    def fault(self, text):
        print(text)
        self.bad += 1

    def end(self, **looked_at):
        """looked_at: name=(how many, least that must be there)."""
        for what, (n, least) in looked_at.items():
            if n < least:
                self.fault(f"{self.name}: saw {n} {what}, {least} at least must be there")
        counts = ", ".join(f"{n} {what.replace('_', ' ')}" for what, (n, _) in looked_at.items())
        print(f"{self.name}: {counts}, {self.bad} bad")
        sys.exit(1 if self.bad else 0)

    def sources(self, *endings):
        return sorted(f for e in endings or ("c", "h") for f in (self.top / "src").rglob(f"*.{e}"))

    def rows(self, path, macro):
        """The rows MACRO(...) of a .def file as lists of their arguments."""
        text = re.sub(r"/\*.*?\*/", "", (self.top / path).read_text(), flags=re.S)
        text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
        found = []
        for m in re.finditer(rf"\b{macro}\(", text):
            found.append([a.strip() for a in arguments_of(text, m.end())])
        return found


def arguments_of(text, at):
    """The arguments from `at`, behind an open parenthesis, to the one that closes it."""
    depth, out, quoted = 0, [""], False
    while at < len(text):
        c = text[at]
        if quoted:
            out[-1] += c
            if c == "\\":
                at += 1
                out[-1] += text[at]
            quoted = c != '"'
        elif c == ")" and depth == 0:
            return [] if out == [""] or out[0].strip() == "" and len(out) == 1 else out
        elif c == "," and depth == 0:
            out.append("")
        else:
            depth += (c in "([{") - (c in ")]}")
            quoted = c == '"'
            out[-1] += c
        at += 1
    return out


def code_only(text):
    """The text without comments and string literals; lines and columns kept."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)
