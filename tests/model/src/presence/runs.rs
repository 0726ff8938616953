//! The runs of this model: the table of deletes.

use crate::explore::{Length, Run};

use super::{AfterArchive, Archiver, Bounds, Deletes, Evidence, LAWS, Pair, Policy, Rules};

impl Rules {
    /// In words, for the table.
    #[must_use]
    pub fn told(self) -> String {
        let policy = match self.policy {
            Policy::Archive => "archive",
            Policy::Flag => "flag",
        };
        let after = match self.after_archive {
            AfterArchive::Forget => ", not read again",
            AfterArchive::ReadAgain => "",
        };
        let archiver = match self.archiver {
            Archiver::Unknown => ", who archived unknown",
            Archiver::Known => "",
        };
        let evidence = match self.evidence {
            Evidence::Bin => "",
            Evidence::Absence => ", absence believed",
        };
        format!("{policy}{after}{archiver}{evidence}")
    }
}

impl Bounds {
    /// In words, for the table.
    #[must_use]
    pub fn told(self) -> String {
        let deletes = match self.deletes {
            Deletes::InHubSpot => "deletes in H",
            Deletes::OnBothSides => "deletes on both",
        };
        format!("{}w/{}f/{}s, {deletes}", self.workers, self.faults, self.steps)
    }

    const fn new(workers: usize, faults: u8, steps: u8, deletes: Deletes) -> Self {
        Self { workers, faults, steps, deletes }
    }
}

/// Every run of this model.
#[must_use]
pub fn runs() -> Vec<Run> {
    let (one, both) = (Deletes::InHubSpot, Deletes::OnBothSides);
    let archive = Rules::ARCHIVE;
    let flag = Rules::FLAG;
    let forget = Rules { after_archive: AfterArchive::Forget, ..archive };
    let unknown = Rules { archiver: Archiver::Unknown, ..archive };
    let absence = Rules { evidence: Evidence::Absence, ..flag };
    let (short, long) = (Length::Short, Length::Long);
    let rows = [
        (forget, Bounds::new(1, 0, 2, one), short, "A"),
        (unknown, Bounds::new(1, 1, 3, one), short, "ABD"),
        (archive, Bounds::new(1, 0, 4, one), short, ""),
        (archive, Bounds::new(1, 2, 3, one), short, ""),
        (archive, Bounds::new(1, 1, 4, one), short, ""),
        (archive, Bounds::new(2, 1, 3, one), short, ""),
        (archive, Bounds::new(1, 1, 4, both), short, "C"),
        (flag, Bounds::new(1, 2, 3, both), short, ""),
        (flag, Bounds::new(2, 1, 3, both), short, ""),
        (absence, Bounds::new(1, 1, 1, both), short, "D"),
        (archive, Bounds::new(1, 2, 4, one), long, ""),
        (archive, Bounds::new(2, 1, 4, one), long, ""),
        (flag, Bounds::new(1, 2, 4, both), long, ""),
        (flag, Bounds::new(2, 1, 4, both), long, ""),
    ];
    let run = |(rules, bounds, length, expected): (Rules, Bounds, Length, &'static str)| {
        let model = Pair { rules, bounds };
        Run::of("presence", (rules.told(), bounds.told()), (length, expected), model, LAWS)
    };
    rows.into_iter().map(run).collect()
}
