//! What README and the guide print is what the program prints: their commands are run, and what stands below a command is
//! compared with its output.
//!
//! - The commands of a block `sh` or `console` are run one after the other, in a folder of their own. None may end with the
//!   exit code of a question that makes no sense, but for those of a block `console`, which shows such too.
//! - A block `text` below a block `sh` is output of its last command; a block `mermaid` is the file that it wrote.
//! - `…` stands for anything, at the end of a line and at its beginning, where a remark may follow. Times, and states a second,
//!   are not compared, and neither is where a line is broken.
//! - `<!-- not run: WHY -->` before a block leaves it out; `<!-- output of: COMMAND -->` says whose output a block is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The two commands that set everything up: whoever runs this test has run one of them, and CI runs the other.
const SET_UP: [&str; 2] = ["cargo run -- check", "cargo test"];

#[derive(Debug)]
struct Block {
    place: String,
    kind: String,
    /// What the comment before it says.
    comment: Option<String>,
    lines: Vec<String>,
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let guide = fs::read_dir(root.join("src/guide")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = guide.filter(|path| path.extension().is_some_and(|it| it == "md")).collect();
    pages.sort();
    pages.push(root.join("README.md"));
    pages
}

fn blocks(page: &Path) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap();
    let name = page.file_name().unwrap().to_string_lossy().into_owned();
    let (mut blocks, mut open, mut comment) = (Vec::new(), None::<Block>, None);
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (Some(block), None) => block.lines.push(line.to_owned()),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(kind)) => {
                let place = format!("{name}:{number}");
                open =
                    Some(Block { place, kind: kind.to_owned(), comment: comment.take(), lines: Vec::new() });
            }
            (None, None) if line.starts_with("<!-- ") => {
                comment = Some(line.trim_start_matches("<!-- ").trim_end_matches(" -->").to_owned());
            }
            (None, None) if !line.trim().is_empty() => comment = None,
            (None, None) => {}
        }
    }
    blocks
}

/// Whole commands: what stands behind `#` is a remark, and `\` goes on in the next line.
fn commands(lines: &[String]) -> Vec<String> {
    let joined = lines.iter().map(|line| line.split(" #").next().unwrap_or_default().trim_end());
    let joined = joined.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    joined.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Runs a command in a folder: what it prints, and how it ends.
fn run(command: &str, folder: &Path) -> (String, Option<i32>) {
    let of_the_tutorial = command.strip_prefix("cargo run --example tutorial -- ");
    let of_bft = command.strip_prefix("cargo run -- ").or(command.strip_prefix("bft "));
    let (program, arguments) = match of_the_tutorial {
        Some(arguments) => (env!("CARGO_BIN_EXE_tutorial-under-test"), arguments),
        None => (env!("CARGO_BIN_EXE_bft-under-test"), of_bft.expect("it is a command of this program")),
    };
    let arguments = arguments.split_whitespace();
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (said, output.status.code())
}

/// The words of a text, without what differs from run to run.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut of_time = 0;
    for word in text.split_whitespace() {
        let is_number = word.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '.');
        match words.last_mut() {
            Some(last) if word.trim_end_matches([',', '.']) == "s" && last.contains('.') => {
                *last = "TIME".to_owned();
                of_time = 1;
            }
            // How many states a second stands behind the time.
            _ if of_time == 1 && is_number => of_time = 0,
            _ => {
                of_time = 0;
                words.push(word.to_owned());
            }
        }
    }
    words
}

/// Whether the output has each part of what is shown, in that order.
fn shows(output: &str, shown: &[String]) -> Result<(), String> {
    let output = words(output);
    let mut rest = &output[..];
    let shown = shown.iter().map(|line| match line.trim() {
        line if line.starts_with('…') => "…".to_owned(),
        line => line.to_owned(),
    });
    for part in shown.collect::<Vec<_>>().join("\n").split('…') {
        let part = words(part);
        let found = (0..=rest.len().saturating_sub(part.len())).find(|&at| rest[at..].starts_with(&part));
        match found {
            Some(at) => rest = &rest[at + part.len()..],
            None => return Err(format!("not printed: {}", part.join(" "))),
        }
    }
    Ok(())
}

