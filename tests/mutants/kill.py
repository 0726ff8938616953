"""Applies each mutant to a copy of the sources, builds it, and runs its killer until an expected invariant breaks."""

import argparse
import functools
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / ".venv/mutants"
TREE = WORK / "tree"
TARGET = WORK / "target"
ENGINE = TARGET / "mutants/concord-simulation"
UNBROKEN = WORK / "unbroken"
README = HERE / "README.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

# A world lasts milliseconds and is bounded by moves: a run this long has hung.
RUN_SECONDS_MAX = 1_800
# Only code that the product runs may be broken: a mutant of the judge would prove nothing.
PRODUCTION = ("shared/core/src/", "shared/crm/src/", "shared/aws/src/", "functions/")
HEADS = ("Rule", "Invariant", "Seeds", "Killer", "Why")


class Bad(Exception):
    """A patch that cannot be used; its message says why."""


@dataclass
class Mutant:
    name: str
    path: Path
    rule: str
    invariants: list[str]
    seeds: int
    killer: list[str]  # Package, test, and which part of it; empty: the simulation.


@dataclass
class Verdict:
    mutant: Mutant
    killed_by: str = ""
    seed: int | None = None
    note: str = ""


def read(path):
    """The mutant of a patch file. The lines before the diff are its header."""
    text = path.read_text()
    head, _, diff = text.partition("diff --git ")
    fields = dict(re.findall(r"^([A-Z][a-z]+): *(.+)$", head, re.M))
    if unknown := sorted(set(fields) - set(HEADS)):
        raise Bad(f"unknown header lines: {unknown}")
    for wanted in ("Rule", "Invariant", "Seeds"):
        if wanted not in fields:
            raise Bad(f"no line `{wanted}:` before the diff")
    killer = fields.get("Killer", "").split()
    if killer and (len(killer) not in (2, 3) or "Why" not in fields):
        raise Bad("`Killer:` names a package, a test and perhaps a part of it, and `Why:` says why the simulation cannot see it")
    for touched in re.findall(r"^\+\+\+ b/(.+)$", "diff --git " + diff, re.M):
        if not touched.startswith(PRODUCTION):
            raise Bad(f"{touched} is no production code")
    invariants = [part.strip() for part in fields["Invariant"].split(",")]
    seeds = int(fields["Seeds"])
    return Mutant(path.stem, path, fields["Rule"], invariants, seeds, killer)


def apply(mutant, where, *options):
    # Without this, git finds the repository around the copy and silently skips what it ignores there.
    env = os.environ | {"GIT_CEILING_DIRECTORIES": str(where.parent)}
    command = ["git", "apply", *options, str(mutant.path)]
    done = subprocess.run(command, cwd=where, env=env, capture_output=True, text=True)
    if done.returncode:
        raise Bad(f"does not apply: {done.stderr.strip()}")


