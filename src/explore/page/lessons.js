// The beginner's tour: five lessons of a few tasks each. A task is done when the state shown says so.

const replicas = (state) => state.nodes.filter((node) => node.kind === "replica" && !node.byzantine);
const deciders = (state) => new Set(state.events.filter((event) => event.decides?.length).map((event) => event.at));
const took = (state, test) => state.events.some(test);
const hears = (state, kind, test = () => true) => took(state, (event) => event.kind === "message" && event.message?.kind === kind && test(event));
const verdict = (state, name) => state.properties.find((one) => one.name === name)?.verdict;
const forked = (state) => verdict(state, "agreement") === "violated";
const views = (state) => new Set(state.events.map((event) => event.view_after).filter((view) => view > 0));
/** What a replica was proposed by another, in words, each only once. */
const told = (state, from, at) => [...new Set(state.events
  .filter((event) => event.from === from && event.at === at && event.message?.kind === "pre-prepare").map((event) => event.message.words))].join(" and ");
const equal = (one, other) => one !== "" && one === other;
const differ = (one, other) => one !== "" && other !== "" && one !== other;
/** Whose timers have run out. */
const gaveUp = (state) => new Set(state.events.filter((event) => event.kind === "timeout").map((event) => event.at));
/** Who has decided first. */
const first = (state) => state.events.find((event) => event.decides?.length)?.at;

/** Whether the last that has happened is that r2 gives up, which had decided. */
const givesUp = (state) => first(state) === "r2" && state.events.at(-1).kind === "timeout" && state.events.at(-1).at === "r2";

