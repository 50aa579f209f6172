// One entry of the chat to one bubble. Everything is built from text nodes: the account's words are never markup.
import { clock, say } from "./words.js";

export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const SAFE = /^(https?:|tel:)/i;
const LINK = /<a\s+([^>]*)>([\s\S]*?)<\/a>/gi;

function attributes(source) {
  const found = {};
  for (const [, name, , double, single] of source.matchAll(/([\w-]+)\s*=\s*("([^"]*)"|'([^']*)')/g)) {
    found[name.toLowerCase()] = (double ?? single ?? "").replaceAll("&amp;", "&");
  }
  return found;
}

// WeChat knows one tag in a text: a link to a page, a mini-program, a number, or words to say back.
function anchor(source, words, on) {
  const given = attributes(source);
  const node = make("a", "", words);
  node.href = "#";
  if (given.href?.startsWith("weixin://bizmsgmenu")) {
    const query = new URLSearchParams(given.href.split("?")[1]);
    node.onclick = (event) => { event.preventDefault(); on.tap(query.get("msgmenuid") ?? "", query.get("msgmenucontent") ?? words); };
  } else if (given["data-miniprogram-path"]) {
    node.onclick = (event) => { event.preventDefault(); on.page(given["data-miniprogram-path"]); };
  } else if (SAFE.test(given.href ?? "")) {
    node.href = given.href;
    node.target = "_blank";
    node.rel = "noreferrer noopener";
  } else {
    return document.createTextNode(words);
  }
  return node;
}

function rich(text, on) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    parts.push(text.slice(at, match.index), anchor(match[1], match[2], on));
    at = match.index + match[0].length;
  }
  parts.push(text.slice(at));
  return make("p", "words", ...parts);
}

function menuItem(item, on) {
  const button = make("button", "choice", item.content);
  button.type = "button";
  button.onclick = () => on.tap(item.id, item.content);
  return button;
}

function place(body) {
  const where = `${body.lat.toFixed(5)}, ${body.lng.toFixed(5)} (GCJ-02)`;
  return make("div", "place", make("div", "place-map", make("i", "pin")), make("strong", "", body.label || say("position")), make("small", "", where));
}

function picture(body) {
  const image = make("img", "picture");
  image.src = body.url;
  image.alt = say("picture");
  return image;
}

function article(body) {
  const one = body.articles[0];
  const title = make("strong", "", one.title);
  return make("div", "card", SAFE.test(one.url) ? anchor(`href="${one.url}"`, one.title, {}) : title, make("small", "", one.description));
}

function notice(body) {
  const rows = Object.entries(body.data).map(([key, value]) => make("div", "pair", make("small", "", key), make("span", "", value)));
  return make("div", "card", make("strong", "", say("notice")), ...rows, body.page ? make("small", "", body.page) : null);
}

const KINDS = {
  text: (body, on) => rich(body.text, on),
  msgmenu: (body, on) => make("div", "choices", body.head ? rich(body.head, on) : null, ...body.items.map((item) => menuItem(item, on)), body.tail ? rich(body.tail, on) : null),
  location: place,
  image: picture,
  voice: () => make("p", "words", `🎤 ${say("voice")}`),
  video: () => make("p", "words", `🎬 ${say("video")}`),
  shortvideo: () => make("p", "words", `🎬 ${say("video")}`),
  link: (body, on) => make("div", "card", anchor(`href="${body.url}"`, body.title, on), make("small", "", body.description)),
  news: article,
  miniprogrampage: (body, on) => {
    const card = make("button", "card", make("strong", "", body.title), make("small", "", `${say("page")} · ${body.pagepath}`));
    card.type = "button";
    card.onclick = () => on.page(body.pagepath);
    return card;
  },
  notice,
  transfer: () => make("p", "words", say("transfer")),
  music: (body) => make("p", "words", `♪ ${body.Title}`),
};

export function bubble(entry, on) {
  if (entry.channel === "system") {
    return make("p", "system", entry.body.text ?? say(entry.kind));
  }
  const content = (KINDS[entry.kind] ?? ((body) => make("p", "words", JSON.stringify(body))))(entry.body, on);
  const own = entry.channel === "own";
  const time = clock(new Date(entry.at_s * 1000));
  const body = make("div", "bubble", content);
  const line = make("div", `line ${own ? "own" : "theirs"} ${entry.channel}`, make("span", "face", own ? "我" : "号"), make("div", "stack", body, make("time", "", time)));
  line.querySelector(".face").setAttribute("aria-hidden", "true");
  return line;
}
