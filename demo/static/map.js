// The sketch map as SVG. Places are [longitude, latitude] in WGS-84.
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const STRETCH = 1 / Math.cos((32.065 * Math.PI) / 180); // a degree of latitude against one of longitude
const MARGIN = 0.002;

function make(name, attributes, parent) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent?.append(node);
  return node;
}

function rings(geometry) {
  switch (geometry?.type) {
    case "Polygon": return geometry.coordinates;
    case "MultiPolygon": return geometry.coordinates.flat();
    case "LineString": return [geometry.coordinates];
    case "MultiLineString": return geometry.coordinates;
    default: return [];
  }
}

export class SketchMap {
  constructor(svg, city) {
    this.svg = svg;
    const spots = city.stations.flatMap((station) => rings(station.boundary).flat());
    this.west = Math.min(...spots.map((spot) => spot[0])) - MARGIN;
    this.north = Math.max(...spots.map((spot) => spot[1])) + MARGIN;
    const east = Math.max(...spots.map((spot) => spot[0])) + MARGIN;
    const south = Math.min(...spots.map((spot) => spot[1])) - MARGIN;
    this.scale = WIDTH / (east - this.west);
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${((this.north - south) * STRETCH * this.scale).toFixed(0)}`);
    this.ground = make("g", {}, svg);
    this.desks = make("g", {}, svg);
    this.officers = make("g", {}, svg);
    this.labels = make("g", { class: "labels" }, svg);
    this.cases = make("g", {}, svg);
    this.known = new Map();
    this.shown = new Map();
    this.draw(city);
  }

  at([lng, lat]) {
    return [(lng - this.west) * this.scale, (this.north - lat) * STRETCH * this.scale];
  }

  path(geometry) {
    const closed = geometry.type.endsWith("Polygon") ? "Z" : "";
    return rings(geometry)
      .map((ring) => "M" + ring.map((spot) => this.at(spot).map((n) => n.toFixed(1)).join(" ")).join("L") + closed)
      .join("");
  }

  draw(city) {
    for (const station of city.stations) {
      if (station.boundary) make("path", { d: this.path(station.boundary), class: "area" }, this.ground);
    }
    const order = ["district", "hill", "water", "metro", "road"];
    const drawn = city.sketch.features.filter((feature) => feature.geometry.type !== "Point");
    drawn.sort((a, b) => order.indexOf(a.properties.kind) - order.indexOf(b.properties.kind));
    for (const feature of drawn) {
      const filled = feature.geometry.type.endsWith("Polygon");
      make("path", { d: this.path(feature.geometry), class: `${filled ? "fill" : "line"} ${feature.properties.kind}` }, this.ground);
    }
    for (const station of city.stations) {
      if (station.boundary) make("path", { d: this.path(station.boundary), class: "border" }, this.ground);
    }
    this.stations = city.stations.map((station) => {
      const [x, y] = this.at(station.desk);
      make("rect", { x: x - 7, y: y - 7, width: 14, height: 14, rx: 3, class: station.command ? "desk command" : "desk" }, this.desks);
      return { station, x, text: make("text", { x, y: station.command ? y + 26 : y - 13 }, this.labels) };
    });
  }

  name(language) {
    for (const { station, x, text } of this.stations) {
      text.textContent = language === "zh"
        ? station.name.replace("派出所", "").replace("（虚构）", "").replace("玄武指挥", "指挥")
        : station.name_en.replace(" Police Station", "").replace(" (fictional)", "").replace("Xuanwu Command", "Command");
      const half = text.getComputedTextLength() / 2;
      text.setAttribute("x", Math.min(Math.max(x, half), WIDTH - half)); // a long name stays on the sheet
    }
  }

  move(officers) {
    for (const [badge, lng, lat, doing] of officers) {
      let dot = this.known.get(badge);
      if (!dot) {
        dot = make("circle", { r: 6 }, this.officers);
        make("title", {}, dot).textContent = badge;
        this.known.set(badge, dot);
      }
      const [x, y] = this.at([lng, lat]);
      dot.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
      dot.setAttribute("class", `officer ${doing}`);
    }
  }

  show(cases, say) {
    const here = new Set();
    for (const one of cases) {
      if (!one.rough) continue;
      here.add(one.case_id);
      let mark = this.shown.get(one.case_id);
      if (!mark) {
        const group = make("g", {}, this.cases);
        mark = { group, halo: make("circle", { r: 22, class: "halo" }, group), clock: make("circle", { r: 16, class: "clock", pathLength: 60 }, group), text: make("text", { y: 5 }, group) };
        const [x, y] = this.at([one.rough.lng, one.rough.lat]);
        group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
        make("title", {}, group);
        this.shown.set(one.case_id, mark);
      }
      const kind = one.state === "open" ? "open" : one.state === "handed_over" ? "queue" : "going";
      mark.group.setAttribute("class", `case ${kind}${one.urgent ? " urgent" : ""}`);
      mark.group.lastChild.textContent = `${one.number} ${say(one)}`;
      const left = Math.max(0, Math.min(60, one.seconds_left ?? 0));
      mark.clock.setAttribute("stroke-dasharray", one.state === "open" ? `${left} 60` : "60 60");
      mark.text.textContent = one.state === "open" ? Math.ceil(left) : kind === "queue" ? "!" : "";
    }
    for (const [id, mark] of this.shown) {
      if (here.has(id)) continue;
      mark.group.remove();
      this.shown.delete(id);
    }
  }
}
