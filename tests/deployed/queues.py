"""Runs the queue's contract suite against ministack's SQS: the same suite that the model in memory passes."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cloud import REGION, ROOT, Cloud

# Without `-p`: with the features of the whole workspace, so that nothing is built for it alone.
SUITE = ["cargo", "test", "--locked", "--test", "queue_contract"]


def main():
    with tempfile.TemporaryDirectory() as state, Cloud(Path(state)) as cloud:
        environment = os.environ | {
            "CONCORD_SQS_ENDPOINT": cloud.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
        }
        return subprocess.run(SUITE, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
