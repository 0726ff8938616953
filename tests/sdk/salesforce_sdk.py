"""`simple-salesforce`, the usual Python client of Salesforce, with all its calls sent to the sandbox."""

import json
import sys
import warnings
from datetime import datetime, timedelta, timezone

import requests
from checks import endpoints, equal, refused, run
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

E = endpoints()


class ToSandbox(HTTPAdapter):
    """This client knows no base URL: it speaks https to `<domain>.salesforce.com` and to the host that the login
    names. Both are given the sandbox's address here, where the connection is made."""

    def send(self, request, **options):
        _, _, path = request.url.removeprefix("https://").partition("/")
        request.url = f"{E['salesforce']}/{path}"
        return super().send(request, **options)


def session():
    made = requests.Session()
    made.mount("https://", ToSandbox())
    return made


def logged_in(secret=E["salesforce_client_secret"]):
    """The client's own login, by client credentials."""
    return Salesforce(
        consumer_key=E["salesforce_client_id"], consumer_secret=secret, domain="acme.my", session=session()
    )


org = logged_in()
NAMES = ("Email", "FirstName", "LastName")


def held(row, *names):
    return {name: row[name] for name in names or NAMES}


def found(soql, **options):
    """Rows without their attributes."""
    rows = org.query_all(soql, **options)["records"]
    return [{name: value for name, value in row.items() if name != "attributes"} for row in rows]


def told(error):
    """The status and the first error of a refusal."""
    return error.status, error.content[0]["errorCode"]


def many(method, path="", body=None, params=None):
    """Collections: the client has no calls of its own for them, but sends what it is given."""
    text = None if body is None else json.dumps(body)
    return org.restful(f"composite/sobjects{path}", params=params, method=method, data=text)


# ---- Login ----------------------------------------------------------------------------------------------------


def a_wrong_secret_is_refused_at_login():
    error = refused(SalesforceAuthenticationFailed, logged_in, secret="guessed")
    equal((error.code, error.auth_message), ("invalid_client", "invalid client credentials"))


