//! The dataflow that carries states between threads, and says when no more can come.
//!
//! It is one operator behind a channel that brings each batch to its thread, and a way back from its end to its beginning, on
//! which everything grows older by one. A thread that holds a time may still send at that time; so what comes in at a time is all
//! there once nobody holds an earlier one and nothing of it is on its way, which the dataflow finds out and tells as a
//! *frontier*. States of level L come in at time 2 L, and what threads have come to with them at 2 L + 1.

use std::cell::RefCell;
use std::rc::Rc;

use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::{ConnectLoop, Feedback, Operator};
use timely::worker::Worker as Engine;

use super::batch::Batch;
use super::worker::{Finish, Turn, Worker};
use crate::engine::Portable;

/// Searches together with the other threads, until all know how it ended. None if the dataflow has ended before.
pub(super) fn search<M: Portable + Send + Sync + 'static>(
    engine: &mut Engine,
    mut worker: Worker<M>,
) -> Option<Finish> {
    let finish = Rc::new(RefCell::new(None));
    let result = Rc::clone(&finish);
    let activations = engine.clone();
    engine.dataflow::<u64, _, _>(|scope| {
        let (handle, stream) = scope.feedback::<Vec<Batch>>(1);
        let route = Exchange::new(|batch: &Batch| u64::from(batch.to.0));
        let sent = stream.unary_frontier(route, "search", move |capability, info| {
            let activator = activations.activator_for(info.address);
            let mut held = Some(capability);
            move |(input, frontier), output| {
                input.for_each(|_, batches: &mut Vec<Batch>| {
                    batches.drain(..).for_each(|batch| worker.take(batch));
                });
                while let Some(capability) = &mut held {
                    let time = *capability.time();
                    let turn = worker.turn(!frontier.less_equal(&time));
                    let mut session = output.session(capability);
                    worker.outbox().for_each(|batch| session.give(batch));
                    drop(session);
                    match turn {
                        Turn::Wait => break,
                        Turn::Again => {
                            activator.activate();
                            break;
                        }
                        Turn::Next => capability.downgrade(&(time + 1)),
                        Turn::Done(finish) => {
                            *result.borrow_mut() = Some(finish);
                            held = None;
                        }
                    }
                }
            }
        });
        sent.connect_loop(handle);
    });
    while engine.has_dataflows() {
        engine.step_or_park(None);
    }
    finish.take()
}
