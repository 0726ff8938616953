//! Contacts that leave the contract's scope and come back.

use concord_core::link::{FieldStanding, Link, Refusal, Status};
use concord_core::names::Side;
use concord_core::step::Task;

use crate::display::{CONTACT, Shown, field};
use crate::oracle;
use crate::profile::{OUT_OF_SCOPE, Removes};
use crate::users::restore;
use crate::watch::{Broken, Mark};
use crate::world::World;

impl World {
    /// People give every contact that is out of scope another job title.
    pub(crate) fn everybody_comes_back(&mut self) -> Result<(), Broken> {
        let Some(title) = field(CONTACT, "job_title").filter(|_| self.profile.people.leave) else {
            return Ok(());
        };
        for side in Side::BOTH {
            for contact in self.users.look(&self.site, side, CONTACT) {
                if contact.alive && contact.values[title].starts_with(OUT_OF_SCOPE) {
                    let text = self.users.text();
                    self.users.put(&self.site, side, CONTACT, &contact, (title, &text));
                }
            }
            // What one side has told the other by now, nobody there types over unseen.
            self.drain()?;
        }
        Ok(())
    }

    /// In a world at rest a contact leaves the scope; it is deleted and restored, and its counterpart is edited.
    /// Nothing comes of that, until it is in scope again.
    pub(crate) fn one_leaves_the_scope(&mut self) -> Result<(), Broken> {
        let at_rest = |link: &Link| {
            oracle::object_index(&link.object) == Some(CONTACT)
                && link.status == Status::Live
                && Side::BOTH.iter().all(|side| link.refused[*side] == Refusal::None)
                && link
                    .fields
                    .values()
                    .all(|memory| memory.held.is_none() && memory.standing == FieldStanding::Kept)
        };
        let Some(link) = oracle::pairs(self).into_iter().find(at_rest) else { return Ok(()) };
        let (Some(title), Some(phone)) = (field(CONTACT, "job_title"), field(CONTACT, "phone")) else {
            return Ok(());
        };
        let leaves = Side::BOTH[usize::from(link.issued.0 % 2 == 1)];
        let text = format!("{OUT_OF_SCOPE} {}", self.users.text());
        if !self.puts(&link, leaves, title, &text) {
            return Ok(());
        }
        self.nothing_comes_of("an edit by which a contact leaves the scope")?;
        if let Some(contact) =
            self.half(&link, leaves).filter(|_| self.profile.people.remove != Removes::Never)
        {
            self.users.delete(&self.site, leaves, CONTACT, &contact.id);
            self.nothing_comes_of("a delete out of scope")?;
            restore(&self.site, leaves, CONTACT, &contact.id);
            self.nothing_comes_of("a restored contact that is out of scope")?;
        }
        self.puts(&link, leaves.other(), phone, "+1 202 555 0199");
        self.nothing_comes_of("an edit beside a contact that is out of scope")?;
        let text = self.users.text();
        if self.puts(&link, leaves, title, &text) {
            self.site.watch().mark(Mark::LeftAndCameBack);
        }
        self.settle()?;
        oracle::check(self)?;
        self.stays_quiet()
    }

    fn half(&self, link: &Link, side: Side) -> Option<Shown> {
        let id = link.records[side].as_ref()?;
        let shown = self.users.look(&self.site, side, CONTACT).into_iter();
        shown.filter(|shown| shown.alive).find(|shown| shown.id == id.as_str())
    }

    fn puts(&mut self, link: &Link, side: Side, field: usize, text: &str) -> bool {
        let contact = self.half(link, side);
        contact.is_some_and(|contact| self.users.put(&self.site, side, CONTACT, &contact, (field, text)))
    }

    fn nothing_comes_of(&mut self, what: &str) -> Result<(), Broken> {
        let before = self.site.watch().written;
        self.drain()?;
        self.reconcile(Task::Poll)?;
        self.reconcile(Task::Sweep)?;
        match self.site.watch().written - before {
            0 => Ok(()),
            written => Err(Broken { invariant: "I18", what: format!("{what} wrote {written} records") }),
        }
    }
}
