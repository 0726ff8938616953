"""Builds every mutant that cargo-mutants knows of core into one engine, and asks the specifications, then the simulation, of each."""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
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
# Specifications of the sandboxes and the queue break nothing of core.
ELSEWHERE = ("--skip", "hubspot_sandbox::", "--skip", "salesforce_sandbox::", "--skip", "fifo_contract::")
FEWER_CASES = [(r"with_cases\(4_000\)", "with_cases(200)"), (r"with_cases\(20_000\)", "with_cases(1_000)"), (r"\bcases: 20_000, max_shrink_iters: 20_000", "cases: 500, max_shrink_iters: 0")]

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
    function: tuple[int, int]  # Where its function begins and ends in the file.
    place: tuple[int, int]  # What is replaced in the file.
    replacement: str
    verdict: str  # Who noticed it, or SURVIVED. "unviable": does not compile. "alone": cannot be switched on.

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
        # A constant cannot ask which mutant is switched on.
        verdict = "" if function else "alone"
        mutants.append(Mutant(number, one["name"], one["file"], function, place, one["replacement"], verdict))
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
            lines.append((range(begin, out.count("\n") + 2), [mutant], "unviable"))
            out += "\n"
        begin = out.count("\n") + 1
        out += " {" + whole + "}\n}"
        # What fails without a mutant returns a type that has no name, or makes a constant.
        lines.append((range(begin, out.count("\n") + 2), members, "alone"))
        at = last
    return out + source[at:], lines


def cargo(*words):
    env = os.environ | {"CARGO_TARGET_DIR": str(TARGET)}
    settings = [word for setting in SETTINGS for word in ("--config", setting)]
    return subprocess.run(["cargo", *words, *settings], cwd=TREE, env=env, capture_output=True, text=True)


def errors():
    """Files and lines in which the compiler finds something wrong."""
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
            members = [mutant for mutant in mutants if mutant.file == file and not mutant.verdict]
            text, places[file] = woven(source, members)
            if file == LIBRARY:
                text += SWITCHBOARD
            (TREE / file).write_text(text)
        left = sum(not mutant.verdict for mutant in mutants)
        bad = list(errors())
        if not bad:
            return
        for file, line in bad:
            for lines, members, why in places.get(file, []):
                for mutant in members if line in lines else []:
                    mutant.verdict = mutant.verdict or why
        if left == sum(not mutant.verdict for mutant in mutants):
            sys.exit(f"does not compile, whatever is taken out: {bad}")


def built():
    """The specifications and the simulation of the tree as it is."""
    packages = ["--package", "concord-specs", "--test", "specs", "--package", "concord-simulation", "--bin", "concord-simulation"]
    done = cargo("build", "--locked", "--profile", "mutants", "--message-format", "json", *packages)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    said = map(json.loads, done.stdout.splitlines())
    found = {line["target"]["name"]: line["executable"] for line in said if line.get("executable")}
    return found["specs"], found["concord-simulation"]


def survives(command, number, seconds=SECONDS_MAX):
    # A function that is there twenty times over needs the stack of twenty.
    env = os.environ | {SWITCH: str(number), "PROPTEST_MAX_SHRINK_ITERS": "0", "RUST_MIN_STACK": "268435456"}
    try:
        done = subprocess.run(command, cwd=TREE / "tests/specs", env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def judge(number, specs, simulation, seeds):
    """Who notices a mutant. The first worlds take half a second, and most of what breaks the engine breaks them."""
    worlds = [simulation, "--json", "--threads", "1", "--failures", "1", "--seeds"]
    if not survives([*worlds, "20"], number):
        return "simulation"
    if not survives([specs, "--test-threads", "1", *ELSEWHERE], number):
        return "specifications"
    seconds = SECONDS_MAX * max(1, seeds // SEEDS)
    return "SURVIVED" if survives([*worlds, str(seeds)], number, seconds) else "simulation"


def tested(seeds):
    """The engine as it is in the tree, which has to hold unbroken."""
    engine = built()
    if (who := judge(0, *engine, seeds)) != "SURVIVED":
        sys.exit(f"the {who} fail without a mutant")
    return engine


def try_all(mutants, sources, seeds, report):
    weave(mutants, sources)
    engine = tested(seeds)
    print(f"built after {time.monotonic() - BEGUN:.0f} s", flush=True)

    def one(mutant):
        report(mutant, mutant.verdict or judge(mutant.number, *engine, seeds))

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(one, mutants))


def try_alone(mutants, sources, seeds, report):
    tested(seeds)
    for mutant in mutants:
        (TREE / mutant.file).write_text(mutant.of(sources[mutant.file]))
        report(mutant, "unviable" if list(errors()) else judge(0, *built(), seeds))
        (TREE / mutant.file).write_text(sources[mutant.file])


def main():
    arguments = argparse.ArgumentParser(prog="tests/mutants/net")
    arguments.add_argument("--seeds", type=int, default=SEEDS, help="how many worlds whoever is left has to live through, fewer than 5,000")
    arguments.add_argument("--alone", action="store_true", help="each in a build of its own, which takes minutes")
    arguments.add_argument("words", nargs="*", metavar="TEXT", help="only mutants that have one of these in their names")
    arguments = arguments.parse_args()
    if arguments.alone and not arguments.words:
        sys.exit("tests/mutants/net: name those that an earlier run could not switch on")
    TREE.mkdir(parents=True, exist_ok=True)
    kill.copy_sources(TREE)
    specs = TREE / "tests/specs/tests"
    (specs / "a.rs").write_text(FIRST_FAILURE)
    (specs / "specs.rs").write_text((specs / "specs.rs").read_text() + "mod a;\n")
    for path in specs.glob("*.rs"):
        for law, fewer in FEWER_CASES:
            path.write_text(re.sub(law, fewer, path.read_text()))
    mutants, sources = listed(arguments.words)
    with (WORK / ("some.txt" if arguments.words else "verdicts.txt")).open("w", buffering=1) as verdicts:

        def report(mutant, verdict):
            mutant.verdict = verdict
            verdicts.write(f"{verdict}\t{mutant.name}\n")

        (try_alone if arguments.alone else try_all)(mutants, sources, arguments.seeds, report)
    for shown in ("alone", "SURVIVED"):
        print(*(f"{shown} {mutant.name}" for mutant in mutants if mutant.verdict == shown), sep="\n")
    counts = Counter(mutant.verdict for mutant in mutants)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()), f"in {time.monotonic() - BEGUN:.0f} s")


if __name__ == "__main__":
    main()
