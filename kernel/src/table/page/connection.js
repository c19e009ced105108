// Requests to the kernel and its answers. Answers reach every page that shows the table; each takes its own.

const REQUEST_TIMEOUT_MS = 120_000;

class Refused extends Error {}

class Connection {
  constructor(model) {
    this.model = model;
    this.client = crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.waiting = new Map();
    this.next = 1;
    this.receive = (message, buffers) => this.take(message, buffers);
    model.on("msg:custom", this.receive);
  }

  close() {
    this.model.off("msg:custom", this.receive);
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(new Refused("closed"));
    }
    this.waiting.clear();
  }

  // Asks the kernel; gives its answer with `buffers` as byte arrays. Fails with what the kernel says is wrong.
  ask(what, timeoutMs = REQUEST_TIMEOUT_MS) {
    const request = this.next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(request);
        reject(new Refused("The kernel did not answer. It may be busy, or have ended."));
      }, timeoutMs);
      this.waiting.set(request, { resolve, reject, timer });
      this.model.send({ client: this.client, request, do: what });
    });
  }

  take(message, buffers) {
    if (message?.client !== this.client) return;
    const waiting = this.waiting.get(message.request);
    if (!waiting) return;
    this.waiting.delete(message.request);
    clearTimeout(waiting.timer);
    if (message.refused !== undefined) {
      waiting.reject(new Refused([message.refused, message.hint].filter(Boolean).join(". ")));
    } else {
      waiting.resolve({ ...message.answer, buffers: (buffers ?? []).map(bytesOf) });
    }
  }
}

function bytesOf(buffer) {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
