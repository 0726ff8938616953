"""Builds every mutant that cargo-mutants knows of core into one engine, and asks the specifications, then the simulation, of each."""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import kill

ROOT = kill.ROOT
WORK = ROOT / ".venv/net"
TREE = WORK / "tree"
TARGET = WORK / "target"
PACKAGE = "concord-core"
LIBRARY = "shared/core/src/lib.rs"
SWITCH = "CONCORD_MUTANT"
BEGUN = time.monotonic()
JOBS = os.cpu_count()
# The specifications take 7 s where nothing is broken, the worlds 4 s: who takes this long goes round in circles.
SECONDS_MAX = 40
SEEDS = 150
# Lints would refuse what a mutant leaves unused; one build needs no increments; specifications take longer to optimise than to run.
SETTINGS = ('build.rustflags=["--cap-lints","allow"]', "profile.mutants.incremental=false", "profile.mutants.package.concord-specs.opt-level=0")
# Of a broken engine the first failure is enough, a law's smallest example is not wanted, nor one that takes thousands of cases.
FIRST_FAILURE = """\
//! The first failure ends the run.
#[test]
fn the_first_failure_ends_the_run() {
    std::panic::set_hook(Box::new(|_| std::process::exit(101)));
}
"""
FEWER_CASES = [(r"with_cases\(4_000\)", "with_cases(200)"), (r"\bcases: 20_000, max_shrink_iters: 20_000", "cases: 500, max_shrink_iters: 0")]

SWITCHBOARD = f"""
/// Whether this mutant is switched on.
pub fn broken(mutant: u32) -> bool {{
    static ON: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| std::env::var("{SWITCH}").map_or(0, |text| text.parse().unwrap()));
    *ON == mutant
}}
"""


@dataclass
class Mutant:
    number: int
    name: str
    file: str
    function: tuple[int, int] | None  # Where its function begins and ends in the file; a constant has none.
    place: tuple[int, int]  # What is replaced in the file.
    replacement: str
    verdict: str = ""

    def of(self, source, within=None):
        """The file with the mutant in it, or what is within some part of it."""
        first, last = within or (0, len(source))
        begin, end = self.place
        return source[first:begin] + self.replacement + source[end:last]


def listed(words):
    """The mutants that cargo-mutants would make, those whose name has one of the words in it, and their files."""
    command = [ROOT / ".venv/tools/bin/cargo-mutants", "mutants", "--list", "--json", "--dir", TREE, "--gitignore", "false", "--package", PACKAGE]
    mutants, sources = [], {LIBRARY: (TREE / LIBRARY).read_text()}
    for number, one in enumerate(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout), 1):
        if words and not any(word in one["name"] for word in words):
            continue
        source = sources.setdefault(one["file"], (TREE / one["file"]).read_text())
        starts = [0] + [line.end() for line in re.finditer("\n", source)]
        place, function = (
            where and tuple(starts[at["line"] - 1] + at["column"] - 1 for at in (where["span"]["start"], where["span"]["end"]))
            for where in (one, one["function"])
        )
        mutants.append(Mutant(number, one["name"], one["file"], function, place, one["replacement"]))
    return mutants, sources


def body(text):
    """A function's text, cut in two: up to its body, and the body without its braces."""
    opening = text.index("{", re.search(r"^[^/\n]*\bfn\b", text, re.M).end())
    return text[:opening], text[opening + 1 : text.rindex("}")]


def woven(source, mutants):
    """A file in which each function does what the mutant does that is switched on; and the lines of each mutant."""
    functions, last = {}, (0, 0)
    for mutant in sorted(mutants, key=lambda mutant: (mutant.function[0], -mutant.function[1])):
        last = mutant.function if mutant.function[0] >= last[1] else last  # A function within a function is part of it.
        functions.setdefault(last, []).append(mutant)
    out, at, lines = "", 0, []
    for (first, last), members in functions.items():
        head, whole = body(source[first:last])
        out += source[at:first] + head.replace("const fn", "fn") + "{"  # A constant cannot ask.
        for mutant in members:
            begin = out.count("\n") + 1
            out += f" if crate::broken({mutant.number}) {{ {body(mutant.of(source, (first, last)))[1]}\n}} else"
            lines.append((range(begin, out.count("\n") + 2), [mutant]))
            out += "\n"
        begin = out.count("\n") + 1
        out += " {" + whole + "}\n}"
        lines.append((range(begin, out.count("\n") + 2), members))
        at = last
    return out + source[at:], lines


def cargo(*words):
    env = os.environ | {"CARGO_TARGET_DIR": str(TARGET)}
    settings = [word for setting in SETTINGS for word in ("--config", setting)]
    return subprocess.run(["cargo", *words, *settings], cwd=TREE, env=env, capture_output=True, text=True)


def errors():
    """Where the compiler finds something wrong, and a file and a line."""
    done = cargo("check", "--locked", "--profile", "mutants", "--package", PACKAGE, "--message-format", "json")
    for line in done.stdout.splitlines():
        said = json.loads(line)
        if said["reason"] == "compiler-message" and said["message"]["level"] == "error":
            for span in said["message"]["spans"]:
                if span["is_primary"]:
                    while span["expansion"]:
                        span = span["expansion"]["span"]
                    yield span["file_name"], span["line_start"]


