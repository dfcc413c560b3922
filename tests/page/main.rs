//! The page in a real browser: Chromium, without a window. Where there is none, each test says that it was not run; with
//! `BFT_REQUIRE_BROWSER=1` that is an error. `BFT_SCREENSHOTS=FOLDER` keeps pictures for people to look at.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adversary;
mod by_hand;
mod counterexample;
mod devtools;
mod files;
mod keyboard;
mod looks;
mod own;
mod searches;
mod served;
mod stateright;
mod tab;
mod tour;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use devtools::Browser;
use served::Served;
use tab::Tab;

/// A test: it is given a browser and the program's arguments have been chosen.
type Test = fn(&mut Tab, &Served);

const TESTS: &[(&str, &[&str], Test)] = &[
    ("the_five_lessons_are_finished_by_who_does_what_they_say", &[], tour::is_finished),
    ("a_lesson_is_not_finished_by_who_does_nothing", &[], tour::is_not_finished_by_looking),
    ("the_broken_rule_is_looked_at_before_it_forks", &[], tour::is_not_rushed),
    ("a_counterexample_is_stepped_to_its_end", &[], counterexample::is_stepped),
    ("a_step_before_the_end_another_branch_is_judged_by_its_own_state", &[], counterexample::is_branched),
    ("an_address_shows_the_same_on_another_machine", &[], counterexample::is_shared),
    ("an_address_that_no_longer_fits_says_at_which_step", &[], counterexample::does_not_fit),
    ("a_quorum_lights_up_and_who_stands_in_two_is_named", &[], counterexample::quorums_light_up),
    ("the_adversary_wins_by_hand_under_prepared_lost", &[], adversary::wins),
    ("the_referee_says_no_under_castro99", &[], adversary::cannot_win),
    ("the_referee_shows_one", &[], adversary::is_shown_one),
    ("the_referee_hints_at_one_step", &[], adversary::is_hinted),
    ("the_referee_says_until_when_it_was_possible", &[], adversary::was_possible),
    ("the_referee_knows_of_views_that_rise_for_ever", &[], adversary::rises_for_ever),
    ("a_search_of_the_referee_is_watched_and_cancelled", &[], searches::of_the_referee),
    ("a_search_for_a_story_is_watched_and_cancelled", &[], searches::of_a_story),
    ("the_referee_says_whether_they_can_be_stopped_for_ever", &[], adversary::is_asked_for_ever),
    ("a_replica_crashes_by_hand_as_often_as_the_bound_says", &[], by_hand::crashes),
    ("a_message_is_lost_by_hand_to_one_replica", &[], by_hand::is_lost),
    ("a_dead_end_is_said_to_be_one", &[], by_hand::ends),
    ("a_lasso_is_a_ring", &[], counterexample::goes_round),
    ("a_trace_is_dropped", &[], files::is_dropped),
    ("a_trace_of_a_simulated_run_is_dropped", &[], files::is_dropped_of_a_simulation),
    ("a_file_that_is_no_trace_is_refused", &[], files::is_refused),
    ("the_export_opens_from_disk", &[], files::is_exported),
    ("the_export_is_readable_without_scripts", &[], files::is_readable_without_scripts),
    (
        "staterights_explorer_follows_prepared_lost_to_its_end",
        &["--rules", "prepared-lost"],
        stateright::follows,
    ),
    ("a_protocol_of_ones_own_is_stepped_to_its_fork", &[], own::is_stepped),
    ("a_protocol_of_ones_own_is_branched_and_its_address_survives", &[], own::is_branched),
    ("a_protocol_of_ones_own_is_played_with_twins_and_without", &[], own::is_played),
    ("a_trace_of_a_protocol_of_ones_own_is_opened_and_dropped", &[], own::is_opened),
    ("staterights_explorer_follows_a_protocol_of_ones_own", &[], own::is_followed),
    ("they_can_be_stopped_for_ever_in_a_protocol_of_ones_own", &[], own::is_asked_for_ever),
    ("what_would_do_nothing_cannot_be_pressed", &[], by_hand::cannot_press_what_does_nothing),
    ("keys_do_what_the_mouse_does", &[], keyboard::does_all),
    ("nothing_is_wider_than_the_window", &[], looks::fits),
    ("words_stand_out_in_light_and_in_dark", &[], looks::is_legible),
    ("who_hears_the_page_is_told_all", &[], looks::has_roles),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A browser is several processes.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let program = devtools::program();
    // Those that wait for the next test: to launch one takes longer than most tests.
    let idle: Arc<Mutex<Vec<Browser>>> = Arc::default();
    let trial = |&(name, options, test)| trial(name, options, test, program.clone(), Arc::clone(&idle));
    let conclusion = libtest_mimic::run(&arguments, TESTS.iter().map(trial).collect());
    idle.lock().unwrap().clear();
    conclusion.exit_code()
}

fn trial(
    name: &'static str,
    options: &'static [&'static str],
    test: Test,
    program: Option<PathBuf>,
    idle: Arc<Mutex<Vec<Browser>>>,
) -> Trial {
    Trial::ignorable_test(name, move || {
        let Some(program) = program else {
            return match std::env::var("BFT_REQUIRE_BROWSER").is_ok_and(|value| value != "0") {
                true => Err("Chromium is not installed, and is required".into()),
                false => Ok(Completion::ignored_with("NOT RUN, Chromium is not installed")),
            };
        };
        let waiting = idle.lock().unwrap().pop();
        let browser = waiting.unwrap_or_else(|| Browser::launch(&program, name));
        let browser = run(name, options, test, browser)?;
        idle.lock().unwrap().push(browser);
        Ok(Completion::Completed)
    })
}

/// Runs a test in a tab of its own; the browser, if nothing was wrong.
fn run(name: &str, options: &[&str], test: Test, browser: Browser) -> Result<Browser, Failed> {
    let served = Served::start(options);
    let mut tab = Tab::open(browser);
    let outcome = catch_unwind(AssertUnwindSafe(|| test(&mut tab, &served)));
    let problems = tab.problems();
    let problems =
        if problems.is_empty() { String::new() } else { format!("in the console: {}", problems.join("\n")) };
    match outcome {
        Ok(()) if problems.is_empty() => Ok(tab.close()),
        Ok(()) => Err(problems.into()),
        Err(panicked) => {
            tab.picture(&format!("failed-{name}"));
            let words = panicked.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panicked.downcast_ref::<&str>().map(ToString::to_string));
            Err(format!("{}\n{problems}", words.unwrap_or_default()).into())
        }
    }
}
