"""The deployed system, driven as its users would: people edit in either CRM, and somebody kills its workers.

Each scenario asserts what both CRMs hold in the end and how often Concord wrote to them.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from pathlib import Path

from cloud import FUNCTIONS, REGION, ROOT, STACK, Cloud, wait_for
from outside import Relay, Sandboxes, call

# The sandboxes' fixed identities (tests/sandbox: the defaults of both configurations).
APP, PORTAL, ORG = 39_000_001, 48_000_001, "00D000000000001EAA"
BUS = f"aws.partner/salesforce.com/{ORG}/0YL000000000001GAA"
ARRIVES_SECONDS_MAX = 30
# A schedule fires within its minute, ministack looks every ten seconds, and the poll itself takes a moment.
POLLED_SECONDS_MAX = 100
# Killed messages come back after the visibility timeout (12 s here), group after group.
RECOVERS_SECONDS_MAX = 180
# How long an intent is open before repair asks for it (reconcile.rs, UNSENT_AFTER), and a little more.
UNSENT_SECONDS = 65
QUIET_SECONDS = 4
BURST = 60


class World:
    """The stack between its two CRMs. Use as a context: leaving it stops everything that entering it started."""

    def __init__(self, concord, state):
        self.concord = concord
        self.state = state
        self.webhook_secret = secrets.token_hex(16)

    def __enter__(self):
        with ExitStack() as stack:
            self.cloud = stack.enter_context(Cloud(self.state))
            relay = stack.enter_context(Relay(self.cloud, BUS))
            self.sandboxes = Sandboxes(self.concord, self.state)
            stack.callback(self.sandboxes.stop)
            self.deploy(relay)
            self.running = stack.pop_all()
        return self

    def __exit__(self, *error):
        self.running.close()

    def deploy(self, relay):
        """The steps of infra/setup.md."""
        endpoints = self.sandboxes.start(self.webhook_secret, relay.url)
        self.hubspot, self.salesforce = self.sandboxes.hubspot, self.sandboxes.salesforce
        parameters = {
            "HubSpotUrl": self.hubspot.url,
            "SalesforceUrl": self.salesforce.url,
            "SalesforceEventBus": BUS,
        }
        self.cloud.deploy(parameters)
        # The Function URL has no name on this machine: HubSpot calls another one, as it does where a proxy stands in front.
        self.cloud.deploy(parameters | {"WebhookUrl": self.cloud.webhook_address()})
        self.cloud.mend()
        self.cloud.client("secretsmanager").put_secret_value(
            SecretId=self.cloud.outputs["SecretId"], SecretString=json.dumps(self.secret(endpoints))
        )
        self.take_contract()
        self.hubspot.send_webhooks_to(self.cloud.webhook_address(), self.webhook_secret)

    def secret(self, endpoints):
        return {
            "hubspot": {
                "token": endpoints["hubspot_token"],
                "webhook_secret": self.webhook_secret,
                "app_id": APP,
                "portal_id": PORTAL,
            },
            "salesforce": {
                "client_id": endpoints["salesforce_client_id"],
                "client_secret": endpoints["salesforce_client_secret"],
                "org_id": ORG,
            },
            "image_key": base64.b64encode(secrets.token_bytes(16)).decode(),
        }

    def take_contract(self):
        """As an operator would, with the settings that the functions have."""
        settings = self.cloud.client("lambda").get_function_configuration(
            FunctionName=self.cloud.outputs["WebhookFunction"]
        )["Environment"]["Variables"]
        operator = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.cloud.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        command = [self.concord, "contract", "take", ROOT / "infra/contract.yaml"]
        subprocess.run(command, env=operator | settings, check=True)

    def is_quiet(self):
        return self.cloud.depth("HintsQueueUrl") == 0 and self.cloud.depth("IntentsQueueUrl") == 0

    def settle(self, seconds):
        """Waits until the queues were empty for a while: nothing more is going to happen by itself."""
        quiet_since = None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.is_quiet():
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > QUIET_SECONDS:
                return
            time.sleep(0.2)
        raise AssertionError(f"the queues are not empty after {seconds} s")

    def pairs(self, emails):
        """What both sides hold of these people, in one vocabulary; None where there is nobody."""
        there, here = self.hubspot.contacts(), self.salesforce.contacts()
        return {email: (of_hubspot(there.get(email)), of_salesforce(here.get(email))) for email in emails}

    def agree(self, people):
        """Both sides hold exactly this."""
        return all(pair == (people[email], people[email]) for email, pair in self.pairs(people).items())

    def writes(self):
        return {"hubspot": self.hubspot.writes(), "salesforce": self.salesforce.writes()}


def of_hubspot(record):
    return record and tuple(record[1].get(name) or "" for name in ("firstname", "lastname"))


def of_salesforce(record):
    return record and tuple(record[1].get(name) or "" for name in ("FirstName", "LastName"))


def since(before, after):
    return {side: after[side] - before[side] for side in after}


# ---- Scenarios ------------------------------------------------------------------------------------------------


def a_contact_made_in_hubspot_appears_in_salesforce_and_an_edit_on_each_side_arrives_on_the_other(world):
    before = world.writes()
    made = world.hubspot.create({"email": "ada@example.org", "firstname": "Ada", "lastname": "Byron"})
    wait_for("Ada is in Salesforce", ARRIVES_SECONDS_MAX, lambda: world.agree({"ada@example.org": ("Ada", "Byron")}))
    world.settle(ARRIVES_SECONDS_MAX)
    # One insert there; here one stamp with the link's id.
    assert since(before, world.writes()) == {"hubspot": 1, "salesforce": 1}

    before = world.writes()
    world.hubspot.edit(made, {"lastname": "King"})
    wait_for("the edit is in Salesforce", ARRIVES_SECONDS_MAX, lambda: world.agree({"ada@example.org": ("Ada", "King")}))
    world.settle(ARRIVES_SECONDS_MAX)
    assert since(before, world.writes()) == {"hubspot": 0, "salesforce": 1}

    before = world.writes()
    world.salesforce.edit(world.salesforce.contacts()["ada@example.org"][0], {"LastName": "Lovelace"})
    wait_for("the edit is in HubSpot", ARRIVES_SECONDS_MAX, lambda: world.agree({"ada@example.org": ("Ada", "Lovelace")}))
    world.settle(ARRIVES_SECONDS_MAX)
    assert since(before, world.writes()) == {"hubspot": 1, "salesforce": 0}


def a_contact_made_in_salesforce_appears_in_hubspot(world):
    before = world.writes()
    world.salesforce.create({"Email": "grace@example.org", "FirstName": "Grace", "LastName": "Hopper"})
    wait_for("Grace is in HubSpot", ARRIVES_SECONDS_MAX, lambda: world.agree({"grace@example.org": ("Grace", "Hopper")}))
    world.settle(ARRIVES_SECONDS_MAX)
    assert since(before, world.writes()) == {"hubspot": 1, "salesforce": 1}


def a_webhook_that_hubspot_did_not_sign_is_refused_and_leaves_nothing(world):
    before = world.writes()
    event = [{"eventId": 1, "subscriptionType": "contact.creation", "portalId": 1, "objectId": 1, "occurredAt": 1}]
    for headers in ({}, signed(world, event, secret="guessed"), signed(world, event, age_ms=600_000)):
        status, _ = call("POST", world.cloud.webhook_address(), event, headers)
        assert status == 401, status
    assert world.is_quiet()
    assert since(before, world.writes()) == {"hubspot": 0, "salesforce": 0}


def a_lost_webhook_is_made_good_by_the_schedule(world):
    """Also shows that the schedules of the template start the reconcile function by themselves."""
    people = {"edsger@example.org": ("Edsger", "Dijkstra")}
    world.hubspot.lose_notices()
    world.hubspot.create({"email": "edsger@example.org", "firstname": "Edsger", "lastname": "Dijkstra"})
    time.sleep(1)  # The courier gathers events for a moment before it sends, or loses, them.
    world.hubspot.heal()
    wait_for("the poll finds it", POLLED_SECONDS_MAX, lambda: world.agree(people))


def killed_workers_lose_nothing_and_make_nothing_twice(world):
    before = world.writes()
    people = {}
    for n in range(BURST):
        here, there = f"h{n}@example.org", f"s{n}@example.org"
        world.hubspot.create({"email": here, "firstname": "H", "lastname": f"Made{n}"})
        world.salesforce.create({"Email": there, "FirstName": "S", "LastName": f"Made{n}"})
        people |= {here: ("H", f"Made{n}"), there: ("S", f"Made{n}")}
        if n % 10 == 9:
            kill_workers(world)
    assert world.cloud.interrupted() > 0, "no kill met a worker at work"
    world.settle(RECOVERS_SECONDS_MAX)
    if not world.agree(people):
        # A worker died after it had decided and before it had queued the intents. The link remembers them: repair asks
        # for what is open for a minute. Its schedule would come by itself, within five.
        time.sleep(UNSENT_SECONDS)
        world.cloud.tick("repair")
    wait_for("everybody is on both sides", RECOVERS_SECONDS_MAX, lambda: world.agree(people))
    world.settle(RECOVERS_SECONDS_MAX)
    assert world.agree(people)  # `contacts()` fails on a duplicate.

    written = since(before, world.writes())
    # Each person: one insert and one stamp. A killed worker's lost answers may cost one more try each, never more.
    for side, count in written.items():
        assert 2 * BURST <= count <= 3 * BURST, written


SCENARIOS = (
    a_contact_made_in_hubspot_appears_in_salesforce_and_an_edit_on_each_side_arrives_on_the_other,
    a_contact_made_in_salesforce_appears_in_hubspot,
    a_webhook_that_hubspot_did_not_sign_is_refused_and_leaves_nothing,
    a_lost_webhook_is_made_good_by_the_schedule,
    killed_workers_lose_nothing_and_make_nothing_twice,
)


def signed(world, event, secret=None, age_ms=0):
    """HubSpot's v3 headers; everything right but what the caller changes."""
    stamp = str(int(time.time() * 1000) - age_ms)
    signed_text = "POST" + world.cloud.webhook_address() + json.dumps(event) + stamp
    mac = hmac.new((secret or world.webhook_secret).encode(), signed_text.encode(), hashlib.sha256)
    return {"X-HubSpot-Signature-v3": base64.b64encode(mac.digest()).decode(), "X-HubSpot-Request-Timestamp": stamp}


