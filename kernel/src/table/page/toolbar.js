// The line above the grid: how much there is, what it is filtered by, search, and what can be done with it.

const FORMATS = [
  ["csv", "CSV"],
  ["xlsx", "Excel (XLSX)"],
  ["parquet", "Parquet"],
  ["json", "JSON lines"],
  ["arrow", "Arrow"],
  ["markdown", "Markdown"],
];
const SEARCH_DELAY_MS = 350;
const SELECT_DELAY_MS = 200;

class Toolbar {
  constructor(table) {
    this.table = table;
    this.count = element("span", { class: "fd-count", role: "status" });
    this.caption = element("span", { class: "fd-caption" });
    this.chosen = element("span", { class: "fd-chosen" });
    this.saved = element("span", { class: "fd-saved", role: "status" });
    this.uses = element("span", { class: "fd-uses" });
    this.chips = element("span", { class: "fd-chips" });
    this.search = element("input", {
      type: "search",
      class: "fd-search",
      placeholder: "Search",
      "aria-label": "Search in all columns",
      maxlength: "1000",
      spellcheck: "false",
      oninput: () => this.searchSoon(),
      onkeydown: (event) => {
        if (event.key === "Enter") this.searchNow();
        if (event.key === "ArrowDown") this.table.grid.grid.focus();
      },
    });
    this.jump = element("input", {
      type: "text",
      inputmode: "numeric",
      class: "fd-jump",
      placeholder: "Row",
      "aria-label": "Go to row",
      maxlength: "14",
      onkeydown: (event) => event.key === "Enter" && this.jumpNow(),
    });
    const menu = (label, title, open) => button(label, title, (event) => open(event.currentTarget), { "aria-haspopup": "dialog" });
    this.bar = element(
      "div",
      { class: "fd-bar", role: "toolbar", "aria-label": "Table" },
      this.count,
      this.caption,
      this.chosen,
      this.saved,
      this.uses,
      element(
        "span",
        { class: "fd-tools" },
        this.search,
        this.jump,
        menu("Columns", "Show and hide columns", (anchor) => this.columns(anchor)),
        menu("Copy", "Copy the selected cells", (anchor) => this.copying(anchor)),
        menu("Export", "Write the rows to a file", (anchor) => this.exporting(anchor)),
      ),
    );
    this.progress = element("div", { class: "fd-progress", role: "status", "aria-live": "polite" });
    this.message = element("div", { class: "fd-message", role: "alert" });
  }

  elements() {
    return [this.bar, this.chips, this.progress, this.message];
  }

  seen(first, end, count) {
    const total = this.table.total;
    const rows = total === 1 ? "row" : "rows";
    const of = count === total ? `${COUNT.format(total)} ${rows}` : `${COUNT.format(count)} (filtered from ${COUNT.format(total)} ${rows})`;
    this.count.textContent = count ? `${COUNT.format(first + 1)}–${COUNT.format(end)} of ${of}` : `0 of ${of}`;
  }

  selected(block) {
    const cells = block ? block.count * block.columns.length : 0;
    this.chosen.textContent = cells > 1 ? `${COUNT.format(cells)} cells selected` : "";
    this.tellSoon(block);
  }

  // Where an author reads the selection, the kernel is told when it has come to rest.
  tellSoon(block) {
    const { table } = this;
    if (table.selection === null) return;
    const rows = block ? { start: block.start, count: block.count } : { start: 0, count: 0 };
    const key = `${table.view.version} ${rows.start} ${rows.count}`;
    if (key === this.toldKey) return;
    const isFirst = this.toldKey === undefined;
    this.toldKey = key;
    clearTimeout(this.telling);
    // Nothing is selected at the beginning, and the kernel knows.
    if (isFirst && !rows.count) return;
    this.telling = setTimeout(() => table.select(rows.start, rows.count), SELECT_DELAY_MS);
  }

  // The selected rows are a table of this name now.
  kept(rows, name) {
    this.saved.textContent = rows ? `${counted(rows, "row", "rows")} in ${name}` : "";
  }

  // What the author lets a person do with the active cell.
  active(row, column) {
    const key = `${row} ${column}`;
    if (this.activeKey === key) return;
    this.activeKey = key;
    const fitting = this.table.fills.map((fill, number) => ({ ...fill, number })).filter((fill) => fill.column === column);
    const actions = row === undefined ? [] : this.table.actions;
    this.uses.replaceChildren(
      ...actions.map((label, number) =>
        button(label, `${label}: row ${COUNT.format(row + 1)}`, () => this.table.act(row, number), { class: "fd-use" }),
      ),
      ...fitting.map(({ label, number }) =>
        button(`→ ${label}`, `Put the value into the field ${label}`, () => this.table.fill(row, number), { class: "fd-use" }),
      ),
    );
  }

