// The page of the arena: what the client says goes onto the page, what the player does goes to the client.

import { connect } from "/rejoin.js";
import { Board, COLUMNS, ROWS } from "/board.js";

const STEP = 110, STEPS_AHEAD = 4, LISTED = 8, TRIES = 6;
const $ = (id) => document.getElementById(id);

const client = connect({ actTimeout: 20_000 });
const wanted = new URLSearchParams(location.search).get("room") ?? "";
const room = client.room(/^arena:[A-Za-z0-9._:-]{1,58}$/.test(wanted) ? wanted : "arena");
const board = new Board($("canvas"));

let user = null, entering = false, isIn = false, isOut = false, moving = null, trail = [], steps = [];

// MARK: Saying things

const toast = (text) => {
  const line = document.createElement("p");
  line.textContent = text;
  $("toasts").append(line);
  setTimeout(() => line.remove(), 4_500);
  while ($("toasts").childElementCount > 3) $("toasts").firstChild.remove();
};

let speech;
const speak = (text, after = 0) => {
  clearTimeout(speech);
  speech = setTimeout(() => ($("spoken").textContent = text), after);
};

const explain = ({ code, message, retryAfter }) => {
  const wait = retryAfter ? ` Try again in ${Math.ceil(retryAfter / 1000)} s.` : "";
  const known = {
    invalid_credentials: "That name and password do not belong together.",
    registration_closed: "New accounts are not taken here.",
    name_taken: "That name is taken.",
    weak_password: "The password needs 8 to 256 characters.",
    rate_limited: "Too many tries.",
    unavailable: "The server cannot reach its database at the moment.",
    disconnected: "The connection was lost before the answer came. Please try again.",
    timeout: "The server did not answer. Please try again.",
  };
  return (known[code] ?? `${message[0].toUpperCase()}${message.slice(1)}.`) + wait;
};

// MARK: Connection and session

let countdown;
client.on("connection", ({ status, retryIn }) => {
  document.body.dataset.connection = status;
  clearInterval(countdown);
  const text = $("connection-text");
  if (status === "connected") text.textContent = `Live on ${client.session.node}`;
  else if (status === "connecting") text.textContent = client.session ? "Reconnecting…" : "Connecting…";
  else if (status === "waiting" && !moving) {
    const until = performance.now() + retryIn;
    const tick = () => {
      const left = (until - performance.now()) / 1000;
      text.textContent = left > 0.3 ? `Reconnecting in ${left.toFixed(1)} s` : "Reconnecting…";
    };
    tick();
    countdown = setInterval(tick, 100);
    speak("Connection lost. Reconnecting.", 1_000);
  }
});

const ENDED = {
  logout: "You are logged out.",
  revoked: "Your session was ended. You are watching.",
  expired: "Your session has expired. You are watching.",
  replaced: "Your session was replaced by a newer one.",
};

let last = null;
client.on("session", (session) => {
  const before = last;
  last = session;
  user = session.login ? session.user : null;
  document.body.dataset.role = user ? "player" : "watcher";
  if (session.reason === "connect") arrived(session, before);
  else if (session.reason === "login") speak(`Logged in as ${user.name}.`);
  else if (before?.login && !session.login && ENDED[session.reason]) toast(ENDED[session.reason]);
  if (!user) {
    steps = [];
    target = null;
  }
  if (user?.id !== before?.user?.id) isIn = isOut = false;
  if (user && dialog.open && !$("submit").disabled) dialog.close();
  entering = false;
  $("handle").textContent = session.handle ? `${session.handle.slice(0, 8)}…` : "";
  enter();
  show();
  list();
});

function arrived(session, before) {
  const same = before?.handle && before.handle === session.handle;
  clearTimeout(speech);
  if (moving && session.node === moving.from && ++moving.tries < TRIES) return client.reconnect();
  if (moving && session.node === moving.from) toast(`Still on ${session.node}: no other node answered.`);
  else if (same && before.node !== session.node) toast(`Same session, now on ${session.node}.`);
  else if (same) toast(`Back on ${session.node}, same session.`);
  else speak(`Connected to node ${session.node}.`);
  moving = null;
  $("move").disabled = false;
  if (trail.at(-1) !== session.node) trail = [...trail, session.node].slice(-4);
  $("trail").replaceChildren(...trail.map((node, index) => {
    const item = document.createElement("li");
    item.textContent = node;
    if (index === trail.length - 1) item.ariaCurrent = "true";
    return item;
  }));
}

client.on("error", (error) => toast(explain(error)));

$("move").addEventListener("click", () => {
  moving = { from: client.session?.node, tries: 0 };
  $("move").disabled = true;
  client.reconnect();
});

for (const [id, everywhere] of [["logout", false], ["logout-everywhere", true]]) {
  $(id).addEventListener("click", async () => {
    $(id).disabled = true;
    try {
      const { missing } = await client.logout({ everywhere });
      if (missing?.length) toast(`Logged out. No answer yet from ${missing.join(", ")}.`);
    } catch (error) {
      toast(explain(error));
    }
    $(id).disabled = false;
    $("board").focus({ preventScroll: true });
  });
}

