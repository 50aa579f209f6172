// The live board. It reads what the API says and holds no rule of its own; text goes in as text, never as HTML.

import { category, cause, distance, isEnglish, span, state, turn, word } from "./words.js";
import { openCase } from "./case.js";
import { draw } from "./map.js";

const API = "/console/v1";
const PING_MS = 25_000;
const REFRESH_MS = 15_000; // duty changes tell no desk
const SETTLE_MS = 300; // several events in a row are one snapshot
const BACKOFF_MS = [500, 1000, 2000, 5000, 10_000];

const $ = (id) => document.getElementById(id);
const board = { csrf: "", me: null, stations: [], snapshot: null, at: 0, socket: null, tries: 0, sound: false, known: null };
let audio = null;

// Requests

async function call(method, path, body) {
  const headers = method === "GET" ? {} : { "Content-Type": "application/json", "X-CSRF-Token": board.csrf };
  const answer = await fetch(API + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.status === 204) return null;
  const said = await answer.json();
  if (answer.ok) return said;
  const refused = new Error(isEnglish() ? said.detail : said.title);
  refused.status = answer.status;
  refused.code = said.code;
  throw refused;
}

async function act(path, body) {
  try {
    await call("POST", path, body);
  } catch (refused) {
    if (refused.status === 401) leave();
    else say(refused.message || word("failed"));
    ask();
    return false;
  }
  ask();
  return true;
}

// Sign-in

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(event.target);
  $("refused").textContent = "";
  try {
    await enter(await call("POST", "/sessions", Object.fromEntries(fields)));
    event.target.reset();
    toggleSound(true);
  } catch (refused) {
    $("refused").textContent = refused.message || word("failed");
  }
});

$("leave").addEventListener("click", async () => {
  try {
    await call("DELETE", "/sessions/current");
  } finally {
    leave();
  }
});

async function enter(me) {
  board.me = me;
  board.csrf = me.csrf;
  board.stations = (await call("GET", "/stations")).items;
  show(true);
  connect();
}

function leave() {
  board.me = null;
  board.snapshot = null;
  board.known = null;
  const socket = board.socket;
  board.socket = null;
  socket?.close();
  show(false);
}

function show(inside) {
  $("door").hidden = inside;
  for (const id of ["board", "leave", "sound"]) $(id).hidden = !inside;
  $("stopped").hidden = true;
  if (!inside) link("");
  title();
}

// The socket

