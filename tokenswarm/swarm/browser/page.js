// Beside Locust's own page: says when the server is gone, links the report of a run that has ended, and
// loads the page anew before what it keeps for its charts grows large.
(() => {
  "use strict";
  const ASK_EVERY_MS = 2000;
  const MISSES = 2; // one may be a hiccup
  // Then the page is loaded anew: its charts come back from the server, which keeps a bounded number of points.
  const LONGEST_MS = 3600 * 1000;
  let server = null;
  let run = null;
  let misses = 0;
  let goneSince = null;
  let closed = ""; // what was said and put away

  const bar = () => document.getElementById("tokenswarm-said");

  function say(text, links, kind) {
    const key = kind + text;
    if (key === closed || (bar() && bar().dataset.key === key)) return;
    hush();
    const line = document.createElement("div");
    line.id = "tokenswarm-said";
    line.className = kind;
    line.dataset.key = key;
    line.setAttribute("role", kind === "gone" ? "alert" : "status");
    const close = document.createElement("button");
    close.textContent = "×";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => {
      closed = key;
      hush();
    });
    line.append(close, text);
    for (const [words, url] of links) {
      const link = document.createElement("a");
      link.href = url;
      link.textContent = words;
      line.append(link);
    }
    document.body.append(line);
  }

  function hush() {
    bar()?.remove();
  }

  function missed() {
    misses += 1;
    goneSince ??= new Date();
    if (misses >= MISSES) {
      const since = goneSince.toLocaleTimeString();
      say(`No answer from the server since ${since}: the figures on this page are from before. Is it still running?`, [], "gone");
    }
  }

  function told(now) {
    misses = 0;
    goneSince = null;
    if (server !== null && now.server !== server) {
      location.reload(); // another server: its target, its form and its runs are others
      return;
    }
    server = now.server;
    run = now.run;
    document.documentElement.classList.toggle("tokenswarm-fixed", now.is_running && now.is_fixed);
    if (now.is_asking) {
      say("The target is being asked whether it answers; then the run begins.", [], "asking");
    } else if (now.is_running && document.querySelector("main [name=loadProfile]")) {
      // Another tab began it. To load the page before its first users have come would bring the form again.
      if (now.has_users) say("A run is going on.", [["Show it", location.href]], "other");
      else say("A run is about to begin.", [], "other");
    } else if (run === null || !run.has_ended) {
      hush();
    } else if (run.report) {
      say(`${run.name}: ${run.said}`, [["Open report", run.report], ["Download", `${run.report}?download`]], "ended");
    } else {
      say(`${run.name}: ${run.said}`, [], "ended");
    }
  }

  async function ask() {
    mark();
    const isBusy = document.querySelector(".MuiModal-root") || document.activeElement?.matches("input, select, textarea");
    if (performance.now() >= LONGEST_MS && misses === 0 && !isBusy) {
      location.reload();
      return;
    }
    try {
      const answer = await fetch("/tokenswarm/now", { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(10000) });
      if (answer.type === "opaqueredirect") location.reload(); // to the login
      else if (answer.ok) told(await answer.json());
      else missed();
    } catch {
      missed();
    }
  }

  // Fields that don't count where a profile is chosen are hidden, by the style; and all classes ticked, as they
  // are at first, means none of them in particular.
  function mark() {
    const legend = [...document.querySelectorAll("legend, label")].find((each) => each.textContent === "User Classes");
    if (legend) legend.textContent = "User Classes (all ticked: the profile's mix of prompts)";
    const target = document.querySelector("input[name=target]");
    if (target && !target.list) offerTargets(target);
    const chosen = document.querySelector("select[name=loadProfile]");
    if (chosen) document.documentElement.classList.toggle("tokenswarm-profile", chosen.value !== "(none)");
  }

  // A target may be any URL, so that it can be no drop-down: names are suggested.
  function offerTargets(field) {
    const names = JSON.parse(document.documentElement.dataset.targets ?? "[]");
    const list = document.createElement("datalist");
    list.id = "tokenswarm-targets";
    for (const name of names) list.append(Object.assign(document.createElement("option"), { value: name }));
    document.getElementById(list.id)?.remove();
    document.body.append(list);
    field.setAttribute("list", list.id);
  }

  // The choice of a profile stands among the custom parameters, which are folded: they are what the form is for.
  const unfolded = new WeakSet();
  function unfold() {
    const folded = document.querySelector("select[name=loadProfile]")?.closest(".MuiAccordion-root");
    const head = folded?.querySelector("button[aria-expanded=false]");
    if (head && !unfolded.has(folded)) {
      unfolded.add(folded);
      head.click();
    }
  }

  document.addEventListener("change", mark);
  document.addEventListener("DOMContentLoaded", () => {
    // Of the whole body: Locust's dialogs, with the form of the next run in one of them, stand beside its root.
    new MutationObserver(() => {
      mark();
      if (document.documentElement.classList.contains("tokenswarm-web")) unfold();
    }).observe(document.body, { childList: true, subtree: true });
    ask();
    setInterval(ask, ASK_EVERY_MS);
  });
})();
