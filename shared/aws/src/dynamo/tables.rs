//! The tables for one machine. On AWS, `template.yaml` makes the same ones, with backups and encryption besides.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use concord_core::port::StoreError;

use super::Tables;
use super::fault::store_error;
use super::listed::{LISTED_INDEX, OPEN_INDEX};

/// The attribute by which `Idempotency` and `Journal` items run out.
const TTL_ATTRIBUTE: &str = "expires_at";
const CREATE: &str = "create a table";

/// Creates the tables that are missing, with their indexes and TTL; leaves existing ones as they are.
///
/// # Errors
/// [`StoreError`], for the first table that could not be made.
pub async fn create_tables(client: &Client, tables: &Tables) -> Result<(), StoreError> {
    let state = key(client.create_table().table_name(&tables.state), "pk", KeyType::Hash)
        .and_then(|table| index(table, OPEN_INDEX, "open_shard", "open_since"))
        .and_then(|table| index(table, LISTED_INDEX, "listed", "listed_since"));
    let idempotency = key(client.create_table().table_name(&tables.idempotency), "pk", KeyType::Hash);
    let journal = key(client.create_table().table_name(&tables.journal), "link", KeyType::Hash)
        .and_then(|table| key(table, "entry", KeyType::Range));
    for table in [state, idempotency, journal] {
        let table = table.map_err(|error| not_built(&error))?;
        match table.billing_mode(BillingMode::PayPerRequest).send().await {
            Ok(_) => {}
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), CreateTableError::ResourceInUseException(_)) => {}
            Err(error) => return Err(store_error(CREATE, &error)),
        }
    }
    for table in [&tables.idempotency, &tables.journal] {
        set_ttl(client, table).await?;
    }
    Ok(())
}

fn key(
    table: CreateTableFluentBuilder,
    name: &str,
    kind: KeyType,
) -> Result<CreateTableFluentBuilder, BuildError> {
    Ok(table
        .key_schema(KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?)
        .attribute_definitions(attribute(name, ScalarAttributeType::S)?))
}

/// An index from a text to an age, holding nothing but keys.
fn index(
    table: CreateTableFluentBuilder,
    name: &str,
    partition: &str,
    age: &str,
) -> Result<CreateTableFluentBuilder, BuildError> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let index = GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(element(partition, KeyType::Hash)?)
        .key_schema(element(age, KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()?;
    Ok(table
        .global_secondary_indexes(index)
        .attribute_definitions(attribute(partition, ScalarAttributeType::S)?)
        .attribute_definitions(attribute(age, ScalarAttributeType::N)?))
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
}

async fn set_ttl(client: &Client, table: &str) -> Result<(), StoreError> {
    const OPERATION: &str = "set a table's TTL";
    let described = client
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await
        .map_err(|error| store_error(OPERATION, &error))?;
    let is_set = described.time_to_live_description().is_some_and(|ttl| ttl.attribute_name().is_some());
    if is_set {
        return Ok(());
    }
    let ttl = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(TTL_ATTRIBUTE)
        .build()
        .map_err(|error| not_built(&error))?;
    client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(ttl)
        .send()
        .await
        .map(drop)
        .map_err(|error| store_error(OPERATION, &error))
}

fn not_built(error: &BuildError) -> StoreError {
    StoreError::Refused { operation: CREATE, reason: error.to_string() }
}
