//! Real SQS servers are held to the words of the FIFO suite, and our client to its port.
//!
//! Runs where `CONCORD_SQS_ENDPOINT` names a server (ministack: `http://127.0.0.1:4566`), and says so where not.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![expect(clippy::print_stderr, reason = "a check that is left out must say so")]

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    Message as Delivered, MessageSystemAttributeName as Name, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use concord_aws::sqs::{QueueName, SqsQueue};
use concord_core::batch::Incoming;
use concord_core::names::{LinkId, ObjectName, RecordId, Side, Token};
use concord_core::port::{Hints, IntentRef, Message, Messages, Queue as _, Sends};
use concord_sandbox::fifo::{Counts, Dedup, Entry, Received, Sent, Terms};
use concord_specs::fifo_contract::{FifoQueue, run};
use jiff::{SignedDuration, Timestamp};

/// The server, or a printed reason why there is none.
fn client() -> Option<Client> {
    let Ok(endpoint) = std::env::var("CONCORD_SQS_ENDPOINT") else {
        eprintln!("skipped: CONCORD_SQS_ENDPOINT names no SQS server");
        return None;
    };
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    Some(Client::from_conf(config))
}

/// A queue and its dead-letter queue on the server.
struct Server {
    client: Client,
    url: String,
    dead_url: String,
}

async fn make(client: &Client, terms: &Terms) -> Server {
    let run = Timestamp::now().as_nanosecond();
    let name = format!("{}-{run}", terms.name);
    let dead = create(client, &format!("{name}-dlq.fifo"), &[]).await;
    let arn = client
        .get_queue_attributes()
        .queue_url(&dead)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .unwrap();
    let arn = arn.attributes().unwrap()[&QueueAttributeName::QueueArn].clone();
    let of_content = terms.dedup == Dedup::OfContent;
    let attributes = [
        (QueueAttributeName::VisibilityTimeout, (terms.visibility_ms / 1_000).to_string()),
        (QueueAttributeName::DelaySeconds, (terms.delay_ms / 1_000).to_string()),
        (QueueAttributeName::MessageRetentionPeriod, (terms.retention_ms / 1_000).to_string()),
        (QueueAttributeName::ContentBasedDeduplication, of_content.to_string()),
        (
            QueueAttributeName::RedrivePolicy,
            format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{}"}}"#, terms.receives_max),
        ),
    ];
    let url = create(client, &format!("{name}.fifo"), &attributes).await;
    Server { client: client.clone(), url, dead_url: dead }
}

async fn create(client: &Client, name: &str, attributes: &[(QueueAttributeName, String)]) -> String {
    let mut create = client
        .create_queue()
        .queue_name(name)
        .attributes(QueueAttributeName::FifoQueue, "true")
        .attributes(QueueAttributeName::DeduplicationScope, "messageGroup")
        .attributes(QueueAttributeName::FifoThroughputLimit, "perMessageGroupId");
    for (name, value) in attributes {
        create = create.attributes(name.clone(), value);
    }
    create.send().await.unwrap().queue_url.unwrap()
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> String {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or("no answer").to_owned()
}

fn received(message: Delivered) -> Received {
    let attribute = |name: Name| message.attributes().unwrap()[&name].clone();
    Received {
        sequence: attribute(Name::SequenceNumber),
        group: attribute(Name::MessageGroupId),
        dedup: attribute(Name::MessageDeduplicationId),
        receives: attribute(Name::ApproximateReceiveCount).parse().unwrap(),
        sent_ms: attribute(Name::SentTimestamp).parse().unwrap(),
        first_received_ms: attribute(Name::ApproximateFirstReceiveTimestamp).parse().unwrap(),
        message_id: message.message_id.unwrap(),
        handle: message.receipt_handle.unwrap(),
        body: message.body.unwrap(),
    }
}

impl Server {
    async fn receive_from(&self, url: &str, max: usize) -> Vec<Received> {
        let answer = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(max).unwrap())
            .wait_time_seconds(1)
            .message_system_attribute_names(Name::All)
            .send()
            .await
            .unwrap();
        answer.messages.unwrap_or_default().into_iter().map(received).collect()
    }

    async fn count(&self, url: &str, name: QueueAttributeName) -> usize {
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(name.clone())
            .send()
            .await
            .unwrap();
        answer.attributes().unwrap()[&name].parse().unwrap()
    }
}

impl FifoQueue for Server {
    async fn send(&self, batch: &[Entry]) -> Result<Vec<Result<Sent, String>>, String> {
        let entry = |(n, entry): (usize, &Entry)| {
            SendMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .message_body(&entry.body)
                .message_group_id(&entry.group)
                .set_message_deduplication_id(entry.dedup.clone())
                .build()
                .unwrap()
        };
        let entries: Vec<_> = batch.iter().enumerate().map(entry).collect();
        let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = sent.send().await.map_err(|error| code(&error))?;
        let one = |n: usize| {
            let id = n.to_string();
            match answer.successful.iter().find(|sent| sent.id == id) {
                Some(sent) => Ok(Sent {
                    message_id: sent.message_id.clone(),
                    sequence: sent.sequence_number.clone().unwrap(),
                }),
                None => Err(answer.failed.iter().find(|failed| failed.id == id).unwrap().code.clone()),
            }
        };
        Ok((0..batch.len()).map(one).collect())
    }

