// What this browser remembers: the list of conversations, and messages the server has not confirmed yet.
// Another tab may write at any time, so everything is read again before it is changed.

const CONVERSATIONS = "parley.conversations";
const UNSENT = "parley.unsent";
const CONVERSATIONS_MAX = 200;
const TITLE_MAX = 60;

function read(key) {
  try {
    const value = JSON.parse(localStorage.getItem(key));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // The browser's store is full or forbidden: the page works on, and forgets when it is closed.
  }
}

/** Return a new id of 128 random bits; `crypto.randomUUID` is missing on pages that came over plain HTTP. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return the conversations, the latest first: `{id, title, at, assistant}`. */
export function conversations() {
  return read(CONVERSATIONS).sort((one, other) => other.at - one.at);
}

/** Note that something was said in a conversation; the first text becomes its title. */
export function touch(id, text, assistant) {
  const all = conversations();
  const known = all.find((conversation) => conversation.id === id);
  const title = known?.title || text.replace(/\s+/g, " ").trim().slice(0, TITLE_MAX);
  const rest = all.filter((conversation) => conversation.id !== id);
  write(CONVERSATIONS, [{ id, title, at: Date.now(), assistant: assistant ?? known?.assistant }, ...rest].slice(0, CONVERSATIONS_MAX));
}

/** Forget a conversation in this browser. */
export function forget(id) {
  write(CONVERSATIONS, conversations().filter((conversation) => conversation.id !== id));
  write(UNSENT, read(UNSENT).filter((message) => message.conversation !== id));
}

/** Return the messages of a conversation that the server has not confirmed. */
export function unsent(conversation) {
  return read(UNSENT).filter((message) => message.conversation === conversation);
}

/** Keep a message until the server has confirmed it: `{id, conversation, text, kind, files}`. */
export function keep(message) {
  write(UNSENT, [...read(UNSENT).filter((other) => other.id !== message.id), message]);
}

/** The server has the message. */
export function confirm(id) {
  const all = read(UNSENT);
  if (all.some((message) => message.id === id)) write(UNSENT, all.filter((message) => message.id !== id));
}
