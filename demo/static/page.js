// Reads /state every second and draws it; countdowns run on in between.
import { SketchMap } from "/static/map.js";
import { WORDS } from "/static/words.js";

const EVERY_MS = 1000;
const ROWS = { queue: 7, open: 7, going: 10, taken: 8, handovers: 8 };
const find = (id) => document.getElementById(id);
let language = localStorage.getItem("language") === "en" ? "en" : "zh";
let city, map, state, readAt = 0;

const words = () => WORDS[language];

function element(name, text, kind) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
}

function row(...parts) {
  const item = element("li");
  item.append(...parts);
  return item;
}

function list(id, items) {
  const most = ROWS[id];
  const shown = items.slice(0, most);
  if (items.length > most) shown.push(row(element("span", words().more(items.length - most), "hint")));
  if (items.length === 0) shown.push(row(element("span", words().none, "hint")));
  find(id).replaceChildren(...shown);
}

const stationName = (code) => {
  const station = city.stations.find((one) => one.code === code);
  if (!station) return "";
  return language === "zh" ? station.name.replace("（虚构）", "") : station.name_en.replace(" Police Station", "").replace(" (fictional)", "");
};
const number = (text) => element("span", text, "number");
const what = (one) => element("span", `${words().categories[one.category] ?? one.category} · ${stationName(one.station)}`, "what");
const tag = (text, kind) => element("span", text, `tag ${kind}`);

function cases() {
  const passed = (performance.now() - readAt) / 1000;
  return state.cases.map((one) => ({ ...one, seconds_left: one.seconds_left === null ? null : Math.max(0, one.seconds_left - passed), age_s: one.age_s + passed }));
}

function drawClocks() {
  if (!state || !map) return;
  const now = cases();
  map.show(now, (one) => words().states[one.state]);
  const open = now.filter((one) => one.state === "open").sort((a, b) => a.seconds_left - b.seconds_left);
  list("open", open.map((one) => {
    const left = Math.ceil(one.seconds_left);
    const bar = element("span", undefined, "bar");
    bar.style.setProperty("--left", `${(one.seconds_left / 60) * 100}%`);
    return row(number(one.number), what(one), tag(words().seconds(left), left <= 15 ? "soon" : "open"), bar);
  }));
  const queue = now.filter((one) => one.state === "handed_over").sort((a, b) => b.urgent - a.urgent || b.age_s - a.age_s);
  list("queue", queue.map((one) => row(number(one.number), what(one), tag(one.urgent ? words().urgent : words().causes[one.cause] ?? "", one.urgent ? "urgent" : "queue"))));
  const order = ["arrived", "en_route", "assigned", "claimed"];
  const going = now.filter((one) => order.includes(one.state)).sort((a, b) => order.indexOf(b.state) - order.indexOf(a.state) || a.age_s - b.age_s);
  list("going", going.map((one) => row(number(one.number), what(one), element("span", one.badge ?? "", "badge"), tag(words().states[one.state], one.state))));
}

function drawState() {
  const say = words(), counted = state.counters;
  const p99 = counted.handover_p99_ms === null ? "–" : `${counted.handover_p99_ms} ms`;
  const numbers = [
    ["cases", counted.cases], ["running", counted.running], ["ended", counted.ended], ["races", counted.races],
    ["double_grants", counted.double_grants, counted.double_grants === 0], ["lost", counted.lost, counted.lost === 0], ["p99", p99],
  ];
  find("counters").replaceChildren(...numbers.map(([name, value, good]) => {
    const box = element("div", undefined, good === undefined ? "" : good ? "good" : "bad");
    box.append(element("strong", value), element("span", say[name]));
    return box;
  }));
  list("taken", state.taken.map((one) => row(element("span", one.badge, "badge"), number(one.number), element("span", one.rivals ? say.rivals(one.rivals) : "", "rivals"))));
  list("handovers", state.handovers.map((one) => row(number(one.number), element("span", stationName(one.station), "what"), tag(say.late(Math.round(one.lateness_s * 1000)), "queue"))));
  map.move(state.officers);
  drawClocks();
}

function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-say]")) node.textContent = words()[node.dataset.say];
  document.title = words().title;
  find("map-title").textContent = words().map;
  find("legend").replaceChildren(...Object.entries(words().legend).map(([kind, text]) => {
    const item = element("li", text);
    item.prepend(element("i", undefined, kind));
    return item;
  }));
  map?.name(language);
  if (state) drawState();
}

async function read() {
  try {
    const answer = await fetch("/state", { cache: "no-store" });
    state = await answer.json();
    readAt = performance.now();
    document.body.classList.remove("away");
    drawState();
  } catch {
    document.body.classList.add("away");
    find("counters").replaceChildren(element("p", words().away, "hint"));
  }
  setTimeout(read, EVERY_MS);
}

find("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  speak();
});

speak();
city = await (await fetch("/map.json")).json();
find("chat").href = `http://${location.hostname}:${city.ports.simulator}/chat#visitor`;
find("docs").href = `http://${location.hostname}:${city.ports.service}/docs`;
map = new SketchMap(find("map"), city);
speak();
await read();
setInterval(drawClocks, 250);
