// What covers the page for a moment: the map to choose on, a few fields to fill in, a picture in full.
import { make } from "./bubbles.js";
import { SketchMap } from "./map.js";
import * as wechat from "./wechat.js";
import { say } from "./words.js";

const at = (id) => document.getElementById(id);
let sketch = null, picker = null, place = null, onPlace = null;

// What could not be read is asked for again the next time.
const loadSketch = () => (sketch ??= wechat.getSketchMap().then(
  (known) => { if (known.problem) sketch = null; return known; },
  (problem) => { sketch = null; throw problem; },
));

// A place tapped on the sketch map: calls back with degrees (WGS-84) and a name.
export async function choosePlace(done) {
  const known = await loadSketch();
  onPlace = done;
  at("map-dialog").showModal();
  if (picker?.sketch !== known) picker = new SketchMap(at("map"), known, (chosen) => {
    place = chosen;
    at("map-where").textContent = `${chosen.lat.toFixed(5)}, ${chosen.lng.toFixed(5)} (WGS-84)`;
    at("map-send").disabled = false;
  });
  place = null;
  at("map-send").disabled = true;
  at("map-where").textContent = known.problem ?? say("map_hint");
  at("label").value = "";
  picker.clear();
}

// The surroundings of a place, small, as a location bubble has them.
export function smallMap(where) {
  const root = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  root.setAttribute("class", "map small");
  root.setAttribute("aria-hidden", "true");
  loadSketch().then((known) => new SketchMap(root, known, null).show(where)).catch(() => root.classList.add("blank"));
  return root;
}

// Fields by key, each with its label's key; resolves with their values, or null when cancelled.
export function askFor(title, fields) {
  const inputs = Object.entries(fields).map(([name, { words, value }]) => {
    const input = make("input", "");
    Object.assign(input, { name, value: value ?? "", required: true, maxLength: 200, autocomplete: "off" });
    return make("label", "field", make("small", "", say(words)), input);
  });
  at("ask-title").textContent = title;
  at("ask-fields").replaceChildren(...inputs);
  const dialog = at("ask-dialog");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.onclose = () => {
      if (dialog.returnValue !== "ok") return done(null);
      done(Object.fromEntries(inputs.map((one) => [one.querySelector("input").name, one.querySelector("input").value.trim()])));
    };
  });
}

export function enlarge(url) {
  at("picture-full").src = url;
  at("picture-dialog").showModal();
}

at("picture-dialog").onclick = () => at("picture-dialog").close();
at("map-cancel").onclick = () => at("map-dialog").close();
at("map-send").onclick = () => {
  at("map-dialog").close();
  onPlace({ ...place, label: at("label").value.trim() });
};
at("zoom-in").onclick = () => picker.zoom(1.5);
at("zoom-out").onclick = () => picker.zoom(1 / 1.5);
window.addEventListener("resize", () => at("map-dialog").open && picker?.draw());
