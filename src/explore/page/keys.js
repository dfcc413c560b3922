// The keyboard: everything that the mouse can do.

import { fill, h } from "./dom.js";

const LIST = [
  ["→", "a step on, along this run"],
  ["←", "a step back"],
  ["↑ ↓", "to the run above or below, among those tried"],
  ["Home, End", "to the start and to the end of the run"],
  ["1 … 9", "what can happen next: the options that have a number"],
  ["r", "let the network run"],
  ["b", "branch: leave out what comes after this step"],
  ["u", "undo"],
  ["g", "ask the referee"],
  ["/", "filter what can happen next"],
  ["?", "this list"],
];

const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]") != null;

/** Listens; `actions` maps what a key does to a function, `digit` is called with 1 to 9. */
export function listen(actions, digit) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && isTyping(event.target)) return event.target.blur();
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const names = { ArrowRight: "forward", ArrowLeft: "back", ArrowUp: "above", ArrowDown: "beneath", Home: "first", End: "last", b: "branch", u: "undo", r: "run", g: "referee", "/": "filter", "?": "help" };
    const action = actions[names[event.key]];
    if (action) {
      event.preventDefault();
      action();
    } else if (/^[1-9]$/.test(event.key)) {
      event.preventDefault();
      digit(Number(event.key));
    }
  });
}

/** Opens the list of keys. */
export function help(dialog) {
  if (dialog.open) return dialog.close();
  fill(dialog, h("h2", { id: "help-title" }, "Keys"),
    h("dl", { class: "keys" }, LIST.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)))),
    h("p", {}, "Tab walks through everything else; Enter presses it."),
    h("form", { method: "dialog" }, h("button", { type: "submit", class: "main", autofocus: true }, "Close")));
  dialog.showModal();
}
