// The rows that are in the browser: some blocks around where the person looks, never all.

const BLOCK_ROWS = 100;
const BLOCKS_MAX = 64;

const TEXT = new TextDecoder();

// One column of some rows: n + 1 ends of texts, n flags, then the texts.
class PageColumn {
  constructor(bytes, count) {
    this.bytes = bytes;
    this.count = count;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.flagsAt = 4 * (count + 1);
    this.textsAt = this.flagsAt + count;
  }

  // `null` is NULL; `isCut` says that there is more of the value.
  get(row) {
    const flag = this.bytes[this.flagsAt + row];
    if (flag === 1) return { text: null, isCut: false };
    const from = this.textsAt + this.view.getUint32(4 * row, true);
    const to = this.textsAt + this.view.getUint32(4 * (row + 1), true);
    return { text: TEXT.decode(this.bytes.subarray(from, to)), isCut: flag === 2 };
  }

  texts() {
    return Array.from({ length: this.count }, (_, row) => this.get(row).text ?? "");
  }
}

class Rows {
  constructor(connection, onArrival, onRefusal) {
    this.connection = connection;
    this.onArrival = onArrival;
    this.onRefusal = onRefusal;
    this.reset(0, 0);
  }

  // Another view: nothing of the one before counts any more.
  reset(version, count) {
    this.version = version;
    this.count = count;
    this.blocks = new Map();
  }

  // A page that came with the table itself.
  put(start, count, columns, buffers) {
    if (start !== 0) return;
    const block = this.block(0);
    // A block that is not whole would be taken for whole.
    if (count < Math.min(BLOCK_ROWS, this.count)) block.partial = { count, columns: new Map() };
    const kept = block.partial?.columns ?? block.columns;
    columns.forEach((column, place) => kept.set(column, new PageColumn(buffers[place], count)));
  }

  // The value, or `undefined` while it is not there.
  get(row, column) {
    const number = Math.floor(row / BLOCK_ROWS);
    const block = this.blocks.get(number);
    if (!block) return undefined;
    const values = block.columns.get(column);
    const place = row - number * BLOCK_ROWS;
    if (values) return place < values.count ? values.get(place) : undefined;
    const partial = block.partial?.columns.get(column);
    return partial && place < partial.count ? partial.get(place) : undefined;
  }

  // Asks for what is missing of these rows and columns.
  want(first, end, columns) {
    const last = Math.max(first, Math.min(end, this.count) - 1);
    for (let number = Math.floor(first / BLOCK_ROWS); number * BLOCK_ROWS <= last; number += 1) {
      if (number * BLOCK_ROWS >= this.count) break;
      const block = this.block(number);
      const missing = columns.filter((column) => !block.columns.has(column) && !block.asked.has(column));
      if (missing.length) this.fetch(number, block, missing);
    }
  }

  block(number) {
    let block = this.blocks.get(number);
    if (block) this.blocks.delete(number);
    else block = { columns: new Map(), asked: new Set(), partial: null };
    // The order of a Map is that of its insertions: the block that was not used for longest is first.
    this.blocks.set(number, block);
    while (this.blocks.size > BLOCKS_MAX) this.blocks.delete(this.blocks.keys().next().value);
    return block;
  }

  async fetch(number, block, columns) {
    const version = this.version;
    columns.forEach((column) => block.asked.add(column));
    const page = { start: number * BLOCK_ROWS, count: BLOCK_ROWS, columns };
    try {
      const answer = await this.connection.ask({ page: { view: version, page } });
      if (version !== this.version || answer.stale) return;
      columns.forEach((column, place) => {
        block.columns.set(column, new PageColumn(answer.buffers[place], answer.count));
      });
      this.onArrival(columns, columns.map((column) => block.columns.get(column).texts()));
    } catch (error) {
      if (version === this.version) this.onRefusal(error);
    } finally {
      columns.forEach((column) => block.asked.delete(column));
    }
  }
}