// MARK: Logging in

const form = $("join-form"), dialog = $("join");

function chosen() {
  const registering = form.mode.value === "register";
  form.password.autocomplete = registering ? "new-password" : "current-password";
  form.password.minLength = registering ? 8 : 1;
  $("password-hint").hidden = !registering;
  $("submit").textContent = registering ? "Create account and play" : "Log in and play";
  $("problem").textContent = "";
}

for (const button of document.querySelectorAll("[data-join]")) {
  button.addEventListener("click", () => {
    chosen();
    dialog.showModal();
    form.username.focus();
  });
}
form.addEventListener("change", (event) => event.target.name === "mode" && chosen());
$("join-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { mode, username, password } = form;
  $("submit").disabled = true;
  $("problem").textContent = "";
  try {
    await client[mode.value](username.value, password.value);
    dialog.close();
    form.reset();
    $("board").focus({ preventScroll: true });
  } catch (error) {
    $("problem").textContent = explain(error);
  }
  $("submit").disabled = false;
});

// MARK: Playing

const mine = () => (user ? board.players.get(user.id) : undefined);

async function enter() {
  if (!user || !room.joined || mine() || entering || isOut) return;
  const { id } = user;
  entering = true;
  try {
    await room.act({ type: "enter" });
    if (user?.id === id) entering = false;
  } catch (error) {
    if (user?.id !== id) return;
    // Not again by itself: the arena is full, or it is not ours to enter. Whoever walks tries again.
    entering = false;
    isOut = true;
    toast(explain(error));
  }
}

// Somebody else has taken the place in a full arena; a page that nobody plays on does not take it back.
function lose() {
  isOut = true;
  isIn = false;
  steps = [];
  target = null;
  toast("The arena was full, and your place went to a newcomer. Walk to come back.");
}

function comeBack() {
  isOut = entering = false;
  enter();
}

// Where the steps on their way lead to.
function ahead() {
  const me = mine();
  if (!me) return undefined;
  const clamp = (value, size) => Math.min(Math.max(value, 0), size - 1);
  const step = ({ x, y }, { dx, dy }) => ({ x: clamp(x + dx, COLUMNS), y: clamp(y + dy, ROWS) });
  return steps.reduce(step, { x: me.x, y: me.y });
}

async function walk(dx, dy) {
  const from = ahead();
  if (isOut) comeBack();
  if (!from || steps.length >= STEPS_AHEAD) return;
  const to = { x: from.x + dx, y: from.y + dy };
  if (to.x < 0 || to.y < 0 || to.x >= COLUMNS || to.y >= ROWS) {
    // Along the edge, if that is still a step.
    if (to.x < 0 || to.x >= COLUMNS) dx = 0;
    if (to.y < 0 || to.y >= ROWS) dy = 0;
    if (!dx && !dy) return;
  }
  const step = { dx, dy };
  steps.push(step);
  show();
  try {
    step.version = await room.act({ type: "move", dx, dy });
  } catch (error) {
    step.version = 0;
    if (user && error.code !== "rejected") toast(explain(error));
  }
  landed();
}

function landed() {
  steps = steps.filter(({ version }) => version === undefined || version > room.version);
  show();
}

let score, epoch;
room.on("change", ({ set, del, snapshot }) => {
  document.body.dataset.seen = "";
  // Versions of an epoch that is over are reached by no other.
  if (epoch !== room.epoch) steps = steps.filter(({ version }) => version === undefined);
  epoch = room.epoch;
  board.change(set, del, snapshot);
  if (mine()) isIn = true;
  else if (snapshot) isIn = isOut = entering = false;
  else if (isIn) lose();
  landed();
  list();
  enter();
});
room.on("presence", () => {
  board.draw();
  list();
  // It follows every join, also one that brings no change.
  enter();
});

// Who is there is told by presence; before any came, nobody is taken for away, nor are those whom it counts and does not
// name.
const isAway = (id) => {
  if (id === user?.id || room.players.size === 0) return false;
  return !(room.players.get(id)?.online ?? room.total > room.players.size);
};
board.isAway = isAway;

function show() {
  const me = mine();
  board.look(user?.id, ahead());
  $("board").ariaBusy = String(pace !== undefined || steps.length > 0);
  $("me").hidden = !user;
  if (!user) return;
  $("me-name").textContent = user.name;
  $("me-score").textContent = me?.score ?? 0;
  if (!me) return;
  document.documentElement.style.setProperty("--me", me.color);
  const tiles = me.score === 1 ? "1 tile" : `${me.score} tiles`;
  if (score !== undefined && me.score !== score) speak(`${tiles}. Column ${me.x + 1}, row ${me.y + 1}.`, 1_200);
  score = me.score;
}

// MARK: The list of players

const rows = new Map();
let listing;

function list() {
  listing ??= setTimeout(relist, 200);
}

