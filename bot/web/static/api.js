// Talking to the server: each message under an id of its own, so that sending it again is harmless.

const HIDDEN_MS = 60_000;
const RETRY_MS = [1000, 2000, 4000, 8000, 15_000];

export class Refused extends Error {
  constructor(status) {
    super(`the server answered ${status}`);
    this.status = status;
  }
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  if (!response.ok) throw new Refused(response.status);
  return response.json();
}

const base = (conversation) => `/api/chat/conversations/${conversation}`;

export async function bootstrap() {
  const response = await fetch("/api/chat/bootstrap", { signal: AbortSignal.timeout(20_000) });
  if (!response.ok) throw new Refused(response.status);
  return response.json();
}

export const send = (conversation, message) => post(`${base(conversation)}/messages`, message);
export const rate = (conversation, message, value) => post(`${base(conversation)}/feedback`, { message, value });

/** Send a file to a conversation: `done` promises `{id, …}`, `progress(share)` is called meanwhile. */
export function upload(conversation, file, progress) {
  // `fetch` does not tell how much of a body has gone out.
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", `${base(conversation)}/files`);
    request.responseType = "json";
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-File-Name", encodeURIComponent(file.name.replace(/\p{Surrogate}/gu, "\ufffd")));
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(total ? loaded / total : 1));
    request.addEventListener("load", () => {
      if (request.status === 201 && request.response) resolve(request.response);
      else reject(new Refused(request.status));
    });
    for (const kind of ["error", "abort"]) request.addEventListener(kind, () => reject(new Error(kind)));
    request.send(file);
  });
  return { done, abort: () => request.abort() };
}

/** Forget a file that is not sent after all. */
export async function discard(conversation, file) {
  const headers = { "Content-Type": "application/json" };
  await fetch(`${base(conversation)}/files/${file}`, { method: "DELETE", headers, keepalive: true });
}

/** Wait before the next try; an answer of the network wakes the sleeper early. */
export function pause(attempt) {
  const wait = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] * (0.8 + Math.random() * 0.4);
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, wait);
    addEventListener("online", done);
  });
}

/** Follows one conversation; reconnects behind the last entry, and rests while the page is hidden. */
export class Events {
  #conversation;
  #handlers;
  #source = null;
  #last = "";
  #attempt = 0;
  #timer = 0;
  #hidden = 0;
  #closed = false;

  /** `handlers`: entry(fields, id), progress(fields), ready(), connection("open" | "lost"), idle() → boolean */
  constructor(conversation, handlers) {
    this.#conversation = conversation;
    this.#handlers = handlers;
    this.#open();
    addEventListener("online", this.#reopen);
    document.addEventListener("visibilitychange", this.#visibility);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#hidden);
    removeEventListener("online", this.#reopen);
    document.removeEventListener("visibilitychange", this.#visibility);
    this.#source?.close();
  }

  #open() {
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource(`${base(this.#conversation)}/events?after=${encodeURIComponent(this.#last)}`);
    this.#source = source;
    source.addEventListener("entry", (event) => {
      this.#last = event.lastEventId;
      this.#handlers.entry(JSON.parse(event.data), event.lastEventId);
    });
    source.addEventListener("progress", (event) => this.#handlers.progress(JSON.parse(event.data)));
    source.addEventListener("ready", () => {
      this.#attempt = 0;
      this.#handlers.connection("open");
      this.#handlers.ready();
    });
    source.addEventListener("error", () => {
      this.#handlers.connection("lost");
      source.close();
      this.#later();
    });
  }

  #later() {
    const wait = RETRY_MS[Math.min(this.#attempt++, RETRY_MS.length - 1)];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#reopen, wait * (0.8 + Math.random() * 0.4));
  }

  #reopen = () => {
    if (!this.#closed && (this.#source === null || this.#source.readyState === EventSource.CLOSED)) this.#open();
  };

  // A browser allows six connections to a host: a tab that nobody looks at must not hold one.
  #visibility = () => {
    clearTimeout(this.#hidden);
    if (!document.hidden) this.#reopen();
    else this.#hidden = setTimeout(this.#rest, HIDDEN_MS);
  };

  #rest = () => {
    if (!this.#handlers.idle()) {
      this.#hidden = setTimeout(this.#rest, HIDDEN_MS);
      return;
    }
    clearTimeout(this.#timer);
    this.#source?.close();
  };
}