def weave(mutants, sources):
    """Writes all of them into the tree; whatever does not compile is taken out until the rest does."""
    while True:
        places = {}
        for file, source in sources.items():
            members = [mutant for mutant in mutants if mutant.file == file and mutant.function and not mutant.verdict]
            text, places[file] = woven(source, members)
            if file == LIBRARY:
                text += SWITCHBOARD
            (TREE / file).write_text(text)
        bad = list(errors())
        for file, line in bad:
            for lines, members in places.get(file, []):
                if line in lines:
                    # What fails without a mutant returns a type without a name, or makes a constant: no mutant can be switched on in it.
                    for mutant in members:
                        mutant.verdict = mutant.verdict or ("alone" if len(members) > 1 else "unviable")
        if not bad:
            return
        print(f"{sum(not mutant.verdict for mutant in mutants)} are left", flush=True)


def built():
    """The specifications and the simulation of the tree as it is."""
    packages = ["--package", "concord-specs", "--test", "specs", "--package", "concord-simulation", "--bin", "concord-simulation"]
    done = cargo("build", "--locked", "--profile", "mutants", "--message-format", "json", *packages)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    said = map(json.loads, done.stdout.splitlines())
    found = {line["target"]["name"]: line["executable"] for line in said if line.get("executable")}
    return found["specs"], found["concord-simulation"]


def survives(command, number):
    # A function that is there twenty times over needs the stack of twenty.
    env = os.environ | {SWITCH: str(number), "PROPTEST_MAX_SHRINK_ITERS": "0", "RUST_MIN_STACK": "268435456"}
    try:
        done = subprocess.run(command, cwd=TREE / "tests/specs", env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


# Those of the sandboxes and the queue break nothing of core.
ELSEWHERE = ["--skip", "hubspot_sandbox::", "--skip", "salesforce_sandbox::", "--skip", "fifo_contract::"]


def judge(number, specs, simulation):
    worlds = [simulation, "--json", "--threads", "1", "--failures", "1", "--seeds"]
    # The first worlds take half a second, and most of what breaks the engine breaks them.
    for command, who in (([*worlds, "20"], "simulation"), ([specs, "--test-threads", "1", *ELSEWHERE], "specifications"), ([*worlds, str(SEEDS)], "simulation")):
        if not survives(command, number):
            return who
    return "SURVIVED"


def try_all(mutants, sources, report):
    weave(mutants, sources)
    specs, simulation = built()
    print(f"built after {time.monotonic() - BEGUN:.0f} s; {sum(mutant.verdict == 'alone' for mutant in mutants)} cannot be switched on", flush=True)
    if (verdict := judge(0, specs, simulation)) != "SURVIVED":
        sys.exit(f"the {verdict} fail without a mutant")
    with ThreadPoolExecutor(JOBS) as pool:
        for mutant in mutants:
            if not mutant.verdict:
                pool.submit(lambda mutant=mutant: report(mutant, judge(mutant.number, specs, simulation)))


def try_alone(mutants, sources, report):
    """Those that cannot be switched on: each in a build of its own."""
    for file, source in sources.items():
        (TREE / file).write_text(source)
    for mutant in mutants:
        if mutant.verdict == "alone" or not mutant.function:
            (TREE / mutant.file).write_text(mutant.of(sources[mutant.file]))
            report(mutant, "unviable" if list(errors()) else judge(0, *built()))
            (TREE / mutant.file).write_text(sources[mutant.file])


def main():
    arguments = argparse.ArgumentParser(prog="tests/mutants/net")
    arguments.add_argument("words", nargs="*", metavar="TEXT", help="only mutants that have one of these in their names")
    words = arguments.parse_args().words
    TREE.mkdir(parents=True, exist_ok=True)
    kill.copy_sources(TREE)
    specs = TREE / "tests/specs/tests"
    (specs / "a.rs").write_text(FIRST_FAILURE)
    (specs / "specs.rs").write_text((specs / "specs.rs").read_text() + "mod a;\n")
    for path in specs.glob("*.rs"):
        for law, fewer in FEWER_CASES:
            path.write_text(re.sub(law, fewer, path.read_text()))
    mutants, sources = listed(words)
    with (WORK / "verdicts.txt").open("w", buffering=1) as verdicts:

        def report(mutant, verdict):
            mutant.verdict = verdict
            print(f"{verdict}\t{mutant.name}", file=verdicts)

        try_all(mutants, sources, report)
        print(*(f"{mutant.verdict} {mutant.name}" for mutant in mutants if mutant.verdict in ("alone", "") ), sep="\n")
        #try_alone(mutants, sources, report)
    survivors = [mutant.name for mutant in mutants if mutant.verdict == "SURVIVED"]
    print("\n".join(survivors))
    counts = {verdict: sum(mutant.verdict == verdict for mutant in mutants) for verdict in ("unviable", "specifications", "simulation", "SURVIVED")}
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), f"of {len(mutants)} in {time.monotonic() - BEGUN:.0f} s")


if __name__ == "__main__":
    main()
