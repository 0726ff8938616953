"""HubSpot's own Python client, `hubspot-api-client`, with the sandbox's address for `host`."""

import json
import sys

from checks import endpoints, equal, eventually, refused, run
from hubspot import HubSpot
from hubspot.crm import associations, companies, contacts, properties
from hubspot.crm.associations.v4 import AssociationSpec, BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.associations.v4 import PublicFetchAssociationsBatchRequest
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)

E = endpoints()
client = HubSpot(access_token=E["hubspot_token"], host=E["hubspot"])
people = client.crm.contacts.basic_api
many = client.crm.contacts.batch_api
firms = client.crm.companies.basic_api
pairs = client.crm.associations.v4.basic_api
NAMES = ["email", "firstname", "lastname"]


def made(**values):
    return people.create(SimplePublicObjectInputForCreate(properties=values, associations=[]))


def held(record, *names):
    """What a record holds of these properties."""
    return {name: record.properties.get(name) for name in names or NAMES}


def by_email(records):
    """Batches answer in any order."""
    return sorted((held(record) for record in records), key=lambda one: one["email"])


def said(error):
    """What an exception tells of a refusal: status, category and message."""
    body = json.loads(error.body)
    return error.status, body.get("category"), body["message"]


# ---- One record -----------------------------------------------------------------------------------------------


def a_contact_is_made_read_edited_and_archived():
    ada = made(email="ada@py.example.org", firstname="Ada", lastname="Byron")
    equal(held(ada), {"email": "ada@py.example.org", "firstname": "Ada", "lastname": "Byron"})
    assert ada.archived is False and ada.created_at.tzinfo is not None

    read = people.get_by_id(ada.id, properties=[*NAMES, "phone"], associations=["companies"])
    equal(read.id, ada.id)
    equal(held(read, *NAMES, "phone"), {**held(ada), "phone": None})
    equal(read.associations, None)

    edited = people.update(
        ada.id, SimplePublicObjectInput(properties={"lastname": "King", "phone": "+44 20 7946 0000"})
    )
    equal(held(edited, "lastname", "phone"), {"lastname": "King", "phone": "+44 20 7946 0000"})
    assert edited.updated_at > read.updated_at
    by_key = people.get_by_id("ada@py.example.org", id_property="email", properties=[*NAMES, "phone"])
    equal(by_key.id, ada.id)
    equal(held(by_key, *NAMES, "phone"), {**held(ada), "lastname": "King", "phone": "+44 20 7946 0000"})

    equal(people.archive(ada.id), None)
    refused(contacts.exceptions.NotFoundException, people.get_by_id, ada.id)
    gone = people.get_by_id(ada.id, archived=True, properties=NAMES)
    equal((gone.archived, held(gone)), (True, {**held(ada), "lastname": "King"}))
    assert gone.archived_at >= edited.updated_at


def a_cleared_property_is_none_and_its_history_is_kept():
    joan = made(email="joan@py.example.org", jobtitle="Analyst")
    people.update(joan.id, SimplePublicObjectInput(properties={"jobtitle": ""}))
    read = people.get_by_id(joan.id, properties=["jobtitle"], properties_with_history=["jobtitle"])
    equal(held(read, "jobtitle"), {"jobtitle": None})
    versions = read.properties_with_history["jobtitle"]
    equal([(one.value, one.source_type) for one in versions], [("", "INTEGRATION"), ("Analyst", "INTEGRATION")])


def a_merged_contact_answers_under_both_ids():
    stays = made(email="mary@py.example.org", firstname="Mary")
    goes = made(email="mary.s@py.example.org", lastname="Somerville")
    merged = people.merge(PublicMergeInput(primary_object_id=stays.id, object_id_to_merge=goes.id))
    for id in (stays.id, goes.id, merged.id):
        read = people.get_by_id(id, properties=NAMES)
        equal(read.id, merged.id)
        equal(held(read), {"email": "mary@py.example.org", "firstname": "Mary", "lastname": "Somerville"})


# ---- Many records ---------------------------------------------------------------------------------------------


