// The heads of columns: sort with a click, drag to another place, drag the edge for another width, open the menu.

class Header {
  constructor(table) {
    this.table = table;
  }

  cell(index, place) {
    const { columns } = this.table;
    const column = columns.all[index];
    const sort = this.table.view.sort.findIndex((key) => key.column === index);
    const key = this.table.view.sort[sort];
    const isSortable = column.kind !== "nested";
    const name = element(
      "button",
      {
        type: "button",
        class: "fd-name",
        title: isSortable ? `${column.name}: click to sort, Shift+click to sort by several columns` : column.name,
        onclick: (event) => isSortable && this.sort(index, event.shiftKey),
      },
      element("bdi", {}, column.name),
    );
    // Outside the name, which may be cut.
    const order = key ? [element("span", { class: "fd-order", "aria-hidden": "true" }, this.mark(key, sort))] : [];
    const filtered = this.table.view.filters.some((filter) => filter.column === index);
    const menu = button("⋮", `Filter, summary and more of ${column.name}`, (event) => this.table.menu.open(event.currentTarget, index), {
      class: filtered ? "fd-menu fd-on" : "fd-menu",
      "aria-haspopup": "dialog",
    });
    const grip = element("span", { class: "fd-grip", role: "separator", "aria-orientation": "vertical", "aria-label": `Width of ${column.name}` });
    grip.addEventListener("pointerdown", (event) => this.drag(event, index));
    grip.addEventListener("dblclick", () => this.table.fit(index));
    const cell = element(
      "th",
      {
        role: "columnheader",
        scope: "col",
        draggable: "true",
        class: columns.isRight(index) ? "fd-head fd-right" : "fd-head",
        "aria-colindex": String(place + 2),
        "aria-sort": key ? (key.descending ? "descending" : "ascending") : "none",
        "data-column": index,
      },
      element("div", { class: "fd-head-line" }, name, ...order, menu),
      element("span", { class: "fd-type" }, column.type),
      grip,
    );
    this.makeMovable(cell, index);
    return cell;
  }

  mark(key, place) {
    const arrow = key.descending ? "↓" : "↑";
    return this.table.view.sort.length > 1 ? `${arrow}${place + 1}` : arrow;
  }

  // Up, down, not at all; with Shift beside the other columns.
  sort(index, isAlso) {
    const before = this.table.view.sort.find((key) => key.column === index);
    const next = !before ? { column: index, descending: false } : !before.descending ? { column: index, descending: true } : null;
    let sort = isAlso ? [...this.table.view.sort] : this.table.view.sort.filter((key) => key.column === index);
    const place = sort.findIndex((key) => key.column === index);
    if (place >= 0) sort.splice(place, 1, ...(next ? [next] : []));
    else if (next) sort.push(next);
    this.table.change({ sort });
  }

  drag(event, index) {
    event.preventDefault();
    event.stopPropagation();
    const { columns, grid } = this.table;
    const sign = grid.isRtl() ? -1 : 1;
    const [from, width] = [event.clientX, columns.widths[index]];
    const move = (moved) => {
      columns.resize(index, width + sign * (moved.clientX - from));
      grid.layout();
    };
    const stop = () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", stop);
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", stop);
  }

  makeMovable(cell, index) {
    const own = this.table.id;
    cell.addEventListener("dragstart", (event) => {
      if (event.target !== cell) return event.preventDefault();
      event.stopPropagation();
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData(`text/x-${own}`, String(index));
    });
    cell.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes(`text/x-${own}`)) return;
      event.preventDefault();
      event.stopPropagation();
      cell.classList.add("fd-target");
    });
    cell.addEventListener("dragleave", () => cell.classList.remove("fd-target"));
    cell.addEventListener("drop", (event) => {
      const moved = event.dataTransfer.getData(`text/x-${own}`);
      if (moved === "") return;
      event.preventDefault();
      event.stopPropagation();
      this.table.columns.move(Number(moved), index);
      this.table.grid.layout();
    });
  }
}
