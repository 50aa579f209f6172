// The page: who there is, whose phones are open, the calls. A phone draws itself.
import { button, make } from "./bubbles.js";
import { closeInspector, openInspector, showCalls, showKinds } from "./inspector.js";
import { Phone } from "./phone.js";
import * as wechat from "./wechat.js";
import { label, say, spoken, switchLanguage } from "./words.js";

const at = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 780px)");
const state = { users: null, phones: new Map() };

function showPeople() {
  const rows = (state.users ?? []).map((user) => {
    const open = state.phones.has(user.id);
    const face = make("span", "face mine", [...user.name][0] ?? "?");
    const node = button(open ? "person chosen" : "person", "", () => toggle(user));
    node.append(face, make("span", "", user.name));
    node.setAttribute("aria-pressed", String(open));
    return make("li", "", node);
  });
  at("people").replaceChildren(...(rows.length ? rows : [make("li", "hint", say(state.users ? "nobody" : "loading"))]));
}

function showPhones() {
  const open = [...state.phones.values()];
  if (!open.length) return at("phones").replaceChildren(make("p", "empty", say("nobody_open")));
  for (const node of at("phones").querySelectorAll(".empty")) node.remove();
  for (const phone of open) {
    if (phone.root.isConnected) continue;
    at("phones").append(phone.root);
    phone.toEnd();
  }
}

function problem(words) {
  at("people-status").textContent = words;
  at("people-status").hidden = !words;
}

async function open(user) {
  const account = await wechat.getAccount(user.id);
  state.phones.set(user.id, new Phone(user, account, {
    back: () => (narrow.matches ? document.body.classList.add("choosing") : close(user.id)),
    inspect: openInspector,
    changed: showPeople,
  }));
}

function close(id) {
  state.phones.get(id)?.close();
  state.phones.delete(id);
  shown();
}

// On a narrow screen one phone at a time; on a wide one as many as one likes.
async function toggle(user) {
  if (narrow.matches) {
    for (const id of state.phones.keys()) if (id !== user.id) close(id);
    document.body.classList.remove("choosing");
  } else if (state.phones.has(user.id)) {
    return close(user.id);
  }
  try {
    if (!state.phones.has(user.id)) await open(user);
    problem("");
  } catch (refused) {
    problem(say("refused") + refused.message);
  }
  shown();
}

function shown() {
  const ids = [...state.phones.keys()].map(encodeURIComponent).join(",");
  history.replaceState(null, "", ids ? `#${ids}` : location.pathname + location.search);
  showPeople();
  showPhones();
}

function showWords() {
  label();
  at("language").textContent = say("language");
  for (const phone of state.phones.values()) phone.showWords();
  showKinds();
  showCalls();
  showPeople();
  showPhones();
}

at("language").onclick = () => { switchLanguage(); showWords(); };
at("open-inspector").onclick = () => (at("inspector").hidden ? openInspector() : closeInspector());
at("new-person").onsubmit = async (event) => {
  event.preventDefault();
  const name = at("new-name").value.trim() || `${say("new_user")}${(state.users?.length ?? 0) + 1}`;
  at("new-name").value = "";
  try {
    const user = await wechat.createUser(name, spoken() === "en" ? "en" : "zh_CN");
    state.users = [...(state.users ?? []), user];
    await toggle(user);
    state.phones.get(user.id).doing(wechat.follow(user.id));
  } catch (refused) {
    problem(say("refused") + refused.message);
  }
};

showWords();
try {
  state.users = await wechat.getUsers();
  const wanted = location.hash.slice(1).split(",").map(decodeURIComponent);
  const chosen = state.users.filter((user) => wanted.includes(user.id)).slice(0, narrow.matches ? 1 : 8);
  for (const user of chosen) await open(user);
  document.body.classList.toggle("choosing", !chosen.length);
} catch (refused) {
  problem(say("refused") + refused.message);
}
shown();
// The account may change its menu, and somebody may come, while we look.
setInterval(async () => {
  if (document.hidden) return;
  for (const phone of state.phones.values()) phone.refreshMenu();
  const users = await wechat.getUsers().catch(() => null);
  if (!users || users.length === state.users?.length) return;
  const known = new Map(state.users?.map((user) => [user.id, user]));
  state.users = users.map((user) => known.get(user.id) ?? user);
  showPeople();
}, 15000);
