//! From the SDK's errors to the port's: what a step does about it is all that matters there.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use concord_core::port::StoreError;

/// Codes by which DynamoDB asks to come again. Source: "Error handling with DynamoDB", Amazon DynamoDB
/// Developer Guide, and the `CancellationReasons` codes of the TransactWriteItems API page.
const BUSY_CODES: [&str; 9] = [
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The same reason, as a cancellation writes it.
pub(super) const TRANSACTION_CONFLICT: &str = "TransactionConflict";

/// Maps an error that is no failed condition.
pub(super) fn store_error<E: ProvideErrorMetadata>(
    operation: &'static str,
    error: &SdkError<E, HttpResponse>,
) -> StoreError {
    match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("no code");
            let reason = match service.err().message() {
                Some(message) => format!("{code}: {message}"),
                None => code.to_owned(),
            };
            match service.raw().status().is_server_error() || is_busy(code) {
                true => StoreError::Busy { operation, reason },
                false => StoreError::Refused { operation, reason },
            }
        }
        SdkError::ConstructionFailure(_) => {
            StoreError::Refused { operation, reason: "the request could not be built".to_owned() }
        }
        SdkError::TimeoutError(_) => StoreError::Busy { operation, reason: "timeout".to_owned() },
        SdkError::DispatchFailure(_) => StoreError::Busy { operation, reason: "no connection".to_owned() },
        SdkError::ResponseError(_) => StoreError::Busy { operation, reason: "unreadable answer".to_owned() },
        // The SDK's enum is `non_exhaustive`: whatever it adds, the outcome is unknown.
        _ => StoreError::Busy { operation, reason: "unknown fault".to_owned() },
    }
}

/// Whether a code asks to come again.
pub(super) fn is_busy(code: &str) -> bool {
    code == TRANSACTION_CONFLICT || BUSY_CODES.contains(&code)
}

/// Something stored does not read as what we store.
pub(super) fn unreadable(operation: &'static str, what: &str) -> StoreError {
    StoreError::Refused { operation, reason: format!("stored {what} cannot be read") }
}
