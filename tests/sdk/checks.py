"""What both Python files share: running their checks in order, and expecting a refusal."""

import json
import sys
import time
import traceback

# How far the index of HubSpot's sandbox may be behind (3 s), and some time for a slow machine.
INDEXED_SECONDS_MAX = 20


def endpoints():
    """What `concord sandbox` wrote: base URLs and credentials."""
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def equal(found, expected):
    assert found == expected, f"\n   found    {found!r}\n   expected {expected!r}"


def refused(kind, call, *arguments, **named):
    """The exception of exactly this class that the call ends with."""
    try:
        answer = call(*arguments, **named)
    except Exception as error:  # noqa: BLE001  Its class is what is checked.
        assert type(error) is kind, f"{type(error).__name__} instead of {kind.__name__}: {error}"
        return error
    raise AssertionError(f"no refusal but {answer!r}")


def eventually(find, is_enough):
    """Asks again until the index has followed; what was found last is returned, enough or not."""
    end = time.monotonic() + INDEXED_SECONDS_MAX
    while True:
        found = find()
        if is_enough(found) or time.monotonic() > end:
            return found
        time.sleep(0.5)


def run(client, checks):
    """Every check, even after one has failed. The exit status says whether all held."""
    failed = 0
    for check in checks:
        name = check.__name__.replace("_", " ")
        started = time.monotonic()
        try:
            check()
        except Exception:  # noqa: BLE001  Every failure is told, and the next check goes on.
            failed += 1
            traceback.print_exc()
            print(f"FAIL {client}: {name}", flush=True)
        else:
            print(f"ok   {client}: {name} ({time.monotonic() - started:.1f} s)", flush=True)
    return 1 if failed else 0
