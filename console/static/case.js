// One case in full, and what ends or moves it. Opening it is a recorded look, so it is opened by a tap and never by itself.

import { category, cause, disposition, DISPOSITIONS, state, word } from "./words.js";

const $ = (id) => document.getElementById(id);

function rows(desk, one) {
  const { make, stationName, time } = desk;
  const place = one.place && [one.place.label, one.place.point && `${one.place.point.lat.toFixed(5)}, ${one.place.point.lng.toFixed(5)}`];
  const stars = one.stars === null ? null : "★".repeat(one.stars) + "☆".repeat(5 - one.stars);
  const facts = [
    ["words", one.locked ? word("locked") : one.words],
    ["place", one.locked ? null : place?.filter(Boolean).join(" · ")],
    ["station", stationName(one.station_id)],
    ["why", one.cause && cause(one.cause)],
    ["reported", time(one.reported_at)],
    ["handed_over", time(one.handed_over_at)],
    ["holder", one.holder?.badge],
    ["closed", time(one.closed_at)],
    ["disposition", one.disposition && disposition(one.disposition)],
    ["note", one.disposition_note],
    ["rating", [stars, one.rating_words].filter(Boolean).join(" ")],
  ];
  return facts.filter(([, said]) => said).flatMap(([key, said]) => [make("dt", "", word(key)), make("dd", "", said)]);
}

// What was sent with it, loaded by a tap: each look is recorded. A link is good for five minutes, a second tap makes new ones.
const PLAYERS = { image: "img", voice: "audio", video: "video", shortvideo: "video" };

function sent(desk, one) {
  if (!one.media || one.locked) return [];
  const shown = desk.make("div", "media");
  const look = desk.make("button", "", `${word("show_media")} (${one.media})`);
  look.type = "button";
  look.addEventListener("click", async () => {
    try {
      const { items } = await desk.call("GET", `/cases/${one.case_id}/media`);
      shown.replaceChildren(...items.map((item) => medium(desk, item)));
    } catch (refused) {
      desk.say(refused.message || word("failed"));
    }
  });
  return [desk.make("dt", "", word("media")), desk.make("dd", "", look, shown)];
}

function medium(desk, item) {
  if (!item.served) return desk.make("p", "hint", `${word(`media_${item.kind}`)} · ${word(`media_${item.state}`)}`);
  const player = desk.make(PLAYERS[item.kind], "");
  player.src = item.served.link;
  if (item.kind === "image") player.alt = word("media_image");
  else player.controls = true;
  return player;
}

// A choice: [value, what is said], the first asks for one.
function choice(desk, name, label, options) {
  const list = desk.make("select", "", ...[["", "…"], ...options].map(([value, said]) => {
    const made = desk.make("option", "", said);
    made.value = value;
    return made;
  }));
  list.name = name;
  list.required = true;
  return desk.make("label", "", desk.make("span", "", word(label)), list);
}

function line(desk, name, label, most) {
  const field = desk.make("input", "");
  Object.assign(field, { name, required: true, maxLength: most, autocomplete: "off" });
  return desk.make("label", "", desk.make("span", "", word(label)), field);
}

function deed(desk, one, key, fields, path) {
  const send = desk.make("button", "main", word(key));
  const form = desk.make("form", "deed", ...fields, send);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    const done = await desk.act(`/cases/${one.case_id}/${path}`, { epoch: one.epoch, ...Object.fromEntries(new FormData(form)) });
    send.disabled = false;
    if (done) $("case").close();
  });
  return desk.make("details", "", desk.make("summary", "", word(key)), form);
}

function deeds(desk, one) {
  if (one.state !== "handed_over" || (one.desk_person_id && !one.mine)) return [];
  const others = desk.cases().filter((c) => c.case_id !== one.case_id);
  const stations = desk.stations().filter((s) => s.station_id !== one.station_id);
  const made = [
    deed(desk, one, "forward", [
      choice(desk, "to_station_id", "to_station", stations.map((s) => [s.station_id, desk.nameOf(s)])), line(desk, "reason", "reason", 200),
    ], "forward"),
  ];
  if (others.length) {
    const options = others.map((c) => [c.case_id, `${c.number} · ${category(c.category)} · ${state(c.state)}`]);
    made.push(deed(desk, one, "merge", [choice(desk, "into_id", "into", options)], "merge"));
  }
  if (!one.mine) return [...made, desk.make("p", "hint", word("take_to_close"))];
  const endings = DISPOSITIONS.map((key) => [key, disposition(key)]);
  return [...made, deed(desk, one, "close_case", [choice(desk, "disposition", "disposition", endings), line(desk, "note", "note", 500)], "close")];
}

// `desk` lends what the board has: requests, names, and the cases there are.
export async function openCase(desk, caseId) {
  let one;
  try {
    one = await desk.call("GET", `/cases/${caseId}`);
  } catch (refused) {
    return desk.say(refused.message || word("failed"));
  }
  $("case-title").replaceChildren(category(one.category), " ", desk.make("span", "quiet", state(one.state)), desk.make("code", "", one.number));
  $("case-facts").replaceChildren(...rows(desk, one), ...sent(desk, one));
  $("case-deeds").replaceChildren(...deeds(desk, one));
  $("case").showModal();
}
