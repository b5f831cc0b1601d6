"""waiting: for what comes to be so, looked at again and again. Nothing here fits what must never be so: that
needs a time in which it would have shown."""
import time


def in_time(what, seconds=30):
    """What it says in the end: true as soon as it is, else what it was after that time."""
    end = time.time() + seconds
    while not (got := what()) and time.time() < end:
        time.sleep(0.05)
    return got


def until(what, seconds=30):
    """The same, where it has to be so."""
    got = in_time(what, seconds)
    assert got, f"not so after {seconds} s"
    return got
