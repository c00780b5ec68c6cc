/**
 * The browser client of Rejoin: a session that outlives its connection, and rooms that are kept in step.
 *
 * ```js
 * import { connect } from "/rejoin.js";
 *
 * const client = connect();
 * client.on("session", ({ login, user, node }) => console.log(login ? user.name : "watching", "on", node));
 * const room = client.room("lobby");
 * room.on("change", ({ state }) => render(state));
 * await client.login("ada", "correct horse battery");
 * await room.act({ set: { door: "open" } });
 * ```
 */

/** What JSON can say. */
export type JSONValue = null | boolean | number | string | JSONValue[] | { [key: string]: JSONValue };

export interface User {
  id: string;
  name: string;
}

export interface Session {
  /** True for a player, who may act; false for a watcher. */
  login: boolean;
  user: User | null;
  /** Names the session's record; not secret. Null when the record is gone. */
  handle: string | null;
  /** The node that this connection is on. */
  node: string;
  reason: "connect" | "login" | "logout" | "revoked" | "expired" | "replaced" | "refresh" | "unavailable";
  /** The credential to come back with, where the client goes by a token and gets another one. */
  token?: string;
}

export interface Connection {
  status: "connecting" | "connected" | "waiting" | "closed";
  /** While waiting: milliseconds until the next try; Infinity while the page is kept for the way back to it. */
  retryIn?: number;
  /** Tries that failed, a connection that was lost within 5 s among them. */
  attempt: number;
}

/** The state of a room: named fields, without a prototype. Read it; it changes only by acts. */
export type State = Record<string, JSONValue>;

export interface Change {
  /** Fields that have a new value; after a snapshot all of them. */
  set: State;
  /** Fields that are gone. */
  del: string[];
  /** The whole state, as `room.state`. */
  state: State;
  /** True when the state was replaced as a whole: at first, after a long absence, in a new epoch. */
  snapshot: boolean;
}

export interface Presence {
  room: string;
  players?: PresentPlayer[];
  set?: PresentPlayer[];
  del?: string[];
  total: number;
  watchers: number;
}

export interface PresentPlayer extends User {
  online: boolean;
}

export interface Cast {
  room: string;
  by: User;
  data: JSONValue;
}

export interface Device {
  handle: string;
  /** Milliseconds since 1970. */
  created: number;
  /** Milliseconds since 1970. */
  seen: number;
  client: string;
  address: string;
  current: boolean;
}

export interface Options {
  /** The server's origin, http or https. Default: the page's. Another origin needs token mode. */
  url?: string;
  /**
   * Token mode, for a client without cookies: `null` asks for a new token, a string is one from before. Without it the
   * browser's cookie is the credential.
   */
  token?: string | null;
  /** Called with each new token, to keep it where the next start finds it. */
  onToken?: (token: string) => void;
  /** How long an act may wait for its acknowledgement, over reconnections too. Milliseconds; default 30,000. */
  actTimeout?: number;
}

export interface ActOptions {
  /** 1 to 64 printable ASCII characters; an act of the same id is applied once. Default: a new one. */
  id?: string;
  /** As `actTimeout`, for this act. */
  timeout?: number;
}

export type Off = () => void;

/**
 * Codes of the server: `bad_request`, `invalid_credentials`, `login_required`, `forbidden`, `not_joined`, `rejected`,
 * `conflict`, `rate_limited`, `too_large`, `registration_closed`, `name_taken`, `weak_password`, `unavailable`,
 * `internal`. Of the client: `disconnected` (the connection was lost before the answer came), `timeout`, `closed`,
 * `not_claimed` (logged in on this connection, but the new cookie could not be fetched).
 */
export class RejoinError extends Error {
  constructor(code: string, message: string, retryAfter?: number);
  readonly code: string;
  /** Milliseconds after which it is worth another try, when the server said so. */
  readonly retryAfter?: number;
}

