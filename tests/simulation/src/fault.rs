//! What goes wrong, by name (DESIGN 9), and the swarm: each world draws which faults are on and how strong, so that
//! no fault hides behind another.

use crate::chance::Chance;

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $kind:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$each])* $kind,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $text,)* }
            }
        }
    };
}
pub(crate) use kinds;

kinds! {
    /// A kind of fault.
    Fault {
        /// A request does not arrive.
        RequestLost => "request lost",
        /// It takes effect and no answer comes.
        AnswerLost => "answer lost after effect",
        /// A write arrives minutes after its caller gave up.
        LateLanding => "late landing",
        /// A write arrives, is answered, and arrives once more.
        TwiceLanding => "duplicate landing",
        /// One call too many, with `Retry-After`.
        TooMany => "429 with Retry-After",
        /// One call too many, without.
        TooManyBare => "429 without Retry-After",
        /// The server fails and does nothing.
        ServerError => "5xx",
        /// An answer takes half a minute.
        Slow => "slow",
        /// 200 with a page of HTML instead of the answer, after the effect.
        WrongBody => "wrong-body 200",
        /// The login is refused in the middle of the work.
        LoginExpired => "token expiry",
        /// A webhook or change event never comes.
        NoticeDropped => "webhook dropped or CDC gap",
        /// It comes several times.
        NoticeDuplicated => "webhook duplicated",
        /// It comes late.
        NoticeDelayed => "webhook delayed",
        /// A later one overtakes it.
        NoticeReordered => "webhook reordered",
        /// What came together is delivered apart.
        NoticeSplit => "webhook split",
        /// Its body was changed on the way, so that its signature is wrong.
        NoticeCorrupted => "webhook corrupted",
        /// An old one is played again.
        NoticeReplayed => "webhook replayed",
        /// A worker dies between two effects.
        WorkerCrash => "worker crash at an effect",
        /// A worker stands still, for so long that its messages are shown to others.
        WorkerFrozen => "freeze and thaw",
        /// A batch is begun near its deadline.
        DeadlineNear => "timeout",
        /// One batch is given to two workers.
        DoubleInvoke => "double invoke",
        /// A worker's clock jumps.
        ClockStep => "clock step",
        /// The queue takes nothing.
        QueueRefused => "queue send refused",
        /// The queue takes it and says that it did not.
        QueueAnswerLost => "queue send answer lost",
        /// A message is shown again while it is worked on.
        VisibilityExpired => "visibility expiry",
        /// A message that nobody can read.
        Poison => "poison message",
        /// Messages are given up after a few receipts, and put back by an operator days later.
        OperatorRedrive => "operator redrive after days",
        /// The store is throttled.
        StoreBusy => "store throttle",
        /// A commit happens and its answer is lost.
        StoreAnswerLost => "store answer lost after commit",
        /// The index over unsent intents lags.
        StaleIndex => "stale index",
        /// A field is hidden from us for a while.
        FieldHidden => "field permission revoked",
        /// An object type is hidden from us for a while.
        ObjectHidden => "object permission revoked",
        /// A field cannot be written for a while.
        FieldReadOnly => "field read-only",
        /// A text field takes only short values for a while.
        FieldShortened => "field length changed",
        /// Both sides rewrite what they store.
        Rewriting => "rewriting in the transaction",
        /// A workflow changes another mapped field after the transaction.
        Workflow => "rewriting after the transaction",
        /// The search index lags by half a minute.
        IndexLag => "search index lag",
        /// A property's history is short.
        HistoryTruncated => "history truncated",
        /// Somebody empties Salesforce's bin: of a deleted record nothing is left.
        Purged => "purge",
        /// The workers run two versions of the contract, with other conflict rules.
        TwoVersions => "two versions at once",
        /// The store goes back to what it was some time ago.
        StoreRestored => "store restored from a backup",
        /// An answer to a read is dated and given a while after its rows were looked at.
        DatedLate => "answer dated late",
        /// Pages hold two records, and records come and go between them.
        SmallPages => "pagination drift",
        /// Salesforce says that something changed, and not what; or that too much did, and not which records.
        ChangeGap => "CDC overflow",
        /// A picklist loses a choice for a while.
        ChoiceRemoved => "picklist changed",
        /// A text becomes a picklist for a while.
        TypeChanged => "field type changed",
        /// What has expired stays in the store; without this fault it is deleted on time.
        LateTtl => "late TTL",
        /// A user of Salesforce is deactivated for a while.
        OwnerInactive => "owner deactivated",
    }
}

/// The first that was added when seeds had names: these are drawn last, so that a script that ends before them is the
/// world that it was.
const FIRST_LATER: usize = Fault::SmallPages as usize;

impl Fault {
    /// Whether the queue alone makes it good, without any schedule: a call that has to be made again, and notices that
    /// come late, again or out of order.
    #[must_use]
    pub const fn is_made_good(self) -> bool {
        matches!(
            self,
            Self::RequestLost
                | Self::AnswerLost
                | Self::TooMany
                | Self::TooManyBare
                | Self::ServerError
                | Self::Slow
                | Self::WrongBody
                | Self::LoginExpired
                | Self::DatedLate
                | Self::SmallPages
                | Self::LateTtl
                | Self::NoticeDuplicated
                | Self::NoticeDelayed
                | Self::NoticeReordered
                | Self::NoticeSplit
                | Self::NoticeReplayed
        )
    }
}

/// How strong each fault is in one world: its weight of 256 wherever it could strike.
#[derive(Debug, Clone)]
pub struct Swarm {
    mood: u8,
    weights: Vec<u8>,
}

impl Swarm {
    /// No faults.
    #[must_use]
    pub fn calm() -> Self {
        Self { mood: 0, weights: vec![0; Fault::ALL.len()] }
    }

    /// Draws one. One world in sixteen is calm, another has only what the queue makes good; in the others each fault is on
    /// with one chance in three.
    pub fn draw(chance: &mut Chance) -> Self {
        let mut swarm = Self { mood: chance.byte(), weights: Vec::new() };
        swarm.draw_strengths(&Fault::ALL[..FIRST_LATER], chance);
        swarm
    }

    /// Draws the faults that are drawn last.
    pub fn draw_later(&mut self, chance: &mut Chance) {
        self.draw_strengths(&Fault::ALL[FIRST_LATER..], chance);
    }

    fn draw_strengths(&mut self, faults: &[Fault], chance: &mut Chance) {
        let mood = self.mood;
        self.weights.extend(faults.iter().map(|fault| {
            let on = chance.happens(86);
            let strength = [3, 8, 20, 48][chance.below(4)];
            let may = mood >= 32 || (mood >= 16 && fault.is_made_good());
            if on && may { strength } else { 0 }
        }));
    }

    /// Whether nothing goes wrong but what the queue makes good.
    #[must_use]
    pub fn is_mild(&self) -> bool {
        Fault::ALL.iter().all(|fault| fault.is_made_good() || self.weight(*fault) == 0)
    }

    /// The weight of a fault.
    #[must_use]
    pub fn weight(&self, fault: Fault) -> u8 {
        self.weights.get(fault as usize).copied().unwrap_or(0)
    }
}
