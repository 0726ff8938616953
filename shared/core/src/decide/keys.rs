//! Natural keys: the values by which a pair is found by whoever is in none.

use super::draft::Draft;
use crate::contract::Field;
use crate::merge::Verdict;
use crate::names::PerSide;
use crate::port::NaturalKey;
use crate::settle::View;
use crate::value::{ImageHash, Known, Presence, Value};

impl Draft<'_> {
    /// The value by which records of this object are matched, if this field is one.
    pub(super) fn claim_key(&mut self, field: &Field, verdict: Verdict, views: PerSide<&View>) {
        if !self.situation.object.keys.contains(&field.name) {
            return;
        }
        let standing = match verdict {
            Verdict::Agreed | Verdict::Nothing => views.hubspot,
            Verdict::Carry { from, .. } => views.as_ref()[from],
            Verdict::Unseen | Verdict::Hold | Verdict::Amend { .. } => return,
        };
        let held = self.decision.link.keys.get(&field.name).copied();
        let wanted = standing.value.value().map(|value| self.situation.key.hash(Known(Some(value))));
        if held == wanted || standing.value.is_unknown() {
            return;
        }
        let name = |hash: ImageHash| NaturalKey {
            object: self.situation.object.name.clone(),
            field: field.name.clone(),
            hash,
        };
        self.decision.released.extend(held.map(name));
        self.decision.keys.extend(wanted.map(name));
        match wanted {
            Some(hash) => self.decision.link.keys.insert(field.name.clone(), hash),
            None => self.decision.link.keys.remove(&field.name),
        };
    }

    /// The same of a record that is to be made.
    pub(super) fn claim_first_key(&mut self, field: &Field, value: &Presence<Value>) {
        if self.situation.object.keys.contains(&field.name) {
            let hash = self.hash_of(value);
            if self.decision.link.keys.insert(field.name.clone(), hash) != Some(hash) {
                let object = self.situation.object.name.clone();
                self.decision.keys.push(NaturalKey { object, field: field.name.clone(), hash });
            }
        }
    }
}