    async fn receive(&self, max: usize) -> Vec<Received> {
        self.receive_from(&self.url, max).await
    }

    async fn delete(&self, handle: &str) -> Result<(), String> {
        let delete = self.client.delete_message().queue_url(&self.url).receipt_handle(handle);
        delete.send().await.map(drop).map_err(|error| code(&error))
    }

    async fn change_visibility(&self, handle: &str, hidden_ms: u64) -> Result<(), String> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(handle)
            .visibility_timeout(i32::try_from(hidden_ms / 1_000).unwrap())
            .send()
            .await
            .map(drop)
            .map_err(|error| code(&error))
    }

    async fn counts(&self) -> Counts {
        Counts {
            visible: self.count(&self.url, QueueAttributeName::ApproximateNumberOfMessages).await,
            in_flight: self.count(&self.url, QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await,
            delayed: self.count(&self.url, QueueAttributeName::ApproximateNumberOfMessagesDelayed).await,
            dead: self.count(&self.dead_url, QueueAttributeName::ApproximateNumberOfMessages).await,
        }
    }

    async fn dead(&self) -> Vec<(String, String)> {
        let dead = self.receive_from(&self.dead_url, 10).await;
        dead.into_iter().map(|message| (message.group, message.body)).collect()
    }

    async fn wait(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

#[tokio::test]
async fn the_server_keeps_the_contract() {
    let Some(client) = client() else { return };
    run(async |terms: Terms| make(&client, &terms).await).await;
}

fn hints(n: usize, group: &str) -> Message {
    let hints = Hints {
        side: Side::HubSpot,
        object: ObjectName::from("contact"),
        ids: vec![RecordId::new(n.to_string())],
        erased: false,
        not_before: None,
        correlation: "c".to_owned(),
    };
    Message { body: Messages::Hints(hints), group: group.to_owned(), dedup: format!("d{n}") }
}

async fn our_queue(client: &Client) -> SqsQueue {
    let hints = make(client, &Terms::named("hints")).await;
    let intents = make(client, &Terms::named("intents")).await;
    SqsQueue::new(client.clone(), hints.url, intents.url)
}

#[tokio::test]
async fn more_than_one_batch_is_sent_in_order_and_each_message_to_its_queue() {
    // Given twelve hints and an intent among them,
    let Some(client) = client() else { return };
    let queue = our_queue(&client).await;
    let sends = Sends {
        side: Side::Salesforce,
        object: ObjectName::from("contact"),
        intents: vec![IntentRef { link: LinkId::from("l"), number: Token(1) }],
        not_before: None,
        correlation: "c".to_owned(),
    };
    let intents =
        Message { body: Messages::Intents(sends), group: "shard-1".to_owned(), dedup: "l:1".to_owned() };
    let mut messages: Vec<Message> = (0..12).map(|n| hints(n, "shard-0")).collect();
    messages.insert(5, intents.clone());

    // when they are sent,
    queue.send(&messages).await.unwrap();

    // then the hints come in order and the intent is alone in its queue.
    let mut came = Vec::new();
    while came.len() < 12 {
        let batch = queue.receive(QueueName::Hints, 10, 1).await.unwrap();
        assert!(!batch.is_empty(), "only {} came", came.len());
        for message in batch {
            queue.delete(QueueName::Hints, &message.receipt).await.unwrap();
            came.push(message.body);
        }
    }
    let body = |message: &Message| serde_json::to_string(&message.body).unwrap();
    assert_eq!(came, (0..12).map(|n| body(&hints(n, "shard-0"))).collect::<Vec<_>>());
    let alone: Vec<String> =
        queue.receive(QueueName::Intents, 10, 1).await.unwrap().into_iter().map(|m| m.body).collect();
    assert_eq!(alone, [body(&intents)]);
}

#[tokio::test]
async fn a_hidden_message_comes_again_when_its_time_has_come() {
    let Some(client) = client() else { return };
    let queue = our_queue(&client).await;
    queue.send(&[hints(1, "shard-0")]).await.unwrap();
    let [first] = <[Incoming; 1]>::try_from(queue.receive(QueueName::Hints, 10, 1).await.unwrap()).unwrap();

    let now = Timestamp::now();
    let at = now + SignedDuration::from_secs(2);
    queue.hide_until(QueueName::Hints, &first.receipt, at, now).await.unwrap();

    assert_eq!(queue.receive(QueueName::Hints, 10, 0).await.unwrap(), []);
    let [again] = <[Incoming; 1]>::try_from(queue.receive(QueueName::Hints, 10, 5).await.unwrap()).unwrap();
    assert_eq!((again.id, again.receive_count, again.body), (first.id, 2, first.body));
    assert!(Timestamp::now() >= at);
}

#[tokio::test]
async fn a_queue_that_is_not_there_takes_nothing_and_says_so() {
    let Some(client) = client() else { return };
    let url = make(&client, &Terms::named("other")).await.url.replace("other", "absent");
    let queue = SqsQueue::new(client, url.clone(), url);

    let error = queue.send(&[hints(1, "shard-0"), hints(2, "shard-0")]).await.unwrap_err();

    assert_eq!((error.count, error.of), (2, 2));
    assert!(
        error.reason.contains("NonExistentQueue") || error.reason.contains("QueueDoesNotExist"),
        "{error}"
    );
}
