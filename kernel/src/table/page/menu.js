// What the head of a column offers: sort, move, hide, filter, and a summary of what is in it.

// Conditions by what a column holds; each with its label and the fields it needs.
const CONDITIONS = {
  between: { label: "is between", fields: [["min", "from"], ["max", "to"]] },
  contains: { label: "contains", fields: [["text", "text"]] },
  equals: { label: "is exactly", fields: [["text", "text"]] },
  matches: { label: "matches (regular expression)", fields: [["pattern", "for example ^www[0-9]+"]] },
  within: { label: "is an address in", fields: [["list", "10.0.0.0/8, 2001:db8::/32, !10.9.0.0/16"]] },
  null: { label: "is NULL", fields: [] },
};
const OFFERED = {
  number: ["between", "equals", "contains", "null"],
  time: ["between", "contains", "null"],
  duration: ["between", "contains", "null"],
  address: ["within", "contains", "equals", "null"],
  text: ["contains", "equals", "matches", "within", "null"],
  boolean: ["equals", "null"],
  binary: ["contains", "equals", "null"],
  nested: ["contains", "matches", "null"],
};
const HINTS = {
  time: { min: "2024-01-31 12:00", max: "2024-02-01" },
  duration: { min: "seconds", max: "seconds" },
  boolean: { text: "true or false" },
};

class Menu {
  constructor(table) {
    this.table = table;
  }

  open(anchor, index) {
    const { table } = this;
    const column = table.columns.all[index];
    const close = () => table.popover.close();
    const then = (act) => () => {
      close();
      act();
    };
    const sortable = column.kind !== "nested";
    const actions = element(
      "div",
      { class: "fd-actions" },
      ...(sortable
        ? [
            button("↑ Sort", "Sort by this column alone, the least first", then(() => table.change({ sort: [{ column: index, descending: false }] }))),
            button("↓ Sort", "Sort by this column alone, the greatest first", then(() => table.change({ sort: [{ column: index, descending: true }] }))),
          ]
        : []),
      button("←", "Move the column to the left", () => this.move(index, -1)),
      button("→", "Move the column to the right", () => this.move(index, 1)),
      button("Hide", "Hide the column; “Columns” brings it back", then(() => table.hide(index))),
    );
    const summary = element("div", { class: "fd-summary", "aria-live": "polite" }, "Looking through the column…");
    const title = element("div", { class: "fd-title" }, element("bdi", {}, column.name), " ", element("span", { class: "fd-type" }, column.type));
    table.popover.open(anchor, `Column ${column.name}`, title, actions, this.form(index, close), summary);
    this.summarise(index, summary);
  }

  move(index, step) {
    const { columns, grid } = this.table;
    const shown = columns.shown();
    const target = shown[shown.indexOf(index) + step];
    if (target === undefined) return;
    columns.move(index, target);
    grid.layout();
  }

  form(index, close) {
    const { table } = this;
    const column = table.columns.all[index];
    const offered = OFFERED[column.kind] ?? OFFERED.text;
    const present = table.view.filters.find((filter) => filter.column === index);
    const chosen = present && offered.includes(present.condition.is) ? present.condition.is : offered[0];
    const kind = element(
      "select",
      { "aria-label": "Condition", class: "fd-condition" },
      ...offered.map((name) => element("option", { value: name, selected: name === chosen }, CONDITIONS[name].label)),
    );
    const negate = element("input", { type: "checkbox", checked: Boolean(present?.negate) });
    const fields = element("div", { class: "fd-fields" });
    const draw = () => {
      const wanted = CONDITIONS[kind.value].fields;
      fields.replaceChildren(
        ...wanted.map(([name, hint], place) =>
          element("input", {
            type: "text",
            name,
            "aria-label": name,
            placeholder: HINTS[column.kind]?.[name] ?? hint,
            value: present?.condition[name] ?? "",
            maxlength: name === "list" ? "100000" : "1000",
            spellcheck: "false",
            autofocus: place === 0,
          }),
        ),
      );
    };
    kind.addEventListener("change", draw);
    draw();
    const others = () => table.view.filters.filter((filter) => filter.column !== index);
    const apply = (event) => {
      event.preventDefault();
      const condition = { is: kind.value };
      for (const input of fields.querySelectorAll("input")) condition[input.name] = input.value;
      const isEmpty = kind.value !== "null" && Object.values(condition).slice(1).every((value) => !value.trim());
      close();
      table.change({ filters: isEmpty ? others() : [...others(), { column: index, negate: negate.checked, condition }] });
    };
    return element(
      "form",
      { class: "fd-form", onsubmit: apply },
      element("div", { class: "fd-row" }, element("label", { class: "fd-check" }, negate, "not"), kind),
      fields,
      element(
        "div",
        { class: "fd-row" },
        element("button", { type: "submit", class: "fd-primary" }, "Filter"),
        button("Clear", "Remove the filter of this column", () => {
          close();
          table.change({ filters: others() });
        }),
      ),
    );
  }