function relist() {
  listing = undefined;
  const ranked = [...board.players.values()].sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
  // The line that says how many more there are takes the last place.
  const shown = ranked.slice(0, ranked.length > LISTED ? LISTED - 1 : LISTED);
  const me = mine();
  if (me && !shown.includes(me)) shown.splice(-1, 1, me);
  const most = Math.max(1, ranked[0]?.score ?? 0);
  for (const [id, row] of rows) {
    if (!shown.some((player) => player.id === id)) {
      row.item.remove();
      rows.delete(id);
    }
  }
  shown.forEach((player, index) => {
    const row = rows.get(player.id) ?? makeRow(player.id);
    const away = isAway(player.id);
    row.item.classList.toggle("mine", player === me);
    row.item.classList.toggle("away", away);
    row.badge.textContent = [...player.name][0]?.toUpperCase() ?? "";
    row.item.style.setProperty("--color", player.color);
    row.item.style.setProperty("--on-color", Board.inkOn(player.color));
    row.name.textContent = player.name;
    row.note.textContent = player === me ? "you" : away ? "away" : "";
    row.score.textContent = player.score;
    row.item.style.setProperty("--share", `${(100 * player.score) / most}%`);
    const there = $("players").children[index];
    if (there !== row.item) $("players").insertBefore(row.item, there ?? null);
  });
  $("nobody").hidden = ranked.length > 0;
  const rest = ranked.length - shown.length;
  $("more").hidden = rest === 0;
  $("more").textContent = `and ${rest} more`;
  const online = room.total - [...room.players.values()].filter((player) => !player.online).length;
  // Who is there is told by presence; before any came, only who has entered is known.
  const known = room.total + room.watchers > 0;
  $("crowd").textContent = known ? `${online} online · ${room.watchers} watching` : `${ranked.length} entered`;
}

function makeRow(id) {
  const make = (tag, className = "") => Object.assign(document.createElement(tag), { className });
  const row = {
    item: make("li"), badge: make("span", "badge"), label: make("span", "name"), name: make("bdi"),
    note: make("small"), score: make("span", "score"), line: make("span", "bar-line"),
  };
  row.badge.ariaHidden = row.line.ariaHidden = "true";
  row.label.append(row.name, row.note);
  row.item.append(row.badge, row.label, row.score, row.line);
  rows.set(id, row);
  return row;
}

// MARK: Keys, pointer, pad

const KEYS = {
  ArrowUp: [0, -1], KeyW: [0, -1], ArrowDown: [0, 1], KeyS: [0, 1],
  ArrowLeft: [-1, 0], KeyA: [-1, 0], ArrowRight: [1, 0], KeyD: [1, 0],
};
const held = new Map();
let target = null, pace;

function direction() {
  if (target) {
    const from = ahead() ?? target;
    return [Math.sign(target.x - from.x), Math.sign(target.y - from.y)];
  }
  const sum = [...held.values()].reduce(([x, y], { step: [dx, dy] }) => [x + dx, y + dy], [0, 0]);
  return sum.map(Math.sign);
}

function stride() {
  const [dx, dy] = direction();
  if (dx || dy) walk(dx, dy);
  else target = null;
  for (const [key, hold] of held) {
    hold.done = true;
    if (hold.up) held.delete(key);
  }
  if (held.size || target) return;
  clearInterval(pace);
  pace = undefined;
  show();
}

// The first step waits a moment, so that two keys pressed together make one diagonal step.
function go() {
  if (pace) return;
  pace = setInterval(stride, STEP);
  show();
  setTimeout(stride, 25);
}

function press(key, step) {
  target = null;
  held.set(key, { step });
  go();
}

// What was pressed makes a step, however soon it is let go.
function release(key) {
  const hold = held.get(key);
  if (hold?.done) held.delete(key);
  else if (hold) hold.up = true;
}

addEventListener("keydown", (event) => {
  const step = KEYS[event.code];
  if (!step || !user || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select")) return;
  event.preventDefault();
  if (!event.repeat) press(event.code, step);
});
// While that key is down macOS does not say when others are let go.
addEventListener("keydown", ({ key }) => key === "Meta" && held.clear());
addEventListener("keyup", (event) => release(event.code));
addEventListener("blur", () => held.clear());

for (const button of document.querySelectorAll("[data-step]")) {
  const step = button.dataset.step.split(" ").map(Number);
  const lift = () => {
    button.classList.remove("held");
    release(button);
  };
  button.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    button.setPointerCapture(event.pointerId);
    button.classList.add("held");
    press(button, step);
  });
  for (const event of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(event, lift);
  // By keyboard or a screen reader: one step; a pointer's own click has done its step already.
  button.addEventListener("click", (event) => event.detail === 0 && walk(...step));
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}

const canvas = $("canvas");
canvas.addEventListener("pointerdown", (event) => {
  if (!user || event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  held.clear();
  if (isOut) comeBack();
  target = board.tileAt(event);
  go();
});
canvas.addEventListener("pointermove", (event) => {
  if (!user || !(event.buttons & 1)) return;
  target = board.tileAt(event) ?? target;
  go();
});