/// A block of commands with the blocks that show what came of it.
#[derive(Debug)]
struct Scene {
    commands: Block,
    shown: Vec<Block>,
}

fn scenes() -> Vec<Scene> {
    let mut scenes: Vec<Scene> = Vec::new();
    for page in pages() {
        let mut is_shown = false;
        for block in blocks(&page) {
            let said = block.comment.clone().unwrap_or_default();
            match (&block.kind[..], said.strip_prefix("output of: ")) {
                _ if said.starts_with("not run: ") => is_shown = false,
                (_, Some(command)) => {
                    let lines = vec![command.to_owned()];
                    let (kind, place) = ("sh".to_owned(), block.place.clone());
                    let commands = Block { place, kind, comment: None, lines };
                    scenes.push(Scene { commands, shown: vec![block] });
                    is_shown = false;
                }
                ("sh" | "console", None) => {
                    scenes.push(Scene { commands: block, shown: Vec::new() });
                    is_shown = true;
                }
                ("text" | "mermaid", None) => match scenes.last_mut() {
                    Some(scene) if is_shown => scene.shown.push(block),
                    _ => panic!("{}: whose output is this?", block.place),
                },
                _ => is_shown = false,
            }
        }
    }
    scenes
}

/// Plays a block of commands, and says what is not as it is printed.
fn play(scene: &Scene, folder: &Path) -> Vec<String> {
    let Scene { commands: block, shown } = scene;
    let mut wrong = Vec::new();
    if block.kind == "console" {
        for lines in block.lines.split_inclusive(|line| line.starts_with("$ ")).collect::<Vec<_>>().windows(2)
        {
            let command = lines[0].last().unwrap().trim_start_matches("$ ");
            let expected: Vec<_> = lines[1].iter().filter(|line| !line.starts_with("$ ")).cloned().collect();
            let (said, _) = run(command, folder);
            wrong.extend(
                shows(&said, &expected).err().map(|why| format!("{}: {command}: {why}", block.place)),
            );
        }
        return wrong;
    }
    let (mut said, mut last) = (String::new(), String::new());
    for command in commands(&block.lines) {
        if SET_UP.contains(&&command[..]) {
            continue;
        }
        let code;
        (said, code) = run(&command, folder);
        if !matches!(code, Some(0 | 10 | 11 | 20)) {
            wrong.push(format!("{}: {command}: it ends with {code:?}: {said}", block.place));
        }
        last = command;
    }
    for block in shown {
        let written = last.split_whitespace().find(|word| word.ends_with(".mmd"));
        let output = match written.filter(|_| block.kind == "mermaid") {
            Some(file) => fs::read_to_string(folder.join(file)).unwrap(),
            None => said.clone(),
        };
        wrong.extend(shows(&output, &block.lines).err().map(|why| format!("{}: {last}: {why}", block.place)));
    }
    wrong
}

#[test]
fn what_is_printed_in_the_documents_is_what_is_printed() {
    let (scenes, next) = (scenes(), AtomicUsize::new(0));
    assert!(scenes.iter().filter(|scene| !scene.shown.is_empty()).count() > 5, "{scenes:?}");
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("guide");
    let work = || {
        let mut wrong = Vec::new();
        while let Some((number, scene)) =
            Some(next.fetch_add(1, Relaxed)).and_then(|n| Some((n, scenes.get(n)?)))
        {
            let folder = root.join(number.to_string());
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            wrong.extend(play(scene, &folder));
        }
        wrong
    };
    let wrong = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_printed_is_missed() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let output = "a  b\nc 0.14 s  243,160  holds\nd";
    assert_eq!(shows(output, &shown("a b c\n…\nd")), Ok(()));
    assert_eq!(shows(output, &shown("c 7.90 s 1 holds")), Ok(()));
    assert!(shows(output, &shown("a b d")).is_err());
    assert!(shows(output, &shown("d\n…\na")).is_err());
}
