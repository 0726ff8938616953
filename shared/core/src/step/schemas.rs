//! The contract against both sides' live schemas, as asked before it is taken. Reads schemas and nothing else.

use super::{Engine, StepError};
use crate::contract::{Mismatch, check};
use crate::names::{PerSide, Side};
use crate::port::{Crm, Queue, Store};

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
            let schemas = PerSide {
                hubspot: hubspot.map_err(|failure| StepError::Crm { side: Side::HubSpot, failure })?,
                salesforce: salesforce
                    .map_err(|failure| StepError::Crm { side: Side::Salesforce, failure })?,
            };
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
}