def an_assertion_signed_with_a_key_logs_in():
    """The client's other login, by JWT bearer. `concord sandbox` knows no key of its users: any signature will do."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    named = {"consumer_key": E["salesforce_client_id"], "privatekey": key.decode(), "session": session()}
    known = Salesforce(username="integration@example.com", **named)
    equal(known.query("SELECT COUNT() FROM Lead")["done"], True)
    with warnings.catch_warnings(action="ignore"):  # The client advises where to approve the app.
        error = refused(SalesforceAuthenticationFailed, Salesforce, username="nobody@example.com", **named)
    equal(error.code, "invalid_grant")


def a_session_of_another_login_is_taken():
    other = Salesforce(session_id=org.session_id, instance_url=E["salesforce"], session=session())
    equal(other.query("SELECT COUNT() FROM Lead")["done"], True)


def an_ended_session_is_an_expired_session():
    stale = Salesforce(session_id="00D!stale", instance_url=E["salesforce"], session=session())
    error = refused(SalesforceExpiredSession, stale.Contact.get, "003000000000001AAA")
    equal(told(error), (401, "INVALID_SESSION_ID"))


# ---- One record -----------------------------------------------------------------------------------------------


def a_contact_is_made_read_edited_and_deleted():
    answer = org.Contact.create({"Email": "ada@py.example.org", "FirstName": "Ada", "LastName": "Byron"})
    id = answer.pop("id")
    equal(answer, {"success": True, "errors": []})
    read = org.Contact.get(id)
    equal(held(read), {"Email": "ada@py.example.org", "FirstName": "Ada", "LastName": "Byron"})
    equal((read["Name"], read["Phone"], read["IsDeleted"]), ("Ada Byron", None, False))
    equal(read["attributes"]["type"], "Contact")

    equal(org.Contact.update(id, {"LastName": "King", "FirstName": None}), 204)
    equal(held(org.Contact.get(id)), {"Email": "ada@py.example.org", "FirstName": None, "LastName": "King"})

    equal(org.Contact.delete(id), 204)
    error = refused(SalesforceResourceNotFound, org.Contact.get, id)
    equal(told(error), (404, "ENTITY_IS_DELETED"))
    equal(found(f"SELECT LastName FROM Contact WHERE Id = '{id}'"), [])
    rows = found(f"SELECT LastName, IsDeleted FROM Contact WHERE Id = '{id}'", include_deleted=True)
    equal(rows, [{"LastName": "King", "IsDeleted": True}])


def an_upsert_by_external_id_makes_and_then_edits():
    key = "Concord_Id__c/link-py-1"
    equal(org.Contact.upsert(key, {"LastName": "Hopper"}), 201)
    first = org.Contact.get_by_custom_id("Concord_Id__c", "link-py-1")
    equal(org.Contact.upsert(key, {"FirstName": "Grace"}), 200)
    second = org.Contact.get_by_custom_id("Concord_Id__c", "link-py-1")
    equal(second["Id"], first["Id"])
    equal(
        held(second, "Concord_Id__c", "FirstName", "LastName"),
        {"Concord_Id__c": "link-py-1", "FirstName": "Grace", "LastName": "Hopper"},
    )


def a_contact_is_put_with_its_account_and_read_through_it():
    account = org.Account.create({"Name": "Works"})["id"]
    person = org.Contact.create({"LastName": "Worker", "AccountId": account})["id"]
    (row,) = found(f"SELECT LastName, Account.Name FROM Contact WHERE AccountId = '{account}'")
    equal((row["LastName"], row["Account"]["Name"]), ("Worker", "Works"))
    org.Contact.update(person, {"AccountId": None})
    equal(found(f"SELECT Account.Name FROM Contact WHERE Id = '{person}'"), [{"Account": None}])


# ---- Many records ---------------------------------------------------------------------------------------------


def a_collection_makes_reads_edits_and_deletes_row_by_row():
    row = {"attributes": {"type": "Contact"}}
    answer = many("POST", body={"allOrNone": False, "records": [{**row, "LastName": f"C{n}"} for n in range(3)]})
    ids = [one.pop("id") for one in answer]
    equal(answer, [{"success": True, "errors": []}] * 3)

    edits = [{**row, "id": ids[0], "LastName": "Edited"}, {**row, "id": ids[1], "LastName": ""}]
    good, bad = many("PATCH", body={"allOrNone": False, "records": edits})
    equal(good, {"id": ids[0], "success": True, "errors": []})
    equal(bad["success"], False)
    equal([(one["statusCode"], one["fields"]) for one in bad["errors"]], [("REQUIRED_FIELD_MISSING", ["LastName"])])

    answer = many("GET", "/Contact", params={"ids": ",".join([*ids, "003000000000000AAA"]), "fields": "LastName"})
    equal([one and one["LastName"] for one in answer], ["Edited", "C1", "C2", None])

    answer = many("DELETE", params={"ids": ",".join(ids)})
    equal(answer, [{"id": id, "success": True, "errors": []} for id in ids])
    equal(found("SELECT Id FROM Contact WHERE Id IN ('{}')".format("','".join(ids))), [])


# ---- Finding --------------------------------------------------------------------------------------------------


def a_query_pages_through_all_that_match_in_order():
    rows = [{"attributes": {"type": "Contact"}, "LastName": f"{n:03}", "Title": "Sought in Python"} for n in range(450)]
    for start in range(0, len(rows), 200):
        many("POST", body={"allOrNone": True, "records": rows[start : start + 200]})
    soql = "SELECT LastName FROM Contact WHERE Title = 'Sought in Python' ORDER BY LastName DESC"
    pages = {"Sforce-Query-Options": "batchSize=200"}

    first = org.query(soql, headers=pages)
    equal((first["totalSize"], first["done"], len(first["records"])), (450, False, 200))
    second = org.query_more(first["nextRecordsUrl"], identifier_is_url=True, headers=pages)
    equal((second["totalSize"], second["done"], len(second["records"])), (450, False, 200))
    third = org.query_more(second["nextRecordsUrl"], identifier_is_url=True, headers=pages)
    equal((third["done"], len(third["records"])), (True, 50))
    expected = [f"{n:03}" for n in reversed(range(450))]
    equal([row["LastName"] for page in (first, second, third) for row in page["records"]], expected)
    equal([row["LastName"] for row in org.query_all_iter(soql, headers=pages)], expected)
    equal(org.query("SELECT COUNT() FROM Contact WHERE Title = 'Sought in Python'")["totalSize"], 450)


def what_was_edited_and_deleted_since_is_listed():
    begin = datetime.now(timezone.utc) - timedelta(minutes=5)
    end = datetime.now(timezone.utc) + timedelta(minutes=5)
    edited, gone = (org.Contact.create({"LastName": name})["id"] for name in ("Edited", "Gone"))
    org.Contact.delete(gone)
    updated = org.Contact.updated(begin, end)
    assert edited in updated["ids"] and gone not in updated["ids"], updated
    deleted = org.Contact.deleted(begin, end)
    equal([one["id"] for one in deleted["deletedRecords"] if one["id"] in (edited, gone)], [gone])


def the_schema_says_what_concord_needs():
    assert {"Account", "Contact", "Lead", "Opportunity"} <= {one["name"] for one in org.describe()["sobjects"]}
    fields = {field["name"]: field for field in org.Contact.describe()["fields"]}
    key = fields["Concord_Id__c"]
    equal((key["type"], key["externalId"], key["unique"]), ("string", True, True))
    equal(org.Contact.metadata()["objectDescribe"]["keyPrefix"], "003")
    used = org.limits()["DailyApiRequests"]
    assert 0 < used["Remaining"] < used["Max"], used


# ---- Refusals -------------------------------------------------------------------------------------------------


def what_is_not_there_is_a_not_found_error():
    error = refused(SalesforceResourceNotFound, org.Contact.get, "003000000000000AAA")
    equal(told(error), (404, "NOT_FOUND"))
    error = refused(SalesforceResourceNotFound, org.NoSuch__c.describe)
    equal(told(error), (404, "NOT_FOUND"))


def a_taken_external_id_is_a_duplicate_value_that_names_its_holder():
    holder = org.Contact.create({"LastName": "Holder", "Concord_Id__c": "link-py-2"})["id"]
    error = refused(SalesforceMalformedRequest, org.Contact.create, {"LastName": "Late", "Concord_Id__c": "link-py-2"})
    expected = {
        "message": f"duplicate value found: Concord_Id__c duplicates value on record with id: {holder[:15]}",
        "errorCode": "DUPLICATE_VALUE",
        "fields": [],
    }
    equal((error.status, error.content), (400, [expected]))


def values_that_do_not_fit_are_a_malformed_request_and_nothing_is_written():
    for body, code in (
        ({"FirstName": "No last name"}, "REQUIRED_FIELD_MISSING"),
        ({"LastName": "Bad", "Email": "nobody"}, "INVALID_EMAIL_ADDRESS"),
        ({"LastName": "Bad", "No_Such__c": 1}, "INVALID_FIELD"),
        ({"LastName": "Bad", "Title": "x" * 129}, "STRING_TOO_LONG"),
    ):
        equal(told(refused(SalesforceMalformedRequest, org.Contact.create, body)), (400, code))
    equal(found("SELECT Id FROM Contact WHERE LastName = 'Bad'"), [])


def a_query_that_cannot_be_read_is_a_malformed_request():
    equal(told(refused(SalesforceMalformedRequest, org.query, "SELECT FROM")), (400, "MALFORMED_QUERY"))
    equal(told(refused(SalesforceMalformedRequest, org.query, "SELECT Nope FROM Contact")), (400, "INVALID_FIELD"))


CHECKS = (
    a_wrong_secret_is_refused_at_login,
    an_assertion_signed_with_a_key_logs_in,
    a_session_of_another_login_is_taken,
    an_ended_session_is_an_expired_session,
    a_contact_is_made_read_edited_and_deleted,
    an_upsert_by_external_id_makes_and_then_edits,
    a_contact_is_put_with_its_account_and_read_through_it,
    a_collection_makes_reads_edits_and_deletes_row_by_row,
    a_query_pages_through_all_that_match_in_order,
    what_was_edited_and_deleted_since_is_listed,
    the_schema_says_what_concord_needs,
    what_is_not_there_is_a_not_found_error,
    a_taken_external_id_is_a_duplicate_value_that_names_its_holder,
    values_that_do_not_fit_are_a_malformed_request_and_nothing_is_written,
    a_query_that_cannot_be_read_is_a_malformed_request,
)

if __name__ == "__main__":
    sys.exit(run("simple-salesforce (Python)", CHECKS))