def copy_sources(tree=TREE):
    """Makes the copy equal to this tree. What is equal keeps its time, so that cargo builds only what differs."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    wanted = {name for name in names if name and (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, tree / name
        data = source.read_bytes()
        if not target.is_file() or target.read_bytes() != data:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(source.stat().st_mode)
    for path in tree.rglob("*"):
        if path.is_file() and str(path.relative_to(tree)) not in wanted:
            path.unlink()


def cargo(*words):
    env = os.environ | {"CARGO_TARGET_DIR": str(TARGET)}
    return subprocess.run(["cargo", *words], cwd=TREE, env=env, capture_output=True, text=True)


def compile_all(mutants):
    """Checks that every mutant compiles: as many at once as apply to one tree. What clippy has checked of others is not checked again."""
    env = os.environ | {"CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))}
    checks = 0
    while mutants:
        copy_sources()
        together, others = [], []
        for mutant in mutants:
            try:
                apply(mutant, TREE)
                together.append(mutant.name)
            except Bad:
                others.append(mutant)
        packages = ["--package", "concord-core", "--package", "concord-crm", "--package", "concord-aws"]
        done = subprocess.run(["cargo", "check", "--locked", *packages], cwd=TREE, env=env, capture_output=True, text=True)
        if done.returncode:
            raise Bad(f"one of {', '.join(together)} does not compile:\n{done.stderr.strip()}")
        mutants, checks = others, checks + 1
    return checks


def build():
    done = cargo("build", "--locked", "--profile", "mutants", "--package", "concord-simulation")
    if done.returncode:
        raise Bad("does not compile:\n" + "\n".join(done.stderr.strip().splitlines()[-30:]))


def worlds(engine, start, count):
    """The first worlds from `start` on that break something, by seed, and what: one, or what other cores came upon meanwhile. All
    before the last are lived."""
    command = [str(engine), "--json", "--from", str(start), "--seeds", str(count), "--failures", "1"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise Bad(f"a run from seed {start} did not end in {RUN_SECONDS_MAX} s") from None
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines or "seeds" not in lines[-1]:
        raise Bad("the simulation died: " + done.stderr.strip()[-500:])
    return sorted((line["seed"], line["invariant"]) for line in lines if "invariant" in line)


def kill_by_simulation(mutant):
    verdict, start = Verdict(mutant), 0
    while start < mutant.seeds and (broken := worlds(ENGINE, start, mutant.seeds - start)):
        for seed, invariant in broken:
            if invariant not in mutant.invariants:
                verdict.note = verdict.note or f"seed {seed} breaks {invariant}, which the mutant does not name"
            elif worlds(UNBROKEN, seed, 1):
                verdict.note = f"seed {seed} breaks without the mutant too"
            else:
                verdict.killed_by, verdict.seed = invariant, seed
                return verdict
        start = broken[-1][0] + 1
    return verdict


def run_test(killer):
    """Whether a test passes in the copy as it is."""
    package, test, *part = killer
    done = cargo("test", "--locked", "--package", package, "--test", test, *part)
    if done.returncode and "test result: FAILED" not in done.stdout:
        raise Bad("its killer did not run: " + done.stderr.strip()[-1000:])
    return done.returncode == 0


@functools.cache
def passes_unbroken(package, test):
    """Whether a whole test passes in the copy, which is not broken; asked once."""
    return run_test([package, test])


def kill_by_test(mutant):
    return Verdict(mutant, killed_by="" if run_test(mutant.killer) else mutant.invariants[0])


def try_one(mutant):
    try:
        if mutant.killer and not passes_unbroken(*mutant.killer[:2]):
            raise Bad("its killer fails without the mutant too")
        apply(mutant, TREE)
        try:
            if mutant.killer:
                return kill_by_test(mutant)
            build()
            return kill_by_simulation(mutant)
        finally:
            apply(mutant, TREE, "--reverse")
    except Bad as bad:
        return Verdict(mutant, note=str(bad))


def row(verdict):
    mutant = verdict.mutant
    by, took = verdict.killed_by or "**survived**", "-"
    if mutant.killer:
        took = "`cargo test -p {} --test {}`".format(mutant.killer[0], " ".join(mutant.killer[1:]))
    elif verdict.seed is not None:
        took = f"{verdict.seed + 1:,}"
    budget = f"{mutant.seeds:,}" if mutant.seeds else "-"
    return f"| {mutant.name} | {mutant.rule} | {by} | {took} | {budget} |"


def write_table(verdicts, names):
    """Puts the rows of this run into the table, and keeps those of mutants that were not run."""
    before, _, rest = README.read_text().partition(BEGIN)
    old, _, after = rest.partition(END)
    rows = {line.split("|")[1].strip(): line for line in old.splitlines()[3:] if line.startswith("|")}
    rows |= {verdict.mutant.name: row(verdict) for verdict in verdicts}
    head = ["| mutant | what is broken | killed by | worlds until then | budget |", "|---|---|---|---|---|"]
    table = "\n".join(head + [rows[name] for name in sorted(rows) if name in names])
    README.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def main():
    arguments = argparse.ArgumentParser(prog="tests/mutants/run")
    arguments.add_argument("--check", action="store_true", help="only that every patch applies")
    arguments.add_argument("--compile", action="store_true", help="only that every mutant compiles")
    arguments.add_argument("names", nargs="*", metavar="NAME")
    arguments = arguments.parse_args()
    paths = {path.stem: path for path in sorted(HERE.glob("*.patch"))}
    if unknown := sorted(set(arguments.names) - set(paths)):
        sys.exit(f"tests/mutants/run: no such mutant: {', '.join(unknown)}")
    mutants, bad = [], []
    for name in arguments.names or paths:
        try:
            mutants.append(read(paths[name]))
            apply(mutants[-1], ROOT, "--check")
        except Bad as fault:
            bad.append(f"{name}: {fault}")
    if bad:
        sys.exit("tests/mutants/run: " + "\n".join(bad))
    if arguments.check:
        print(f"{len(mutants)} mutants apply")
        return
    begun = time.monotonic()
    TREE.mkdir(parents=True, exist_ok=True)
    if arguments.compile:
        try:
            checks = compile_all(mutants)
        except Bad as fault:
            sys.exit(f"tests/mutants/run: {fault}")
        print(f"{len(mutants)} mutants compile, in {checks} checks, {time.monotonic() - begun:.0f} s")
        return
    copy_sources()
    build()
    UNBROKEN.write_bytes(ENGINE.read_bytes())
    UNBROKEN.chmod(0o755)
    verdicts = []
    for mutant in mutants:
        verdict = try_one(mutant)
        verdicts.append(verdict)
        where = "" if verdict.seed is None else f" {verdict.seed}"
        said = f"killed {mutant.name} {verdict.killed_by}{where}" if verdict.killed_by else f"SURVIVED {mutant.name}"
        print(said + (f" ({verdict.note})" if verdict.note else ""), flush=True)
        write_table(verdicts, set(paths))
    survived = sum(not verdict.killed_by for verdict in verdicts)
    print(f"{len(verdicts) - survived} killed, {survived} survived, {time.monotonic() - begun:.0f} s")
    sys.exit(1 if survived else 0)


if __name__ == "__main__":
    main()
