// A sketch map in SVG: an outline, areas and named points of a GeoJSON in WGS-84, or a plain grid. A click drops a pin.
import { spoken } from "./words.js";

const SPACE = "http://www.w3.org/2000/svg";
const METRES_PER_DEGREE = 111_320;

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// GeoJSON of any depth to a list of [lng, lat] lists.
function rings(geometry) {
  const at = geometry?.coordinates ?? [];
  switch (geometry?.type) {
    case "Polygon": case "MultiLineString": return at;
    case "MultiPolygon": return at.flat();
    case "LineString": return [at];
    case "Point": return [[at]];
    case "MultiPoint": return at.map((one) => [one]);
    case "GeometryCollection": return geometry.geometries.flatMap(rings);
    default: return [];
  }
}

// Areas first, then points, then ways: what orients comes before what lies in it.
const weight = (feature) => (/Polygon/.test(feature.geometry.type) ? 2 : feature.geometry.type === "Point" ? 1 : 0);
const called = ({ properties }) => (spoken() === "en" && properties.name_en) || properties.name;
// In letters as wide as high; Latin ones are about half of that.
const length = (words) => [...words].reduce((sum, letter) => sum + (letter > "\u2e80" ? 1 : 0.56), 0.5);

function bounds(features, centre) {
  const all = features.flatMap((feature) => rings(feature.geometry).flat());
  if (!all.length) return { west: centre.lng - 0.05, east: centre.lng + 0.05, south: centre.lat - 0.04, north: centre.lat + 0.04 };
  const lngs = all.map((one) => one[0]), lats = all.map((one) => one[1]);
  return { west: Math.min(...lngs), east: Math.max(...lngs), south: Math.min(...lats), north: Math.max(...lats) };
}

export class SketchMap {
  constructor(root, sketch, onPick) {
    this.root = root;
    this.sketch = sketch;
    this.features = sketch.geojson?.features ?? [];
    this.onPick = onPick;
    const box = bounds(this.features, sketch.centre);
    this.origin = { lat: (box.north + box.south) / 2, lng: (box.east + box.west) / 2 };
    this.squeeze = Math.cos((this.origin.lat * Math.PI) / 180);
    // The drawing's unit is a metre, north up.
    this.full = { width: (box.east - box.west) * METRES_PER_DEGREE * this.squeeze * 1.1, height: (box.north - box.south) * METRES_PER_DEGREE * 1.1 };
    this.view = { x: 0, y: 0, zoom: 1 };
    this.picked = null;
    if (onPick) this.listen();
  }

  // Fixed on one place, for a picture of its surroundings of about a kilometre.
  show(place) {
    const [x, y] = this.toDrawing([place.lng, place.lat]);
    this.picked = place;
    this.size = { width: 230, height: 110 };
    this.view = { x, y, zoom: Math.max(this.full.width / 230, this.full.height / 110) / 5 };
    this.draw();
  }

  toDrawing([lng, lat]) {
    return [(lng - this.origin.lng) * METRES_PER_DEGREE * this.squeeze, (this.origin.lat - lat) * METRES_PER_DEGREE];
  }

  toDegrees(x, y) {
    return { lat: this.origin.lat - y / METRES_PER_DEGREE, lng: this.origin.lng + x / (METRES_PER_DEGREE * this.squeeze) };
  }

  frame() {
    const { width, height } = this.size ?? this.root.getBoundingClientRect();
    const scale = Math.max(this.full.width / (width || 1), this.full.height / (height || 1)) / this.view.zoom;
    return { width: (width || 1) * scale, height: (height || 1) * scale, scale };
  }

  draw() {
    const { width, height, scale } = this.frame();
    this.root.setAttribute("viewBox", `${this.view.x - width / 2} ${this.view.y - height / 2} ${width} ${height}`);
    const shapes = this.features.filter((feature) => feature.geometry && !/Point/.test(feature.geometry.type)).map((feature) => this.shape(feature));
    const names = this.names(scale);
    this.root.replaceChildren(...this.grid(width, height, scale), ...shapes, ...names, ...(this.picked ? [this.pin(scale)] : []));
  }

  shape(feature) {
    const closed = /Polygon/.test(feature.geometry.type);
    const d = rings(feature.geometry).map((ring) => "M" + ring.map((one) => this.toDrawing(one).map(Math.round).join(" ")).join("L") + (closed ? "Z" : "")).join("");
    const kind = String(feature.properties?.kind ?? "").replace(/[^a-z_-]/gi, "");
    return svg("path", { d, class: `${closed ? "area" : "way"} ${kind}`, "vector-effect": "non-scaling-stroke" });
  }