  // The filters and the search as things to remove.
  draw() {
    const { view, columns } = this.table;
    if (document.activeElement !== this.search) this.search.value = view.search;
    const chip = (text, remove) =>
      element("span", { class: "fd-chip" }, element("bdi", {}, text), button("×", `Remove: ${text}`, remove, { class: "fd-remove" }));
    const filters = view.filters.map((filter) =>
      chip(inWords(filter, columns.all), () => this.table.change({ filters: this.table.view.filters.filter((other) => other !== filter) })),
    );
    if (view.search) filters.push(chip(`search “${view.search}”`, () => this.table.change({ search: "" })));
    this.chips.replaceChildren(...filters);
  }

  searchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.searchNow(), SEARCH_DELAY_MS);
  }

  searchNow() {
    clearTimeout(this.timer);
    if (this.search.value !== this.table.view.search) this.table.change({ search: this.search.value });
  }

  jumpNow() {
    const row = Number(this.jump.value.replace(/[^0-9]/g, ""));
    if (!row) return;
    const { grid } = this.table;
    grid.goTo(row - 1 - Math.floor(grid.visible() / 2));
    grid.selection.set(row - 1, grid.selection.focus?.place ?? 0, false);
    grid.grid.focus({ preventScroll: true });
  }

  say(text) {
    this.message.classList.remove("fd-good");
    this.message.textContent = text;
  }

  praise(text) {
    this.message.classList.add("fd-good");
    this.message.textContent = text;
  }

  // Something takes its time; `stop` ends it.
  busy(text, stop) {
    const started = performance.now();
    const seconds = element("span");
    const line = element("span", {}, element("span", { class: "fd-spin", "aria-hidden": "true" }), text, seconds, " ", button("Stop", "Stop it", stop));
    const tick = setInterval(() => {
      seconds.textContent = ` ${((performance.now() - started) / 1000).toFixed(0)} s`;
    }, 1_000);
    const show = setTimeout(() => this.progress.replaceChildren(line), 200);
    return () => {
      clearInterval(tick);
      clearTimeout(show);
      line.remove();
    };
  }

  columns(anchor) {
    const { table } = this;
    const boxes = table.columns.order.map((index) => {
      const box = element("input", { type: "checkbox", checked: !table.columns.hidden.has(index) });
      box.addEventListener("change", () => (box.checked ? table.reveal(index) : table.hide(index)));
      return element("label", { class: "fd-check" }, box, element("bdi", {}, table.columns.all[index].name));
    });
    const all = button("Show all", "Show every column", () => {
      table.columns.hidden.clear();
      table.popover.close();
      table.grid.layout();
    });
    table.popover.open(anchor, "Columns", element("div", { class: "fd-list" }, ...boxes), all);
  }

  copying(anchor) {
    const { table } = this;
    const one = (label, title, form, header) =>
      button(label, title, () => {
        table.popover.close();
        table.copy(form, header);
      });
    table.popover.open(
      anchor,
      "Copy",
      element(
        "div",
        { class: "fd-stack" },
        one("Copy", "As shown, columns separated by tabs (Ctrl+C)", "plain", false),
        one("Copy with column names", "As shown, the names first", "plain", true),
        one("Copy defanged", "Addresses and links that nothing can follow by accident (Ctrl+Shift+C)", "defanged", false),
        one("Copy as SQL list", "('a', 'b') for IN, the different values of one column", "sql", false),
      ),
    );
  }

  exporting(anchor) {
    const { table } = this;
    const format = element("select", { "aria-label": "Format", autofocus: true }, ...FORMATS.map(([name, label]) => element("option", { value: name }, label)));
    const isWhole = table.view.filters.length === 0 && !table.view.search && table.view.sort.length === 0;
    const scope = element(
      "select",
      { "aria-label": "Which rows" },
      element("option", { value: "seen" }, isWhole ? `all ${COUNT.format(table.total)} rows` : `the ${counted(table.rows.count, "row", "rows")} seen, in this order`),
      ...(isWhole ? [] : [element("option", { value: "all" }, `all ${COUNT.format(table.total)} rows`)]),
    );
    const go = (destination) => () => {
      table.popover.close();
      table.export({ format: format.value, scope: scope.value, destination, columns: table.columns.shown() });
    };
    table.popover.open(
      anchor,
      "Export",
      element(
        "div",
        { class: "fd-stack" },
        format,
        scope,
        element("div", { class: "fd-row" }, button("Save", "Into the folder data/ beside the notebook", go("folder"), { class: "fd-primary" }), button("Download", "To this computer", go("download"))),
      ),
    );
  }
}
