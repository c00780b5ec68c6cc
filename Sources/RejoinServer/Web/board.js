// The arena's board on a canvas. Draws only while something moves or has changed.

export const COLUMNS = 32, ROWS = 20;
const CLAIM = 240, GLIDE = 16, FAR = 4, NAMED = 14, ROOMY = 16;

const easeOutBack = (t) => 1 + 2.2 * (t - 1) ** 3 + 1.2 * (t - 1) ** 2;

// Spreads ids over a handful of motifs, so that two players of one colour can still be told apart.
const motifOf = (id) => [...id].reduce((hash, char) => (Math.imul(hash, 31) + char.codePointAt(0)) >>> 0, 7) % 6;

export class Board {
  isAway = () => false;
  #canvas; #context; #cell = 0; #frame; #last = 0; #colors; #calm; #hovered;
  #tiles = new Map(); #players = new Map(); #me; #ahead;

  // Black or white, whichever reads better on a colour.
  static inkOn(color) {
    const [r, g, b] = [1, 3, 5].map((at) => (parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#0d0f14" : "#ffffff";
  }

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#calm = matchMedia("(prefers-reduced-motion: reduce)");
    const theme = matchMedia("(prefers-color-scheme: light)");
    theme.addEventListener("change", () => this.#readTheme());
    new ResizeObserver(() => this.#resize()).observe(canvas);
    canvas.addEventListener("pointermove", (event) => this.#hover(this.tileAt(event)));
    canvas.addEventListener("pointerleave", () => this.#hover());
    this.#readTheme();
  }

  // Takes fields of the room as they changed. Instant: without playing it (a snapshot is not something that happened).
  change(set, del, instant) {
    const now = performance.now();
    for (const [field, value] of Object.entries(set)) {
      const [, x, y] = /^tile\/(\d+)\/(\d+)$/.exec(field) ?? [];
      const [, id] = /^@([^/]+)\/player$/.exec(field) ?? [];
      if (x && +x < COLUMNS && +y < ROWS) {
        const before = this.#tiles.get(+y * COLUMNS + +x)?.owner;
        const since = instant ? -Infinity : now;
        if (before !== value) this.#tiles.set(+y * COLUMNS + +x, { owner: value, before, since });
      } else if (id && /^#[0-9a-f]{6}$/.test(value?.color)) {
        const { at = { x: value.x, y: value.y } } = this.#players.get(id) ?? {};
        this.#players.set(id, { id, ...value, at: instant ? { x: value.x, y: value.y } : at, motif: motifOf(id) });
      }
    }
    for (const field of del) {
      const [, x, y] = /^tile\/(\d+)\/(\d+)$/.exec(field) ?? [];
      if (x) this.#tiles.delete(+y * COLUMNS + +x);
      this.#players.delete(/^@([^/]+)\/player$/.exec(field)?.[1]);
    }
    this.draw();
  }

  // Who looks at the board, and where the steps that are still on their way lead to.
  look(me, ahead) {
    this.#me = me;
    this.#ahead = ahead;
    this.draw();
  }

  get players() {
    return this.#players;
  }

  tileAt({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    const x = Math.floor(((clientX - box.left) / box.width) * COLUMNS);
    const y = Math.floor(((clientY - box.top) / box.height) * ROWS);
    return x >= 0 && x < COLUMNS && y >= 0 && y < ROWS ? { x, y } : undefined;
  }

  draw() {
    this.#frame ??= requestAnimationFrame((now) => this.#paint(now));
  }

  #hover(tile) {
    const hovered = tile && this.#tiles.get(tile.y * COLUMNS + tile.x)?.owner;
    if (hovered === this.#hovered) return;
    this.#hovered = hovered;
    this.draw();
  }

  #readTheme() {
    const style = getComputedStyle(this.#canvas);
    const color = (name) => [name, style.getPropertyValue(`--canvas-${name}`).trim()];
    this.#colors = Object.fromEntries(["board", "grid", "ink", "paper", "motif"].map(color));
    this.font = style.fontFamily;
    this.draw();
  }

  #resize() {
    const width = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    this.#canvas.width = width;
    this.#canvas.height = Math.round((width * ROWS) / COLUMNS);
    this.#cell = width / COLUMNS;
    this.draw();
  }

  #paint(now) {
    this.#frame = undefined;
    const elapsed = Math.min(now - this.#last, 64);
    this.#last = now;
    const { width, height } = this.#canvas;
    this.#context.fillStyle = this.#colors.board;
    this.#context.fillRect(0, 0, width, height);
    const fresh = this.#paintTiles(now);
    const moving = this.#paintPlayers(elapsed);
    if (fresh || moving) this.draw();
    else this.#last = -Infinity;
  }

  #owner(x, y) {
    return x < 0 || y < 0 || x >= COLUMNS || y >= ROWS ? undefined : this.#tiles.get(y * COLUMNS + x)?.owner;
  }

  #paintTiles(now) {
    const context = this.#context, cell = this.#cell;
    const fresh = [];
    context.fillStyle = this.#colors.grid;
    for (let y = 0; y < ROWS; y++) {
      for (let x = 0; x < COLUMNS; x++) {
        const tile = this.#tiles.get(y * COLUMNS + x);
        const age = this.#calm.matches ? CLAIM : now - (tile?.since ?? 0);
        if (tile && age >= CLAIM) continue;
        if (tile) fresh.push({ x, y, tile, age });
        context.beginPath();
        context.arc((x + 0.5) * cell, (y + 0.5) * cell, Math.max(0.055 * cell, 0.7), 0, 7);
        context.fill();
      }
    }
    const young = new Set(fresh.map(({ tile }) => tile));
    for (const [place, tile] of this.#tiles) {
      if (!young.has(tile)) this.#paintTile(place % COLUMNS, Math.floor(place / COLUMNS), tile.owner, 1);
    }
    for (const { x, y, tile, age } of fresh) {
      if (tile.before) this.#paintTile(x, y, tile.before, 1, true);
      this.#paintTile(x, y, tile.owner, 0.35 + 0.65 * easeOutBack(Math.max(age, 0) / CLAIM));
    }
    return fresh.length > 0;
  }

  // Tiles of one owner flow together; corners are round where the territory ends.
  #paintTile(x, y, owner, scale, alone) {
    const player = this.#players.get(owner);
    if (!player) return;
    const context = this.#context, cell = this.#cell;
    const same = (dx, dy) => !alone && scale >= 1 && this.#owner(x + dx, y + dy) === owner;
    const [top, right, bottom, left] = [same(0, -1), same(1, 0), same(0, 1), same(-1, 0)];
    const gap = Math.max(cell * 0.05, 0.75), round = cell * 0.3;
    const inset = ((1 - Math.min(scale, 1.08)) / 2) * cell;
    const x0 = x * cell + (left ? -0.5 : gap) + inset, x1 = (x + 1) * cell - (right ? -0.5 : gap) - inset;
    const y0 = y * cell + (top ? -0.5 : gap) + inset, y1 = (y + 1) * cell - (bottom ? -0.5 : gap) - inset;
    // A watcher who points at a territory sees it stand out.
    const dimmed = !this.#me && this.#hovered && this.#hovered !== owner;
    context.fillStyle = dimmed ? `color-mix(in srgb, ${player.color} 35%, ${this.#colors.board})` : player.color;
    context.beginPath();
    context.roundRect(x0, y0, x1 - x0, y1 - y0,
      [top || left ? 0 : round, top || right ? 0 : round, bottom || right ? 0 : round, bottom || left ? 0 : round]);
    context.fill();
    this.#paintMotif((x0 + x1) / 2, (y0 + y1) / 2, player, cell * 0.13);
  }

  // One's own tiles are marked brightly.
  #paintMotif(x, y, { id, color, motif }, size) {
    const context = this.#context;
    context.fillStyle = context.strokeStyle = id === this.#me ? Board.inkOn(color) : this.#colors.motif;
    context.lineWidth = Math.max(size * 0.45, 1);
    context.lineCap = "round";
    context.beginPath();
    if (motif === 0) context.arc(x, y, size * 0.7, 0, 7);
    if (motif === 1) context.arc(x, y, size * 0.85, 0, 7);
    if (motif === 2) context.moveTo(x - size, y + size), context.lineTo(x + size, y - size);
    if (motif === 3) context.moveTo(x, y - size), context.lineTo(x, y + size);
    if (motif === 4) context.rect(x - size * 0.6, y - size * 0.6, size * 1.2, size * 1.2);
    if (motif === 3 || motif === 5) context.moveTo(x - size, y), context.lineTo(x + size, y);
    if (motif === 0 || motif === 4) context.fill();
    else context.stroke();
  }

  #paintPlayers(elapsed) {
    const here = new Map();
    for (const player of this.#players.values()) {
      player.to = player.id === this.#me && this.#ahead ? this.#ahead : { x: player.x, y: player.y };
      const place = `${player.to.x}/${player.to.y}`;
      here.set(place, [...(here.get(place) ?? []), player]);
    }
    let moving = false;
    const share = this.#calm.matches ? 1 : 1 - Math.exp((-GLIDE * elapsed) / 1000);
    for (const crowd of here.values()) {
      crowd.forEach((player, index) => {
        const angle = (index / crowd.length) * 2 * Math.PI - 0.8, off = crowd.length > 1 ? 0.22 : 0;
        const to = { x: player.to.x + Math.cos(angle) * off, y: player.to.y + Math.sin(angle) * off };
        const way = Math.hypot(to.x - player.at.x, to.y - player.at.y);
        if (way < 0.01 || way > FAR) player.at = to;
        else {
          player.at = { x: player.at.x + (to.x - player.at.x) * share, y: player.at.y + (to.y - player.at.y) * share };
          moving = true;
        }
      });
    }
    const me = this.#players.get(this.#me);
    const others = [...this.#players.values()].filter((player) => player !== me);
    for (const player of others) this.#paintPlayer(player);
    if (me) this.#paintPlayer(me);
    const roomy = others.length < NAMED && this.#cell >= ROOMY * devicePixelRatio;
    const named = roomy ? others : others.filter((player) => player.id === this.#hovered);
    for (const player of me ? [...named, me] : named) this.#paintName(player);
    return moving;
  }

  #paintPlayer({ id, at, color, name }) {
    const context = this.#context, mine = id === this.#me;
    const x = (at.x + 0.5) * this.#cell, y = (at.y + 0.5) * this.#cell;
    const radius = Math.max(this.#cell * (mine ? 0.5 : 0.42), 6 * devicePixelRatio);
    context.globalAlpha = this.isAway(id) ? 0.4 : 1;
    const circle = (size, fill) => {
      context.beginPath();
      context.arc(x, y, size, 0, 7);
      context.fillStyle = fill;
      context.fill();
    };
    if (mine) circle(radius * 1.42, this.#colors.ink);
    circle(radius * 1.22, mine ? color : this.#colors.paper);
    if (mine) circle(radius * 1.1, this.#colors.paper);
    circle(radius * (mine ? 0.92 : 1), color);
    context.fillStyle = Board.inkOn(color);
    context.font = `700 ${radius * 1.05}px ${this.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText([...name][0]?.toUpperCase() ?? "", x, y + radius * 0.06);
    context.globalAlpha = 1;
  }

  #paintName({ id, at, name }) {
    const context = this.#context, mine = id === this.#me;
    const size = Math.min(12.5, Math.max(9, this.#cell / devicePixelRatio / 2)) * devicePixelRatio;
    const short = name.length > 18 ? name.slice(0, 17) + "…" : name;
    context.font = `${mine ? 700 : 600} ${size}px ${this.font}`;
    const width = context.measureText(short).width + size * 1.1, height = size * 1.6;
    const reach = Math.max(this.#cell * 0.62, 7 * devicePixelRatio) + 3 * devicePixelRatio + (mine ? size * 0.3 : 0);
    const middle = (at.x + 0.5) * this.#cell, over = (at.y + 0.5) * this.#cell - reach - height;
    const x = Math.min(Math.max(middle - width / 2, 2), this.#canvas.width - width - 2);
    const y = over < 2 ? (at.y + 0.5) * this.#cell + reach : over;
    context.globalAlpha = mine ? 1 : this.isAway(id) ? 0.4 : 0.86;
    context.fillStyle = mine ? this.#colors.ink : this.#colors.paper;
    context.beginPath();
    context.roundRect(x, y, width, height, height / 2);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = mine ? this.#colors.paper : this.#colors.ink;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(short, x + width / 2, y + height / 2 + size * 0.05);
  }
}
