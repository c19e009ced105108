// The active cell and the block of cells that is selected; the keyboard and the mouse.

class Selection {
  constructor(grid) {
    this.grid = grid;
    this.anchor = null;
    this.focus = null;
  }

  clear() {
    this.anchor = this.focus = null;
  }

  // `column` is a place among the columns that are shown.
  set(row, place, extends_) {
    const shown = this.grid.columns.shown();
    if (!this.grid.count() || !shown.length) return;
    const to = {
      row: Math.max(0, Math.min(row, this.grid.count() - 1)),
      place: Math.max(0, Math.min(place, shown.length - 1)),
    };
    this.focus = to;
    if (!extends_ || !this.anchor) this.anchor = to;
    this.grid.reveal(to.row, shown[to.place]);
    this.grid.draw();
  }

  all() {
    this.anchor = { row: 0, place: 0 };
    this.focus = { row: this.grid.count() - 1, place: this.grid.columns.shown().length - 1 };
    this.grid.draw();
  }

  row(row, extends_) {
    this.anchor = { row: extends_ && this.anchor ? this.anchor.row : row, place: 0 };
    this.focus = { row, place: this.grid.columns.shown().length - 1 };
    this.grid.draw();
  }

  // What is selected as rows from `start`, `count` of them, and the numbers of columns; `null` when nothing is.
  block() {
    if (!this.anchor || !this.grid.count()) return null;
    const rows = [this.anchor.row, this.focus.row].sort((a, b) => a - b);
    const places = [this.anchor.place, this.focus.place].sort((a, b) => a - b);
    const columns = this.grid.columns.shown().slice(places[0], places[1] + 1);
    return { start: rows[0], count: rows[1] - rows[0] + 1, columns };
  }

  paint() {
    const block = this.block();
    const active = this.focus && this.grid.columns.shown()[this.focus.place];
    const chosen = new Set(block?.columns);
    for (const cell of this.grid.body.querySelectorAll("td[data-column]")) {
      const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
      const isIn = Boolean(block) && row >= block.start && row < block.start + block.count && chosen.has(column);
      cell.classList.toggle("fd-selected", isIn);
      cell.setAttribute("aria-selected", String(isIn));
      cell.classList.toggle("fd-active", Boolean(this.focus) && row === this.focus.row && column === active);
    }
    if (this.focus) this.grid.grid.setAttribute("aria-activedescendant", this.grid.cellId(this.focus.row, active));
    else this.grid.grid.removeAttribute("aria-activedescendant");
    this.grid.table.toolbar.selected(block);
    this.grid.table.toolbar.active(this.focus?.row, active);
  }

  listen() {
    const { grid } = this.grid;
    grid.addEventListener("keydown", (event) => this.key(event));
    grid.addEventListener("focus", () => {
      if (!this.focus && this.grid.count()) this.set(Math.round(this.grid.top), 0, false);
    });
    grid.addEventListener("pointerdown", (event) => this.press(event));
    grid.addEventListener("dblclick", (event) => {
      if (event.target.closest("td[data-column]")) this.grid.table.showValue();
    });
  }

  at(event) {
    const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest("td[data-column], th[data-row]");
    if (!cell || !this.grid.body.contains(cell)) return null;
    const row = Number(cell.dataset.row);
    if (cell.dataset.column === undefined) return { row, place: null };
    return { row, place: this.grid.columns.shown().indexOf(Number(cell.dataset.column)) };
  }

  press(event) {
    const at = event.button === 0 ? this.at(event) : null;
    if (!at) return;
    event.preventDefault();
    this.grid.grid.focus({ preventScroll: true });
    if (at.place === null) return this.row(at.row, event.shiftKey);
    this.set(at.row, at.place, event.shiftKey);
    const move = (moved) => {
      const to = this.at(moved);
      if (to && to.place !== null) this.set(to.row, to.place, true);
    };
    const stop = () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", stop);
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", stop);
  }

  key(event) {
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && event.key.toLowerCase() === "c") {
      this.grid.table.copy(event.shiftKey ? "defanged" : "plain");
    } else if (isCommand && event.key.toLowerCase() === "a") {
      this.all();
    } else if (event.key === "Enter" && this.focus && event.target === this.grid.grid) {
      this.grid.table.showValue();
    } else if (event.key === "/" && event.target === this.grid.grid) {
      this.grid.table.toolbar.search.focus();
    } else if (event.target !== this.grid.grid || !this.step(event, isCommand)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  step(event, isCommand) {
    const from = this.focus ?? { row: 0, place: 0 };
    const [last, end] = [this.grid.count() - 1, this.grid.columns.shown().length - 1];
    const sideways = this.grid.isRtl() ? -1 : 1;
    const page = this.grid.visible();
    const targets = {
      ArrowUp: [isCommand ? 0 : from.row - 1, from.place],
      ArrowDown: [isCommand ? last : from.row + 1, from.place],
      ArrowLeft: [from.row, isCommand ? 0 : from.place - sideways],
      ArrowRight: [from.row, isCommand ? end : from.place + sideways],
      PageUp: [from.row - page, from.place],
      PageDown: [from.row + page, from.place],
      Home: isCommand ? [0, 0] : [from.row, 0],
      End: isCommand ? [last, end] : [from.row, end],
    };
    const target = targets[event.key];
    if (target) this.set(target[0], target[1], event.shiftKey);
    return Boolean(target);
  }
}
