//! That a solver which misbehaves turns these tests red, with the name of the question, and that one which is
//! missing is not overlooked. The tests are run again with programs of ours in the place of the solvers: they say
//! that everything is proved, but for one question.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bft_check::proof::Prover;
use libtest_mimic::{Failed, Trial};

/// What a fake does when it is asked about agreement, and whether that may pass. `$proved` is what its kind of
/// solver says of what it has proved.
const FAKES: [(&str, &str, bool); 12] = [
    ("answers well", "echo \"$proved\"", true),
    ("says unknown", "echo \"$unknown\"", false),
    ("says sat", "echo \"$refuted\"", false),
    ("says both", "echo \"$proved\"; echo \"$refuted\"", false),
    ("says unsat twice", "echo \"$proved\"; echo \"$proved\"", false),
    ("says more than unsat", "echo \"$proved, I think\"", false),
    ("says nothing", ":", false),
    ("fails", "exit 1", false),
    ("says unsat and fails", "echo \"$proved\"; exit 1", false),
    ("says unsat and is killed", "echo \"$proved\"; kill -9 $$", false),
    ("says unsat and hangs", "echo \"$proved\"; sleep 60", false),
    ("leaves a child that hangs", "echo \"$proved\"; sleep 60 &", false),
];

/// The same for what only an SMT solver can do: E's errors are no lines that could be taken for an answer.
const ERROR: (&str, &str) = ("reports an error, then unsat", "echo '(error \"line 1\")'; echo unsat");

/// A directory of programs, removed in the end.
struct Programs(PathBuf);

impl Programs {
    fn new(name: &str) -> Result<Self, Failed> {
        let unique = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let path = std::env::temp_dir().join(format!("bft-fake-{}-{unique}", std::process::id()));
        fs::create_dir_all(&path).map_err(|e| e.to_string())?;
        Ok(Programs(path))
    }

    /// A prover that does this when it is asked about agreement, and proves everything else.
    fn fake(&self, prover: Prover, deed: &str) -> Result<(), Failed> {
        let words = match prover {
            Prover::Z3 | Prover::Cvc5 => "proved=unsat refuted=sat unknown=unknown",
            Prover::E => {
                "proved='# SZS status Theorem' refuted='# SZS status CounterSatisfiable' \
                 unknown='# SZS status ResourceOut'"
            }
        };
        let script = format!(
            "#!/bin/sh\n{words}\n\
             if [ \"$1\" = --version ]; then echo 'a fake'; exit; fi\n\
             case \"$(cat)\" in *'safety: agreement'*) {deed};; *) echo \"$proved\";; esac\n"
        );
        let path = self.0.join(prover.program());
        fs::write(&path, script).map_err(|e| e.to_string())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
        Ok(())
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        // What is left in a temporary directory harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// These tests, as far as they match, with nothing on the path but what is here and the shell's tools.
fn again(path: &Path, filter: &str, required: bool) -> Result<Output, Failed> {
    let tests = std::env::current_exe().map_err(|e| e.to_string())?;
    let tools = Programs::new(&format!("tools-{filter}-{required}-{}", path.display()))?;
    for tool in ["cat", "sleep"] {
        let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
        let found = found.iter().find(|p| p.exists()).ok_or("no cat and no sleep")?;
        std::os::unix::fs::symlink(found, tools.0.join(tool)).map_err(|e| e.to_string())?;
    }
    let mut command = Command::new(tests);
    command.arg(filter).env("PATH", format!("{}:{}", path.display(), tools.0.display()));
    command.env("BFT_SOLVER_SECONDS", "1").env("BFT_REQUIRE_SOLVERS", if required { "1" } else { "0" });
    command.output().map_err(|e| e.to_string().into())
}

/// The exit code is this, and each of these words is in what was printed.
fn expect(output: &Output, success: bool, words: &[&str]) -> Result<(), Failed> {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    if output.status.success() != success {
        return Err(format!("{}:\n{text}", output.status).into());
    }
    match words.iter().find(|word| !text.contains(**word)) {
        Some(word) => Err(format!("nothing is said of {word:?}:\n{text}").into()),
        None => Ok(()),
    }
}

fn fake(prover: Prover, name: &str, deed: &str, passes: bool) -> Result<(), Failed> {
    let programs = Programs::new(&format!("{prover}-{name}"))?;
    programs.fake(prover, deed)?;
    let output = again(&programs.0, &format!("{prover}::safety"), true)?;
    match passes {
        true => expect(&output, true, &["1 passed; 0 failed"]),
        false => {
            let first = format!("{prover} fails at 1 of 3:");
            expect(&output, false, &[&first, "safety / agreement: Failed("])
                .or_else(|_| expect(&output, false, &[&first, "safety / agreement: Answer(Sat)"]))
        }
    }
}

/// A prover that is not there.
fn missing() -> Result<(), Failed> {
    let programs = Programs::new("none")?;
    let required = again(&programs.0, "z3::safety", true)?;
    expect(&required, false, &["z3 is not installed, and is required"])?;
    let asked = again(&programs.0, "::safety", false)?;
    let warning = "WARNING: not installed: z3, cvc5, eprover, coqc.";
    expect(&asked, true, &["z3: NOT INSTALLED", "0 passed; 0 failed; 3 ignored", "NOT PROVED", warning])
}

/// One test for each way to misbehave.
pub fn trials() -> Vec<Trial> {
    let mut trials = vec![Trial::test("fakes::a missing prover", missing)];
    for (name, deed, passes) in FAKES {
        trials.push(Trial::test(format!("fakes::one that {name}"), move || {
            Prover::ALL.into_iter().try_for_each(|prover| fake(prover, name, deed, passes))
        }));
    }
    trials.push(Trial::test(format!("fakes::one that {}", ERROR.0), || {
        [Prover::Z3, Prover::Cvc5].into_iter().try_for_each(|prover| fake(prover, ERROR.0, ERROR.1, false))
    }));
    trials
}
