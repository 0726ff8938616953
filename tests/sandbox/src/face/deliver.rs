//! Performs what the courier decides: the only place of the sandboxes that calls out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Receiver, Shared};
use crate::courier::{Delivery, Ending, Parcel};
use crate::crm::Machine;

/// How long to sleep when nothing is due; a wake-up comes before.
const IDLE: Duration = Duration::from_secs(3_600);

/// Delivers until it is stopped.
pub(super) async fn drive<M: Machine + 'static>(shared: Arc<Shared<M>>, mut stopped: watch::Receiver<bool>) {
    // Loopback and configured URLs only: a proxy from the environment has no business here.
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "the sandbox cannot deliver notifications"),
    };
    loop {
        let (deliveries, wait, timeout_ms) = shared.with(|desk, now| {
            let (deliveries, next) = desk.due(now);
            let wait = next.map_or(IDLE, |next| {
                let ms = next.as_millisecond().saturating_sub(now.as_millisecond());
                // Rounded up, so that it is due when we wake.
                Duration::from_millis(u64::try_from(ms).unwrap_or(0) + 1)
            });
            (deliveries, wait, desk.terms().timeout_ms)
        });
        for delivery in deliveries {
            let (shared, client) = (Arc::clone(&shared), client.clone());
            tokio::spawn(async move {
                let Delivery { number, parcel } = delivery;
                let sent = send(&shared, &client, parcel);
                let in_time = tokio::time::timeout(Duration::from_millis(timeout_ms), sent).await;
                let ending = in_time.unwrap_or(Ending::Refused);
                shared.with(|desk, now| desk.ended(now, number, ending));
                shared.wake.notify_one();
            });
        }
        tokio::select! {
            () = shared.wake.notified() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stopped.changed() => return,
        }
    }
}

async fn send<M: Machine>(shared: &Shared<M>, client: &reqwest::Client, parcel: Parcel) -> Ending {
    let request = match parcel {
        Parcel::Webhooks(request) => reqwest::Request::try_from(*request),
        Parcel::ChangeEvent(envelope) => match shared.with(|desk, _| desk.receiver().clone()) {
            Receiver::Nobody => return Ending::Taken,
            Receiver::Callback(take) => return ending(take(envelope).await),
            Receiver::Url(target) => client
                .post(target.url)
                .header("content-type", "application/json")
                .body(envelope.to_string())
                .build(),
        },
    };
    match request {
        Ok(request) => ending(client.execute(request).await.is_ok_and(|answer| answer.status().is_success())),
        Err(error) => {
            tracing::warn!(%error, "a notification cannot be sent to its target");
            Ending::Refused
        }
    }
}

const fn ending(taken: bool) -> Ending {
    match taken {
        true => Ending::Taken,
        false => Ending::Refused,
    }
}
