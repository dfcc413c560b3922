//! A client of the DevTools protocol over a pipe, which needs neither a port nor a socket: the browser reads questions
//! from its file descriptor 3 and answers on 4, each a JSON value with a zero byte behind it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest that a browser may take for an answer on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The names under which Chromium is installed.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser that is installed, if one is; `BFT_BROWSER` names another.
pub fn program() -> Option<PathBuf> {
    if let Some(chosen) = std::env::var_os("BFT_BROWSER") {
        return Some(chosen.into());
    }
    let folders: Vec<_> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    PROGRAMS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

/// A browser with an empty profile; ended when it is dropped.
pub struct Browser {
    process: Child,
    questions: ChildStdin,
    answers: Receiver<Value>,
    events: Vec<Value>,
    asked: u64,
    profile: PathBuf,
}

impl Browser {
    pub fn launch(program: &PathBuf, name: &str) -> Self {
        let profile = std::env::temp_dir().join(format!("bft-page-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&profile).unwrap();
        // A shell, since descriptors beyond the first three cannot be handed over without unsafe code. Root has no
        // sandbox, nor has a container.
        let line = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                    --disable-background-networking --disable-component-update --disable-extensions --mute-audio \
                    --user-data-dir=\"$1\" --remote-debugging-pipe about:blank 3<&0 4>&1 >/dev/null </dev/null";
        let mut process = Command::new("sh")
            .args(["-c", line])
            .arg(program)
            .arg(&profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (questions, said) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (hand_over, answers) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(said).split(0).map_while(Result::ok) {
                if hand_over.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        Browser { process, questions, answers, events: Vec::new(), asked: 0, profile }
    }

    /// Asks, and waits for the answer; what is announced meanwhile is kept for [`Self::events`].
    pub fn ask(&mut self, session: Option<&str>, method: &str, parameters: Value) -> Result<Value, String> {
        self.asked += 1;
        let mut question = json!({"id": self.asked, "method": method, "params": parameters});
        if let Some(session) = session {
            question["sessionId"] = session.into();
        }
        self.questions.write_all(format!("{question}\0").as_bytes()).unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut answer =
                self.answers.recv_timeout(left).map_err(|e| format!("{method} has no answer: {e}"))?;
            if answer["id"] != self.asked {
                self.events.push(answer);
                continue;
            }
            return match answer["error"].take() {
                Value::Null => Ok(answer["result"].take()),
                error => Err(format!("{method}: {error}")),
            };
        }
    }

    /// What has been announced since the last time.
    pub fn events(&mut self) -> Vec<Value> {
        self.events.extend(self.answers.try_iter());
        std::mem::take(&mut self.events)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.ask(None, "Browser.close", json!({}));
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
