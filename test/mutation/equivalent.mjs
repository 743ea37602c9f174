// Mutants that no test can notice, because their change has no visible effect. Each with its line, its replacement, and why.

const TYPED = 'the types say that it is there';
const UNREACHABLE = 'a default that the types ask for and that is never taken, or an assertion of what cannot happen';
const ASCII = 'the text is ASCII, and the same in every encoding';

/** `to`: the code that the mutant puts there. Without it, the entry is for every mutant of the line. */
export const equivalent = [
  // exchange.ts
  {
    line: '#streams = false; // the body is an event stream, which may be silent as long as it likes',
    why: 'set with every head, before it is asked',
  },
  { line: '#requestEnded = false; // everything was handed to the socket', why: 'set when the request begins' },
  {
    line: 'const isWhole = whole !== undefined && whole.length === body?.length && whole.length <= ONE_WRITE_BYTES;',
    to: 'body.length',
    why: TYPED,
  },
  {
    line: "if (!secure && socket.writableLength > 0) socket.write('', 'latin1', flushed);",
    to: '""',
    why: 'nothing is the same in every encoding',
  },
  { line: 'body?.begin(this);', why: TYPED },
  {
    line: 'return this.#writePiece(from === 0 ? bytes : bytes.subarray(from));',
    to: 'false',
    why: 'from 0 on it is the same bytes',
  },
  {
    line: 'if (this.#connection.closed || socket.destroyed) return false;',
    to: 'this.#connection.closed && socket.destroyed',
    why: 'a connection that is closed has destroyed its socket, and its body was detached',
  },
  {
    line: 'if (this.#connection.closed || socket.destroyed) return;',
    to: 'this.#connection.closed && socket.destroyed',
    why: 'as above',
  },
  {
    line: 'if (this.#body?.length !== undefined) socket.write(bytes, told);',
    to: 'this.#body.length',
    why: TYPED,
  },
  { line: "socket.write(chunkHead(bytes.length), 'latin1');", why: ASCII },
  { line: "socket.write('\\r\\n', 'latin1', told);", to: '""', why: ASCII },
  {
    line: "if (this.#body?.length === undefined) socket.write(writeTrailers(trailers), 'latin1', flushed);",
    to: 'this.#body.length',
    why: TYPED,
  },
  {
    line: 'if (rest === undefined || this.write(rest)) this.#body?.drained();',
    to: 'this.#body.drained',
    why: TYPED,
  },
  {
    line: 'this.#listener?.onInformation(head);',
    why: 'whoever has left is read for only behind a head',
  },
  { line: 'this.#listener?.onHead(head);', why: 'as above' },
  {
    line: "if (switchedTo(rawHeaders, this.request.upgrade ?? '') !== undefined) return undefined;",
    to: '"Stryker was here!"',
    why: UNREACHABLE,
  },
  {
    line: 'if (this.head === undefined || listener?.exchangeSwitched === undefined) tunnel.destroy();',
    why: UNREACHABLE,
  },
  {
    line: "if (this.received === 'all' || this.#connection.closed) return;",
    to: 'false',
    why: 'closing what is closed does nothing',
  },
  ...['true', '!secure || socket.writableLength > 0', 'socket.writableLength >= 0'].map((to) => ({
    line: "if (!secure && socket.writableLength > 0) socket.write('', 'latin1', flushed);",
    to,
    why: 'a write of nothing costs a tick and changes nothing else',
  })),
  // retry-policy.ts
  {
    line: "'fresh-closed': { ambiguous: true, race: false },",
    to: 'true',
    why: 'a race is one on a reused connection only',
  },
  // learned-age.ts
  {
    line: '#bursts: Burst[] = []; // newest last',
    why: 'a burst without an age agrees with nothing, and is the first to go',
  },
  { line: 'if (this.#learned === undefined) return;', why: 'asked again two lines later' },
  {
    line: 'return this.#learned === undefined ? undefined : this.#ageMs(this.#clock.now());',
    to: 'this.#ageMs(this.#clock.now())',
    why: 'saves the question what time it is',
  },
  {
    line: 'return this.#learned === undefined ? undefined : this.#ageMs(this.#clock.now());',
    to: 'false',
    why: 'saves the question what time it is',
  },
  {
    line: 'return ageMs !== undefined && idleMs > ageMs && !agrees(ageMs, idleMs);',
    to: 'true',
    why: 'no number is above one that is none',
  },
  {
    line: 'return ageMs !== undefined && idleMs > ageMs && !agrees(ageMs, idleMs);',
    to: 'idleMs >= ageMs',
    why: 'an age that is equal agrees',
  },
  {
    line: 'if (knownMs === undefined || ageMs < knownMs) this.#learned = { ageMs, at: now };',
    to: 'ageMs <= knownMs',
    why: 'an age that is equal agrees, and was confirmed before',
  },
  { line: 'if (knownMs === undefined) return false;', to: 'false', why: 'no number is near one that is none' },
  // wait-queue.ts
  {
    line: 'if (line.length > 0 || line === this.#common) return;',
    to: 'false',
    why: 'the line of all is none of those that are dropped',
  },
  {
    line: 'return this.#homes.get(home)?.turnBeside(undefined, false, fits, this.#moment);',
    to: 'true',
    why: 'there is nobody beside whom it would be asked',
  },
  {
    line: 'if (at !== undefined) this.#homes.get(at)?.served(waiter);',
    to: 'true',
    why: 'nobody waits for no home',
  },
  // wait-line.ts
  {
    line: '#overloaded = false; // as of the last waiter that came or went',
    to: 'true',
    why: 'an empty queue is asked before it counts',
  },
  {
    line: 'return one.sequence > other.sequence ? one : other;',
    to: 'one.sequence >= other.sequence',
    why: 'no two have one number',
  },
  {
    line: 'return one.sequence < other.sequence ? one : other;',
    to: 'one.sequence <= other.sequence',
    why: 'no two have one number',
  },
];
