//! The guide: how to ask the checker something, how to read its answers, and where its limits are.
//!
//! Each page is a Markdown file in `src/guide/`. [`getting_started`] is the first one.

#[doc = include_str!("getting_started.md")]
pub mod getting_started {}

#[doc = include_str!("your_own_rules.md")]
pub mod your_own_rules {}

#[doc = include_str!("tutorial.md")]
pub mod tutorial {}

#[doc = include_str!("your_own_protocol.md")]
pub mod your_own_protocol {}

#[doc = include_str!("released_code.md")]
pub mod released_code {}

#[doc = include_str!("releases.md")]
pub mod releases {}

#[doc = include_str!("your_crate.md")]
pub mod your_crate {}

#[doc = include_str!("judges_and_bounds.md")]
pub mod judges_and_bounds {}

#[doc = include_str!("counterexamples.md")]
pub mod counterexamples {}

#[doc = include_str!("the_page.md")]
pub mod the_page {}

#[doc = include_str!("liveness.md")]
pub mod liveness {}

#[doc = include_str!("any_number_of_views.md")]
pub mod any_number_of_views {}

#[doc = include_str!("corpus.md")]
pub mod corpus {}

#[doc = include_str!("the_document.md")]
pub mod the_document {}

#[doc = include_str!("simulation.md")]
pub mod simulation {}

#[doc = include_str!("proof.md")]
pub mod proof {}

#[doc = include_str!("formats.md")]
#[doc = include_str!("growth.svg")]
pub mod formats {}

#[doc = include_str!("several_machines.md")]
pub mod several_machines {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("measurements.md")]
pub mod measurements {}

#[doc = include_str!("glossary.md")]
pub mod glossary {}

#[doc = include_str!("compared.md")]
pub mod compared {}
