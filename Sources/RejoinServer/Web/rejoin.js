// The browser client of Rejoin: Socket.IO v5 over Engine.IO v4 over one WebSocket. Described in rejoin.d.ts.

const CONNECT_TIMEOUT = 10_000, CALL_TIMEOUT = 15_000, ACT_TIMEOUT = 30_000;
const BACKOFF = 250, BACKOFF_MAX = 5_000, ACTS_IN_FLIGHT = 16, WAITING = 1_024;
// A connection that has said nothing for so long is asked whether it lives, and has so long to answer.
const QUIET = 2_000, PATIENCE = 5_000;
// How often a connection is made anew for a cookie that another tab has yet to get.
const REFRESHES = 5;
const PASSING = new Set(["rate_limited", "unavailable"]);

const jitter = (ceiling) => Math.random() * ceiling;
const backoff = (attempt) => jitter(Math.min(BACKOFF_MAX, BACKOFF * 2 ** attempt));
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const closed = () => new RejoinError("closed", "the client was closed");

// What a listener throws is the page's error, not the connection's.
const tell = (handler, value) => {
  try {
    handler?.(value);
  } catch (error) {
    reportError(error);
  }
};

export class RejoinError extends Error {
  name = "RejoinError";

  constructor(code, message, retryAfter) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }

  static of({ error, message, retryAfter }) {
    return new RejoinError(error ?? "internal", message ?? "the server gave no reason", retryAfter);
  }
}

class Emitter {
  #handlers = new Map();

