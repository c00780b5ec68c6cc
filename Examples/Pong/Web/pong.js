// The page of pong: draws the room's state, and sends what the player does.

import { connect } from "/rejoin.js";

const $ = (id) => document.getElementById(id);
const client = connect();
const room = client.room("pong");
const table = $("table").getContext("2d");
const colors = getComputedStyle(document.body);
let user = null, wanted = null, isSending = false;

const say = (text) => ($("says").textContent = text);
const mine = () => ["left", "right"].find((side) => user && room.state[side]?.user === user.id);

// A player whose connection was lost is seen as away for a minute.
const named = (paddle) => (paddle ? paddle.name + (room.players.get(paddle.user)?.online === false ? " (away)" : "") : "free");

const draw = () => {
  const { ball = { x: 50, y: 30 }, score = { left: 0, right: 0 }, left, right } = room.state;
  $("score").textContent = `${score.left} : ${score.right}`;
  $("left").textContent = named(left);
  $("right").textContent = named(right);
  $("sit-left").hidden = !!(mine() || left);
  $("sit-right").hidden = !!(mine() || right);
  $("stand").hidden = !mine();
  table.clearRect(0, 0, 1000, 600);
  table.fillStyle = colors.getPropertyValue("--line");
  for (let y = 10; y < 600; y += 40) table.fillRect(497, y, 6, 20);
  for (const [paddle, x, color] of [[left, 40, "--left"], [right, 960, "--right"]]) {
    table.fillStyle = colors.getPropertyValue(paddle ? color : "--line");
    table.fillRect(x - 8, (paddle?.y ?? 30) * 10 - 70, 16, 140);
  }
  table.fillStyle = colors.getPropertyValue("--ball");
  table.beginPath();
  table.arc(ball.x * 10, Math.min(588, Math.max(12, ball.y * 10)), 12, 0, 7);
  table.fill();
};

const act = (action) => room.act(action).catch((error) => say(error.message));

// One move is on its way at a time; of those that come meanwhile the last counts.
const move = async (y) => {
  if (!mine()) return;
  wanted = Math.round(Math.min(60, Math.max(0, y)));
  if (isSending) return;
  isSending = true;
  while (wanted !== null) {
    const next = wanted;
    wanted = null;
    await act({ type: "move", y: next });
    await new Promise((resolve) => setTimeout(resolve, 60)); // A socket may send 20 messages a second.
  }
  isSending = false;
};

// Once a frame, and a page that nobody sees has none.
let frame;
const drawSoon = () => {
  frame ??= requestAnimationFrame(() => {
    frame = undefined;
    draw();
  });
};

room.on("change", drawSoon);
room.on("presence", drawSoon);
client.on("session", (session) => {
  user = session.login ? session.user : null;
  $("login").hidden = !!user;
  $("seats").hidden = !user;
  draw();
  say(user ? `${user.name} on node ${session.node}. Move with the mouse, a finger or ↑ and ↓.` : "Watching. Log in to play.");
});
client.on("connection", ({ status }) => status === "waiting" && say("Reconnecting…"));

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(event.target));
  try {
    await (event.submitter.value ? client.register(username, password) : client.login(username, password));
  } catch (error) {
    say(error.message);
  }
});
for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => act(JSON.parse(button.dataset.act)));
}
$("table").addEventListener("pointermove", (event) => {
  const box = event.target.getBoundingClientRect();
  move(((event.clientY - box.top) / box.height) * 60);
});
addEventListener("keydown", (event) => {
  const step = { ArrowUp: -5, ArrowDown: 5 }[event.key];
  if (!step || !mine()) return;
  event.preventDefault();
  move((wanted ?? room.state[mine()].y) + step);
});
draw();
