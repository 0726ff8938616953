"""The deployed system, driven as its users would: people edit in either CRM, and somebody kills its workers.

Each scenario asserts the final state of both CRMs and how often Concord wrote to them.
"""

import os
import secrets
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from cloud import FUNCTIONS, STACK, Cloud, wait_for
from outside import Relay, Sandboxes, call

BUS = "aws.partner/salesforce.com/00D000000000001AAA/0YL000000000001AAA"
ARRIVES_SECONDS_MAX = 30
# A schedule fires within its minute, ministack looks every ten seconds, and the poll itself takes a moment.
POLLED_SECONDS_MAX = 100
QUIET_SECONDS = 3
BURST = 40


class World:
    """The stack between its two CRMs."""

    def __init__(self, concord, state):
        self.state = state
        self.sandboxes = Sandboxes(concord, state)
        self.webhook_secret = secrets.token_hex(16)

    def __enter__(self):
        self.cloud = Cloud(self.state).__enter__()
        try:
            self.relay = Relay(self.cloud, BUS).__enter__()
            self.deploy()
        except BaseException:
            self.cloud.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.sandboxes.stop()
        self.relay.__exit__()
        self.cloud.__exit__()


SCENARIOS = []


def scenario(check):
    SCENARIOS.append(check)
    return check
