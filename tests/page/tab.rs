//! A tab of the browser, as somebody uses it: the keys, the mouse, and what is seen.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::devtools::{Browser, PATIENCE};

/// A size of window, in pixels.
pub const WIDE: (u32, u32) = (1280, 800);
/// That of a telephone.
pub const NARROW: (u32, u32) = (390, 844);

pub struct Tab {
    browser: Browser,
    /// What it shares with no other tab: storage, cache and cookies.
    context: String,
    session: String,
}

impl Tab {
    pub fn open(mut browser: Browser) -> Self {
        let context = browser.ask(None, "Target.createBrowserContext", json!({})).unwrap();
        let context = context["browserContextId"].as_str().unwrap().to_owned();
        let target = json!({"url": "about:blank", "browserContextId": context});
        let target = browser.ask(None, "Target.createTarget", target).unwrap();
        let attached = browser
            .ask(None, "Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}))
            .unwrap();
        let session = attached["sessionId"].as_str().unwrap().to_owned();
        let mut tab = Tab { browser, context, session };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            tab.ask(domain, json!({}));
        }
        tab.resize(WIDE);
        tab
    }

    /// Closes it, with all that it has kept. The browser is as if it had never been.
    pub fn close(mut self) -> Browser {
        let context = json!({"browserContextId": self.context});
        self.browser.ask(None, "Target.disposeBrowserContext", context).unwrap();
        self.browser.events();
        self.browser
    }

    pub fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.browser.ask(Some(&self.session), method, parameters).unwrap()
    }

    pub fn resize(&mut self, (width, height): (u32, u32)) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    pub fn dark(&mut self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.ask("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Opens an address anew, as a friend does who was sent it: another fragment alone would load nothing.
    pub fn goto(&mut self, url: &str) {
        self.ask("Page.navigate", json!({"url": "about:blank"}));
        self.ask("Page.navigate", json!({"url": url}));
    }

    /// Loads the page anew, and waits until the old one has gone.
    pub fn reload(&mut self) {
        self.eval("window.isOld = true");
        self.ask("Page.reload", json!({}));
        self.wait("!window.isOld");
    }

    /// The value of an expression.
    #[track_caller]
    pub fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.ask("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn wait(&mut self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        // While a page loads there may be nothing to evaluate it on.
        let guarded = format!("(() => {{ try {{ return !!({expression}) }} catch {{ return false }} }})()");
        loop {
            let asked = json!({"expression": guarded, "returnByValue": true});
            let answer = self.browser.ask(Some(&self.session), "Runtime.evaluate", asked);
            if answer.is_ok_and(|answer| answer["result"]["value"] == true) {
                return;
            }
            assert!(
                Instant::now() < until,
                "never: {expression}\non: {}",
                self.eval("document.body?.innerText")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until these words are read within what a selector names.
    #[track_caller]
    pub fn wait_for(&mut self, selector: &str, words: &str) {
        let (selector, words) = (json!(selector), json!(words));
        self.wait(&format!(
            "[...document.querySelectorAll({selector})].some(e => e.textContent.includes({words}))"
        ));
    }

    /// The words of the first that a selector names.
    #[track_caller]
    pub fn text(&mut self, selector: &str) -> String {
        let found = self.eval(&format!("document.querySelector({})?.textContent", json!(selector)));
        found.as_str().unwrap_or_else(|| panic!("no {selector}")).to_owned()
    }

    #[track_caller]
    pub fn count(&mut self, selector: &str) -> u64 {
        self.eval(&format!("document.querySelectorAll({}).length", json!(selector))).as_u64().unwrap()
    }

    /// Clicks with the mouse on the first that a selector names, and, if they are given, has these words.
    #[track_caller]
    pub fn click(&mut self, selector: &str, words: &str) {
        let (asked, wanted) = (json!(selector), json!(words));
        let find = format!(
            "(() => {{ const e = [...document.querySelectorAll({asked})].find(e => e.textContent.includes({wanted})
                && e.getClientRects().length);
              if (!e) return null;
              e.scrollIntoView({{ block: 'center', behavior: 'instant' }});
              const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
              const top = document.elementFromPoint(x, y);
              return [x, y, e.contains(top) || (top?.contains(e) ?? false), top?.outerHTML.slice(0, 200)]; }})()"
        );
        let place = self.eval(&find);
        assert!(!place.is_null(), "nothing to click on: {selector} '{words}' on: {}", self.text("body"));
        assert_eq!(place[2], true, "{selector} '{words}' is covered by {}", place[3]);
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key, by its name in the browser.
    pub fn key(&mut self, key: &str) {
        let code = match key {
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            _ => u32::from(key.chars().next().unwrap().to_ascii_uppercase()),
        };
        let text = match key {
            "Enter" => Some("\r"),
            _ if key.chars().count() == 1 => Some(key),
            _ => None,
        };
        let mut event = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        if let Some(text) = text {
            event["text"] = text.into();
        }
        self.ask("Input.dispatchKeyEvent", event);
        let up = json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code});
        self.ask("Input.dispatchKeyEvent", up);
    }

    /// Drops a file onto the middle of the page.
    pub fn drop(&mut self, file: &Path) {
        let data = json!({"items": [], "files": [file], "dragOperationsMask": 1});
        for kind in ["dragEnter", "dragOver", "drop"] {
            self.ask("Input.dispatchDragEvent", json!({"type": kind, "x": 300, "y": 300, "data": data}));
        }
    }

    /// Whether the page is no wider than the window.
    pub fn fits(&mut self) -> bool {
        self.eval(
            "document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth",
        ) == true
    }

    /// Keeps a picture of the page for people to look at, if `BFT_SCREENSHOTS` names a folder for them.
    pub fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("BFT_SCREENSHOTS").map(PathBuf::from) else { return };
        std::fs::create_dir_all(&folder).unwrap();
        let picture = self.ask("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = decoded(picture["data"].as_str().unwrap());
        std::fs::write(folder.join(name).with_extension("png"), bytes).unwrap();
    }

    /// What the console has told of since the last time that is wrong: exceptions, errors, what the security policy
    /// stopped, and requests that failed.
    pub fn problems(&mut self) -> Vec<String> {
        let events = self.browser.events();
        let wrong = events.iter().filter_map(|event| {
            let told = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(told["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if told["type"] == "error" => Some(told["args"].to_string()),
                "Log.entryAdded" if told["entry"]["level"] == "error" => Some(told["entry"].to_string()),
                _ => None,
            }
        });
        wrong.collect()
    }
}

/// The bytes that stand in base 64.
fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| LETTERS.iter().position(|&letter| letter == byte));
    let digits: Vec<_> = digits.map(|digit| u32::try_from(digit).unwrap()).collect();
    let whole = |four: &[u32]| {
        let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(whole).collect()
}
