//! What is not printed when a process is lost.

use std::panic::{set_hook, take_hook};
use std::sync::Once;
use std::thread;

/// The threads that carry bytes panic when a link fails, and so do those that search or wait for them. Who looks after the processes says in
/// words what was lost; the panics themselves say nothing more, and are not printed.
pub(super) fn be_quiet_about_lost_links() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            let of_links = thread::current().name().is_some_and(|name| {
                let searches = name.starts_with("timely:work-") && is_of_links(info.payload());
                let waits = name == super::cluster::WAITS && is_of_links(info.payload());
                searches || waits || name.starts_with("timely:send-") || name.starts_with("timely:recv-")
            });
            if !of_links {
                others(info);
            }
        }));
    });
}

/// Whether a thread has panicked because one that carries bytes has.
fn is_of_links(payload: &dyn std::any::Any) -> bool {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    ["MergeQueue", "timely communication error", "Send thread panic", "Recv thread panic", "Worker panic"]
        .iter()
        .any(|known| text.contains(known))
}
