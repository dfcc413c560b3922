// What the page knows of PBFT, and of no other protocol: all else it reads from what the server says.

/** The kinds of messages, short enough for a narrow lane. */
export const SHORT = {
  "pre-prepare": "PP", prepare: "P", commit: "C", "view-change": "VC", "new-view": "NV", request: "REQ", reply: "REP",
  checkpoint: "CP", status: "ST", state: "STATE", read: "READ",
};

/** Which kinds of messages a quorum counts. */
export const VOTES = {
  decision: ["commit"], certificate: ["prepare", "pre-prepare"], "new-view": ["view-change"], checkpoint: ["checkpoint"],
};

/** The highest view that an honest replica is in after so many steps. */
export const viewAt = (run, at) => Math.max(0, ...run.events.slice(0, at).map((event) => event.view_after ?? 0));

/** Who leads a view. */
export const primary = (view, replicas) => `r${view % replicas}`;

/** What the kinds of messages are for, for who has not heard of them. */
export const MEANING = {
  request: "A client asks for something to be executed.",
  "pre-prepare": "The primary gives a batch of requests a number (#1, #2, …) in its view.",
  prepare: "A backup says: I have accepted this batch at this number.",
  commit: "A replica says: I have seen a quorum that accepted it. A quorum of these decides.",
  "view-change": "A replica gives up its primary, and reports what prepared at it.",
  "new-view": "The next primary shows a quorum of VIEW-CHANGEs, and what has to be proposed again.",
  checkpoint: "A replica says how far it has executed, so that others may forget what is older.",
  reply: "A replica tells a client the result.",
  status: "A replica says how far it is, so that others send again what it lacks.",
  state: "A replica hands over what it has executed.",
  read: "A client asks without changing anything.",
};

/** Whether words about what comes of a message say that somebody decides. */
export const isDecision = (words) => words.startsWith("DECIDES");
