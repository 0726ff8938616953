//! The contract against both sides' live schemas, as asked before it is taken. Reads schemas and nothing else.

use super::{Engine, StepError};
use crate::contract::{Field, IS_PRIMARY, Junction, Mismatch, Object, PRIMARY, ROLE, check};
use crate::names::{PerSide, Side, WireName};
use crate::port::{Crm, Failure, FieldSchema, Queue, Schema, Store};
use crate::reference;

impl<S: Store, Q: Queue, H: Crm, F: Crm> Engine<S, Q, H, F> {
    /// Everything in a live schema that is not as the engine's contract says.
    ///
    /// # Errors
    /// [`StepError::Crm`]: a side did not tell its schema, and nothing is known.
    pub async fn mismatches(&self) -> Result<Vec<Mismatch>, StepError> {
        let mut mismatches = Vec::new();
        for object in self.contract.objects.values() {
            let hubspot = self.hubspot.schema(&object.wire.hubspot).await;
            let salesforce = self.salesforce.schema(&object.wire.salesforce).await;
            let mut schemas = PerSide {
                hubspot: hubspot.map_err(|failure| StepError::Crm { side: Side::HubSpot, failure })?,
                salesforce: salesforce
                    .map_err(|failure| StepError::Crm { side: Side::Salesforce, failure })?,
            };
            self.add_junctions(object, &mut schemas.salesforce).await?;
            self.add_labels(object, &mut schemas.hubspot).await?;
            mismatches.extend(check(&object.seen_as(false), &schemas));
            if let Some(leads) = object.as_leads_call_it() {
                let schema = self.salesforce.schema(&leads.wire.salesforce).await;
                let schema = schema.map_err(|failure| StepError::Crm { side: Side::Salesforce, failure })?;
                let of_leads = check(&leads, &PerSide { salesforce: schema, ..schemas });
                for mismatch in of_leads.into_iter().map(Mismatch::of_leads) {
                    if !mismatches.contains(&mismatch) {
                        mismatches.push(mismatch);
                    }
                }
            }
        }
        Ok(mismatches)
    }

    /// The labels of sets of associations, where roles are mapped.
    async fn add_labels(&self, object: &Object, schema: &mut Schema) -> Result<(), StepError> {
        let has_roles = |field: &&Field| reference::roles_of(field).is_some_and(|roles| !roles.is_empty());
        for field in object.fields.values().filter(has_roles) {
            for wire in &field.wire.hubspot {
                let set = WireName::new(format!("{}.{wire}", object.wire.hubspot));
                let labels = self.hubspot.schema(&set).await;
                let labels = labels.map_err(|failure| StepError::Crm { side: Side::HubSpot, failure })?;
                schema.fields.extend(labels.fields);
            }
        }
        Ok(())
    }

    /// A set of associations is there if its junction object has both references, and the fields of roles that are mapped.
    async fn add_junctions(&self, object: &Object, schema: &mut Schema) -> Result<(), StepError> {
        for field in object.fields.values() {
            let Some(wire) = field.wire.salesforce.first() else { continue };
            let Some(junction) = Junction::named(wire) else { continue };
            let rows = match self.salesforce.schema(&junction.object).await {
                Ok(rows) => rows,
                Err(failure @ (Failure::Retry { .. } | Failure::RefreshLogin { .. })) => {
                    return Err(StepError::Crm { side: Side::Salesforce, failure });
                }
                // Not there, or hidden.
                Err(Failure::Park { .. } | Failure::Conflict { .. } | Failure::Bug { .. }) => {
                    Schema::default()
                }
            };
            let roles =
                reference::roles_of(field).map(|roles| roles.names(Side::Salesforce)).unwrap_or_default();
            let of = |name| rows.fields.get(&WireName::from(name)).filter(|field| field.writable);
            let (role, mark) = (of(ROLE), of(IS_PRIMARY));
            let shown =
                roles.iter().all(|role_of| if role_of == PRIMARY { mark.is_some() } else { role.is_some() });
            if let (Some(_), Some(to), true) =
                (rows.fields.get(&junction.from), rows.fields.get(&junction.to), shown)
            {
                // Rows are made and deleted, never pointed elsewhere.
                let options = role.map(|role| role.options.clone()).unwrap_or_default();
                schema.fields.insert(wire.clone(), FieldSchema { writable: true, options, ..to.clone() });
            }
        }
        Ok(())
    }
}
