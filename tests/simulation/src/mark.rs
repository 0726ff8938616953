//! States that some world must reach.

use crate::fault::kinds;

kinds! {
    /// A state that some world must reach: what no run ever met was never tested.
    Mark {
        /// One side changed and the other followed.
        OneSided => "one side changed",
        /// A blank was filled when two records first met.
        Filled => "first agreement filled a blank",
        /// An authority won.
        Authority => "authority won",
        /// The newer edit won.
        Newest => "newest won",
        /// A blank did not win.
        BlankNeverWins => "a blank did not win",
        /// Salesforce's image was never proven and gave way.
        Unproven => "an unproven image gave way",
        /// Two sets were merged.
        Union => "two sets were merged",
        /// A conflict was held.
        Held => "a conflict was held",
        /// A person decided it.
        Taken => "a person's decision was carried out",
        /// One of the two values had changed since they saw it.
        TakenTooLate => "a person decided too late",
        /// It ended.
        HeldResolved => "a held conflict was resolved later",
        /// A landing that hid an edit was undone.
        ZombieRepaired => "a zombie was repaired",
        /// A person took a pair apart.
        Unlinked => "a person unlinked a pair",
        /// And said that two records are one thing.
        Linked => "a person linked two records",
        /// Or that they are not.
        KeptApart => "a person kept two records apart",
        /// Mass harm waited for an operator.
        BrakeEngaged => "a brake was engaged",
        /// Somebody edited on top of one.
        EditedOnSkipped => "somebody edited on top of a skipped landing",
        /// A record was made.
        Created => "a record was created",
        /// A record joined a link after it was made: a create whose answer was lost, or a match by a key.
        Joined => "a record joined a link later",
        /// Two records with one key became a pair at first sight.
        Matched => "two records were matched by a key",
        /// A write met a row that had changed.
        PreconditionFailed => "a precondition failed",
        /// A delete was told to the other side.
        Flagged => "a delete was flagged",
        /// And taken back.
        FlagTakenBack => "a flag was taken back",
        /// A delete put the other record into the bin.
        Archived => "a delete was archived",
        /// And it was taken out again.
        ArchiveTakenBack => "an archive was taken back",
        /// An edit was typed before our archive came.
        ArchiveMetEdit => "an archive met an edit",
        /// A delete met an edit.
        DeleteMetEdit => "a delete met an edit",
        /// A side said that it had erased a record.
        ErasedBySide => "an erasure was heard of",
        /// A person said so.
        ErasedByPerson => "a person erased a pair",
        /// A record went for good.
        Purged => "a record was purged",
        /// Both records were deleted.
        DeletedOnBoth => "deleted on both sides",
        /// A merged record was redirected.
        Aliased => "a merged record became an alias",
        /// A lead was.
        LeadConverted => "a pair went over from a lead to the contact that it became",
        /// A contact was put into a deal on one side, and is put in on the other.
        Associated => "an association was carried over",
        /// And taken out.
        TakenOut => "the end of an association was carried over",
        /// One that the other side had taken out without having seen what somebody had made them.
        Kept => "a role kept its contact in a deal",
        /// Each side said of another contact that it is the primary one.
        Unmarked => "two contacts were primary, and one is left",
        /// A field was set aside.
        FieldParked => "a field was parked",
        /// One that both sides kept changing back.
        BackAndForth => "a field that was changed back and forth was left alone",
        /// A contact was out of scope and came back.
        LeftAndCameBack => "a record left the scope and came back",
        /// And taken back.
        FieldHealed => "a parked field healed",
        /// A record was set aside.
        RecordParked => "a record was parked",
        /// One that looks like another was.
        Lookalike => "a record waited for a person since it looks like another",
        /// A side showed nothing of a type any more.
        CanarySilent => "a canary was not shown",
        /// A deleted record left its bin.
        GoneForGood => "a known delete left its bin",
        /// A pair was forgotten.
        Collected => "a pair that was gone for long was forgotten",
        /// A message that nobody can read was set aside.
        MessageParked => "a poison message was parked",
        /// An event came again and did nothing.
        EventRepeated => "a repeated event was recognised",
        /// An event came while another worker had it.
        EventInProgress => "an event in progress was sent back",
        /// The claim of a dead worker was taken over.
        ClaimTakenOver => "a stale claim was taken over",
        /// Two workers decided at once.
        CommitMoved => "two workers met at one link",
        /// Two workers made two links of one record.
        CommitTaken => "two links met at one record",
        /// A forged webhook was turned away.
        ForgeryRefused => "a forged webhook was refused",
        /// A message was given up.
        DeadLettered => "a message was given up and redriven",
        /// Repair found an intent that nobody had sent.
        RepairHinted => "repair found an unsent intent",
        /// A poll found what no webhook had told.
        PollHinted => "a poll found what was not told",
    }
}

/// A decision is carried out.
pub(crate) const TAKEN: &str = "P7 as a person decided";

/// The state that a rule in the journal stands for.
pub(crate) fn mark_of(rule: &str) -> Option<Mark> {
    Some(match rule {
        "P7 one side changed" => Mark::OneSided,
        "P7 first agreement: a blank is filled" => Mark::Filled,
        "P7 authority" => Mark::Authority,
        "P7 newest" => Mark::Newest,
        "P7 fill: a blank never wins" => Mark::BlankNeverWins,
        "P4 unproven image never wins" => Mark::Unproven,
        "P7 union" => Mark::Union,
        "P7 hold" => Mark::Held,
        TAKEN => Mark::Taken,
        "P3 a skipped landing is taken back" => Mark::ZombieRepaired,
        "P3 edited on top of a skipped landing" => Mark::EditedOnSkipped,
        "P12 associated on one side" => Mark::Associated,
        "P12 taken out on one side" => Mark::TakenOut,
        "P12 a role keeps its member" => Mark::Kept,
        "P12 another one is primary on the other side" => Mark::Unmarked,
        "P6 create" => Mark::Created,
        "P6 a person unlinked" => Mark::Unlinked,
        "P6 a person linked" => Mark::Linked,
        "P9 flag" => Mark::Flagged,
        "P9 flag taken back" => Mark::FlagTakenBack,
        "P9 a delete met an edit: the edited record is kept and unlinked" => Mark::DeleteMetEdit,
        "P9 deleted on both sides" => Mark::DeletedOnBoth,
        "P9 archive" => Mark::Archived,
        "P9 erased in HubSpot" => Mark::ErasedBySide,
        "P9 a person erased" => Mark::ErasedByPerson,
        "P9 purge" => Mark::Purged,
        "P9 an archive is taken back" => Mark::ArchiveTakenBack,
        "P9 an archive met an edit: the edited record is kept and unlinked" => Mark::ArchiveMetEdit,
        _other => return None,
    })
}
