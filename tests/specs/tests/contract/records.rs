//! Which records are one thing, and which are kept in agreement at all: what a contract may say of it.

use concord_core::contract::parse;
use concord_core::names::ObjectName;

use super::SMALL;
use super::faults::{refused, refused_field};

#[test]
fn what_makes_records_alike_begins_with_a_field_that_is_searched_for() {
    let with = |of: &str| {
        let yaml = SMALL.replacen("{ key: email }", &format!("{{ key: email }}, {{ propose: {of} }}"), 1);
        format!("{yaml}      name: {{ hubspot: [a, b], salesforce: [A, B], type: atom }}\n")
    };
    let contract = parse(&with("[name, email]")).unwrap();
    let contact = &contract.objects[&ObjectName::from("contact")];
    assert_eq!(contact.lookalikes, [["name".into(), "email".into()]]);
    assert_eq!(
        parse(&with("name")).unwrap().objects[&ObjectName::from("contact")].lookalikes,
        [["name".into()]]
    );
    refused(
        &with("email"),
        &[
            "6:31: objects.contact.match.1.propose: nobody is searched for by `email`, which stands first; put a field first that is `type: text` or `url`, or an atom whose last part is",
        ],
    );
    refused(&with("[]"), &["6:31: objects.contact.match.1.propose: is empty; name at least one field"]);
    refused(
        &with("[name, colour]"),
        &[
            "6:31: objects.contact.match.1.propose: `colour` is not a field of this object; use one of: email, name",
        ],
    );
}

#[test]
fn a_scope_is_a_condition_on_the_records_own_fields_that_holds_or_does_not_whatever_they_hold() {
    let with =
        |scope: &str| SMALL.replacen("    fields:", &format!("    scope: \"{scope}\"\n    fields:"), 1);
    let taken = [
        "true",
        "email != null && !email.endsWith('@example.com')",
        "email == null || email.matches('^[a-m]')",
        "1 in [1, 2]",
    ];
    for scope in taken {
        assert_eq!(parse(&with(scope)).err(), None, "{scope}");
    }
    let remedy = "ask `.. != null &&` first";
    let refusals = [
        ("email", format!("fails for a record whose fields are all blank: it is a null, neither true nor false; {remedy}")),
        (
            "!email.endsWith('.com')",
            format!("fails for a record whose fields are all blank: found no matching overload for 'endsWith' applied to 'null_type.(string)'; {remedy}"),
        ),
        (
            "email == null || email > 7",
            "fails for a record whose fields all hold something: found no matching overload for '_>_' applied to '(string, int)'; compare each field with what its type holds".to_owned(),
        ),
        (
            "email == null || lower(email) == 'a'",
            "fails for a record whose fields all hold something: Undeclared reference to 'lower'; compare each field with what its type holds".to_owned(),
        ),
        ("mail != null", "names `mail`, which is not a field of this object; use some of: email".to_owned()),
    ];
    for (scope, said) in refusals {
        refused(&with(scope), &[&format!("7:5: objects.contact.scope: {said}")]);
    }
    let unread = parse(&with("email !=")).unwrap_err();
    assert!(
        unread[0].what.starts_with("cannot be read: Syntax error: mismatched input '<EOF>'"),
        "{unread:?}"
    );
    let long = format!("email != '{}'", "a".repeat(2_000));
    refused(&with(&long), &["7:5: objects.contact.scope: has 2011 bytes; use 2000 at most"]);
    refused(
        &with("email == null || self != null").replacen(
            "    fields:",
            "    fields:\n      self: { hubspot: a, salesforce: A, type: reference, to: contact }",
            1,
        ),
        &[
            "7:5: objects.contact.scope: names `self`, which is another record; use fields of the record itself",
        ],
    );
    let longest = format!("email == null || email != '{}'", "a".repeat(1_972));
    assert_eq!((longest.len(), parse(&with(&longest)).err()), (2_000, None));
    // Of a field with a fault of its own nothing else is said.
    refused(
        &format!("{}      it: {{ hubspot: a, salesforce: A, type: txt }}\n", with("it == null")),
        &[
            "10:40: objects.contact.fields.it.type: `txt` is not a choice here; use one of: text, email, phone, url, boolean, integer, decimal, money, date, datetime, picklist, multi-picklist, stage, atom, reference, associations, owner",
        ],
    );
}

#[test]
fn a_word_that_stands_alone_takes_nothing_and_no_number_stands_for_one() {
    let with = |line: &str| SMALL.replace("    fields:\n", &format!("    {line}\n    fields:\n"));
    refused(
        &with("delete: { unlink: { after: 30 } }"),
        &["7:5: objects.contact.delete: `unlink` takes nothing; write just `unlink`"],
    );
    refused_field(
        "{ hubspot: a, salesforce: A, type: text, conflict: { hold: both } }",
        &["9:52: objects.contact.fields.it.conflict: `hold` takes nothing; write just `hold`"],
    );
    refused(
        &with("guard: 7"),
        &[
            "7:5: objects.contact.guard: is the number `7`; write one of the words that the contract's schema shows",
        ],
    );
}
