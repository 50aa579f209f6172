// The simulator's control API, as this page uses it. Addresses are relative, so that it may be mounted anywhere.
const BASE = "__wechat__/";

async function ask(path, options = {}) {
  const answer = await fetch(BASE + path, options);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof told.detail === "string" ? told.detail : `HTTP ${answer.status}`);
  return told;
}

const post = (path, body) =>
  ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) });

const of = (user, rest) => `users/${encodeURIComponent(user)}${rest}`;

export const getAccount = (user) => ask(`account?user=${encodeURIComponent(user ?? "")}`);
export const getUsers = () => ask("users").then((told) => told.users);
export const getUser = (user) => ask(of(user, ""));
export const getSketchMap = () => ask("sketch-map");
export const getLog = (after) => ask(`log?after=${after}&limit=300`);
export const createUser = (name, language) => post("users", { name, language, following: false });
export const follow = (user) => post(of(user, "/follow"));
export const unfollow = (user) => post(of(user, "/unfollow"));
export const scan = (user, scene) => post(of(user, "/scan"), scene.startsWith("gQ") ? { ticket: scene } : { scene });
export const setTraits = (user, traits) => post(of(user, "/traits"), traits);
export const act = (user, what) => post(of(user, "/send"), what);
export const sendFile = (user, kind, file) => ask(of(user, `/files?kind=${kind}`), { method: "POST", body: file });

// Calls `onFrame` for each frame and connects again by itself; returns a function that ends it.
export function followChat(user, onFrame, onState) {
  let after = 0, socket = null, ended = false, pause_ms = 500;
  const open = () => {
    const url = new URL(BASE + of(user, `/stream?after=${after}`), location.href);
    url.protocol = url.protocol.replace("http", "ws");
    socket = new WebSocket(url);
    socket.onopen = () => { pause_ms = 500; onState(true); };
    socket.onmessage = (event) => {
      const frame = JSON.parse(event.data);
      after = frame.entries.at(-1)?.seq ?? after;
      onFrame(frame);
    };
    socket.onclose = () => {
      if (ended) return;
      onState(false);
      setTimeout(() => ended || open(), pause_ms);
      pause_ms = Math.min(pause_ms * 2, 8000);
    };
  };
  open();
  return () => { ended = true; socket.close(); };
}
