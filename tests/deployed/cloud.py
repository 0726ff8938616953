"""A cloud on this machine: ministack with the stack of template.yaml in it.

What ministack does not do is done here by hand or left out, and said where: it drops TTL and PITR, and it enforces
no IAM, so this proves nothing about rights (tests/template does).
"""

import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
FUNCTIONS = ("webhook", "fetch", "write", "reconcile")
STACK = "concord"
REGION = "us-east-1"
START_SECONDS_MAX = 60
DEPLOY_SECONDS_MAX = 60
# Six timeouts on AWS; here a killed worker's messages shall come back while the test looks on.
VISIBILITY_SECONDS = 12


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(what, seconds, check):
    """Asks until the answer is truthy and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


class Cloud:
    """A running ministack. Use as a context: leaving it stops the process, and with it the functions."""

    def __init__(self, state):
        self.state = state
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.outputs = {}

    def __enter__(self):
        (self.state / "tmp").mkdir(parents=True, exist_ok=True)
        # Its functions inherit ministack's whole environment, so it gets none of ours.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.state),
            "TMPDIR": str(self.state / "tmp"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "LAMBDA_EXECUTOR": "local",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",  # Otherwise an MQTT broker listens on every interface.
            "SFTP_ENABLED": "0",
        }
        with open(self.state / "ministack.log", "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "ministack_here.py")], env=environment, stdout=log, stderr=log
            )
        wait_for("ministack answers", START_SECONDS_MAX, self.is_up)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ministack ended; see {self.state / 'ministack.log'}")
        try:
            return urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 2}, read_timeout=70),
        )

    def deploy(self, parameters):
        """What `sam deploy` does: upload the code, create or update the stack, wait."""
        formation = self.client("cloudformation")
        change = formation.update_stack if self.outputs else formation.create_stack
        change(
            StackName=STACK,
            TemplateBody=self.packaged(),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )

        def settled():
            stack = formation.describe_stacks(StackName=STACK)["Stacks"][0]
            if stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                return stack
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                raise AssertionError(f"{stack['StackStatus']}: {self.first_fault(formation)}")
            return None

        stack = wait_for("the stack is deployed", DEPLOY_SECONDS_MAX, settled)
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}

    def first_fault(self, formation):
        events = formation.describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [e for e in events if e["ResourceStatus"].endswith("FAILED")]
        return failed and f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason')}"

    def packaged(self):
        """The template with its code in a bucket."""
        bucket = self.client("s3")
        bucket.create_bucket(Bucket="code")
        text = (ROOT / "template.yaml").read_text()
        for function in FUNCTIONS:
            bucket.put_object(Bucket="code", Key=f"{function}.zip", Body=zipped(ROOT / "dist" / function / "bootstrap"))
            assert f"CodeUri: dist/{function}\n" in text
            text = text.replace(f"CodeUri: dist/{function}\n", f"CodeUri: s3://code/{function}.zip\n")
        return text

    def mend(self):
        """What ministack's CloudFormation silently leaves out, and the one setting that a test must not wait for."""
        tables = self.client("dynamodb")
        for table in ("IdempotencyTable", "JournalTable"):
            tables.update_time_to_live(
                TableName=self.outputs[table],
                TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
            )
        for table in ("StateTable", "JournalTable"):
            tables.update_continuous_backups(
                TableName=self.outputs[table],
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )
        for queue in ("HintsQueueUrl", "IntentsQueueUrl"):
            self.client("sqs").set_queue_attributes(
                QueueUrl=self.outputs[queue], Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
            )

    def webhook_address(self):
        """Where the Function URL is answered on this machine."""
        name = self.outputs["WebhookUrl"].removeprefix("https://").split(".")[0]
        return f"{self.url}/_aws/lambda-url/{name}/hubspot"

    def tick(self, task):
        """Does now what the schedule of this task does in its own time."""
        schedules = self.client("scheduler")
        for listed in schedules.list_schedules()["Schedules"]:
            target = schedules.get_schedule(Name=listed["Name"])["Target"]
            if json.loads(target["Input"]) == {"task": task}:
                answer = self.client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"].encode())
                assert "FunctionError" not in answer, answer["Payload"].read()
                return
        raise AssertionError(f"nothing is scheduled for {task}")

    def workers(self, function):
        """Process ids of the running copies of a function."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().split(b"\0")[0].decode()
                parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
                environment = (process / "environ").read_bytes().split(b"\0")
            except (OSError, IndexError):
                continue  # It ended while we looked.
            name = next((e[len(b"AWS_LAMBDA_FUNCTION_NAME="):].decode() for e in environment
                         if e.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")), "")
            if parent == self.process.pid and command.endswith("bootstrap") and f"{function.capitalize()}Function" in name:
                found.append(int(process.name))
        return found

    def interrupted(self):
        """Invocations that a killed worker left unanswered so far."""
        log = (self.state / "ministack.log").read_text()
        return sum("[lambda_runtime]" in line and "exited before returning a response" in line for line in log.splitlines())

    def depth(self, queue):
        """Messages in a queue, seen and in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)


def zipped(binary):
    """A zip with the executable bit, as SAM would upload it."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = (stat.S_IFREG | 0o755) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(entry, binary.read_bytes())
    return memory.getvalue()
