"""The world around the stack: both CRM sandboxes, people who use them, and Salesforce's Event Relay."""

import http.server
import json
import signal
import subprocess
import threading
import urllib.error
import urllib.request

from cloud import wait_for

START_SECONDS_MAX = 30
API = "/services/data/v66.0/sobjects"


def call(method, url, body=None, headers=None):
    """Status and parsed body of one HTTP call; a refusal is an answer too."""
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, sent, {"Content-Type": "application/json"} | (headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        status, text = refused.code, refused.read()
    return status, json.loads(text) if text.strip() else None


def done(method, url, body=None):
    status, answer = call(method, url, body)
    assert 200 <= status < 300, f"{method} {url}: {status} {answer}"
    return answer


class Relay:
    """Salesforce's Event Relay: puts what the sandbox tells on the partner bus, as a partner does."""

    def __init__(self, cloud, bus):
        events = cloud.client("events")
        events.create_event_bus(Name=bus)
        relay = self
        self.passed = 0

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802  The name is the library's.
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                entries = [
                    {
                        "Source": envelope["source"],
                        "DetailType": envelope["detail-type"],
                        "Detail": json.dumps(envelope["detail"]),
                    }
                    for envelope in (told if isinstance(told, list) else [told])
                ]
                for start in range(0, len(entries), 10):  # PutPartnerEvents takes ten.
                    taken = events.put_partner_events(Entries=entries[start : start + 10])
                    assert taken["FailedEntryCount"] == 0, taken
                relay.passed += len(entries)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


class Sandboxes:
    """Both CRMs, served by `concord sandbox`."""

    def __init__(self, concord, state):
        self.concord = concord
        self.folder = state / "sandbox"
        self.process = None

    def start(self, secret, events_url):
        self.folder.mkdir(parents=True)
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [self.concord, "sandbox", "--data", self.folder, "--port-base", "0",
                 "--webhook-secret", secret, "--events-url", events_url],
                stdout=log,
                stderr=log,
            )
        ready = self.folder / "endpoints.json"
        wait_for("the sandboxes are up", START_SECONDS_MAX, lambda: self.is_running() and ready.exists())
        endpoints = json.loads(ready.read_text())
        self.hubspot = HubSpot(endpoints["hubspot"])
        self.salesforce = Salesforce(endpoints["salesforce"])
        return endpoints

    def is_running(self):
        assert self.process.poll() is None, f"the sandboxes ended: {(self.folder / 'log').read_text()}"
        return True

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)


class Crm:
    """What both sides have in common: a checker's view that no API call of Concord's can see."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def writes(self):
        """How many records Concord wrote or was refused to write, so far."""
        return done("GET", f"{self.url}/__sandbox/calls")["writes"]

    def truth(self, kind):
        """Every record of a type that ever was, by id."""
        return done("GET", f"{self.url}/__sandbox/truth")["records"].get(kind, {})

    def send_webhooks_to(self, url, secret):
        done("POST", f"{self.url}/__sandbox/target", {"url": url, "secret": secret})

    def lose_notices(self):
        done("POST", f"{self.url}/__sandbox/faults", {"kind": "drop"})

    def heal(self):
        done("DELETE", f"{self.url}/__sandbox/faults")


class HubSpot(Crm):
    """A person at HubSpot's screen."""

    def create(self, properties):
        return done("POST", f"{self.url}/__sandbox/ui/crm/v3/objects/contacts", {"properties": properties})["id"]

    def edit(self, record, properties):
        done("PATCH", f"{self.url}/__sandbox/ui/crm/v3/objects/contacts/{record}", {"properties": properties})

    def contacts(self):
        """The living ones, by e-mail. Two with one address is a duplicate, and a failure."""
        return by_email(
            (name, record["properties"], record["properties"].get("email"))
            for name, record in self.truth("contacts").items()
            if not record["archived"] and not record["merged_into"]
        )


class Salesforce(Crm):
    """A person at Salesforce's screen."""

    def create(self, fields):
        return done("POST", f"{self.url}/__sandbox/ui{API}/Contact", fields)["id"]

    def edit(self, record, fields):
        done("PATCH", f"{self.url}/__sandbox/ui{API}/Contact/{record}", fields)

    def contacts(self):
        return by_email(
            (name, record["fields"], record["fields"].get("Email"))
            for name, record in self.truth("Contact").items()
            if not record["is_deleted"]
        )


def by_email(records):
    found = {}
    for record, fields, email in records:
        assert email not in found, f"two records for {email}: {record} and {found[email][0]}"
        found[email] = (record, fields)
    return found