async function connect() {
  if (!board.me) return;
  link("connecting");
  let ticket;
  try {
    ticket = (await call("POST", "/live/tickets")).ticket;
  } catch (refused) {
    if (refused.status === 401) return leave();
    if (refused.status === 403 || refused.status === 409) return link("no_role", refused.message);
    return later();
  }
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${API}/live`);
  board.socket = socket;
  const beat = setInterval(() => send({ type: "ping" }), PING_MS);
  const refresh = setInterval(ask, REFRESH_MS);
  socket.onopen = () => socket.send(JSON.stringify({ ticket }));
  socket.onmessage = (event) => hear(JSON.parse(event.data));
  socket.onclose = (event) => {
    clearInterval(beat);
    clearInterval(refresh);
    if (board.socket !== socket) return;
    board.socket = null;
    if (event.code === 4401) return leave();
    if (event.code === 4409) return link("elsewhere");
    if (event.code === 4410) return link("no_role");
    later();
  };
}

function later() {
  link("connecting");
  const wait = BACKOFF_MS[Math.min(board.tries++, BACKOFF_MS.length - 1)];
  setTimeout(connect, wait / 2 + (Math.random() * wait) / 2);
}

function send(message) {
  if (board.socket?.readyState === WebSocket.OPEN) board.socket.send(JSON.stringify(message));
}

let asked = null;
function ask() {
  asked ??= setTimeout(() => {
    asked = null;
    send({ type: "snapshot" });
  }, SETTLE_MS);
}

function hear(frame) {
  if (frame.type === "page") return callOut(frame);
  if (frame.type !== "snapshot") return frame.type === "pong" ? undefined : ask();
  board.tries = 0;
  board.snapshot = frame;
  board.at = performance.now();
  link("live");
  ringForNew(frame.queue.items);
  render();
}

// The bell: once for each case that is new in the queue

function ringForNew(items) {
  const now = new Set(items.filter((i) => !i.acknowledged_at).map((i) => `${i.case_id}:${i.epoch}`));
  const fresh = [...now].some((key) => board.known && !board.known.has(key));
  board.known = now;
  if (fresh && board.sound && audio) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    volume.gain.value = 0.08;
    tone.frequency.value = 880;
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.35);
  }
}

// Where the board is the loudspeaker: the badge, digit by digit, and nothing of what it is about

function callOut(page) {
  say(`${page.badge}: ${word("please_look")}`);
  if (!board.sound || !window.speechSynthesis) return;
  const said = new SpeechSynthesisUtterance(`${[...page.badge].join(" ")}, ${word("please_look")}`);
  said.lang = isEnglish() ? "en" : "zh-CN";
  window.speechSynthesis.speak(said);
}

function toggleSound(on) {
  board.sound = on;
  if (on) audio ??= new AudioContext();
  $("sound").textContent = word(on ? "sound_on" : "sound_off");
}
$("sound").addEventListener("click", () => toggleSound(!board.sound));

// Drawing

function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((c) => c !== null && c !== undefined));
  return made;
}

function button(key, main, work) {
  const made = make("button", main ? "main" : "", word(key));
  made.type = "button";
  made.addEventListener("click", async () => {
    made.disabled = true;
    await work();
    made.disabled = false;
  });
  return made;
}

// A clock that runs between snapshots: `read` gives the seconds at the newest one, growing or shrinking.
function clock(read, grows, write) {
  const made = make("span", "");
  made.tick = (passed) => write(made, grows ? read() + passed : read() - passed);
  made.dataset.clock = "";
  return made;
}
const countdown = (key, seconds) => (isEnglish() ? `${span(seconds)} ${word(key)}` : `${word(key)} ${span(seconds)}`);

const nameOf = (station) => (isEnglish() && station.name_en ? station.name_en : station.name);
const stationName = (id) => {
  const found = board.stations.find((s) => s.station_id === id);
  return found ? nameOf(found) : "";
};

function card(one) {
  const alarm = one.urgent ? make("span", "tag urgent", word("urgent")) : null;
  const flags = one.flags.map((flag) => make("span", "tag", word(flag)));
  const wishes = one.cancel_asked ? make("span", "tag", word("cancel_asked")) : null;
  const head = make("div", "head", make("strong", "", category(one.category)), alarm, ...flags, wishes, number(one));
  const held = one.state === "handed_over" ? "" : state(one.state);
  const why = [held, one.cause && !(one.urgent && one.cause === "urgent") ? cause(one.cause) : "", stationName(one.station_id)];
  const rings = one.ringing_id && one.ringing_id !== one.station_id ? `${word("rings_at")} ${stationName(one.ringing_id)}` : "";
  const about = make("div", "about", [...why, rings].filter(Boolean).join(" · "));
  const waits = clock(() => one.waits_s ?? one.age_s, true, (el, s) => { el.textContent = `${word("waits")} ${span(s)}`; });
  const clocks = make("div", "clocks", waits, acknowledgement(one));
  return make("li", `card${one.urgent ? " urgent" : ""}${one.acknowledged_at ? "" : " ringing"}${one.mine ? " mine" : ""}`, head, about, clocks, deeds(one));
}

// The number opens the case in full.
function number(one) {
  const made = make("button", "number", one.number);
  made.type = "button";
  made.title = word("details");
  made.addEventListener("click", () => openCase(desk, one.case_id));
  return made;
}

const desk = {
  call, act, make, say, nameOf, stationName,
  time: (at) => at && new Date(at).toLocaleString(isEnglish() ? "en-GB" : "zh-CN", { timeZone: "Asia/Shanghai", hourCycle: "h23" }),
  stations: () => board.stations,
  cases: () => {
    const { queue, running } = board.snapshot ?? { queue: { items: [] }, running: [] };
    return [...new Map([...queue.items, ...running].map((c) => [c.case_id, c])).values()];
  },
};

function acknowledgement(one) {
  if (one.desk_person_id) return make("span", "good", word(one.mine ? "mine" : "taken"));
  if (one.acknowledged_at) return make("span", "good", word("acknowledged"));
  if (one.ack_in_s === null) return null;
  return clock(() => one.ack_in_s, false, (el, s) => {
    el.className = s < 0 ? "bad" : s < 15 ? "soon" : "";
    el.textContent = s < 0 ? `${word("overdue")} ${span(-s)}` : countdown("acknowledge_in", s);
  });
}

function deeds(one) {
  const path = `/cases/${one.case_id}`;
  const made = make("div", "deeds");
  if (one.desk_person_id && !one.mine) return made;
  const waits = one.state === "handed_over"; // else an alarm about a case that others have: a human answers it, no more
  if (!one.acknowledged_at) made.append(button("acknowledge", true, () => act(`${path}/acknowledge`)));
  if (!waits) return made;
  if (!one.mine) made.append(button("take", Boolean(one.acknowledged_at), () => act(`${path}/take`, { epoch: one.epoch })));
  made.append(button("assign", one.mine, () => chooseOfficer(one)));
  if (one.mine) made.append(button("put_back", false, () => act(`${path}/put-back`, { epoch: one.epoch })));
  return made;
}

async function chooseOfficer(one) {
  try {
    const found = (await call("GET", `/cases/${one.case_id}/officers`)).items;
    const rows = found.map((f) => {
      const note = [f.kind === "auxiliary" ? word("auxiliary") : "", f.fit ? "" : word("unfit"), stationName(f.station_id)];
      const go = button("assign", false, async () => {
        $("officers").close();
        await act(`/cases/${one.case_id}/assignment`, { epoch: one.epoch, officer_id: f.officer_id });
      });
      return make("li", "", make("code", "", f.badge), make("span", "grow", note.filter(Boolean).join(" · ")), make("b", "", distance(f.distance_m)), go);
    });
    $("officers-list").replaceChildren(...(rows.length ? rows : [make("li", "hint", word("nobody_free"))]));
    $("officers-case").textContent = one.number;
    $("officers").showModal();
  } catch (refused) {
    say(refused.message || word("failed"));
  }
}

function runningRow(one) {
  const clockOf = one.state === "open"
    ? clock(() => one.seconds_left, false, (el, s) => {
        el.className = s < 15 ? "count soon" : "count";
        el.textContent = countdown("left", s);
      })
    : clock(() => one.age_s, true, (el, s) => { el.textContent = span(s); });
  const silent = one.silence ? make("span", one.silence > 1 ? "tag urgent" : "tag", word(one.silence > 1 ? "alarmed" : "nudged")) : null;
  const alarm = one.urgent ? make("span", "tag urgent", word("urgent")) : null;
  return make("li", `${one.state}`, make("i", `key ${one.urgent ? "urgent" : one.state === "open" ? "open" : "held"}`),
    make("span", "grow", make("strong", "", category(one.category)), " ", make("span", "quiet", state(one.state)), number(one)), alarm, silent, clockOf);
}

function dutyRow(one) {
  const kind = one.kind === "auxiliary" ? word("auxiliary") : "";
  const { channels, renew, test_outcome: test } = one.reach;
  const reach = !channels.length ? make("span", "tag urgent", word("no_way"))
    : test && !["sent", "under_way"].includes(test) ? make("span", "tag", word("test_failed"))
    : renew ? make("span", "tag", word("few_left")) : null;
  return make("li", "", make("i", `key ${one.case_id ? "busy" : "free"}`), make("code", "", one.badge),
    make("span", "grow quiet", [kind, stationName(one.station_id)].filter(Boolean).join(" · ")), reach);
}

function approvalRow(one) {
  const decide = (approve) => () => act(`/approvals/${one.id}`, { approve });
  return make("li", "", make("div", "grow", make("code", "", one.badge), make("div", "quiet", stationName(one.station_id))),
    button("approve", true, decide(true)), button("refuse", false, decide(false)));
}

// What only the clocks know changes each snapshot; a row is made anew only when something else did, so that a
// button does not vanish under the finger and the keyboard keeps its place.
const CLOCKS = new Set(["age_s", "waits_s", "ack_in_s", "seconds_left", "act_in_s", "last_seen_at"]);
const shown = {};

function fill(id, items, row, empty) {
  const before = shown[id] ?? new Map();
  const after = new Map();
  for (const item of items) {
    const steady = JSON.stringify([isEnglish(), item], (key, value) => (CLOCKS.has(key) ? undefined : value));
    const known = before.get(steady);
    if (known) Object.assign(known.item, item);
    after.set(steady, known ?? { item, made: row(item) });
  }
  shown[id] = after;
  const rows = [...after.values()].map((one) => one.made);
  if (!rows.length && empty) rows.push(make("li", "hint", word(empty)));
  const list = $(id);
  if (list.children.length !== rows.length || rows.some((made, n) => list.children[n] !== made)) list.replaceChildren(...rows);
}

function render() {
  const now = board.snapshot;
  if (!now) return;
  const mine = new Set(now.stations);
  const names = board.stations.filter((s) => mine.has(s.station_id)).map(nameOf);
  $("stations").textContent = names.length > 3 ? `${word("all_stations")} (${names.length})` : names.join(" · ");
  fill("queue", now.queue.items, card, "nothing_waits");
  fill("running", now.running, runningRow, "nothing_runs");
  fill("duty", now.on_duty, dutyRow, "nobody");
  fill("approvals", now.approvals, approvalRow);
  const stopped = now.queue.stopped[0];
  const near = now.queue.near[0];
  $("stopped").hidden = !stopped && !near;
  if (near) $("stopped").textContent = `${word("near")} ${near.taken} / ${near.wall}`;
  if (stopped) $("stopped").textContent = `${word("stopped")} ${desk.time(stopped.until)}`;
  $("approvals-part").hidden = !now.approvals.length;
  $("queue-count").textContent = now.queue.items.length + (now.queue.next ? "+" : "");
  $("running-count").textContent = now.running.length;
  $("duty-count").textContent = now.on_duty.length;
  $("approvals-count").textContent = now.approvals.length;
  $("queue-more").hidden = !now.queue.next && !now.unheard;
  $("queue-more").textContent = [now.queue.next ? word("more") : "", now.unheard ? word("unheard") : ""].filter(Boolean).join(" · ");
  draw($("map"), {
    stations: board.stations.map((s) => ({ ...s, mine: mine.has(s.station_id) })),
    cases: desk.cases(), duty: now.on_duty, label: nameOf, hint: word("map"),
  });
  title();
  tick();
}

function tick() {
  const zone = { timeZone: "Asia/Shanghai", hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  $("clock").textContent = new Date().toLocaleTimeString("zh-CN", zone);
  const passed = (performance.now() - board.at) / 1000;
  for (const made of document.querySelectorAll("[data-clock]")) made.tick(passed);
}
setInterval(tick, 500);

function title() {
  const waiting = board.snapshot?.queue.items.filter((i) => !i.acknowledged_at).length ?? 0;
  document.title = `${waiting ? `(${waiting}) ` : ""}${word("title")} · ${isEnglish() ? "Didi Police" : "滴滴报警"}`;
}

function link(key, words) {
  $("link").className = `link ${key}`;
  $("link").textContent = words ?? (key ? word(key) : "");
}

let silence = null;
function say(words) {
  $("said").textContent = words;
  $("said").hidden = false;
  clearTimeout(silence);
  silence = setTimeout(() => { $("said").hidden = true; }, 5000);
}

function speak() {
  document.documentElement.lang = isEnglish() ? "en" : "zh-CN";
  for (const made of document.querySelectorAll("[data-word]")) made.textContent = word(made.dataset.word);
  $("language").textContent = word("other_language");
  $("sound").textContent = word(board.sound ? "sound_on" : "sound_off");
  const key = $("link").className.replace("link", "").trim();
  if (key) link(key);
  title();
  render();
}
$("language").addEventListener("click", () => { turn(); speak(); });

speak();
tick();
try {
  await enter(await call("GET", "/me"));
} catch (refused) {
  show(false);
}
