//! The two FIFO queues in SQS. Sends in batches of ten; receiving is Lambda's affair, and here for tests and
//! operators. Deliberately absent: retries.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{Message as Received, MessageSystemAttributeName, SendMessageBatchRequestEntry};
use concord_core::port::{Message, Messages, Queue, QueueError};
use jiff::{SignedDuration, Timestamp};

use concord_core::batch::Incoming;

/// Messages in one request. Source: API page SendMessageBatch, "up to 10 messages".
const BATCH_MESSAGES_MAX: usize = 10;
/// Longest time that a message can be hidden: 12 hours. Source: API page ChangeMessageVisibility.
const HIDDEN_SECONDS_MAX: i64 = 43_200;

/// One of the two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueName {
    /// `hints.fifo`, read by fetch.
    Hints,
    /// `intents.fifo`, read by write.
    Intents,
}

/// The queues of hints and intents.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    hints_url: String,
    intents_url: String,
}

impl SqsQueue {
    /// The queues at these addresses; it makes no call.
    #[must_use]
    pub const fn new(client: Client, hints_url: String, intents_url: String) -> Self {
        Self { client, hints_url, intents_url }
    }

    fn url(&self, queue: QueueName) -> &str {
        match queue {
            QueueName::Hints => &self.hints_url,
            QueueName::Intents => &self.intents_url,
        }
    }

    /// Hides a received message until an instant; at once visible if that is past.
    ///
    /// # Errors
    /// [`QueueError`]; the message then comes again when its visibility timeout is over.
    pub async fn hide_until(
        &self,
        queue: QueueName,
        receipt: &str,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        self.client
            .change_message_visibility()
            .queue_url(self.url(queue))
            .receipt_handle(receipt)
            .visibility_timeout(hidden_seconds(at, now))
            .send()
            .await
            .map(drop)
            .map_err(|error| QueueError { count: 1, of: 1, reason: reason(&error) })
    }

    /// Receives at most `max` messages (10 at most), waiting up to `wait_seconds` for the first.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn receive(
        &self,
        queue: QueueName,
        max: i32,
        wait_seconds: i32,
    ) -> Result<Vec<Incoming>, QueueError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(self.url(queue))
            .max_number_of_messages(max)
            .wait_time_seconds(wait_seconds)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .map_err(|error| QueueError { count: 0, of: 0, reason: reason(&error) })?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(incoming).collect())
    }

    /// Deletes a received message.
    ///
    /// # Errors
    /// [`QueueError`], also if the receipt has run out.
    pub async fn delete(&self, queue: QueueName, receipt: &str) -> Result<(), QueueError> {
        self.client
            .delete_message()
            .queue_url(self.url(queue))
            .receipt_handle(receipt)
            .send()
            .await
            .map(drop)
            .map_err(|error| QueueError { count: 1, of: 1, reason: reason(&error) })
    }

    /// Sends one batch; how many were refused, and why.
    async fn send_batch(&self, url: &str, batch: &[&Message]) -> Result<(), (usize, String)> {
        let mut entries = Vec::with_capacity(batch.len());
        for (n, message) in batch.iter().enumerate() {
            let body =
                serde_json::to_string(&message.body).map_err(|error| (batch.len(), error.to_string()))?;
            let entry = SendMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .message_body(body)
                .message_group_id(&message.group)
                .message_deduplication_id(&message.dedup)
                .build()
                .map_err(|error| (batch.len(), error.to_string()))?;
            entries.push(entry);
        }
        let sent = self.client.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
        match sent {
            Err(error) => Err((batch.len(), reason(&error))),
            Ok(answer) => match answer.failed.first() {
                None => Ok(()),
                Some(first) => Err((answer.failed.len(), first.code.clone())),
            },
        }
    }
}

impl Queue for SqsQueue {
    async fn send(&self, messages: &[Message]) -> Result<(), QueueError> {
        let to = |queue| messages.iter().filter(move |message| goes_to(message) == queue).collect::<Vec<_>>();
        let mut taken = 0;
        for queue in [QueueName::Hints, QueueName::Intents] {
            for batch in to(queue).chunks(BATCH_MESSAGES_MAX) {
                // What was refused must not be overtaken by a later message of its group: stop here.
                if let Err((refused, reason)) = self.send_batch(self.url(queue), batch).await {
                    let count = messages.len() - taken - (batch.len() - refused);
                    return Err(QueueError { count, of: messages.len(), reason });
                }
                taken += batch.len();
            }
        }
        Ok(())
    }
}

const fn goes_to(message: &Message) -> QueueName {
    match message.body {
        Messages::Hints(_) => QueueName::Hints,
        Messages::Intents(_) => QueueName::Intents,
    }
}

/// Whole seconds, rounded up: a message must not come before its time.
fn hidden_seconds(at: Timestamp, now: Timestamp) -> i32 {
    let wait = at.duration_since(now).max(SignedDuration::ZERO);
    let seconds = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
    i32::try_from(seconds.min(HIDDEN_SECONDS_MAX)).unwrap_or(i32::MAX)
}

fn incoming(message: Received) -> Incoming {
    let attribute = |name| {
        message.attributes.as_ref().and_then(|attributes| attributes.get(&name)).cloned().unwrap_or_default()
    };
    Incoming {
        group: attribute(MessageSystemAttributeName::MessageGroupId),
        receive_count: attribute(MessageSystemAttributeName::ApproximateReceiveCount).parse().unwrap_or(1),
        id: message.message_id.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        receipt: message.receipt_handle.unwrap_or_default(),
    }
}

/// SQS's code where it answered; else what kept it from answering.
fn reason<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some(code) => code.to_owned(),
        None => DisplayErrorContext(error).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_hidden_for_whole_seconds_rounded_up_and_never_longer_than_sqs_allows() {
        let now: Timestamp = "2026-11-23T10:00:00.5Z".parse().unwrap();
        let hidden = |at: &str| hidden_seconds(at.parse().unwrap(), now);
        assert_eq!(hidden("2026-11-23T10:00:00.5Z"), 0);
        assert_eq!(hidden("2026-11-23T10:00:00.6Z"), 1);
        assert_eq!(hidden("2026-11-23T10:00:02Z"), 2);
        assert_eq!(hidden("2026-11-23T09:00:00Z"), 0);
        assert_eq!(hidden("2026-11-24T10:00:00Z"), 43_200);
    }
}