export const LESSONS = [
  {
    title: "Four replicas agree",
    short: "The normal case: a request becomes a decision, in three rounds.",
    query: "rules=castro99&byzantine=none&requests=1",
    has_goal: false,
    intro: "Each column is somebody: c0 is a client, r0 to r3 are replicas. Time runs down. All four replicas are honest, and want to put requests into the same order. r0 leads: it is the primary of view 0. A view is a term of office; when the others have had enough of a primary, the next view begins, under the next replica.",
    tasks: [
      { say: "Under ‘What can happen next’, let r0 receive the client's request.", done: (s) => hears(s, "request", (e) => e.at === "r0"),
        then: "r0 gave the request, c0.t1 (client c0's first), the number #1 in view v0, and sent a PRE-PREPARE to all. The circle with a number is what is still on its way." },
      { say: "Let r1 receive that PRE-PREPARE.", done: (s) => hears(s, "pre-prepare", (e) => e.at === "r1"),
        then: "r1 accepted it, and says so to all: a PREPARE." },
      { say: "Press ‘Let the network run’: everything that was sent arrives, in order.", done: (s) => deciders(s).size >= 4,
        then: "All four decided. Each did so on COMMITs of a quorum: 3 of 4 replicas." },
      { say: "Point at a decision, or at a row under ‘Quorums’, to see whose votes it stands on.", pointed: true,
        then: "Any two quorums of 3 among 4 share at least 2 replicas. Everything else rests on that." },
    ],
  },
  {
    title: "The primary falls silent",
    short: "A crash, timers, and a new primary: the view change.",
    query: "rules=castro99&byzantine=none&requests=1",
    has_goal: false,
    intro: "The same four, and nobody lies. But the primary stops for good before it has done anything. Nobody can tell a dead primary from a slow one: all that the others have is a timer.",
    tasks: [
      { say: "Let r0 stop for good: the button is beside its name.", done: (s) => took(s, (e) => e.kind === "stop" && e.at === "r0"),
        then: "Its lane goes on as dots." },
      { say: "Press ‘Let the network run’: the request reaches the others, and they wait for r0.", done: (s) => hears(s, "request", (e) => e.at !== "r0"),
        then: "Whoever waits for a request to be executed has a timer running." },
      { say: "Let the timers of two replicas run out, or press ‘Let timers run too’.", done: (s) => gaveUp(s).size >= 2,
        then: "Who gives up says so with a VIEW-CHANGE. Three of these make r1, the next primary, announce view 1." },
      { say: "Let the network run until three replicas have decided in view 1.", done: (s) => deciders(s).size >= 3 && views(s).size > 0,
        then: "Decided without r0. With f = 1, the protocol stands one replica that fails, be it by silence or by lies." },
    ],
  },
  {
    title: "A lie that fails",
    short: "A Byzantine primary says two things, and quorums hold against it.",
    query: "rules=castro99&byzantine=r0",
    intro: "Now you play r0. It is Byzantine: it may say anything to anybody, but it cannot forge the others' signatures. Two clients want the number 1. The goal: make two honest replicas decide differently.",
    tasks: [
      { say: "In r0's palette, say PRE-PREPARE with c0's request to r1, and PRE-PREPARE with c1's request to r2 and r3. That is equivocation.",
        kinds: ["pre-prepare"], done: (s) => differ(told(s, "r0", "r1"), told(s, "r0", "r2")) && equal(told(s, "r0", "r2"), told(s, "r0", "r3")),
        then: "They believe different things of number 1." },
      { say: "Press ‘Let the network run’.", done: (s) => differ(told(s, "r0", "r1"), told(s, "r0", "r2")) && hears(s, "prepare"),
        then: "r2 and r3 hold a certificate for c1's request: votes of a quorum, which prove that no quorum can have voted for another. For c0's there can be none: only r1 accepted it, and the two others vote once. Help whom you like, from r0's palette." },
      { say: "Ask the referee whether agreement can still be broken from here.", asked: "no",
        then: "No, and it visited every run within the bound to say so. Two quorums of 3 share 2 replicas, and only r0 would vote twice." },
    ],
  },
  {
    title: "One liar too many",
    short: "f + 1 Byzantine replicas: the same protocol, and it forks.",
    query: "rules=castro99&byzantine=r0,r1&views=1",
    intro: "The same rules, but two of four are yours: r0 and r1. That is f + 1, one more than the protocol was made for. Now two quorums can share nobody honest.",
    tasks: [
      { say: "Say PRE-PREPARE with c0's request to r2, and with c1's request to r3.",
        kinds: ["pre-prepare"], done: (s) => differ(told(s, "r0", "r2"), told(s, "r0", "r3")),
        then: "Each needs PREPAREs of two more, and you have two replicas that will say anything." },
      { say: "Make r2 and r3 decide differently: to each, r1's PREPARE, then the COMMITs of r0 and r1, all for what it accepted. Or ask the referee for a hint, or to show you one.", kinds: ["prepare", "commit"], done: forked,
        then: "Broken. Look at ‘Quorums’: those who stand in both quorums are r0 and r1, and nobody honest." },
    ],
  },
  {
    title: "One broken rule",
    short: "A view change that forgets: how real systems have forked.",
    query: "rules=prepared-lost",
    intro: "One Byzantine replica again, r0, but one rule is broken: in a VIEW-CHANGE, replicas leave out what they had prepared. The paper has that rule; programs have forgotten it, and their chains have forked.",
    tasks: [
      { say: "Say PRE-PREPARE with c1's request to r2 and r3, and not to r1. Then let the network run.",
        kinds: ["pre-prepare"], done: (s) => equal(told(s, "r0", "r2"), told(s, "r0", "r3")) && told(s, "r0", "r1") === "" && hears(s, "commit", (e) => !e.by_byzantine),
        missed: (s) => told(s, "r0", "r1") !== "" && "r1 was told as well: step back, or begin again.",
        then: "r2 and r3 hold a certificate each, and have sent COMMITs. One COMMIT is missing for a quorum." },
      { say: "Give it to r2 alone: from r0's palette, say COMMIT for c1.t1 to r2.",
        kinds: ["commit"], done: (s) => first(s) === "r2" && hears(s, "commit", (e) => e.from === "r0" && e.at === "r2"),
        then: "r2 has decided c1.t1 at number 1. Whatever happens from here on, nobody honest may decide something else there." },
      { say: "The others still wait. Let the timer of r2 run out: it is in r2's own list. Then stop, and read what r2 sends.", here: givesUp,
        missed: (s) => gaveUp(s).has("r2") && "It has run past: go back with ← to where the timer of r2 runs out, and read what r2 sends.",
        then: "‘VIEW-CHANGE to v1: nothing prepared’. But look at r2 under ‘Who believes what’: it holds a certificate for c1.t1, and has even decided it. By the paper's rule its VIEW-CHANGE reports that certificate. This is the rule that is broken." },
      { say: "Press ‘Let timers run too’: the others give up as well, and view 1 begins. r1 leads it.", done: (s) => hears(s, "new-view"),
        then: "r1 was shown VIEW-CHANGEs of a quorum, and none of them knew of c1.t1. So its NEW-VIEW has nothing to repeat, and r1 may propose what it likes." },
      { say: "Have r1 decide what it proposes in view 1. If it has not happened already, let the network run.", done: forked,
        then: "Two honest replicas decided differently, and all that r0 did was to say a little to few. Press ‘Copy address’ and send it to a friend: it opens at this very state." },
    ],
  },
];

/** Why the task that is due cannot be done any more as it says, if that is so. */
export function missed(lesson, state, place) {
  return lesson.tasks[place]?.missed?.(state) || null;
}

/** The tasks of which this very state shows what they are about, and which stay done when one goes on: their places. */
export const seenHere = (lesson, state) => lesson.tasks.flatMap((task, place) => (task.here?.(state) ? [place] : []));

/** How far a lesson is in a state: each task, done or not. What was pointed at, asked and seen is remembered by the caller. */
export function progress(lesson, state, memory) {
  return lesson.tasks.map((task, place) => {
    if (task.pointed) return memory.has("pointed");
    if (task.asked) return memory.has(`asked ${task.asked}`);
    return task.here ? memory.has(`seen ${place}`) : task.done(state);
  });
}
