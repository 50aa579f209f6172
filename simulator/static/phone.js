// One phone: a person's chat with the account. It draws itself into a section of its own; several stand side by side.
import { bubble, button, make } from "./bubbles.js";
import { askFor, choosePlace, enlarge, smallMap } from "./dialogs.js";
import { Recorder } from "./recorder.js";
import * as wechat from "./wechat.js";
import { label, say } from "./words.js";

const ICONS = {
  picture: "M4 6h16v12H4zM4 16l5-4 4 3 3-2 4 3M8.5 9.5h.01",
  location: "M12 21s6.5-6 6.5-11a6.5 6.5 0 0 0-13 0C5.5 15 12 21 12 21zM12 12a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  film: "M4 7h11v10H4zM15 11l5-3v8l-5-3",
  voice_sample: "M12 4a2.5 2.5 0 0 0-2.5 2.5v5a2.5 2.5 0 0 0 5 0v-5A2.5 2.5 0 0 0 12 4zM6.5 11.5a5.5 5.5 0 0 0 11 0M12 17v3",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1",
  card: "M5 5h6v6H5zM13 5h6v6h-6zM5 13h6v6H5zM16 13v6M13 16h6",
  scan: "M5 9V5h4M15 5h4v4M19 15v4h-4M9 19H5v-4M5 12h14",
  position: "M12 3v3M12 18v3M3 12h3M18 12h3M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8z",
};

function icon(name) {
  const root = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  root.setAttribute("viewBox", "0 0 24 24");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  root.append(path);
  return root;
}

export class Phone {
  // `on.back()` shows the people, `on.inspect()` the calls, `on.changed(user)` hears what became of the person.
  constructor(user, account, on) {
    Object.assign(this, { user, account, on, entries: null, working: 0, writes: null, recorder: null });
    this.root = document.getElementById("phone").content.firstElementChild.cloneNode(true);
    this.root.dataset.user = user.id;
    this.wire();
    this.showWords();
    this.stop = wechat.followChat(user.id, (frame) => this.onFrame(frame), (connected) => this.tell(connected ? "" : say("offline")));
  }

  at(name) { return this.root.querySelector(`.${name}`); }

  close() {
    this.stop();
    this.root.remove();
  }

  // ---- what is seen
  showWords() {
    label(this.root);
    this.at("account").textContent = this.account.name;
    this.showPerson();
    this.showTools();
    this.showMenu();
    this.showLog();
  }

  showPerson() {
    this.root.classList.toggle("stranger", !this.user.following);
    this.at("draft").placeholder = this.user.following ? "" : say("not_following");
    for (const node of this.at("compose").elements) node.disabled = !this.user.following;
    this.showTyping(false);
  }

  showTyping(typing) {
    this.at("under").textContent = typing ? say("typing") : `${say("as")} ${this.user.name} ${say("acting")}`.trim();
  }

  showLog() {
    const log = this.at("log");
    if (this.entries === null) return log.replaceChildren(make("p", "system", say("loading")));
    const first = this.user.following ? make("p", "system", say("welcome")) : this.invitation();
    log.replaceChildren(...(this.entries.length ? this.entries.flatMap((entry, at) => this.line(entry, at)) : [first]));
    if (this.entries.length && !this.user.following) log.append(this.invitation());
    this.toEnd();
  }

  toEnd() { this.at("log").scrollTop = this.at("log").scrollHeight; }

  invitation() {
    const follow = button("go", say("follow"), () => this.doing(wechat.follow(this.user.id)));
    return make("div", "invitation", make("p", "system", say("not_following")), follow);
  }

  line(entry, at) {
    return bubble(entry, this.entries[at - 1], this, { person: this.user.name, account: this.account.name });
  }

  onFrame(frame) {
    this.showTyping(frame.typing);
    const fresh = this.entries === null;
    this.entries ??= [];
    const known = this.entries.length;
    this.entries.push(...frame.entries);
    for (const entry of frame.entries) {
      if (entry.kind === "followed" || entry.kind === "unfollowed") this.followed(entry.kind === "followed");
    }
    if (fresh || !known || frame.entries.some((entry) => /followed$/.test(entry.kind))) return this.showLog();
    const log = this.at("log");
    log.append(...frame.entries.flatMap((entry, at) => this.line(entry, known + at)));
    if (frame.entries.length) this.toEnd();
  }

  followed(following) {
    this.user.following = following;
    this.showPerson();
    this.refreshMenu();
    this.on.changed(this.user);
  }

