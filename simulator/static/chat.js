// The page: who I am, the chat, the menu, the map. State is one object; `show...` functions draw parts of it.
import { bubble, make } from "./bubbles.js";
import { SketchMap } from "./map.js";
import * as wechat from "./wechat.js";
import { clock, label, say, switchLanguage } from "./words.js";

const at = (id) => document.getElementById(id);
const state = { account: null, users: [], user: null, entries: [], stop: null, sketch: null, place: null, trace: [] };
const me = () => state.users.find((user) => user.id === state.user);

// ---- people
async function loadPeople() {
  state.users = await wechat.getUsers();
  showPeople();
}

function showPeople() {
  const rows = state.users.map((user) => {
    const button = make("button", user.id === state.user ? "person chosen" : "person", make("span", "face", [...user.name][0] ?? "?"), make("span", "", user.name));
    button.type = "button";
    button.onclick = () => become(user.id);
    return make("li", "", button);
  });
  at("people").replaceChildren(...(rows.length ? rows : [make("li", "hint", say("nobody"))]));
  const user = me();
  at("follow").textContent = user ? say(user.following ? "unfollow" : "follow") : "";
  at("follow").hidden = !user;
  for (const node of at("compose").elements) node.disabled = !user?.following;
  at("words").placeholder = user ? (user.following ? "" : say("not_following")) : say("choose");
}

function become(id) {
  state.stop?.();
  Object.assign(state, { user: id, entries: [], trace: [] });
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  document.body.classList.remove("choosing");
  showPeople();
  showMenu();
  showLog();
  showTrace();
  state.stop = wechat.followChat(id, onFrame, (connected) => tell(connected ? "" : say("offline")));
}

function onFrame(frame) {
  at("typing").hidden = !frame.typing;
  if (!frame.entries.length) return;
  state.entries.push(...frame.entries);
  for (const entry of frame.entries) {
    if (entry.kind === "followed" || entry.kind === "unfollowed") {
      const user = me();
      if (user) user.following = entry.kind === "followed";
      showPeople();
      showMenu();
    }
  }
  at("log").append(...frame.entries.map((entry) => bubble(entry, on)));
  at("log").scrollTop = at("log").scrollHeight;
}

function showLog() {
  at("log").replaceChildren(...state.entries.map((entry) => bubble(entry, on)));
  at("log").scrollTop = at("log").scrollHeight;
}

// ---- acting, and what came of it
async function doing(promise) {
  try {
    const outcome = await promise;
    state.trace.unshift({ at: new Date(), ...outcome });
    state.trace.length = Math.min(state.trace.length, 40);
    showTrace();
  } catch (problem) {
    tell(say("refused") + problem.message);
  }
}

function showTrace() {
  at("trace").replaceChildren(...state.trace.map((one) => {
    const last = one.attempts.at(-1);
    const words = one.attempts.length ? `${say(one.shown)} · ${say("deliveries")} ${one.attempts.length} · ${last.latency_ms} ms` : say("not_reached");
    const head = make("div", "pair", make("strong", "", one.kind), make("time", "", clock(one.at)));
    return make("li", one.problem ? "bad" : "", head, make("small", "", words), one.problem ? make("small", "problem", one.problem) : null);
  }));
}

function tell(words) {
  at("status").textContent = words;
  at("status").hidden = !words;
}

const on = {
  tap: (id, words) => doing(wechat.act(state.user, { kind: "text", text: words, menu_id: id })),
  page: (path) => tell(say("opens_page") + path),
};

// ---- menu
const PRESS = {
  click: (button) => doing(wechat.act(state.user, { kind: "click", key: button.key })),
  view: (button) => { doing(wechat.act(state.user, { kind: "view", target: button.url })); if (/^https?:/.test(button.url)) window.open(button.url, "_blank", "noopener"); },
  miniprogram: (button) => { doing(wechat.act(state.user, { kind: "view_miniprogram", target: button.pagepath })); on.page(button.pagepath); },
  location_select: () => openMap(),
  pic_photo_or_album: () => at("picture").click(),
  pic_sysphoto: () => at("picture").click(),
  pic_weixin: () => at("picture").click(),
};