  // Every point has its dot; a name that would lie on another one waits until one is closer.
  names(scale) {
    const named = this.features.filter((feature) => feature.properties?.name && rings(feature.geometry).flat().length);
    const taken = [];
    const order = [...named].sort((one, other) => weight(other) - weight(one));
    return order.map((feature) => {
      const drawn = this.name(feature, scale), words = drawn.querySelector("text");
      const width = length(words.textContent) * 12 * scale, x = Number(words.getAttribute("x")), y = Number(words.getAttribute("y"));
      const box = { left: x - width / 2, right: x + width / 2, top: y - 12 * scale, bottom: y + 4 * scale };
      if (taken.some((one) => one.left < box.right && box.left < one.right && one.top < box.bottom && box.top < one.bottom)) words.remove();
      else taken.push(box);
      return drawn;
    });
  }

  name(feature, scale) {
    const all = rings(feature.geometry).flat();
    const point = feature.geometry.type === "Point";
    const at = point ? all[0] : [all.reduce((sum, one) => sum + one[0], 0) / all.length, all.reduce((sum, one) => sum + one[1], 0) / all.length];
    const [x, y] = this.toDrawing(at);
    const words = svg("text", { x, y: y - (point ? 9 * scale : 0), "font-size": 12 * scale, class: point ? "name" : "name area-name" }, called(feature));
    return svg("g", {}, ...(point ? [svg("circle", { cx: x, cy: y, r: 4.5 * scale, class: "spot" })] : []), words);
  }

  grid(width, height, scale) {
    const step = [100, 250, 500, 1000, 2500, 5000, 10000].find((metres) => metres / scale > 45) ?? 25000;
    const lines = [];
    for (let x = Math.ceil((this.view.x - width / 2) / step) * step; x < this.view.x + width / 2; x += step)
      lines.push(`M${x} ${this.view.y - height / 2}V${this.view.y + height / 2}`);
    for (let y = Math.ceil((this.view.y - height / 2) / step) * step; y < this.view.y + height / 2; y += step)
      lines.push(`M${this.view.x - width / 2} ${y}H${this.view.x + width / 2}`);
    const words = step >= 1000 ? `${step / 1000} km` : `${step} m`;
    const left = this.view.x - width / 2 + 12 * scale, low = this.view.y + height / 2 - 14 * scale;
    return [
      svg("path", { d: lines.join(""), class: "grid", "vector-effect": "non-scaling-stroke" }),
      svg("path", { d: `M${left} ${low}h${step}`, class: "ruler", "vector-effect": "non-scaling-stroke" }),
      svg("text", { x: left, y: low - 5 * scale, "font-size": 11 * scale, class: "measure" }, words),
    ];
  }

  pin(scale) {
    const [x, y] = this.toDrawing([this.picked.lng, this.picked.lat]);
    return svg("path", { class: "drop", transform: `translate(${x} ${y}) scale(${scale})`, d: "M0 0C-4-9-10-13-10-21a10 10 0 0 1 20 0C10-13 4-9 0 0zM0-17a4 4 0 1 0 0-8 4 4 0 0 0 0 8z" });
  }

  zoom(factor) {
    this.view.zoom = Math.min(40, Math.max(0.5, this.view.zoom * factor));
    this.draw();
  }

  clear() {
    this.picked = null;
    this.view = { x: 0, y: 0, zoom: 1 };
    this.draw();
  }

  listen() {
    let from = null, moved = false;
    this.root.onpointerdown = (event) => { from = { x: event.clientX, y: event.clientY, view: { ...this.view } }; moved = false; this.root.setPointerCapture(event.pointerId); };
    this.root.onpointermove = (event) => {
      if (!from) return;
      const dx = event.clientX - from.x, dy = event.clientY - from.y, { scale } = this.frame();
      moved ||= Math.hypot(dx, dy) > 6;
      if (!moved) return;
      this.view = { ...this.view, x: from.view.x - dx * scale, y: from.view.y - dy * scale };
      this.draw();
    };
    this.root.onpointercancel = () => { from = null; };
    this.root.onpointerup = (event) => {
      if (!from) return;
      from = null;
      if (!moved) this.pick(event);
    };
    this.root.onwheel = (event) => { event.preventDefault(); this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2); };
  }

  pick(event) {
    const box = this.root.getBoundingClientRect(), { scale } = this.frame();
    const x = this.view.x + (event.clientX - box.left - box.width / 2) * scale;
    const y = this.view.y + (event.clientY - box.top - box.height / 2) * scale;
    this.picked = this.toDegrees(x, y);
    this.draw();
    this.onPick(this.picked);
  }
}
