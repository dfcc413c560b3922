//! The real binary, run as a person or a program runs it; what it prints as JSON is held against its schema.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bft-under-test"));
    command.args(arguments).stdin(Stdio::null()).env_remove("COLUMNS").env_remove("NO_COLOR");
    command
}

pub fn bft(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The exit code, standard output and standard error.
pub fn said(output: &Output) -> (i32, String, String) {
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Standard output of a run with that exit code, which must have written nothing to standard error.
#[track_caller]
pub fn answer(arguments: &[&str], code: i32) -> String {
    let (ended, out, err) = said(&bft(arguments));
    assert_eq!(ended, code, "{arguments:?}: {out}{err}");
    assert_eq!(err, "", "{arguments:?}: nothing is shown beside the answer, no bar either");
    out
}

/// The answer for programs, which is as the schema says.
#[track_caller]
pub fn json(arguments: &[&str], code: i32) -> Value {
    let answer = serde_json::from_str(&answer(&[arguments, &["--format", "json"]].concat(), code)).unwrap();
    fits_the_schema(&answer);
    answer
}

/// Refused, with exit code 2, no answer, and a message that has these words.
#[track_caller]
pub fn refused(arguments: &[&str], words: &[&str]) {
    let (code, out, err) = said(&bft(arguments));
    assert_eq!(code, 2, "{arguments:?}: {out}{err}");
    assert_eq!(out, "", "{arguments:?}");
    assert!(err.starts_with("error: "), "{arguments:?}: {err}");
    for word in words {
        assert!(err.contains(word), "{arguments:?}: '{word}' is not in: {err}");
    }
}

/// The schema, in which nothing may stand that it does not name: so that every field is documented.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/guide/output.schema.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
});

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_whole = fields.contains_key("type") && fields.contains_key("properties");
            if is_whole && !fields.contains_key("oneOf") {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

#[track_caller]
pub fn fits_the_schema(answer: &Value) {
    let errors: Vec<_> =
        SCHEMA.iter_errors(answer).map(|error| format!("{}: {error:.400}", error.instance_path())).collect();
    assert!(errors.is_empty(), "it does not fit the schema: {errors:?}\n{answer:#}");
}

/// A folder of this test's own, removed in the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// The names of what is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
