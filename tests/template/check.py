"""Holds the template to every rule, and every rule to its mutants. Ends with 1 and the faults if either fails."""

import sys

from model import source, stacks
from mutants import BREAKS, mutants
from rules import RULES


def faults(rule, deployments):
    """What one rule says of the template under every choice of parameters."""
    return [f"{fault} (parameters: {stack.choice})" for stack in deployments for fault in rule(stack)]


def main():
    template = source()
    deployments = stacks(template)
    failed = 0
    for rule in RULES:
        found = faults(rule, deployments)
        print(f"{'FAIL' if found else 'ok  '} {rule.__name__.replace('_', ' ')}")
        for fault in found:
            failed += 1
            print(f"       {fault}")

    by_name = {rule.__name__: rule for rule in RULES}
    for name in sorted(set(by_name) ^ set(BREAKS)):
        failed += 1
        print(f"FAIL {name} has no mutant, or is no rule")

    tried = 0
    for name, what, broken in mutants(template):
        tried += 1
        if not faults(by_name[name], stacks(broken)):
            failed += 1
            print(f"FAIL {name} lets pass: {what}")

    print(f"{len(RULES)} rules, {tried} mutants, {failed} faults")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