function press(button) {
  tell("");
  (PRESS[button.type] ?? (() => tell(say("unsupported"))))(button);
}

function showMenu() {
  const buttons = state.account?.menu.button ?? [];
  at("menu").hidden = !buttons.length || !me()?.following;
  at("menu").replaceChildren(...buttons.map((button) => {
    if (!button.sub_button?.length) return menuButton(button, () => press(button));
    const below = make("div", "below", ...button.sub_button.map((one) => menuButton(one, () => { below.hidden = true; press(one); })));
    below.hidden = true;
    return make("div", "group", menuButton({ name: `≡ ${button.name}` }, () => { below.hidden = !below.hidden; }), below);
  }));
}

function menuButton(button, act) {
  const node = make("button", "", button.name);
  node.type = "button";
  node.onclick = act;
  return node;
}

// ---- map
async function openMap() {
  at("map-dialog").showModal();
  state.sketch ??= new SketchMap(at("map"), await wechat.getSketchMap(), (place) => {
    state.place = place;
    at("map-where").textContent = `${place.lat.toFixed(5)}, ${place.lng.toFixed(5)} (WGS-84)`;
    at("map-send").disabled = false;
  });
  state.place = null;
  at("map-send").disabled = true;
  at("map-where").textContent = say("map_hint");
  at("label").value = "";
  state.sketch.clear();
}

function sendPlace() {
  const { lat, lng } = state.place;
  at("map-dialog").close();
  doing(wechat.act(state.user, { kind: "location", lat, lng, datum: "wgs84", label: at("label").value.trim() }));
}

// ---- wiring
function showWords() {
  label();
  at("language").textContent = say("language");
  showPeople();
  showLog();
  showTrace();
}

at("language").onclick = () => { switchLanguage(); showWords(); };
at("show-people").onclick = () => document.body.classList.toggle("choosing");
at("follow").onclick = () => doing(me().following ? wechat.unfollow(state.user) : wechat.follow(state.user));
at("open-map").onclick = openMap;
at("map-cancel").onclick = () => at("map-dialog").close();
at("map-send").onclick = sendPlace;
at("zoom-in").onclick = () => state.sketch.zoom(1.5);
at("zoom-out").onclick = () => state.sketch.zoom(1 / 1.5);
at("open-picture").onclick = () => at("picture").click();
at("picture").onchange = () => {
  const [file] = at("picture").files;
  if (file) doing(wechat.sendPicture(state.user, file));
  at("picture").value = "";
};
at("new-person").onsubmit = async (event) => {
  event.preventDefault();
  const name = at("new-name").value.trim() || `用户${state.users.length + 1}`;
  at("new-name").value = "";
  try {
    const user = await wechat.createUser(name);
    state.users.push(user);
    become(user.id);
    doing(wechat.follow(user.id));
  } catch (problem) {
    tell(say("refused") + problem.message);
  }
};
at("compose").onsubmit = (event) => {
  event.preventDefault();
  const text = at("words").value.trim();
  if (!text || !state.user) return;
  at("words").value = "";
  tell("");
  doing(wechat.act(state.user, { kind: "text", text }));
};
at("words").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    at("compose").requestSubmit();
  }
};
window.addEventListener("resize", () => at("map-dialog").open && state.sketch?.draw());

showWords();
try {
  state.account = await wechat.getAccount();
  at("account").textContent = state.account.name;
  await loadPeople();
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (state.users.some((user) => user.id === wanted)) become(wanted);
  else document.body.classList.add("choosing");
} catch (problem) {
  tell(say("refused") + problem.message);
}
// The account may change its menu while we look.
setInterval(async () => {
  if (document.hidden) return;
  const account = await wechat.getAccount().catch(() => null);
  if (account && JSON.stringify(account.menu) !== JSON.stringify(state.account?.menu)) {
    state.account = account;
    showMenu();
  }
}, 15000);
