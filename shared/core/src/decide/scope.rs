//! Records that the contract's scope leaves out. Nothing is written because of them, and nothing is taken for a delete: what
//! was edited meanwhile is merged once both records are in scope.

use super::draft::Draft;
use crate::names::Side;
use crate::row::Standing;

impl Draft<'_> {
    /// Whether the scope leaves out one of what a pair shows, or cannot tell, of which a person is told. What lies in both bins
    /// has nothing left to leave, and an archive of ours is seen to the end.
    pub(super) fn is_left_out(&mut self) -> bool {
        let object = self.situation.object;
        let Some(scope) = &object.scope else { return false };
        let rows = self.rows();
        let ours = rows.salesforce.is_some_and(|row| self.is_archived_by_us(Side::Salesforce, row));
        let lives = |side: &Side| rows[*side].is_some_and(|row| row.standing == Standing::Alive);
        if ours || !Side::BOTH.iter().any(lives) {
            return false;
        }
        let mut left_out = false;
        for side in Side::BOTH {
            match rows[side].map(|row| scope.admits(object, side, row)) {
                None | Some(Ok(true)) => {}
                Some(Ok(false)) => left_out = true,
                Some(Err((field, fault))) => {
                    self.fault(field, fault);
                    left_out = true;
                }
            }
        }
        left_out
    }
}
