//! What a check came to, for programs.

use serde_json::{Value, json};

use super::limits::limit;
use super::{exit_code, output};
use crate::check::{Checked, Conclusion, Job, JudgeKind, Outcome, Verdict, collision_probability};

/// The whole answer of `bft check`.
pub(super) fn checked(checked: &Checked, failures: &[String]) -> serde_json::Result<Value> {
    let rows: Result<Vec<_>, _> = checked.outcomes().iter().map(|outcome| row(checked, outcome)).collect();
    let mut out = output::head("check", exit_code(checked.conclusion()));
    out["rules"] = json!(checked.subject().name());
    out["conclusion"] = json!(conclusion(checked.conclusion()));
    out["failures"] = json!(failures);
    out["rows"] = json!(rows?);
    Ok(out)
}

fn row(checked: &Checked, outcome: &Outcome) -> serde_json::Result<Value> {
    let (job, coverage) = (&outcome.job, &outcome.coverage);
    let mut row = json!({
        "judge": job.judge,
        "reductions": job.reductions.names(),
        "bound": bound(job)?,
        "properties": outcome.properties,
        "adversary": job.adversary(),
        "network": job.network(),
        "states": coverage.states,
        "transitions": coverage.transitions,
        "depth": coverage.depth,
        "seconds": coverage.elapsed.as_secs_f64(),
        "collision_probability": collision_probability(coverage.states),
        "unreached": outcome.unreached,
        "covers": job.covers(),
        "within_views": outcome.within_views,
        "rules": outcome.rules,
    });
    match &outcome.verdict {
        Verdict::Holds => row["verdict"] = json!("holds"),
        Verdict::Vacuous => row["verdict"] = json!("vacuous"),
        Verdict::NotExhausted(reached) => {
            row["verdict"] = json!("not exhausted");
            row["limit"] = json!(limit(*reached));
            row["why"] = json!(reached.to_string());
        }
        Verdict::Refused(why) => {
            row["verdict"] = json!("no verdict");
            row["why"] = json!(why);
        }
        Verdict::Violated { property, steps, trace } => {
            row["verdict"] = json!("violated");
            row["property"] = json!(property);
            row["steps"] = json!(steps);
            row["trace"] = serde_json::from_str(&trace.to_json(checked.subject().name(), Some(*property))?)?;
        }
    }
    Ok(row)
}

/// The bound of a job: of judge *unbounded*, any number of views and any replicas of so many.
fn bound(job: &Job) -> serde_json::Result<Value> {
    let mut bound = serde_json::to_value(&job.bound)?;
    if job.judge == JudgeKind::Unbounded {
        bound["views"] = json!("any");
        bound["byzantine"] = json!({ "any": job.bound.byzantine.len() });
    }
    Ok(bound)
}

fn conclusion(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Holds => "holds",
        Conclusion::Vacuous => "vacuous",
        Conclusion::NotExhausted => "not exhausted",
        Conclusion::NoVerdict => "no verdict",
        Conclusion::NotLive => "not live",
        Conclusion::Unsafe => "unsafe",
    }
}
