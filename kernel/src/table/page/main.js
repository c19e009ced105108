// One view of a table: its parts, what it knows of the kernel's view, and what it asks the kernel for.

let tables = 0;

class Table {
  constructor(model, el) {
    this.model = model;
    tables += 1;
    this.id = `flowdeck-table-${tables}-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    this.total = model.get("_total");
    this.fills = model.get("_fills");
    this.actions = model.get("_actions");
    this.selection = model.get("_selection");
    this.connection = new Connection(model);
    this.columns = new Columns(model.get("_columns"));
    this.rows = new Rows(
      this.connection,
      (columns, texts) => {
        columns.forEach((column, place) => this.columns.grow(column, texts[place]));
        this.grid.layoutSoon();
      },
      (error) => this.toolbar.say(error.message),
    );
    this.toolbar = new Toolbar(this);
    this.header = new Header(this);
    this.menu = new Menu(this);
    this.view = model.get("_view");
    this.rows.reset(this.view.version, this.view.count);
    this.takeFirst();
    this.grid = new Grid(this);
    const notes = model.get("_notes").map(noteElement);
    this.toolbar.caption.textContent = model.get("_caption");
    this.toolbar.caption.dataset.elapsedMs = model.get("_elapsed_ms");
    this.root = element(
      "div",
      // JupyterLab's single-key shortcuts would delete cells while somebody moves through rows.
      { class: "flowdeck-table", id: this.id, "data-lm-suppress-shortcuts": "true" },
      ...this.toolbar.elements(),
      ...notes,
      this.grid.viewport,
    );
    this.popover = new Popover(this.root);
    for (const name of ["keydown", "keypress", "contextmenu"]) {
      this.root.addEventListener(name, (event) => name !== "contextmenu" && event.stopPropagation());
    }
    el.append(this.root);
    this.viewed = () => this.take(model.get("_view"));
    model.on("change:_view", this.viewed);
    this.toolbar.draw();
    this.grid.layout();
  }

  close() {
    this.model.off("change:_view", this.viewed);
    this.popover.close();
    this.grid.close();
    this.connection.close();
    this.root.remove();
  }

  takeFirst() {
    const first = this.model.get("_first");
    if (!first || this.view.version !== 0) return;
    const buffers = this.model.get("_first_columns").map(bytesOf);
    this.rows.put(0, first.count, first.columns, buffers);
    first.columns.forEach((index) => this.fit(index));
  }

  // The kernel has another view: asked for here, or in another tab.
  take(view) {
    this.view = view;
    this.rows.reset(view.version, view.count);
    this.grid.selection.clear();
    this.grid.top = 0;
    this.takeFirst();
    this.toolbar.draw();
    this.grid.layout();
  }

  fit(index) {
    const rows = Math.min(this.rows.count, 2 * BLOCK_ROWS);
    const texts = [];
    for (let row = 0; row < rows; row += 1) texts.push(this.rows.get(row, index)?.text ?? "");
    this.columns.fit(index, texts);
    this.grid?.layout();
  }

  hide(index) {
    // Of a table without columns nothing could be brought back.
    if (this.columns.shown().length > 1) this.columns.hidden.add(index);
    this.grid.layout();
  }

  reveal(index) {
    this.columns.hidden.delete(index);
    this.grid.layout();
  }

  async change(part) {
    const { sort, filters, search } = { ...this.view, ...part };
    const done = this.toolbar.busy("Sorting and filtering…", () => this.connection.ask({ stop: {} }).catch(() => {}));
    this.toolbar.say("");
    try {
      await this.connection.ask({ view: { sort, filters, search } }, 3_600_000);
    } catch (error) {
      this.toolbar.say(error.message);
    } finally {
      done();
    }
  }

  async copy(form, header = false) {
    const block = this.grid.selection.block();
    if (!block) return this.toolbar.say("Select cells first: click, then drag or use Shift and the arrow keys.");
    try {
      const { text } = await this.connection.ask({ copy: { view: this.view.version, copy: { ...block, form, header } } });
      await toClipboard(text, this.root);
      this.toolbar.praise(`Copied ${counted(block.count * block.columns.length, "cell", "cells")}.`);
    } catch (error) {
      this.toolbar.say(error.message);
    }
  }

  async showValue() {
    const { focus } = this.grid.selection;
    if (!focus) return;
    const column = this.columns.shown()[focus.place];
    const anchor = document.getElementById(this.grid.cellId(focus.row, column)) ?? this.grid.grid;
    try {
      const { text } = await this.connection.ask({ value: { view: this.view.version, row: focus.row, column } });
      const value = text === null ? element("em", {}, "NULL") : element("pre", { class: "fd-value", dir: "auto" }, text);
      this.popover.open(anchor, `Value of ${this.columns.all[column].name}`, value);
    } catch (error) {
      this.toolbar.say(error.message);
    }
  }

  async fill(row, fill) {
    try {
      const { label, text } = await this.connection.ask({ fill: { view: this.view.version, row, fill } });
      if (label !== undefined) this.toolbar.praise(`${label} is now ${text}`);
    } catch (error) {
      this.toolbar.say(error.message);
    }
  }

  async act(row, action) {
    try {
      await this.connection.ask({ act: { view: this.view.version, row, action } });
    } catch (error) {
      this.toolbar.say(error.message);
    }
  }

  // The author has a table of the rows that are selected.
  async select(start, count) {
    try {
      const { rows } = await this.connection.ask({ select: { view: this.view.version, start, count } });
      this.toolbar.kept(rows, this.selection);
    } catch (error) {
      this.toolbar.say(error.message);
    }
  }

  async export(what) {
    const done = this.toolbar.busy("Writing…", () => this.connection.ask({ stop: {} }).catch(() => {}));
    this.toolbar.say("");
    try {
      const answer = await this.connection.ask({ export: { view: this.view.version, ...what } }, 3_600_000);
      if (answer.path !== undefined) {
        this.toolbar.praise(`Saved ${answer.path}`);
        return;
      }
      const parts = [];
      for (let part = 0; part < answer.parts; part += 1) {
        const { buffers } = await this.connection.ask({ part: { download: answer.download, part } });
        parts.push(buffers[0].slice());
      }
      this.connection.ask({ forget: { download: answer.download } }).catch(() => {});
      toDisk(answer.name, parts);
      this.toolbar.praise(`Downloaded ${answer.name}`);
    } catch (error) {
      this.toolbar.say(error.message);
    } finally {
      done();
    }
  }
}

async function toClipboard(text, root) {
  if (navigator.clipboard) {
    try {
      return await navigator.clipboard.writeText(text);
    } catch {
      // Not allowed here; the older way may be.
    }
  }
  const area = element("textarea", { class: "fd-offscreen", readonly: true, "aria-hidden": "true" });
  area.value = text;
  root.append(area);
  const focused = document.activeElement;
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  focused?.focus({ preventScroll: true });
  if (!isCopied) throw new Error("The browser does not allow copying here.");
}

// What is to be known of the data: one line, or one that opens to the first of many.
function noteElement([text, ...more]) {
  if (!more.length) return element("div", { class: "fd-note" }, text);
  const lines = more.map((line) => element("li", {}, line));
  return element("details", { class: "fd-note" }, element("summary", {}, text), element("ul", {}, ...lines));
}

function toDisk(name, parts) {
  const url = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));
  const link = element("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function addStyle() {
  if (document.getElementById("flowdeck-table-style")) return;
  document.head.append(element("style", { id: "flowdeck-table-style" }, STYLE));
}

export function render({ model, el }) {
  addStyle();
  const table = new Table(model, el);
  return () => table.close();
}
