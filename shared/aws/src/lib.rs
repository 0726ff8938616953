//! Concord's footing on AWS: memory in DynamoDB, queues in SQS, secrets, settings, logs and metrics, and the
//! shells that turn Lambda's events into calls of the four steps.
//!
//! Everything here takes plain structs where it can, so that one machine runs the same code without Lambda.
//! Read in this order: [`dynamo`] and [`sqs`] are the ports, [`front`] says what becomes of requests,
//! [`deployment`] puts the engine together, [`lambda`] is the edge.

pub mod config;
pub mod counted;
pub mod deployment;
pub mod dynamo;
pub mod front;
pub mod lambda;
pub mod secrets;
pub mod sqs;
pub mod telemetry;
