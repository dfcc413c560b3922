//! What is outside first-order logic, checked by Coq: `proofs/coq`. Every lemma there has to be proved from
//! nothing, which is asked of Coq itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use bft_check::proof::Model;
use libtest_mimic::{Failed, Trial};

use super::Provers;

/// The program that checks them.
pub const PROGRAM: &str = "coqc";

/// What Coq says of a theorem that rests on no axiom and on nothing that was left open.
const CLOSED: &str = "Closed under the global context";

/// What is stated there, each file after those that it needs.
const FILES: [(&str, &str); 3] = [
    ("Induction", include_str!("../../proofs/coq/Induction.v")),
    ("Quorums", include_str!("../../proofs/coq/Quorums.v")),
    ("Safety", include_str!("../../proofs/coq/Safety.v")),
];

/// The first line of what Coq says about itself; none if it cannot be run.
pub fn version() -> Option<String> {
    let output = Command::new(PROGRAM).arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// A directory of its own for what Coq writes.
fn directory(name: &str) -> Result<PathBuf, Failed> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("coq-{name}"));
    fs::create_dir_all(&path).map_err(|e| e.to_string())?;
    Ok(path)
}

/// Lets Coq check a file; what it prints.
fn check(directory: &Path, name: &str, text: &str) -> Result<String, Failed> {
    let file = format!("{name}.v");
    fs::write(directory.join(&file), text).map_err(|e| e.to_string())?;
    let output = Command::new(PROGRAM).arg("-q").arg(&file).current_dir(directory).output();
    let output = output.map_err(|e| e.to_string())?;
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() { Ok(said) } else { Err(format!("{file}: {}: {said}", output.status).into()) }
}

/// The names of what a file states.
fn statements(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let rest =
                ["Theorem ", "Lemma ", "Corollary "].iter().find_map(|word| line.strip_prefix(word))?;
            rest.split(|c: char| c.is_whitespace() || c == ':').next()
        })
        .collect()
}

/// That each of the statements of a checked file rests on nothing else.
fn assert_closed(directory: &Path, file: &str, text: &str) -> Result<(), Failed> {
    let names = statements(text);
    if names.is_empty() {
        return Err(format!("{file}.v states nothing").into());
    }
    let asked = names.iter().map(|name| format!("Print Assumptions {file}.{name}.\n")).collect::<String>();
    let said = check(directory, "Question", &format!("Require {file}.\n{asked}"))?;
    if said.lines().eq(names.iter().map(|_| CLOSED)) {
        return Ok(());
    }
    Err(format!("not all of {names:?} in {file}.v rest on nothing else: {said}").into())
}

/// The files, and that these tests notice what is not proved.
pub fn trials(provers: &Provers, model: &Arc<Model>) -> Vec<Trial> {
    let model = Arc::clone(model);
    let all = move || -> Result<(), Failed> {
        let directory = directory("files")?;
        check(&directory, "Model", &model.coq())?;
        for (name, text) in FILES {
            check(&directory, name, text)?;
            assert_closed(&directory, name, text)?;
        }
        Ok(())
    };
    let doubts = || -> Result<(), Failed> {
        let directory = directory("doubts")?;
        for text in [
            "Theorem t : False.\nAdmitted.\n",
            "Axiom a : False.\nTheorem t : False.\nProof. exact a. Qed.\n",
            "Theorem t : False.\nProof. auto. Qed.\n",
        ] {
            let taken =
                check(&directory, "False", text).and_then(|_| assert_closed(&directory, "False", text));
            if taken.is_ok() {
                return Err(format!("this was taken for a proof: {text}").into());
            }
        }
        Ok(())
    };
    vec![
        provers.trial_with("coq::induction, quorums, and both together".into(), &[PROGRAM], all),
        provers.trial_with("coq::takes nothing unproved".into(), &[PROGRAM], doubts),
    ]
}
