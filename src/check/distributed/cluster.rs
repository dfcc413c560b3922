//! The threads of this process, and their links to those of the others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

use timely::WorkerConfig;
use timely::communication::AllocatorBuilder;
use timely::communication::Hooks;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;

use super::counted::Counted;
use super::ids::Team;
use super::shared::Shared;
use super::worker::Finish;
use crate::check::limits::Process;
use crate::interrupt::Over;

/// The name of the thread that waits for all others.
pub(super) const WAITS: &str = "processes";

/// What is heard of the threads.
pub(super) enum News {
    /// How all threads have come to the end of the job of that place.
    Done(usize, Finish),
    /// All threads have ended, and everything that they have sent has left; or a link has failed.
    Over,
}

/// Starts the threads, each of which does its part of all jobs, one after the other. What is heard of them goes to `news`.
///
/// # Errors
/// No thread can be started.
pub(super) fn start(
    jobs: Arc<[Arc<dyn Shared>]>,
    (team, own): (Team, Process),
    sockets: Vec<Option<Counted>>,
    over: Option<Over>,
    news: Sender<News>,
) -> std::io::Result<()> {
    let ended = news.clone();
    let all = move || {
        let hooks = Hooks::default();
        let threads = team.threads as usize;
        let within = ProcessBuilder::new_typed_vector(threads, hooks.refill.clone(), hooks.spill.clone());
        let linked = initialize_networking_from_sockets(within, sockets, own.place(), threads, hooks);
        let (builders, links) = linked.map_err(|why| why.to_string())?;
        let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
        // There may be more threads than processors: who waits leaves its own to others.
        let settings = WorkerConfig::default().idle_spin(std::time::Duration::ZERO);
        let first = team.first_of(own);
        let guards = timely::execute::execute_from(builders, Box::new(links), settings, move |engine| {
            for (place, job) in jobs.iter().enumerate() {
                let Some(finish) = job.search(engine, over.clone()) else { return };
                if engine.index() == first.0 as usize {
                    // Nobody may wait for it any more.
                    let _ = news.send(News::Done(place, finish));
                }
            }
        })?;
        guards.join().into_iter().collect::<Result<(), String>>()
    };
    thread::Builder::new().name(WAITS.to_owned()).spawn(move || {
        // Why a link has failed is heard elsewhere.
        let _ = catch_unwind(AssertUnwindSafe(all));
        let _ = ended.send(News::Over);
    })?;
    Ok(())
}