  async summarise(index, place) {
    try {
      const { summary } = await this.table.connection.ask({ summary: { column: index } });
      if (!place.isConnected) return;
      place.replaceChildren(...this.facts(index, summary));
      this.table.popover.place();
    } catch (error) {
      if (place.isConnected) place.textContent = error.message;
    }
  }

  facts(index, summary) {
    const share = summary.row_count ? (100 * summary.null_count) / summary.row_count : 0;
    const nulls = summary.null_count ? `${COUNT.format(summary.null_count)} (${share < 0.1 ? "<0.1" : share.toFixed(1)} %)` : "none";
    const about = summary.distinct_count > 1000 ? "about " : "";
    const lines = [
      ["Rows", COUNT.format(summary.row_count)],
      ["NULL", nulls],
      ["Different values", about + COUNT.format(summary.distinct_count)],
    ];
    if (summary.min !== null) lines.push(["Least", summary.min], ["Greatest", summary.max]);
    const facts = element(
      "dl",
      { class: "fd-facts" },
      ...lines.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, element("bdi", {}, text))]),
    );
    const parts = [facts];
    if (summary.bins.length) parts.push(this.histogram(summary.bins, summary.max));
    // Values of which each is there once are no answer to the question what is frequent.
    if (summary.common.some(({ count }) => count > 1)) parts.push(this.common(index, summary.common, summary.row_count));
    return parts;
  }

  histogram(bins, max) {
    const most = Math.max(1, ...bins.map((bin) => bin.count));
    const bars = bins.map((bin, place) =>
      element("span", {
        class: "fd-bar",
        // What is rare is still seen.
        style: `height:${bin.count ? Math.max(2, (48 * bin.count) / most) : 0}px`,
        title: `${bin.from} to ${bins[place + 1]?.from ?? max}: ${counted(bin.count, "row", "rows")}`,
      }),
    );
    const label = `Histogram of ${bins.length} bars, the highest ${counted(most, "row", "rows")}`;
    return element("div", { class: "fd-histogram", role: "img", "aria-label": label }, ...bars);
  }

  common(index, values, rowCount) {
    const { table } = this;
    const lines = values.map(({ text, count }) =>
      element(
        "button",
        {
          type: "button",
          class: "fd-common",
          title: "Show the rows with this value",
          onclick: () => {
            table.popover.close();
            const others = table.view.filters.filter((filter) => filter.column !== index);
            table.change({ filters: [...others, { column: index, negate: false, condition: { is: "equals", text } }] });
          },
        },
        element("span", { class: "fd-share", style: `inline-size:${(100 * count) / Math.max(1, rowCount)}%` }),
        element("bdi", { class: "fd-common-text" }, text || "(empty)"),
        element("span", { class: "fd-common-count" }, COUNT.format(count)),
      ),
    );
    return element("div", { class: "fd-commons", role: "group", "aria-label": "Most frequent values" }, ...lines);
  }
}

// A filter in words, for its chip.
function inWords(filter, columns) {
  const name = columns[filter.column]?.name ?? "?";
  const { condition } = filter;
  const not = filter.negate ? "not " : "";
  switch (condition.is) {
    case "between": {
      const parts = [condition.min && `≥ ${condition.min}`, condition.max && `≤ ${condition.max}`].filter(Boolean);
      return `${name} ${not}${parts.join(" and ") || "has a value"}`;
    }
    case "contains":
      return `${name} ${not}contains “${condition.text}”`;
    case "equals":
      return `${name} ${not}is “${condition.text}”`;
    case "matches":
      return `${name} ${not}matches /${condition.pattern}/`;
    case "within":
      return `${name} ${not}in ${condition.list}`;
    default:
      return `${name} is ${not}NULL`;
  }
}
