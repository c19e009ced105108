// Which columns are shown, in which order, how wide. Each page has its own mind about that.

const WIDTH_MIN = 48;
const WIDTH_FIRST_MAX = 340;
const CHAR_PX = 7.9;
const CELL_PADDING_PX = 18;
const HEAD_PADDING_PX = 52;

class Columns {
  constructor(descriptions) {
    this.all = descriptions;
    this.order = descriptions.map((_, index) => index);
    this.hidden = new Set();
    this.resized = new Set();
    this.widths = descriptions.map((column) => Math.max(WIDTH_MIN, column.name.length * CHAR_PX + HEAD_PADDING_PX));
  }

  shown() {
    return this.order.filter((index) => !this.hidden.has(index));
  }

  isRight(index) {
    return this.all[index].kind === "number" || this.all[index].kind === "duration";
  }

  // A width after what some rows hold. Wider for rows that come later, never narrower, and not against a person's will.
  grow(index, texts) {
    if (this.resized.has(index)) return;
    const before = this.widths[index];
    this.fit(index, texts);
    this.widths[index] = Math.max(before, this.widths[index]);
  }

  fit(index, texts) {
    const column = this.all[index];
    const longest = Math.max(column.name.length, column.type.length * 0.85, 4);
    const head = longest * CHAR_PX + HEAD_PADDING_PX;
    const cells = Math.max(0, ...texts.map((text) => [...text].length)) * CHAR_PX + CELL_PADDING_PX;
    this.widths[index] = Math.round(Math.min(WIDTH_FIRST_MAX, Math.max(WIDTH_MIN, head, cells)));
  }

  resize(index, width) {
    this.resized.add(index);
    this.widths[index] = Math.max(WIDTH_MIN, Math.round(width));
  }

  // Puts one column in the place of another.
  move(index, target) {
    if (index === target) return;
    const to = this.order.indexOf(target);
    this.order.splice(this.order.indexOf(index), 1);
    this.order.splice(to, 0, index);
  }

  // The columns between two places on the screen, with the widths of what is left out on both sides.
  between(left, right) {
    const shown = this.shown();
    let before = 0;
    let first = 0;
    while (first < shown.length && before + this.widths[shown[first]] < left) before += this.widths[shown[first++]];
    let end = first;
    let reached = before;
    while (end < shown.length && reached < right) reached += this.widths[shown[end++]];
    const after = shown.slice(end).reduce((sum, index) => sum + this.widths[index], 0);
    return { columns: shown.slice(first, end), first, before, after };
  }

  width() {
    return this.shown().reduce((sum, index) => sum + this.widths[index], 0);
  }
}