  tell(words) {
    this.at("status").textContent = words;
    this.at("status").hidden = !words;
  }

  // ---- acting, and what came of it
  async doing(promise) {
    this.tell("");
    this.root.dataset.working = String(++this.working);
    try {
      await promise;
    } catch (problem) {
      this.tell(say("refused") + problem.message);
    }
    this.root.dataset.working = String(--this.working);
  }

  act(what) { return this.doing(wechat.act(this.user.id, what)); }

  // ---- what bubbles ask for
  tap(id, words) { this.act({ kind: "text", text: words, menu_id: id }); }
  page(path) { this.tell(say("opens_page") + path); }
  enlarge(url) { enlarge(url); }
  smallMap(where) { return smallMap(where); }

  async play(node, url) {
    const sound = new Audio(`${url}?as=wav`);
    node.classList.add("playing");
    sound.onended = () => node.classList.remove("playing");
    try {
      await sound.play();
    } catch {
      node.classList.remove("playing");
      this.tell(say("unplayable"));
    }
  }

  // ---- the menu, and the keyboard in its place
  async refreshMenu() {
    const account = await wechat.getAccount(this.user.id).catch(() => null);
    if (!account || (JSON.stringify(account.menu) === JSON.stringify(this.account.menu) && this.drawnMenu)) return;
    this.account = account;
    this.showMenu();
  }

  showMenu() {
    const buttons = this.account.menu.button;
    this.drawnMenu = true;
    // Like WeChat: who has a menu sees it first, and writes after one tap.
    const writes = this.writes ?? !buttons.length;
    this.root.classList.toggle("writes", writes);
    const swap = this.at("swap");
    swap.hidden = !buttons.length;
    swap.setAttribute("aria-label", say(writes ? "menu" : "keyboard"));
    swap.title = say(writes ? "menu" : "keyboard");
    this.at("menu").hidden = writes;
    this.at("writing").hidden = !writes;
    this.at("menu").replaceChildren(...buttons.map((one) => this.menuButton(one)));
    if (!writes) this.at("tools").hidden = true;
    this.showPerson();
  }

  menuButton(one) {
    if (!one.sub_button?.length) return make("div", "group", button("", one.name, () => this.press(one)));
    const below = make("div", "below", ...one.sub_button.map((sub) => button("", sub.name, () => this.press(sub))));
    below.hidden = true;
    const open = button("has-below", one.name, () => {
      const closed = below.hidden;
      this.putAway();
      below.hidden = !closed;
    });
    return make("div", "group", open, below);
  }

  // Whatever is open above something else.
  putAway() {
    for (const node of this.root.querySelectorAll(".below, .actions, .tools")) node.hidden = true;
  }

  press(one) {
    this.putAway();
    const place = (chosen) => this.act({ kind: "location_select", key: one.key, datum: "wgs84", ...chosen });
    const scanned = async () => {
      const told = await askFor(one.name, { result: { words: "scan_any" } });
      if (told) this.act({ kind: one.type, key: one.key, result: told.result });
    };
    const acts = {
      click: () => this.act({ kind: "click", key: one.key }),
      view: () => { this.act({ kind: "view", target: one.url }); if (/^https?:/.test(one.url)) window.open(one.url, "_blank", "noopener"); },
      miniprogram: () => { this.act({ kind: "view_miniprogram", target: one.pagepath }); this.page(one.pagepath); },
      location_select: () => choosePlace(place).catch((problem) => this.tell(say("refused") + problem.message)),
      pic_photo_or_album: () => this.act({ kind: one.type, key: one.key }),
      pic_sysphoto: () => this.act({ kind: one.type, key: one.key }),
      pic_weixin: () => this.act({ kind: one.type, key: one.key }),
      scancode_push: scanned,
      scancode_waitmsg: scanned,
    };
    (acts[one.type] ?? (() => this.tell(say("unsupported"))))();
  }

  // ---- what else can be sent
  showTools() {
    const tools = {
      picture: () => this.at("file").click(),
      location: () => choosePlace((chosen) => this.act({ kind: "location", datum: "wgs84", ...chosen })).catch((problem) => this.tell(say("refused") + problem.message)),
      voice_sample: () => this.act({ kind: "sample", file: "voice", seconds: 4 }),
      film: () => this.act({ kind: "sample", file: "video" }),
      link: () => this.askAndSend("link", { title: { words: "title" }, url: { words: "address", value: "https://" } }),
      card: () => this.askAndSend("miniprogrampage", { title: { words: "title" }, page: { words: "page_path", value: "pages/index/index" } }),
    };
    this.at("tools").replaceChildren(...Object.entries(tools).map(([name, act]) => {
      const node = button("tool", make("span", "tile", icon(name)), () => { this.at("tools").hidden = true; act(); });
      node.dataset.tool = name;
      node.append(make("small", "", say(name)));
      return node;
    }));
  }

