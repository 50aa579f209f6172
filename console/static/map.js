// The sketch map: boundaries of my stations, cases and officers as 300 m squares, north up. No tiles, no vendor.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const MARGIN = 24;

function shape(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

function rings(boundary) {
  if (!boundary) return [];
  return boundary.type === "Polygon" ? boundary.coordinates : boundary.coordinates.flat();
}

function projection(points) {
  const lngs = points.map((p) => p[0]);
  const lats = points.map((p) => p[1]);
  const [west, east] = [Math.min(...lngs), Math.max(...lngs)];
  const [south, north] = [Math.min(...lats), Math.max(...lats)];
  const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const scale = WIDTH / Math.max((east - west) * squeeze, 1e-6);
  const height = Math.max((north - south) * scale, 1);
  return { at: ([lng, lat]) => [(lng - west) * squeeze * scale, (north - lat) * scale], height };
}

// Marks of one square would lie on top of each other: each next one steps aside on a small spiral.
function spread(taken, [x, y]) {
  const key = `${Math.round(x)},${Math.round(y)}`;
  const n = taken.get(key) ?? 0;
  taken.set(key, n + 1);
  if (!n) return [x, y];
  const radius = 15 * Math.sqrt(n);
  return [x + radius * Math.cos(n * 2.4), y + radius * Math.sin(n * 2.4)];
}

function kindOf(one) {
  if (one.urgent) return "urgent";
  if (one.state === "open") return "open";
  return one.state === "handed_over" ? "desk" : "held";
}

export function draw(svg, { stations, cases, duty, label, hint }) {
  svg.replaceChildren();
  const corners = stations.flatMap((s) => rings(s.boundary).flat());
  const places = cases.flatMap((c) => (c.rough ? [[c.rough.lng, c.rough.lat]] : []));
  const all = corners.length ? corners : places;
  if (!all.length) return;
  const { at, height } = projection(all);
  svg.setAttribute("viewBox", `${-MARGIN} ${-MARGIN} ${WIDTH + 2 * MARGIN} ${height + 2 * MARGIN}`);
  svg.setAttribute("aria-label", hint);
  for (const station of stations) drawStation(svg, station, at, label(station));
  const taken = new Map();
  for (const officer of duty) {
    if (!officer.square) continue;
    const [x, y] = spread(taken, at([officer.square.lng, officer.square.lat]));
    const mark = shape("circle", { cx: x, cy: y, r: 7, class: officer.case_id ? "officer busy" : "officer free" }, svg);
    shape("title", {}, mark).textContent = officer.badge;
  }
  for (const one of [...cases].reverse()) { // what waits at the desk lies on top
    if (!one.rough) continue;
    const [x, y] = spread(taken, at([one.rough.lng, one.rough.lat]));
    const size = kindOf(one) === "urgent" ? 15 : 12;
    const points = `${x},${y - size} ${x + size},${y} ${x},${y + size} ${x - size},${y}`;
    const mark = shape("polygon", { points, class: `case ${kindOf(one)}` }, svg);
    shape("title", {}, mark).textContent = one.number;
  }
}

function drawStation(svg, station, at, name) {
  const parts = rings(station.boundary);
  if (!parts.length) return;
  const path = parts.map((ring) => `M${ring.map((p) => at(p).map((n) => n.toFixed(1)).join(",")).join("L")}Z`).join("");
  shape("path", { d: path, class: station.mine ? "area mine" : "area", "fill-rule": "evenodd" }, svg);
  const corners = parts.flatMap((ring) => ring.slice(1).map(at));
  const [x, y] = [0, 1].map((axis) => corners.reduce((sum, p) => sum + p[axis], 0) / corners.length);
  const made = shape("text", { x, y, class: "name" }, svg);
  made.textContent = name;
  const half = made.getComputedTextLength() / 2;
  made.setAttribute("x", Math.min(Math.max(x, half - MARGIN), WIDTH + MARGIN - half)); // a long name stays on the sheet
}