  on(event, handler) {
    const handlers = this.#handlers.get(event) ?? new Set();
    this.#handlers.set(event, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  static emit(emitter, event, value) {
    for (const handler of [...(emitter.#handlers.get(event) ?? [])]) tell(handler, value);
  }
}
const { emit } = Emitter;

// One connection at a time to whatever node answers, and the requests that wait for an acknowledgement.
class Link {
  up = false;
  closed = false;
  #url; #to; #socket; #watchdog; #retry; #beat; #drain; #since; #heard; #listening = new AbortController();
  #turn = 0; #attempt = 0; #nextCall = 0; #limit = Infinity; #calls = new Map();

  constructor(url, to) {
    this.#url = new URL("/socket.io/?EIO=4&transport=websocket", url.replace(/^http/, "ws"));
    this.#to = to;
    // Timers are late, or stand still, in a page that nobody sees and in a machine that sleeps.
    const on = (target, event, work) => target?.addEventListener?.(event, work, { signal: this.#listening.signal });
    on(globalThis, "online", () => this.#check());
    on(globalThis.document, "visibilitychange", () => document.visibilityState === "visible" && this.#check());
    // A page that is kept for the way back has no connection meanwhile.
    on(globalThis, "pagehide", ({ persisted }) => persisted && this.drop(Infinity));
    on(globalThis, "pageshow", ({ persisted }) => persisted && this.#check());
  }

  async open() {
    if (this.closed) return;
    clearTimeout(this.#retry);
    const turn = ++this.#turn;
    this.#report("connecting");
    await this.#to.before();
    if (turn !== this.#turn || this.closed) return;
    const socket = this.#socket = new WebSocket(this.#url);
    const current = (work) => (event) => socket === this.#socket && work(event);
    socket.onmessage = current(({ data }) => this.#received(data));
    socket.onclose = current(() => this.drop());
    this.#watch(CONNECT_TIMEOUT);
  }

  // The connection counts from its first `session` event on.
  settle() {
    this.up = true;
    this.#since = Date.now();
    this.#watch(this.#beat);
    this.#report("connected");
    for (const call of this.#calls.values()) this.#send(call);
  }

  // Infinity: until the page is looked at again.
  drop(wait) {
    if (this.closed) return;
    // A node that takes connections and loses them at once is no reason to hurry.
    if (this.up && Date.now() - this.#since > BACKOFF_MAX) this.#attempt = 0;
    this.#detach();
    wait ??= this.#drain === undefined ? backoff(this.#attempt++) : jitter(this.#drain);
    this.#drain = undefined;
    this.#report("waiting", wait);
    if (wait < Infinity) this.#retry = setTimeout(() => this.open(), wait);
  }

  draining(retryAfter = BACKOFF_MAX) {
    this.#drain = retryAfter;
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this.#listening.abort();
    this.#detach();
    for (const call of this.#calls.values()) this.#end(call, "reject", closed());
    this.#report("closed");
  }

  call(event, body, timeout = CALL_TIMEOUT) {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(closed());
      if (this.#calls.size >= WAITING) {
        return reject(new RejoinError("rate_limited", `${WAITING} requests wait already`, 1_000));
      }
      const id = this.#nextCall++;
      const call = { id, text: `42${id}${JSON.stringify([event, body])}`, resolve, reject };
      const error = new RejoinError("timeout", `no answer to ${event} within ${timeout} ms`);
      const late = () => this.#end(call, "reject", error);
      call.timer = setTimeout(late, timeout);
      this.#calls.set(id, call);
      if (this.up) this.#send(call);
    });
  }

  #send(call) {
    if (call.sent) return;
    if (new TextEncoder().encode(call.text).length > this.#limit) {
      return this.#end(call, "reject", new RejoinError("too_large", `more than ${this.#limit} bytes`));
    }
    call.sent = true;
    this.#socket.send(call.text);
  }

  #end(call, outcome, value) {
    clearTimeout(call.timer);
    this.#calls.delete(call.id);
    call[outcome](value);
  }

  #detach() {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#turn++;
    this.up = false;
    clearTimeout(this.#watchdog);
    clearTimeout(this.#retry);
    socket?.close();
    for (const call of [...this.#calls.values()].filter((call) => call.sent)) {
      this.#end(call, "reject", new RejoinError("disconnected", "the connection was lost before the answer came"));
    }
  }

  // Whether the connection has outlived a pause of the page or of the network.
  async #check() {
    if (!this.#socket) return this.open();
    const socket = this.#socket, silence = Date.now() - this.#heard;
    if (!this.up || silence < QUIET) return;
    if (silence > this.#beat) return this.drop(0);
    // Any answer will do, and no room has that name.
    const lives = await this.call("leave", { room: "" }, PATIENCE).catch(({ code }) => code !== "timeout");
    if (!lives && socket === this.#socket) this.drop(0);
  }

  #watch(patience) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.drop(), patience);
  }

  #report(status, retryIn) {
    this.#to.connection({ status, retryIn, attempt: this.#attempt });
  }

  #received(data) {
    this.#heard = Date.now();
    if (typeof data !== "string") return;
    try {
      if (data[0] === "0") {
        const { pingInterval, pingTimeout, maxPayload } = JSON.parse(data.slice(1));
        this.#beat = pingInterval + pingTimeout;
        this.#limit = maxPayload || Infinity;
        const auth = this.#to.auth();
        this.#socket.send("40" + (auth ? JSON.stringify(auth) : ""));
      } else if (data[0] === "2") {
        this.#socket.send("3" + data.slice(1));
        if (this.up) this.#watch(this.#beat);
      } else if (data[0] === "4") {
        this.#packet(data[1], data.slice(2));
      } else if (data[0] === "1") {
        this.drop();
      }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.drop();
    }
  }

  #packet(type, text) {
    if (type === "1") return this.drop();
    if (type === "4") {
      this.#to.refused(JSON.parse(text));
      return this.drop();
    }
    const [, id, json] = /^(\d*)(\[[^]*)$/.exec(text) ?? [];
    if (!json) return;
    const [first, body] = JSON.parse(json);
    if (type === "2") return this.#to.event(first, body ?? {});
    const call = this.#calls.get(+id);
    if (type !== "3" || !call) return;
    if (first?.ok) this.#end(call, "resolve", first);
    else this.#end(call, "reject", RejoinError.of(first ?? {}));
  }
}

class Room extends Emitter {
  // Without a prototype: field names are anybody's choice.
  state = Object.create(null);
  version = 0;
  epoch = "";
  joined = false;
  players = new Map();
  total = 0;
  watchers = 0;
  #link; #to; #joining = false; #missed; #acts = []; #paused; #left = false;

  constructor(name, link, to) {
    super();
    this.name = name;
    this.#link = link;
    this.#to = to;
  }

  act(action, { id = this.#to.nextID(), timeout = this.#to.actTimeout } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#left) return reject(new RejoinError("not_joined", `room ${this.name} was left`));
      if (this.#link.closed) return reject(closed());
      if (this.#acts.length >= WAITING) return reject(new RejoinError("rate_limited", `${WAITING} acts wait already`));
      const act = { id, action, until: Date.now() + timeout, timeout, resolve, reject };
      const late = () => {
        const fate = act.tried ? "it may have been applied" : "it was not sent";
        const error = new RejoinError("timeout", `not acknowledged within ${timeout} ms; ${fate}`);
        this.#end(act, "reject", error);
      };
      act.timer = setTimeout(late, timeout);
      this.#acts.push(act);
      this.#pump();
    });
  }

  async cast(data) {
    if (!this.#link.up) throw new RejoinError("disconnected", "not connected, and a cast does not wait");
    await this.#link.call("cast", { room: this.name, data });
  }

  async leave() {
    if (this.#left) return;
    this.#left = true;
    this.#to.left(this);
    this.joined = false;
    this.fail(new RejoinError("not_joined", `room ${this.name} was left`));
    if (!this.#link.up) return;
    await this.#link.call("leave", { room: this.name }).catch((error) => {
      // A connection that is gone has left.
      if (error.code !== "disconnected" && error.code !== "closed") throw error;
    });
  }

  // What follows is for the client.

  async join() {
    if (this.#joining || this.#left || !this.#link.up) return;
    this.#joining = true;
    this.#missed = undefined;
    const { name: room, epoch, version } = this;
    try {
      const answer = await this.#link.call("join", { room, ...(epoch && { since: { epoch, version } }) });
      this.#joining = false;
      if (this.#left) return;
      this.joined = true;
      if (answer.patches) for (const patch of answer.patches) this.patch({ ...patch, epoch: answer.epoch });
      else this.snapshot(answer);
      if (this.#missed && (this.#missed.epoch !== this.epoch || this.#missed.version > this.version)) this.join();
      this.#pump();
    } catch (error) {
      this.#joining = false;
      // A limit that names no time does not pass by itself.
      const isLimit = error.code === "rate_limited" && error.retryAfter === undefined;
      const passing = error.code === "timeout" || (PASSING.has(error.code) && !isLimit);
      if (passing) setTimeout(() => this.join(), error.retryAfter ?? backoff(2));
      else if (this.#link.up) {
        this.fail(error);
        this.#to.failed(this, error);
      }
    }
  }

  away() {
    this.joined = false;
    this.#resume();
  }

  patch({ epoch, from, version, set = {}, del = [] }) {
    if (epoch === this.epoch && version <= this.version) return;
    if (epoch !== this.epoch || from > this.version) {
      this.#missed = { epoch, version };
      this.join();
      return;
    }
    for (const field of del) delete this.state[field];
    for (const field of Object.keys(set)) this.state[field] = set[field];
    this.version = version;
    emit(this, "change", { set, del, state: this.state, snapshot: false });
  }

  snapshot({ epoch, version, state }) {
    if (epoch === this.epoch && version < this.version) return;
    const before = this.state;
    this.state = Object.setPrototypeOf(state, null);
    this.epoch = epoch;
    this.version = version;
    const del = Object.keys(before).filter((field) => !(field in state));
    emit(this, "change", { set: state, del, state, snapshot: true });
  }

  presence({ players, set = [], del = [], total, watchers }) {
    if (players) this.players = new Map();
    for (const player of players ?? set) this.players.set(player.id, player);
    for (const id of del) this.players.delete(id);
    Object.assign(this, { total, watchers });
  }

  fail(error) {
    for (const act of [...this.#acts]) this.#end(act, "reject", error);
  }

  #end(act, outcome, value) {
    clearTimeout(act.timer);
    this.#acts = this.#acts.filter((other) => other !== act);
    act[outcome](value);
  }

  // Sends what has not been sent on this connection, in order.
  #pump() {
    if (!this.joined || this.#paused) return;
    for (const act of this.#acts.slice(0, ACTS_IN_FLIGHT)) if (!act.sent) this.#send(act);
  }

  async #send(act) {
    act.sent = act.tried = true;
    const { id, action, timeout } = act;
    try {
      this.#end(act, "resolve", (await this.#link.call("act", { room: this.name, id, action }, timeout)).version);
    } catch (error) {
      act.sent = false;
      if (PASSING.has(error.code) && Date.now() + (error.retryAfter ?? 0) < act.until) {
        this.#paused ??= setTimeout(() => this.#resume(), error.retryAfter ?? BACKOFF + jitter(BACKOFF));
      } else if (error.code === "not_joined" && !this.#left) {
        this.joined = false;
        this.join();
      } else if (error.code !== "disconnected") {
        this.#end(act, "reject", error);
      }
    }
    this.#pump();
  }

  #resume() {
    clearTimeout(this.#paused);
    this.#paused = undefined;
    this.#pump();
  }
}

class Client extends Emitter {
  session = null;
  connection = { status: "connecting", attempt: 0 };
  token;
  #url; #link; #onToken; #claiming; #shared; #refresh; #rooms = new Map();

  constructor({ url = globalThis.location?.origin, token, onToken, actTimeout = ACT_TIMEOUT } = {}) {
    super();
    this.#url = url;
    this.token = token;
    this.#onToken = onToken;
    const random = crypto.getRandomValues(new Uint8Array(8));
    const prefix = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
    let acts = 0;
    this.#shared = {
      actTimeout,
      nextID: () => `${prefix}-${++acts}`,
      left: (room) => this.#rooms.delete(room.name),
      failed: (room, error) => [room, this].forEach((emitter) => emit(emitter, "error", error)),
    };
    this.#link = new Link(url, {
      before: () => this.#claiming,
      auth: () => (this.token === undefined ? undefined : { token: this.token }),
      refused: ({ message, data }) => emit(this, "error", RejoinError.of({ error: "forbidden", message, ...data })),
      event: (name, body) => this.#event(name, body),
      connection: (connection) => {
        if (connection.status !== "connected") for (const room of this.#rooms.values()) room.away();
        emit(this, "connection", (this.connection = connection));
      },
    });
    // After the caller has had the time to listen.
    queueMicrotask(() => this.#link.open());
  }

  login(username, password) {
    return this.#enter("login", typeof username === "object" ? username : { username, password });
  }

  register(username, password) {
    return this.#enter("register", { username, password });
  }

  async logout(options = {}) {
    const { sockets, nodes, missing } = await this.#link.call("logout", options);
    return { sockets, nodes, missing };
  }

  async devices() {
    return (await this.#link.call("devices", {})).devices;
  }

  async endDevice(which) {
    await this.#link.call("endDevice", which);
  }

  room(name) {
    let room = this.#rooms.get(name);
    if (!room) {
      room = new Room(name, this.#link, this.#shared);
      this.#rooms.set(name, room);
      room.join();
    }
    return room;
  }

  reconnect() {
    this.#link.drop(0);
  }

  close() {
    this.#link.close();
    for (const room of this.#rooms.values()) room.fail(closed());
  }

  async #enter(event, body) {
    const { user, token, ticket } = await this.#link.call(event, body);
    if (token) this.#keep(token);
    else if (ticket) await (this.#claiming = this.#claim(ticket).finally(() => (this.#claiming = undefined)));
    return user;
  }

  // The cookie cannot change on an open WebSocket, so the ticket fetches it.
  async #claim(ticket) {
    let why = "the server did not answer";
    for (let attempt = 0; attempt < 6; attempt++) {
      if (attempt) await sleep(backoff(attempt));
      try {
        const { ok, status } = await fetch(new URL("/session/claim", this.#url), {
          method: "POST",
          credentials: "same-origin",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ ticket }),
          signal: AbortSignal.timeout(CONNECT_TIMEOUT),
        });
        if (ok) return;
        why = `status ${status}`;
        if (status < 500 && status !== 429) break;
      } catch (error) {
        why = error.message;
      }
    }
    emit(this, "error", new RejoinError("not_claimed", `logged in on this connection only: ${why}`));
  }

  #keep(token) {
    this.token = token;
    tell(this.#onToken, token);
  }

  #event(name, body) {
    const room = this.#rooms.get(body.room);
    if (name === "session") this.#changed(body);
    else if (name === "patch") room?.patch(body);
    else if (name === "state") room?.snapshot(body);
    else if (name === "drain") this.#link.draining(body.retryAfter);
    else if (name === "presence") room?.presence(body);
    if (name === "error") emit(this, name, RejoinError.of(body));
    else if (name !== "session") for (const emitter of [room, this]) if (emitter) emit(emitter, name, body);
  }

  #changed(session) {
    const user = this.session?.user?.id, first = !this.#link.up;
    this.session = session;
    if (session.token) this.#keep(session.token);
    if (user && user !== session.user?.id) {
      const error = new RejoinError("login_required", `the login ended (${session.reason}) before an acknowledgement`);
      for (const room of this.#rooms.values()) room.fail(error);
    }
    if (first) this.#link.settle();
    emit(this, "session", session);
    for (const room of this.#rooms.values()) if (!room.joined) room.join();
    this.#refreshed(session);
  }

  // A login in another tab: its cookie may come a moment after the word of it.
  #refreshed({ reason, login, handle }) {
    if (reason === "refresh") this.#refresh = { handle, tries: 0 };
    const refresh = this.#refresh;
    const isLate = reason === "connect" && !login && handle === refresh?.handle && refresh.tries <= REFRESHES;
    if (reason === "refresh" || isLate) this.#link.drop(backoff(refresh.tries++));
    else this.#refresh = undefined;
  }
}

export const connect = (options) => new Client(options);
