//! Erasure, as privacy law asks (P9, I43): Concord forgets every value at once, and by contract the records go for good on both
//! sides. Nothing outweighs it: no edit, no conflict, no late landing.

use super::Sight;
use super::draft::Draft;
use crate::contract::Erase;
use crate::link::{Action, Erased, Intent, Progress, Status};
use crate::names::{PerSide, Side};
use crate::row::Standing;

impl Draft<'_> {
    /// A side says that it has erased its record. Forgetting is not braked, and what harms is left to the next look.
    pub(super) fn erase(&mut self, by: Side) {
        let purges = self.situation.object.erase == Erase::Purge;
        let Erased { held, parked } = self.decision.link.erase(by, purges);
        self.decision.resolved = held;
        self.decision.healed = parked;
        self.decision.shred = true;
        self.say(match by {
            Side::HubSpot => "P9 erased in HubSpot",
            Side::Salesforce => "P9 erased in Salesforce",
        });
    }

    /// An erased pair: what is still there of it and has to go is removed for good.
    pub(super) fn erased(&mut self, sights: PerSide<Sight<'_>>) {
        for side in Side::BOTH {
            let Status::Erased { purge } = &mut self.decision.link.status else { return };
            let (shown, alive) = match sights[side] {
                Sight::Row(row) => (true, row.standing == Standing::Alive),
                Sight::Lost | Sight::Missing | Sight::Absorbed | Sight::Erased => (false, false),
            };
            let purged = |intent: &Intent| {
                intent.side == side && intent.action == Action::Purge && intent.progress == Progress::Sent
            };
            // Once done, it is done: Salesforce may show the row for another day (SOAP guide, `emptyRecycleBin()`).
            if !alive && self.situation.link.intents.iter().any(purged) {
                purge[side] = false;
            }
            if shown && purge[side] {
                self.harm[side].deletes = 1;
                self.issue_and_say(side, Action::Purge, "P9 purge");
            } else {
                self.give_up(side);
            }
        }
    }
}