def a_batch_makes_reads_edits_and_archives():
    inputs = [
        {"properties": {"email": f"b{n}@py.example.org", "firstname": f"B{n}"}, "associations": []} for n in range(3)
    ]
    answer = many.create(BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs))
    equal(answer.status, "COMPLETE")
    expected = [{"email": f"b{n}@py.example.org", "firstname": f"B{n}", "lastname": None} for n in range(3)]
    equal(by_email(answer.results), expected)
    ids = [record.id for record in answer.results]

    edits = [{"id": id, "properties": {"lastname": f"Of {id}"}} for id in ids]
    answer = many.update(BatchInputSimplePublicObjectBatchInput(inputs=edits))
    equal(
        sorted((one.id, one.properties["lastname"]) for one in answer.results), sorted((id, f"Of {id}") for id in ids)
    )

    wanted = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": f"b{n}@py.example.org"} for n in range(3)],
        id_property="email",
        properties=["firstname", "lastname"],
        properties_with_history=[],
    )
    answer = many.read(wanted)
    equal(
        sorted((one.id, one.properties["lastname"]) for one in answer.results), sorted((id, f"Of {id}") for id in ids)
    )

    equal(many.archive(BatchInputSimplePublicObjectId(inputs=[{"id": id} for id in ids])), None)
    for id in ids:
        refused(contacts.exceptions.NotFoundException, people.get_by_id, id)


def a_batch_read_tells_who_is_missing_beside_who_is_there():
    here = made(email="here@py.example.org")
    wanted = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": here.id}, {"id": "1"}], properties=["email"], properties_with_history=[]
    )
    answer = many.read(wanted)
    equal([one.id for one in answer.results], [here.id])
    equal(answer.num_errors, 1)
    equal([(one.category, one.context) for one in answer.errors], [("OBJECT_NOT_FOUND", {"ids": ["1"]})])


def an_upsert_by_a_unique_property_makes_and_then_edits():
    def upsert(name):
        inputs = [{"id": "link-py-1", "idProperty": "concord_id", "properties": {"firstname": name}}]
        answer = many.upsert(BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs))
        (one,) = answer.results
        return one

    first, second = upsert("Grace"), upsert("Amazing Grace")
    equal((first.new, second.new), (True, False))
    equal(second.id, first.id)
    read = people.get_by_id("link-py-1", id_property="concord_id", properties=["concord_id", "firstname"])
    equal(held(read, "concord_id", "firstname"), {"concord_id": "link-py-1", "firstname": "Amazing Grace"})


# ---- Finding --------------------------------------------------------------------------------------------------


def a_search_pages_through_all_that_match_and_no_others():
    for n in range(7):
        made(email=f"s{n}@py.example.org", jobtitle="Sought in Python", lastname=f"{n}")
    made(email="s7@py.example.org", jobtitle="Not sought")

    def page(after):
        return client.crm.contacts.search_api.do_search(
            PublicObjectSearchRequest(
                filter_groups=[
                    {"filters": [{"propertyName": "jobtitle", "operator": "EQ", "value": "Sought in Python"}]}
                ],
                sorts=[{"propertyName": "lastname", "direction": "DESCENDING"}],
                properties=["lastname"],
                limit=3,
                after=after,
            )
        )

    first = eventually(lambda: page(None), lambda found: found.total == 7)
    equal(first.total, 7)
    second = page(first.paging.next.after)
    third = page(second.paging.next.after)
    equal(third.paging, None)
    pages = [[one.properties["lastname"] for one in answer.results] for answer in (first, second, third)]
    equal(pages, [["6", "5", "4"], ["3", "2", "1"], ["0"]])


def a_listing_pages_through_all_contacts():
    made_here = {made(email=f"l{n}@py.example.org").id for n in range(3)}
    ids = []
    page = people.get_page(limit=2)
    while True:
        assert len(page.results) <= 2
        ids.extend(record.id for record in page.results)
        if page.paging is None:
            break
        page = people.get_page(limit=2, after=page.paging.next.after)
    equal(len(ids), len(set(ids)))
    assert made_here <= set(ids)
    equal(sorted(record.id for record in client.crm.contacts.get_all()), sorted(ids))


def a_property_is_defined_and_then_used():
    core = client.crm.properties.core_api
    core.create(
        "contacts",
        properties.PropertyCreate(
            name="shoe_size", label="Shoe size", type="number", field_type="number", group_name="contactinformation"
        ),
    )
    equal(core.get_by_name("contacts", "shoe_size").type, "number")
    assert {"email", "concord_id", "shoe_size"} <= {one.name for one in core.get_all("contacts").results}
    equal(held(made(email="shoe@py.example.org", shoe_size="37"), "shoe_size"), {"shoe_size": "37"})