def kill_workers(world):
    """kill -9 of a process that is working: waits for one, so that no kill hits nobody."""
    def found():
        return world.cloud.workers("fetch") + world.cloud.workers("write")

    for worker in wait_for("a worker to kill", ARRIVES_SECONDS_MAX, found):
        os.kill(worker, signal.SIGKILL)


def tell_logs(cloud):
    """The last lines of each function, for whoever reads a failure."""
    logs = cloud.client("logs")
    for function in FUNCTIONS:
        try:
            events = logs.filter_log_events(logGroupName=f"/concord/{STACK}/{function}")["events"][-30:]
        except Exception as error:  # noqa: BLE001  Telling must not hide the failure.
            print(f"--- {function}: no log ({error})")
            continue
        print(f"--- {function}")
        for event in events:
            print(event["message"].rstrip())


def main():
    with tempfile.TemporaryDirectory(prefix="concord-deployed-") as state, World(sys.argv[1], Path(state)) as world:
        for scenario in SCENARIOS:
            started = time.monotonic()
            name = scenario.__name__.replace("_", " ")
            try:
                scenario(world)
            except Exception:  # noqa: BLE001  Every failure is told with the logs.
                traceback.print_exc()
                tell_logs(world.cloud)
                print(f"FAIL {name}")
                return 1
            print(f"ok   {name} ({time.monotonic() - started:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