export interface Room {
  readonly name: string;
  /** Replaced at a snapshot, changed in place by patches. */
  readonly state: State;
  /** Of the room's state; grows by one with each act, and begins anew with another epoch. */
  readonly version: number;
  /** Empty before the first answer, and while nobody has acted. */
  readonly epoch: string;
  /** True while the server sends changes; false while away. The state stays as it was. */
  readonly joined: boolean;
  /** Who is here, by user id; at most the first 200. */
  readonly players: ReadonlyMap<string, PresentPlayer>;
  /** How many players are here. */
  readonly total: number;
  /** How many sockets watch. */
  readonly watchers: number;

  on(event: "change", handler: (change: Change) => void): Off;
  on(event: "presence", handler: (presence: Presence) => void): Off;
  on(event: "cast", handler: (cast: Cast) => void): Off;
  /** The server does not let this client in; acts that waited are rejected with the same. */
  on(event: "error", handler: (error: RejoinError) => void): Off;

  /**
   * Asks the game for a change. Acts are sent in order; those made while away, or not acknowledged when the connection
   * was lost, are sent again with the same id, and applied once. `rate_limited` and `unavailable` ones wait and are
   * tried again until the time-out, which may put them behind later ones. At most 1,024 wait.
   *
   * @returns the version of the room that has the act in it; it may come before or after the change.
   * @throws {RejoinError} what the server refused; `timeout`; `login_required` when the session ended meanwhile.
   */
  act(action: JSONValue, options?: ActOptions): Promise<number>;
  /**
   * Sends a message to the others in the room; not kept, and lost for those who are away.
   *
   * @throws {RejoinError} `disconnected` at once without a connection, and otherwise what the server refused.
   */
  cast(data: JSONValue): Promise<void>;
  /** Leaves the room; the object is of no more use. */
  leave(): Promise<void>;
}

export interface Client {
  /** As the server said last; null before the first connection. */
  readonly session: Session | null;
  readonly connection: Connection;
  /** In token mode: the credential, for the next start. */
  readonly token?: string | null;

  /** After each connection, and whenever the socket becomes a player or a watcher. */
  on(event: "session", handler: (session: Session) => void): Off;
  on(event: "connection", handler: (connection: Connection) => void): Off;
  /** A whole snapshot arrived unasked. Rooms have taken it already: a room's `change` tells the same. */
  on(event: "state", handler: (state: { room: string; epoch: string; version: number; state: State }) => void): Off;
  on(event: "presence", handler: (presence: Presence) => void): Off;
  on(event: "cast", handler: (cast: Cast) => void): Off;
  /** This node is leaving; the client goes to another one by itself. */
  on(event: "drain", handler: (drain: { retryAfter: number }) => void): Off;
  /** What belongs to no request: a connection that was refused, a room that cannot be joined. */
  on(event: "error", handler: (error: RejoinError) => void): Off;

  /** Logs in on the open connection, and fetches the new cookie. */
  login(username: string, password: string): Promise<User>;
  /** `jwt`: the token of an identity provider, where the server knows one. */
  login(credentials: { username: string; password: string } | { jwt: string }): Promise<User>;
  register(username: string, password: string): Promise<User>;
  /** Ends the login on every tab of this session; `everywhere`: all sessions of the user. The connection stays. */
  logout(options?: { everywhere?: boolean }): Promise<{ sockets: number; nodes: number; missing: string[] }>;
  /** The user's sessions. */
  devices(): Promise<Device[]>;
  endDevice(which: { handle: string } | { others: true }): Promise<void>;

  /** Joins a room, and stays in it over reconnections; the same object for the same name. */
  room(name: string): Room;
  /** Leaves this connection for a new one at once. */
  reconnect(): void;
  /** For good. Acts that wait are rejected with `closed`. */
  close(): void;
}

/** Connects to the server that the page came from, and keeps connected. */
export function connect(options?: Options): Client;