# ---- Associations ---------------------------------------------------------------------------------------------


def a_contact_and_a_company_are_associated_read_and_parted():
    person = made(email="worker@py.example.org")
    firm = firms.create(companies.SimplePublicObjectInputForCreate(properties={"name": "Works"}, associations=[]))

    pairs.create_default("contacts", person.id, "companies", firm.id)
    pairs.create("contacts", person.id, "companies", firm.id, [AssociationSpec("HUBSPOT_DEFINED", 1)])
    found = pairs.get_page("contacts", person.id, "companies")
    equal([one.to_object_id for one in found.results], [firm.id])
    equal(kinds(found.results[0]), [(1, "HUBSPOT_DEFINED", "Primary"), (279, "HUBSPOT_DEFINED", None)])

    wanted = BatchInputPublicFetchAssociationsBatchRequest(inputs=[PublicFetchAssociationsBatchRequest(id=firm.id)])
    answer = client.crm.associations.v4.batch_api.get_page("companies", "contacts", wanted)
    equal([(one._from.id, [to.to_object_id for to in one.to]) for one in answer.results], [(firm.id, [person.id])])
    read = people.get_by_id(person.id, associations=["companies"])
    equal({one.id for one in read.associations["companies"].results}, {firm.id})

    equal(pairs.archive("contacts", person.id, "companies", firm.id), None)
    equal(pairs.get_page("contacts", person.id, "companies").results, [])
    refused(associations.v4.exceptions.NotFoundException, pairs.get_page, "contacts", "1", "companies")


def kinds(pair):
    return sorted(((one.type_id, one.category, one.label) for one in pair.association_types), key=lambda one: one[0])


# ---- Refusals -------------------------------------------------------------------------------------------------


def what_is_not_there_is_a_not_found_exception():
    for call in (
        lambda: people.get_by_id("1"),
        lambda: people.update("1", SimplePublicObjectInput(properties={"firstname": "Nobody"})),
    ):
        equal(said(refused(contacts.exceptions.NotFoundException, call))[:2], (404, "OBJECT_NOT_FOUND"))


def a_taken_address_is_a_conflict_that_names_its_holder():
    holder = made(email="taken@py.example.org")
    error = refused(contacts.exceptions.ApiException, made, email="Taken@py.example.org")
    equal(said(error), (409, "CONFLICT", f"Contact already exists. Existing ID: {holder.id}"))


def values_that_do_not_fit_are_a_validation_error_and_nothing_is_written():
    error = refused(contacts.exceptions.ApiException, made, email="nobody", newsletter="perhaps", no_such="x")
    equal(said(error)[:2], (400, "VALIDATION_ERROR"))
    faults = {(one["context"]["propertyName"][0], one["code"]) for one in json.loads(error.body)["errors"]}
    equal(
        faults,
        {("email", "INVALID_EMAIL"), ("newsletter", "INVALID_OPTION"), ("no_such", "PROPERTY_DOESNT_EXIST")},
    )
    refused(contacts.exceptions.NotFoundException, people.get_by_id, "nobody", id_property="email")


def a_wrong_token_is_an_unauthorized_exception():
    stranger = HubSpot(access_token="pat-nobody", host=E["hubspot"])
    error = refused(contacts.exceptions.UnauthorizedException, stranger.crm.contacts.basic_api.get_page)
    equal(said(error)[:2], (401, "INVALID_AUTHENTICATION"))


CHECKS = (
    a_contact_is_made_read_edited_and_archived,
    a_cleared_property_is_none_and_its_history_is_kept,
    a_merged_contact_answers_under_both_ids,
    a_batch_makes_reads_edits_and_archives,
    a_batch_read_tells_who_is_missing_beside_who_is_there,
    an_upsert_by_a_unique_property_makes_and_then_edits,
    a_search_pages_through_all_that_match_and_no_others,
    a_listing_pages_through_all_contacts,
    a_property_is_defined_and_then_used,
    a_contact_and_a_company_are_associated_read_and_parted,
    what_is_not_there_is_a_not_found_exception,
    a_taken_address_is_a_conflict_that_names_its_holder,
    values_that_do_not_fit_are_a_validation_error_and_nothing_is_written,
    a_wrong_token_is_an_unauthorized_exception,
)

if __name__ == "__main__":
    sys.exit(run("hubspot-api-client (Python)", CHECKS))
