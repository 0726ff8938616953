//! From a row's refusals to the outcome of a write.

use concord_core::names::RecordId;
use concord_core::port::{Failure, Outcome};
use http::StatusCode;

use super::answer::{Answer, Refusal, unreadable};
use super::classify;
use super::id::canonical;

/// What was attempted; the same code means different things for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempted {
    Insert,
    /// Anything with an existing record.
    Existing,
}

/// The outcome of a refused single-row call.
pub(super) fn of_call(answer: &Answer) -> Outcome {
    match answer.status {
        StatusCode::PRECONDITION_FAILED => Outcome::Moved,
        // Unknown, deleted, or kept from us by sharing: a read tells which (reference: sources disagree). A 404
        // without a code is a proxy's, or of a wrong host.
        StatusCode::NOT_FOUND if !answer.refusals().is_empty() => Outcome::Gone,
        status if status.is_server_error() => Outcome::Failed(answer.failure()),
        _ => match answer.refusals() {
            none if none.is_empty() => Outcome::Failed(answer.failure()),
            refusals => of_row(Attempted::Existing, &refusals),
        },
    }
}

/// The outcome of a row that was refused within a call that was taken.
pub(super) fn of_row(attempted: Attempted, refusals: &[Refusal]) -> Outcome {
    let Some(first) = refusals.first() else {
        return Outcome::Failed(unreadable("REFUSED_WITHOUT_A_CODE"));
    };
    // A duplicate outweighs what else is wrong: once linked, the rest is an ordinary update.
    let telling = refusals.iter().find(|refusal| is_duplicate(refusal)).unwrap_or(first);
    match telling.code.as_str() {
        "DUPLICATE_VALUE" if telling.message.contains("duplicate id specified") => {
            Outcome::Failed(Failure::Bug {
                reason: "DUPLICATE_VALUE: the same record twice in a call".to_owned(),
            })
        }
        "DUPLICATE_VALUE" => Outcome::Duplicate(id_in(&telling.message)),
        "DUPLICATES_DETECTED" => Outcome::Duplicate(match telling.matches.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        }),
        "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE" | "MODIFIED" => Outcome::Moved,
        "NOT_FOUND" | "ENTITY_IS_DELETED" | "INVALID_CROSS_REFERENCE_KEY"
            if attempted == Attempted::Existing && concerns_the_record(telling) =>
        {
            Outcome::Gone
        }
        // A contact stands for it by now: a read tells which.
        "CANNOT_UPDATE_CONVERTED_LEAD" if attempted == Attempted::Existing => Outcome::Gone,
        // It is not in the bin: alive again, or purged. A read tells which.
        "UNDELETE_FAILED" => Outcome::Failed(Failure::Conflict { reason: classify::code(&telling.code) }),
        _ => Outcome::Failed(classify::one(telling)),
    }
}

fn is_duplicate(refusal: &Refusal) -> bool {
    matches!(refusal.code.as_str(), "DUPLICATE_VALUE" | "DUPLICATES_DETECTED")
}

/// With a field named, it is what the field refers to that is missing, not the record.
fn concerns_the_record(refusal: &Refusal) -> bool {
    refusal.fields.iter().all(|field| field.eq_ignore_ascii_case("id"))
}

/// The id in `duplicate value found: X duplicates value on record with id: 003…`. Messages may be in any
/// language, so any word that is an id counts; with several it is not clear which.
fn id_in(message: &str) -> Option<RecordId> {
    let words = message.split(|character: char| !character.is_ascii_alphanumeric());
    let mut ids = words.filter(|word| word.bytes().any(|byte| byte.is_ascii_digit())).filter_map(canonical);
    let first = ids.next()?;
    ids.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str, message: &str, fields: &[&str]) -> Refusal {
        Refusal {
            code: code.to_owned(),
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
            message: message.to_owned(),
            matches: Vec::new(),
        }
    }

    #[test]
    fn the_holder_of_a_unique_value_is_read_from_the_message_in_either_form() {
        for message in [
            "duplicate value found: Concord_Id__c duplicates value on record with id: 0038M0000016Wv8",
            "doppelter Wert gefunden: Concord_Id__c, Datensatz 0038M0000016Wv8QAE.",
        ] {
            let outcome = of_row(Attempted::Insert, &[refusal("DUPLICATE_VALUE", message, &[])]);
            assert_eq!(outcome, Outcome::Duplicate(Some(RecordId::from("0038M0000016Wv8QAE"))));
        }
        let nameless = refusal("DUPLICATE_VALUE", "duplicate value found: <unknown>", &[]);
        assert_eq!(of_row(Attempted::Insert, &[nameless]), Outcome::Duplicate(None));
    }

    #[test]
    fn a_missing_reference_is_not_a_missing_record() {
        let of = |attempted, fields: &[&str]| {
            of_row(attempted, &[refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields)])
        };
        let parked = |reason: &str| Outcome::Failed(Failure::Park { reason: reason.to_owned() });

        assert_eq!(of(Attempted::Existing, &[]), Outcome::Gone);
        assert_eq!(of(Attempted::Existing, &["Id"]), Outcome::Gone);
        assert_eq!(
            of(Attempted::Existing, &["AccountId"]),
            parked("INVALID_CROSS_REFERENCE_KEY (AccountId): what the field refers to does not exist")
        );
        assert_eq!(
            of(Attempted::Insert, &[]),
            parked("INVALID_CROSS_REFERENCE_KEY: what the field refers to does not exist")
        );
    }

    #[test]
    fn the_same_record_twice_in_a_call_is_our_bug_and_no_duplicate() {
        let twice = refusal("DUPLICATE_VALUE", "duplicate id specified: 0038M0000016Wv8QAE", &[]);
        assert_eq!(
            of_row(Attempted::Existing, &[twice]),
            Outcome::Failed(Failure::Bug {
                reason: "DUPLICATE_VALUE: the same record twice in a call".to_owned()
            })
        );
    }
}
