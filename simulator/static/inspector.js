// Every call of the API and every push, newest first; pushes in the clear.
import { button, make } from "./bubbles.js";
import * as wechat from "./wechat.js";
import { clock, say } from "./words.js";

const at = (id) => document.getElementById(id);
const KEPT = 500, EVERY_MS = 1000;
const state = { entries: [], after: 0, open: new Set(), timer: null };

const failed = (entry) => Boolean(entry.problem || entry.dropped || entry.kind === "flag" || entry.errcode || entry.status >= 400 || entry.status === null);

function fits(entry) {
  const kind = at("inspector-kind").value;
  if (kind === "errors" ? !failed(entry) : kind && entry.kind !== kind) return false;
  const words = at("inspector-filter").value.trim().toLowerCase();
  return !words || JSON.stringify(entry).toLowerCase().includes(words);
}

// XML with one element a line; what is no XML stays as it is.
function pretty(source) {
  if (source === null || source === undefined || source === "") return "";
  if (typeof source !== "string") return JSON.stringify(source, null, 2);
  if (!source.startsWith("<xml")) {
    try { return JSON.stringify(JSON.parse(source), null, 2); } catch { return source; }
  }
  const root = new DOMParser().parseFromString(source, "text/xml").documentElement;
  return root.nodeName === "xml" ? element(root, "") : source;
}

function element(node, indent) {
  const below = [...node.children];
  if (!below.length) return `${indent}<${node.nodeName}>${node.textContent}</${node.nodeName}>`;
  return `${indent}<${node.nodeName}>\n${below.map((one) => element(one, `${indent}  `)).join("\n")}\n${indent}</${node.nodeName}>`;
}

function part(words, content) {
  const text = pretty(content);
  return text ? make("div", "part", make("small", "", words), make("pre", "", text)) : null;
}

function details(entry) {
  if (entry.kind === "callback") {
    return make("div", "details", part(say("request"), entry.sent), part(say("answer"), entry.answer || (entry.problem ? "" : say("acknowledged"))), part(say("errors"), entry.problem), part(say("fault"), entry.fault));
  }
  const query = entry.query && Object.keys(entry.query).length ? entry.query : null;
  const { seq, at_s, kind, path, method, app_id, query: _q, body, answer, status, latency_ms, fault, errcode, ...rest } = entry;
  return make("div", "details", part(say("query"), query), part(say("request"), body), part(say("answer"), answer), part(say("fault"), fault), kind === "flag" ? part("", rest) : null);
}

function head(entry) {
  const pushed = entry.kind === "callback";
  const code = entry.kind === "flag" ? "⚑" : pushed ? String(entry.status ?? "—") : String(entry.errcode ?? entry.status);
  const name = pushed ? entry.push : entry.kind === "flag" ? entry.name : entry.path;
  return [
    make("span", `way ${entry.kind}`, pushed ? "→" : entry.kind === "flag" ? "!" : entry.method),
    make("span", "name", name, entry.user ? make("small", "", ` ${entry.user}`) : null),
    make("span", failed(entry) ? "code bad" : "code", code),
    make("small", "ms", entry.latency_ms === undefined ? "" : `${entry.latency_ms} ms`),
    make("time", "", clock(new Date(entry.at_s * 1000))),
  ];
}

function row(entry) {
  const item = make("li", failed(entry) ? "call bad" : "call");
  const open = button("call-head", "", () => {
    state.open.has(entry.seq) ? state.open.delete(entry.seq) : state.open.add(entry.seq);
    item.replaceWith(row(entry));
  });
  open.append(...head(entry));
  open.setAttribute("aria-expanded", String(state.open.has(entry.seq)));
  item.append(open);
  if (state.open.has(entry.seq)) item.append(details(entry));
  return item;
}

export function showCalls() {
  const found = state.entries.filter(fits).reverse();
  const empty = make("li", "hint", say(state.entries.length ? "none_fit" : "no_calls"));
  at("calls").replaceChildren(...(found.length ? found.map(row) : [empty]));
}

export function showKinds() {
  const chosen = at("inspector-kind").value;
  at("inspector-kind").replaceChildren(...[["", "every"], ["api", "api"], ["callback", "callback"], ["errors", "errors"]].map(([value, words]) => new Option(say(words), value)));
  at("inspector-kind").value = chosen;
}

async function refresh() {
  if (document.hidden) return;
  try {
    const told = await wechat.getLog(state.after);
    // Another world began: the counts start anew.
    if (told.last < state.after) Object.assign(state, { entries: [], after: 0 });
    if (!told.entries.length) return;
    state.after = told.entries.at(-1).seq;
    state.entries = [...state.entries, ...told.entries].slice(-KEPT);
    showCalls();
  } catch (problem) {
    at("calls").replaceChildren(make("li", "hint", say("refused") + problem.message));
  }
}

export function openInspector() {
  at("inspector").hidden = false;
  document.body.classList.add("inspecting");
  showKinds();
  showCalls();
  refresh();
  state.timer ??= setInterval(refresh, EVERY_MS);
}

export function closeInspector() {
  at("inspector").hidden = true;
  document.body.classList.remove("inspecting");
  clearInterval(state.timer);
  state.timer = null;
}

at("inspector-close").onclick = closeInspector;
at("inspector-clear").onclick = () => { state.entries = []; showCalls(); };
at("inspector-filter").oninput = showCalls;
at("inspector-kind").onchange = showCalls;
