//! The simulation: the real four steps and the real CRM clients, between both sandboxes, the FIFO model and the
//! store model, in one thread on virtual clocks. Every choice comes from one script of bytes, so the same seed is
//! the same world on any machine.
//!
//! Read in this order: [`turn`] is how every effect becomes a choice, [`site`] and [`desk`] are the outside and
//! one worker's hands on it, [`worker`] and [`world`] are what runs, [`users`] are the people, [`chaos`],
//! [`surroundings`] and [`phases`] the life of a world, [`oracle`] the judge. [`walk`] lives through short scenarios once for each effect
//! at which a worker can be struck.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod burial;
pub mod chance;
pub mod chaos;
pub mod clock;
pub mod course;
pub mod desk;
pub mod display;
pub mod fault;
pub mod mark;
pub mod oracle;
pub mod phases;
pub mod post;
pub mod profile;
pub mod run;
pub mod saved;
mod scope;
pub mod shrink;
pub mod site;
pub mod surroundings;
pub mod turn;
pub mod users;
pub mod walk;
pub mod watch;
pub mod worker;
pub mod world;
