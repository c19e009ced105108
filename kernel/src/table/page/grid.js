// The grid: as many rows as fit, whatever the table's length. Browsers cap the height of an element, so beyond some
// million pixels the scroll bar stands for the table in proportion, and the wheel moves by rows.

const ROW_PX = 24;
const CANVAS_PX_MAX = 8_000_000;
// A table of no more rows than this is shown whole; of a longer one some fewer, as it scrolls.
const ROWS_WHOLE_MAX = 20;
const ROWS_VISIBLE = 16;
const OVERSCAN_PX = 200;

class Grid {
  constructor(table) {
    this.table = table;
    this.columns = table.columns;
    this.rows = table.rows;
    this.top = 0;
    this.selection = new Selection(this);
    this.head = element("thead", { role: "rowgroup" });
    this.body = element("tbody", { role: "rowgroup" });
    this.widths = element("colgroup");
    this.grid = element(
      "table",
      { class: "fd-grid", role: "grid", tabindex: "0", "aria-multiselectable": "true", "aria-label": "Result" },
      this.widths,
      this.head,
      this.body,
    );
    this.canvas = element("div", { class: "fd-canvas", role: "presentation" }, this.grid);
    this.viewport = element("div", { class: "fd-viewport", role: "presentation" }, this.canvas);
    this.viewport.addEventListener("scroll", () => this.scrolled());
    this.viewport.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.selection.listen();
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.viewport);
  }

  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  count() {
    return this.rows.count;
  }

  // Full rows that fit below the head.
  visible() {
    const room = this.viewport.clientHeight - (this.head.offsetHeight || 2 * ROW_PX);
    return Math.max(1, Math.floor(room / ROW_PX + 0.01));
  }

  topMax() {
    return Math.max(0, this.count() - this.visible());
  }

  numberWidth() {
    return 18 + COUNT.format(Math.max(1, this.count())).length * CHAR_PX * 0.85;
  }

  // The head, the height of the canvas, then the rows: after another view, other columns or another size.
  layout() {
    this.drawHead();
    const head = this.head.offsetHeight || 2 * ROW_PX;
    const whole = this.count() * ROW_PX;
    this.scaled = whole > CANVAS_PX_MAX;
    this.canvas.style.height = `${head + Math.min(whole, CANVAS_PX_MAX)}px`;
    const width = this.numberWidth() + this.columns.width();
    this.canvas.style.width = `${width}px`;
    // A person may have dragged the lower edge: then the height is theirs.
    if (this.viewport.style.height === (this.ownHeight ?? "")) {
      const lines = this.count() > ROWS_WHOLE_MAX ? ROWS_VISIBLE : Math.max(this.count(), 1);
      // Where a scroll bar below takes room, the rows keep theirs.
      const isWide = width > (this.viewport.parentElement?.clientWidth ?? Infinity);
      const bar = isWide ? 18 : 2;
      this.ownHeight = `${head + lines * ROW_PX + bar}px`;
      this.viewport.style.height = this.ownHeight;
    }
    // What the scroll bar and the border take, which differs between browsers.
    const edge = this.viewport.offsetWidth - this.viewport.clientWidth || 2;
    this.viewport.style.width = `min(100%, ${width + edge}px)`;
    this.goTo(this.top);
  }

  goTo(top) {
    this.top = Math.max(0, Math.min(top, this.topMax()));
    const target = this.pixelOf(this.top);
    if (Math.abs(this.viewport.scrollTop - target) >= 1) {
      this.expected = Math.round(target);
      this.viewport.scrollTop = target;
    }
    this.draw();
  }

  pixelOf(top) {
    const room = Math.max(0, this.viewport.scrollHeight - this.viewport.clientHeight);
    if (!this.scaled) return Math.min(room, Math.round(top) * ROW_PX);
    return this.topMax() ? (top / this.topMax()) * room : 0;
  }

  scrolled() {
    const pixel = this.viewport.scrollTop;
    if (this.expected !== undefined && Math.abs(pixel - this.expected) < 2) {
      this.expected = undefined;
      // Sideways the page may have moved all the same.
      this.drawSoon();
      return;
    }
    this.expected = undefined;
    const room = Math.max(1, this.viewport.scrollHeight - this.viewport.clientHeight);
    this.top = this.scaled ? (pixel / room) * this.topMax() : Math.min(pixel / ROW_PX, this.topMax());
    if (pixel >= room - 1) this.top = this.topMax();
    this.drawSoon();
  }

  wheel(event) {
    if (!this.scaled || event.ctrlKey || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    const unit = [1 / ROW_PX, 1, this.visible()][event.deltaMode];
    const top = Math.max(0, Math.min(this.top + event.deltaY * unit, this.topMax()));
    // At the ends the page around the table scrolls.
    if (top === this.top) return;
    event.preventDefault();
    this.goTo(top);
  }

  drawSoon() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  layoutSoon() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.layout();
    });
  }

  reveal(row, column) {
    const first = Math.round(this.top);
    const visible = this.visible();
    if (row < first) this.goTo(row);
    else if (row >= first + visible) this.goTo(row - visible + 1);
    const shown = this.columns.shown();
    const place = shown.indexOf(column);
    if (place < 0) return;
    const left = shown.slice(0, place).reduce((sum, index) => sum + this.columns.widths[index], 0);
    const right = left + this.columns.widths[column];
    const room = this.viewport.clientWidth - this.numberWidth();
    const scrolled = Math.abs(this.viewport.scrollLeft);
    const sign = this.isRtl() ? -1 : 1;
    if (left < scrolled) this.viewport.scrollLeft = sign * left;
    else if (right > scrolled + room) this.viewport.scrollLeft = sign * (right - room);
  }

  isRtl() {
    return getComputedStyle(this.viewport).direction === "rtl";
  }

  window() {
    const left = Math.abs(this.viewport.scrollLeft);
    const width = this.viewport.clientWidth || 1_200;
    return this.columns.between(left - OVERSCAN_PX, left + width + OVERSCAN_PX);
  }

  // The head is made anew only when something in it differs: a click needs the same button from press to release.
  drawHead() {
    const { columns, before, after, first } = this.window();
    const shown = columns.map((index) => [index, this.columns.widths[index]]);
    const key = JSON.stringify([this.rows.version, this.numberWidth(), before, after, shown]);
    if (key === this.headKey) return;
    this.headKey = key;
    const sides = [before, after].map((width) => (width ? [width] : []));
    const widths = [this.numberWidth(), ...sides[0], ...columns.map((index) => this.columns.widths[index]), ...sides[1]];
    this.widths.replaceChildren(...widths.map((width) => element("col", { style: `width:${width}px` })));
    const corner = element("th", { class: "fd-number", role: "columnheader", "aria-label": "Row number" });
    const cells = columns.map((index, place) => this.table.header.cell(index, first + place));
    this.head.replaceChildren(
      element("tr", { role: "row", "aria-rowindex": "1" }, corner, ...spacers("th", before), ...cells, ...spacers("th", after)),
    );
    this.grid.style.width = `${widths.reduce((sum, width) => sum + width, 0)}px`;
    this.grid.setAttribute("aria-colcount", String(this.columns.shown().length + 1));
  }

  // Fills the rows that are seen from what is in the browser, and asks for the rest.
  draw() {
    const { columns, before, after, first } = this.window();
    this.drawHead();
    const top = Math.round(this.top);
    const end = Math.min(this.count(), top + this.visible());
    this.grid.setAttribute("aria-rowcount", String(this.count() + 1));
    const lines = [];
    for (let row = top; row < end; row += 1) lines.push(this.line(row, columns, first, before, after));
    this.body.replaceChildren(...lines);
    this.rows.want(Math.max(0, top - 20), end + 20, columns);
    this.selection.paint();
    this.table.toolbar.seen(top, end, this.count());
  }

  line(row, columns, first, before, after) {
    const number = element("th", { class: "fd-number", role: "rowheader", scope: "row", "data-row": row }, COUNT.format(row + 1));
    const cells = columns.map((index, place) => this.cell(row, index, first + place));
    const parity = row % 2 ? "fd-odd" : "fd-even";
    return element(
      "tr",
      { role: "row", class: parity, "aria-rowindex": String(row + 2) },
      number,
      ...spacers("td", before),
      ...cells,
      ...spacers("td", after),
    );
  }

  cell(row, index, place) {
    const value = this.rows.get(row, index);
    const kind = this.columns.isRight(index) ? "fd-cell fd-right" : "fd-cell";
    const made = element("td", {
      class: kind,
      role: "gridcell",
      id: this.cellId(row, index),
      "aria-colindex": String(place + 2),
      "data-row": row,
      "data-column": index,
    });
    if (value === undefined) {
      made.classList.add("fd-waiting");
      made.setAttribute("aria-busy", "true");
    } else if (value.text === null) {
      made.classList.add("fd-null");
      made.textContent = "NULL";
    } else {
      // Text of one direction inside, whatever the page's is: a value cannot reorder what stands around it.
      const text = element("bdi", {}, value.isCut ? `${value.text}…` : value.text);
      made.append(text);
      if (value.isCut || value.text.length * CHAR_PX > this.columns.widths[index]) made.title = value.text;
    }
    return made;
  }

  cellId(row, index) {
    return `${this.table.id}-${row}-${index}`;
  }
}

// What stands for the columns that are not drawn on one side.
function spacers(tag, width) {
  return width ? [element(tag, { class: "fd-spacer", role: "presentation" })] : [];
}
