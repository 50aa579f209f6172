// One entry of the chat to one bubble. Everything is built from text nodes: the account's words are never markup.
import { moment, say } from "./words.js";

export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function button(className, words, act) {
  const node = make("button", className, words);
  node.type = "button";
  node.onclick = act;
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

function goes(node, href) {
  if (!SAFE.test(href ?? "")) return false;
  node.href = href;
  node.target = "_blank";
  node.rel = "noreferrer noopener";
  return true;
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
  } else if (!goes(node, given.href)) {
    return document.createTextNode(words);
  }
  return node;
}

// Bare addresses and numbers are links in WeChat too.
function withLinks(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"，。；、）】]+/g)) {
    const node = make("a", "", match[0]);
    parts.push(text.slice(at, match.index), goes(node, match[0]) ? node : match[0]);
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}

function rich(text, on) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    parts.push(...withLinks(text.slice(at, match.index)), anchor(match[1], match[2], on));
    at = match.index + match[0].length;
  }
  return make("p", "words", ...parts, ...withLinks(text.slice(at)));
}

function choices(body, on) {
  const items = body.items.map((item) => button("choice", item.content, () => on.tap(item.id, item.content)));
  return make("div", "choices", body.head ? rich(body.head, on) : null, ...items, body.tail ? rich(body.tail, on) : null);
}

function place(body, on) {
  const where = `${body.lat.toFixed(5)}, ${body.lng.toFixed(5)}`;
  return make("div", "place", make("strong", "", body.label || say("place")), make("small", "", where), on.smallMap(body.wgs84 ?? body));
}

function picture(body, on) {
  const image = make("img", "picture");
  image.src = body.url;
  image.alt = say("picture");
  return button("picture-button", image, () => on.enlarge(body.url));
}

function voice(body, on) {
  const seconds = body.seconds ? `${Math.max(1, Math.round(body.seconds))}″` : say("voice");
  const waves = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  waves.setAttribute("viewBox", "0 0 20 20");
  waves.innerHTML = '<path d="M5 8a3 3 0 0 1 0 4M8.5 5.5a6.5 6.5 0 0 1 0 9M12 3a10 10 0 0 1 0 14"/>';
  const node = button("voice", "", () => on.play(node, body.url));
  node.append(waves, make("span", "", seconds));
  node.setAttribute("aria-label", `${say("voice")} ${seconds}`);
  node.classList.add(`long-${Math.min(6, Math.ceil((body.seconds ?? 2) / 5))}`);
  return node;
}

function film(body) {
  const node = make("video", "film");
  Object.assign(node, { src: body.url, controls: true, preload: "metadata", playsInline: true });
  node.setAttribute("aria-label", say("video"));
  return make("div", "", node, body.title ? make("strong", "", body.title) : null);
}

function linkCard(one) {
  const card = make("a", "card link-card", make("strong", "", one.title));
  if (!goes(card, one.url)) card.removeAttribute("href");
  const square = make("span", "square", "↗");
  card.append(make("div", "link-foot", make("small", "", one.description || one.url || ""), square));
  return card;
}

function miniProgramCard(body, on) {
  const thumb = make("img", "thumb");
  thumb.src = body.thumb_url;
  thumb.alt = "";
  const foot = make("small", "card-foot", "◈ ", say("mini_program"));
  return button("card page-card", make("span", "", make("strong", "", body.title || body.pagepath), thumb, foot), () => on.page(body.pagepath));
}

function notice(body, on) {
  const rows = (body.rows ?? []).map((row) => make("div", "pair", make("small", "", row.label), make("span", "", row.value)));
  const card = make("div", "notice", make("small", "notice-head", say("notice")), make("strong", "", body.title || say("notice")), ...rows);
  if (body.page) card.append(button("notice-foot", make("span", "ends", say("details"), make("i", "", "›")), () => on.page(body.page)));
  else if (SAFE.test(body.url ?? "")) {
    const link = make("a", "notice-foot", make("span", "ends", say("details"), make("i", "", "›")));
    goes(link, body.url);
    card.append(link);
  }
  return card;
}

const KINDS = {
  text: (body, on) => rich(body.text, on),
  msgmenu: choices,
  location: place,
  image: picture,
  voice,
  video: film,
  shortvideo: film,
  link: linkCard,
  news: (body) => linkCard(body.articles[0]),
  miniprogrampage: miniProgramCard,
  notice,
  transfer: () => make("p", "words", say("transfer")),
  music: (body) => make("p", "words", `♪ ${body.Title}`),
};
const BARE = new Set(["image", "location", "link", "news", "miniprogrampage", "video", "shortvideo"]);

function face(own, names) {
  const node = make("span", own ? "face mine" : "face", [...(own ? names.person : names.account)][0] ?? "?");
  node.setAttribute("aria-hidden", "true");
  return node;
}

// The bubble of an entry, after the time when some minutes have passed since the one before.
export function bubble(entry, before, on, names) {
  const time = before && entry.at_s - before.at_s < 300 ? null : make("time", "moment", moment(new Date(entry.at_s * 1000)));
  const line = drawn(entry, on, names);
  Object.assign(line.dataset, { seq: entry.seq, kind: entry.kind, channel: entry.channel });
  return time ? [time, line] : [line];
}

function drawn(entry, on, names) {
  if (entry.channel === "system") return make("p", "system", entry.body.text ?? say(entry.kind));
  const content = (KINDS[entry.kind] ?? ((body) => make("p", "words", body.text ?? JSON.stringify(body))))(entry.body, on);
  if (entry.kind === "notice") return make("div", `wide ${entry.channel}`, content);
  const own = entry.channel === "own";
  const body = make("div", BARE.has(entry.kind) ? "bubble bare" : "bubble", content);
  return make("div", `line ${own ? "own" : "theirs"} ${entry.channel}`, face(own, names), body);
}