  async askAndSend(kind, fields) {
    const told = await askFor(say(kind === "link" ? "link" : "card"), fields);
    if (told) this.act({ kind, ...told });
  }

  showActions() {
    const { user } = this;
    const other = user.language.startsWith("zh") ? "en" : "zh_CN";
    const actions = [
      [say(user.following ? "unfollow" : "follow"), () => this.doing(user.following ? wechat.unfollow(user.id) : wechat.follow(user.id))],
      [say("scan"), async () => {
        const told = await askFor(say("scan_title"), { scene: { words: "scene" } });
        if (told) this.doing(wechat.scan(user.id, told.scene));
      }],
      [say("position"), () => choosePlace((at) => this.act({ kind: "position", lat: at.lat, lng: at.lng })).catch((problem) => this.tell(say("refused") + problem.message))],
      [say("language_is") + (other === "en" ? "中文" : "English"), () => this.doing(wechat.setTraits(user.id, { language: other }).then(() => { user.language = other; }))],
      [say("inspector"), () => this.on.inspect()],
    ];
    this.at("actions").replaceChildren(...actions.map(([words, act]) => make("li", "", button("", words, () => { this.at("actions").hidden = true; act(); }))));
  }

  // ---- wiring
  wire() {
    this.at("back").onclick = () => this.on.back();
    this.at("more").onclick = () => { this.showActions(); this.at("actions").hidden = !this.at("actions").hidden; };
    this.at("log").onclick = () => this.putAway();
    this.at("swap").onclick = () => { this.writes = !this.root.classList.contains("writes"); this.showMenu(); };
    this.at("plus").onclick = () => { this.at("tools").hidden = !this.at("tools").hidden; this.toEnd(); };
    this.at("speak").onclick = () => {
      const speaks = this.at("hold").hidden;
      this.at("hold").hidden = !speaks;
      this.at("draft").hidden = speaks;
      this.showSend();
    };
    // A picture has its height only once it is here; who reads further up stays there.
    this.at("log").addEventListener("load", (event) => {
      const log = this.at("log");
      if (log.scrollHeight - log.scrollTop - log.clientHeight < event.target.offsetHeight + 60) this.toEnd();
    }, true);
    this.at("file").onchange = () => this.sendFiles();
    this.at("compose").onsubmit = (event) => { event.preventDefault(); this.sendWords(); };
    this.at("draft").oninput = () => this.showSend();
    this.at("draft").onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.sendWords();
    };
    this.at("hold").onpointerdown = () => this.record();
    for (const end of ["onpointerup", "onpointerleave", "onpointercancel"]) this.at("hold")[end] = () => this.sendVoice();
  }

  showSend() {
    const writing = !this.at("draft").hidden && this.at("draft").value.trim() !== "";
    this.at("send").hidden = !writing;
    this.at("plus").hidden = writing;
  }

  sendWords() {
    const text = this.at("draft").value.trim();
    if (!text) return;
    this.at("draft").value = "";
    this.showSend();
    this.act({ kind: "text", text });
  }

  async sendFiles() {
    const files = [...this.at("file").files];
    this.at("file").value = "";
    // One after the other: the account gets them in the order in which they were chosen.
    await this.doing(files.reduce((before, file) => before.then(() => wechat.sendFile(this.user.id, file.type.startsWith("video/") ? "video" : "image", file)), Promise.resolve()));
  }

  async record() {
    this.recorder = new Recorder();
    try {
      await this.recorder.start();
      this.at("hold").textContent = say("release");
      this.at("hold").classList.add("held");
    } catch {
      this.recorder = null;
      this.tell(say("no_microphone"));
    }
  }

  async sendVoice() {
    const { recorder } = this;
    if (!recorder?.machine) return;
    this.recorder = null;
    this.at("hold").textContent = say("hold");
    this.at("hold").classList.remove("held");
    const recorded = await recorder.stop();
    if (!recorded) return this.tell(say("too_short"));
    this.doing(wechat.sendFile(this.user.id, "voice", recorded));
  }
}
