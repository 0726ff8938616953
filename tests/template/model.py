"""The template as AWS will see it: transformed by SAM, its parameters and conditions resolved.

A reference to a resource becomes the text <Name> and an attribute of one <Name.Attribute>, so that rules compare
plain values.
"""

import copy
import json
import logging
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]

# What every deployment must say, and the choices that open the conditions.
REQUIRED = {"SalesforceUrl": "https://example.my.salesforce.com"}
CHOICES = {
    "plain": {},
    "full": {
        "SalesforceEventBus": "aws.partner/salesforce.com/00D000000000001AAA/0YL000000000001AAA",
        "AlarmTopicArn": "arn:aws:sns:us-east-1:111122223333:alarms",
        "SecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:concord-abcdef",
    },
}
PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::StackName": "concord",
    "AWS::URLSuffix": "amazonaws.com",
}
ABSENT = object()


@dataclass
class Stack:
    """One deployment: resources with plain values."""

    choice: str
    parameters: dict
    resources: dict

    def of(self, kind):
        """The resources of one type, by name."""
        return {name: r["Properties"] for name, r in self.resources.items() if r["Type"] == kind}


def source():
    """The template as written, tags and all turned into plain dictionaries."""
    return yaml_parse((ROOT / "template.yaml").read_text())


def stacks(template):
    """The template under every choice of parameters."""
    return [deployed(template, choice, given) for choice, given in CHOICES.items()]


def deployed(template, choice, given):
    """The template under one choice of parameters."""
    parameters = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p}
    parameters |= REQUIRED | given
    whole = transformed(template, parameters)
    resolver = Resolver(whole, parameters | PSEUDO)
    resources = {}
    for name, resource in whole["Resources"].items():
        if "Condition" in resource and not resolver.condition(resource["Condition"]):
            continue
        resources[name] = resource | {"Properties": resolver.value(resource.get("Properties", {}))}
    return Stack(choice, parameters, resources)


def transformed(template, parameters):
    """SAM's transform, as AWS runs it. Code is taken as uploaded."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://code/" + resource["Properties"]["CodeUri"]
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    return transform(template, dict(parameters), NoManagedPolicies())


class NoManagedPolicies:
    """The transform asks for AWS's managed policies by name; this template names none."""

    def load(self):
        return {}


class Resolver:
    """CloudFormation's intrinsic functions, as far as the template uses them; an unknown one is an error."""

    def __init__(self, template, names):
        self.conditions = template.get("Conditions", {})
        self.resources = template["Resources"]
        self.names = names

    def condition(self, name):
        return self.truth(self.conditions[name])

    def truth(self, test):
        ((function, given),) = test.items()
        if function == "Fn::Equals":
            return self.value(given[0]) == self.value(given[1])
        if function == "Fn::Not":
            return not self.truth(given[0])
        if function == "Condition":
            return self.condition(given)
        raise ValueError(f"no rule for {function} in a condition")

    def value(self, value):
        if isinstance(value, dict):
            if len(value) == 1:
                ((function, given),) = value.items()
                if function in ("Ref", "Condition") or function.startswith("Fn::"):
                    if function != "Condition":
                        return self.intrinsic(function, given)
            pairs = ((key, self.value(inner)) for key, inner in value.items())
            return {key: inner for key, inner in pairs if inner is not ABSENT}
        if isinstance(value, list):
            return [inner for inner in map(self.value, value) if inner is not ABSENT]
        return value

    def intrinsic(self, function, given):
        if function == "Ref":
            return self.reference(given)
        if function == "Fn::GetAtt":
            name, attribute = given if isinstance(given, list) else given.split(".", 1)
            return self.attribute(name, attribute)
        if function == "Fn::Sub":
            return self.substituted(given)
        if function == "Fn::If":
            return self.value(given[1] if self.condition(given[0]) else given[2])
        if function == "Fn::Join":
            return given[0].join(self.value(given[1]))
        raise ValueError(f"no rule for {function}")

    def reference(self, name):
        if name == "AWS::NoValue":
            return ABSENT
        if name in self.names:
            return self.names[name]
        if name in self.resources:
            return f"<{name}>"
        raise ValueError(f"{name} is neither a parameter nor a resource")

    def attribute(self, name, attribute):
        if name not in self.resources:
            raise ValueError(f"{name} is not a resource")
        return f"<{name}.{attribute}>"

    def substituted(self, text):
        def replaced(match):
            name, _, attribute = match.group(1).partition(".")
            return str(self.attribute(name, attribute) if attribute else self.reference(name))

        return re.sub(r"\$\{([^!}]+)\}", replaced, text)


def named(reference):
    """The resource behind <Name> or <Name.Attribute>; None for anything else."""
    match = re.fullmatch(r"<([A-Za-z0-9]+)(\.[A-Za-z0-9.]+)?>", str(reference))
    return match.group(1) if match else None


@cache
def rust(*folders):
    """All Rust text under these folders, tests in the files included."""
    files = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.rs"))
    return "\n".join(path.read_text() for path in files)


def as_json(text):
    """Parsed, or None if it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
