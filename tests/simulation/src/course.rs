//! The course of the calm order: where on it a worker is struck. The chaos strikes anywhere and everywhere; here one
//! thing goes wrong, at a place that is counted, so that every place can be walked.

use concord_core::names::Side;
use jiff::SignedDuration;

use crate::fault::Fault;
use crate::turn::{Effect, Verdict};
use crate::worker::{Job, Worker};
use crate::world::{RUN, World};

/// How long an overtaken worker stands still: long enough for another to do all there is to do, short enough for the
/// function not to be ended meanwhile.
const STANDS_STILL: SignedDuration = SignedDuration::from_secs(30);

/// What befalls workers. Effects are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strike {
    /// Nothing.
    #[default]
    Nothing,
    /// A worker dies, and this effect does not happen.
    DiesBefore(usize),
    /// A worker dies, and this effect was its last.
    DiesAfter(usize),
    /// A worker stands still before this effect. Its job is given to another, who finishes it and all that follows;
    /// then the first goes on where it stood.
    OvertakenBefore(usize),
    /// Every job is given to two workers at once, whose effects alternate.
    TwiceBeside,
    /// Every job is done twice, by one worker after the other.
    TwiceBehind,
}

/// How far the calm order has come.
#[derive(Debug, Default)]
pub struct Course {
    /// What befalls the workers.
    pub strike: Strike,
    /// The next write to this side happens, and its answer is lost.
    pub loses_answer: Option<Side>,
    /// Effects so far, whether they happened or not.
    pub effects: Vec<Effect>,
    /// Those with which a job began.
    pub firsts: Vec<usize>,
    /// How often a worker was struck.
    pub struck: usize,
}

impl World {
    /// Lets one effect happen, unless its worker is struck.
    pub(crate) fn grant_on_course(&mut self, turn: (u64, usize, Effect)) {
        let (_, worker, effect) = turn;
        let place = self.course.effects.len();
        self.course.effects.push(effect);
        if self.workers.get_mut(worker).is_some_and(Worker::comes_to_its_first_effect) {
            self.course.firsts.push(place);
        }
        match self.course.strike {
            Strike::DiesBefore(at) if at == place => return self.kill(worker),
            Strike::OvertakenBefore(at) if at == place => return self.overtake(worker),
            Strike::Nothing
            | Strike::DiesBefore(_)
            | Strike::DiesAfter(_)
            | Strike::OvertakenBefore(_)
            | Strike::TwiceBeside
            | Strike::TwiceBehind => {}
        }
        let verdict = match (effect, self.course.loses_answer) {
            (Effect::Call { side, .. }, Some(loses)) if side == loses && effect.writes() => {
                self.course.loses_answer = None;
                Verdict::AnswerLost
            }
            (Effect::Call { .. } | Effect::Answer | Effect::Store(_) | Effect::Send, _) => Verdict::Happens,
        };
        self.grant(turn, verdict);
        if self.course.strike == Strike::DiesAfter(place) {
            self.kill(worker);
        }
    }

    fn kill(&mut self, worker: usize) {
        self.course.struck += 1;
        self.site.watch().strike(Fault::WorkerCrash);
        self.crash(worker);
    }

    fn overtake(&mut self, worker: usize) {
        let now = self.site.clock.now();
        let job = self.workers.get(worker).and_then(|worker| worker.job()).cloned();
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.frozen_until = now.checked_add(STANDS_STILL).ok();
        }
        self.site.watch().log(format_args!("worker {worker} is overtaken"));
        self.give(job);
    }

    /// Gives a job that was just begun to a second worker as well, if that is the course.
    pub(crate) fn double_on_course(&mut self, worker: usize) {
        if self.course.strike == Strike::TwiceBeside {
            let job = self.workers.get(worker).and_then(|worker| worker.job()).cloned();
            self.give(job);
        }
    }

    /// Ends a job; a second worker does it once more, if that is the course.
    pub(crate) fn finish_on_course(&mut self, worker: usize) {
        let again = self.course.strike == Strike::TwiceBehind && worker == 0;
        let job = self.workers.get(worker).and_then(|worker| worker.job()).filter(|_| again).cloned();
        self.finish(worker);
        let second = self.workers.iter().rposition(|other| other.number != worker && other.is_idle());
        if let Some((job, second)) = job.zip(second) {
            self.course.struck += 1;
            self.begin(second, job, RUN);
        }
    }

    fn give(&mut self, job: Option<Job>) {
        if let Some((job, other)) = job.zip(self.idle()) {
            self.course.struck += 1;
            self.begin(other, job, RUN);
        }
    }
}
