//! Concord's footing on AWS: memory in DynamoDB, queues in SQS, secrets, settings, logs and metrics, and the
//! shells that turn Lambda's events into calls of the four steps.
//!
//! Everything here takes plain structs where it can, so that one machine runs the same code without Lambda.

pub mod dynamo;
