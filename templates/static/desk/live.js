// Keeps [data-live] elements in step over one WebSocket: it hears that a task moved and triggers "live" on the
// elements that show an older number; htmx fetches the content. The other side is agentdesk/live/consumer.py.
(() => {
  "use strict";
  const MAX_WATCHED = 20, LIST_MS = 150, RETRY_MS = 2000, SILENCE_MS = 30000, FIRST_MS = 500, LONGEST_MS = 10000;
  const news = new Map();   // "task:<id>" → its newest number, "tasks" → how often any task moved
  const asked = new Map();  // element → the number its last refresh was started for
  const busy = new Set();   // elements with a refresh in flight
  const spoken = new Map(); // task id → {turn, text} of the answer being written
  let socket, failures = 0, timer, listTimer, silence, watched = "";

  const keyOf = (el) => el.id || el.dataset.live;
  const isList = (el) => el.dataset.live === "tasks";
  const liveElements = () => [...document.querySelectorAll("[data-live]")];
  const shown = (el) => Math.max(isList(el) ? 0 : Number(el.dataset.at) || 0, asked.get(keyOf(el)) || 0);

  function refresh(which) {
    for (const el of liveElements().filter(which)) {
      const newest = news.get(el.dataset.live) || 0;
      if (newest > shown(el) && !busy.has(keyOf(el))) {
        asked.set(keyOf(el), newest);
        htmx.trigger(el, "live");
      }
    }
  }

  function refreshAll() {
    refresh((el) => !isList(el));
    listTimer ??= setTimeout(() => { listTimer = undefined; refresh(isList); }, LIST_MS);
  }

  function watch() {
    const wanted = {};
    const elements = liveElements();
    const lists = elements.filter(isList);
    const tooMany = new Set(elements.map((el) => el.dataset.live)).size > MAX_WATCHED;
    if (lists.length || tooMany) { // announcements for lists name every task
      const places = lists.map((el) => el.dataset.at).filter(Boolean);
      wanted.tasks = places.sort((a, b) => a.localeCompare(b, "en", { numeric: true }))[0] || true; // the oldest
    }
    for (const el of elements.filter((el) => !isList(el))) {
      const name = el.dataset.live;
      if (Object.keys(wanted).length >= MAX_WATCHED && !(name in wanted)) continue;
      wanted[name] = Math.min(Number(el.dataset.at) || 0, wanted[name] ?? Infinity);
    }
    const names = Object.keys(wanted).sort().join();
    if (socket?.readyState === WebSocket.OPEN && names !== watched) {
      watched = names;
      socket.send(JSON.stringify({ watch: wanted }));
    }
  }

  function speak(id) {
    const { turn, text } = spoken.get(id);
    for (const el of document.querySelectorAll(`[data-stream="${CSS.escape(id)}"]`)) {
      if (el.dataset.turn === String(turn) && text.startsWith(el.textContent)) el.append(text.slice(el.textContent.length));
      else { el.dataset.turn = turn; el.textContent = text; }
    }
  }

  function hear(message) {
    if ("ack" in message) socket.send(JSON.stringify({ ack: message.ack }));
    else if ("delta" in message) {
      const before = spoken.get(message.task);
      const text = (before?.turn === message.turn ? before.text : "") + message.delta;
      spoken.set(message.task, { turn: message.turn, text });
      speak(message.task);
    } else if ("at" in message || "tasks" in message) {
      if ("at" in message) {
        const name = `task:${message.task}`;
        news.set(name, Math.max(message.at, news.get(name) || 0));
        spoken.delete(message.task);
      }
      news.set("tasks", (news.get("tasks") || 0) + 1);
      refreshAll();
    }
  }

  function say(state, words) {
    for (const el of document.querySelectorAll("[data-live-state]")) {
      if (el.textContent !== words) el.textContent = words;
      el.dataset.liveState = state;
    }
  }

  function connect() {
    clearTimeout(timer);
    if (socket || !liveElements().length) return;
    const mine = socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live/`);
    const listen = () => { clearTimeout(silence); silence = setTimeout(() => { mine.close(); lost(mine, 0); }, SILENCE_MS); };
    listen();
    mine.onopen = () => { watched = ""; watch(); };
    mine.onmessage = (event) => { failures = 0; listen(); say("live", "Live"); hear(JSON.parse(event.data)); };
    mine.onclose = (event) => lost(mine, event.code);
  }

  function lost(mine, code) {
    if (mine !== socket) return;
    clearTimeout(silence);
    socket = undefined;
    if (code === 4403) return say("off", "Not live: log in again");
    say("reconnecting", "Reconnecting…");
    const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures++);
    timer = setTimeout(connect, wait * (0.5 + Math.random() / 2));
  }

  function resume() {
    if (document.visibilityState === "visible") { failures = 0; connect(); }
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.matches("[data-live]")) busy.add(keyOf(event.detail.elt));
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const key = keyOf(event.detail.elt);
    if (!busy.delete(key)) return;
    const again = !event.detail.successful && !(event.detail.xhr.status >= 400 && event.detail.xhr.status < 500);
    if (again) asked.delete(key);
    setTimeout(refreshAll, again ? RETRY_MS : 0);
  });
  document.addEventListener("htmx:afterSettle", () => { connect(); watch(); refreshAll(); spoken.forEach((_, id) => speak(id)); });
  window.addEventListener("online", resume);
  window.addEventListener("pageshow", resume);
  document.addEventListener("visibilitychange", resume);
  document.addEventListener("DOMContentLoaded", connect);
})();
