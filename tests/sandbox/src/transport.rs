//! A CRM machine as a client's transport: the same wire parsing as over HTTP, without a socket.
//!
//! No faults here: a world that loses requests and answers wraps this one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use concord_crm::transport::{Transport, TransportError};
use http::{Request, Response};
use jiff::Timestamp;

use crate::crm::{Caller, Machine};

/// Tells the machine's time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// One machine, called by whoever holds a clone of this.
pub struct InProcess<M> {
    machine: Arc<Mutex<M>>,
    clock: Clock,
}

impl<M: Machine> InProcess<M> {
    /// Takes the machine, and the clock by which it lives.
    pub fn new(machine: M, clock: Clock) -> Self {
        Self { machine: Arc::new(Mutex::new(machine)), clock }
    }

    /// The machine itself, for checkers and for the person at its screen.
    pub fn machine(&self) -> MutexGuard<'_, M> {
        // A panic of another test's thread leaves the machine between two calls, which is a sound state.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Makes one call now.
    pub fn call(&self, caller: Caller, request: &Request<Bytes>) -> Response<Bytes> {
        let now = self.now();
        self.machine().call(now, caller, request)
    }
}

impl<M> Clone for InProcess<M> {
    fn clone(&self) -> Self {
        Self { machine: Arc::clone(&self.machine), clock: Arc::clone(&self.clock) }
    }
}

impl<M> std::fmt::Debug for InProcess<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess(..)")
    }
}

impl<M: Machine> Transport for InProcess<M> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        Ok(self.call(Caller::Api, &request))
    }
}
