//! People clear up: they delete records on one side or on both, bins are emptied by age, and what has been gone for long enough is
//! forgotten (P10).

use concord_core::link::{Link, Status};
use concord_core::names::Side;

use crate::display::{CONTACT, DEAL, OBJECTS};
use crate::oracle;
use crate::watch::{Broken, Mark};
use crate::world::World;

/// Salesforce's bin is empty by then, and HubSpot's is not, in milliseconds: 15 days and one more.
const ONE_BIN_MS: u64 = 16 * 24 * 3_600_000;
/// HubSpot's is empty too, and a pair has been remembered for long enough: 90 days and some, with the former.
const BOTH_BINS_MS: u64 = 78 * 24 * 3_600_000;

impl World {
    /// Clears up, and judges who is forgotten.
    pub(crate) fn bury(&mut self) -> Result<(), Broken> {
        let before = oracle::pairs(self);
        self.somebody_else_comes()?;
        for (number, link) in before.iter().enumerate() {
            // Both after each other, both at once, one alone, and none.
            for side in Side::BOTH.into_iter().take([2, 2, 1, 0][number % 4]) {
                self.delete_half(link, side);
                if number % 4 == 0 {
                    self.drain()?;
                }
            }
        }
        self.settle()?;
        let buried = oracle::buried(self);
        self.let_lie(ONE_BIN_MS)?;
        if oracle::is_gone_for_good(self) {
            self.site.watch().mark(Mark::GoneForGood);
        }
        self.let_lie(BOTH_BINS_MS)?;
        oracle::check_forgotten(self, &buried)?;
        // Whoever was left alone goes now: theirs has left its bin long before they leave theirs.
        for link in &oracle::pairs(self) {
            if let Status::Flagged { deleted } | Status::Unlinked { deleted } = link.status {
                self.delete_half(link, deleted.other());
            }
        }
        self.settle()?;
        let buried = oracle::buried(self);
        self.let_lie(ONE_BIN_MS)?;
        self.let_lie(BOTH_BINS_MS)?;
        oracle::check_forgotten(self, &buried)?;
        self.stays_quiet()?;
        oracle::check_forgotten(self, &buried)
    }

    /// Time passes and sweeps run. Logins have run out meanwhile, so that one may be cut short.
    fn let_lie(&mut self, ms: u64) -> Result<(), Broken> {
        self.pass(ms);
        for _ in 0..2 {
            self.passes(|_| Ok(()))?;
        }
        oracle::check(self)
    }

    /// Records of each kind that nobody deletes: a kind of which nothing is shown is not believed to be gone.
    fn somebody_else_comes(&mut self) -> Result<(), Broken> {
        let kinds = OBJECTS.len() - usize::from(!self.profile.people.sell);
        for object in (0..kinds).filter(|object| *object != DEAL || self.profile.people.sell) {
            self.users.create(&self.site, Side::HubSpot, object, None);
        }
        self.users.create(&self.site, Side::Salesforce, CONTACT, None);
        self.drain()
    }

    fn delete_half(&mut self, link: &Link, side: Side) {
        let (Some(object), Some(id)) = (oracle::object_index(&link.object), &link.records[side]) else {
            return;
        };
        let alive = self.users.look(&self.site, side, object);
        if alive.iter().any(|shown| shown.alive && shown.id == id.as_str()) {
            self.users.delete(&self.site, side, object, id.as_str());
        }
    }
}
