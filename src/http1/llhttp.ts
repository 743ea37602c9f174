/** The llhttp parser as WebAssembly: one instance per process, its memory, and the window in that memory that sockets read into. */

/// <reference path="./llhttp-binary.d.ts" />
import { llhttpBinary } from 'virtual:llhttp';
import { BackendError } from '../errors.js';

/** Most bytes that one call of {@link Llhttp.execute} may be given; also the length of the read window. */
export const WINDOW_BYTES = 65_536;

/** Parsers that may be alive at once in one process. */
export const MAX_PARSERS = 131_072;

/** Result of {@link Llhttp.execute}: all bytes were taken and more are wanted. */
export const OK = 0;
/** Result of {@link Llhttp.execute}: a head or a message is complete. The bytes behind it were not touched. */
export const PAUSED = 21;
/** Result of {@link Llhttp.execute}: a field is expected, but what is there is not a field. */
export const INVALID_FIELD = 10;

const TYPE_RESPONSE = 2;

// A parser takes 80 bytes, including the allocator's own. The rest is room for a future llhttp.
const PARSER_BYTES = 96;

/** The exports of the WebAssembly that we use. Addresses and lengths are bytes in its memory. */
interface LlhttpExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  _initialize(): void;
  malloc(bytes: number): number;
  free(address: number): void;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_reset(parser: number): void;
  llhttp_execute(parser: number, address: number, length: number): number;
  llhttp_resume(parser: number): void;
  llhttp_get_error_pos(parser: number): number;
  llhttp_get_error_reason(parser: number): number;
  llhttp_message_needs_eof(parser: number): number;
}

interface Engine {
  readonly wasm: LlhttpExports;
  readonly memory: ArrayBuffer;
  readonly bytes: Buffer;
  readonly window: Region;
  readonly side: Region;
}

/** A piece of the WebAssembly memory, and where it lies in it. */
export interface Region {
  readonly bytes: Buffer;
  readonly address: number;
}

/**
 * Where names and values are in a head or in a trailer section, as four numbers per field: name start, name end, value start, value end. If
 * a piece ends inside a name or a value, the next span continues where this one ended.
 */
export class FieldSpans {
  readonly marks: number[] = [];
  /** Marks in use; the array itself is kept for the next message. */
  used = 0;
  /** Added to an address to make a mark. */
  shift = 0;

  name(address: number, length: number): void {
    const start = address + this.shift;
    const last = this.used - 4;
    // There is always a colon between two fields, so only the rest of a split name can start where a name ended.
    if (last >= 0 && this.marks[last + 1] === start) {
      this.#end(last, start + length);
      return;
    }
    this.marks[this.used] = start;
    this.#end(this.used, start + length);
    this.used += 4;
  }

  value(address: number, length: number): void {
    const start = address + this.shift;
    const last = this.used - 4;
    // The value is still as `#end` left it: empty, at the end of the name.
    if (this.marks[last + 2] === this.marks[last + 1]) this.marks[last + 2] = start;
    this.marks[last + 3] = start + length;
  }

  #end(field: number, nameEnd: number): void {
    this.marks[field + 1] = nameEnd;
    this.marks[field + 2] = nameEnd;
    this.marks[field + 3] = nameEnd;
  }
}

/** Addresses of the body spans of the last {@link Llhttp.execute}: start, end, start, end… Shared by all parsers. */
export const bodySpans = { marks: [] as number[], used: 0 };

// The parser inside `execute`. There is never more than one: the callbacks only record and call no other code.
let active = new FieldSpans();
let engine: Engine | undefined;
let alive = 0;

const nothing = () => 0;

const callbacks = {
  wasm_on_message_begin: nothing,
  wasm_on_url: nothing,
  wasm_on_status: nothing,
  wasm_on_header_field(_parser: number, address: number, length: number): number {
    active.name(address, length);
    return 0;
  },
  wasm_on_header_value(_parser: number, address: number, length: number): number {
    active.value(address, length);
    return 0;
  },
  wasm_on_body(_parser: number, address: number, length: number): number {
    bodySpans.marks[bodySpans.used] = address;
    bodySpans.marks[bodySpans.used + 1] = address + length;
    bodySpans.used += 2;
    return 0;
  },
  // Pausing shows to the byte where a head or a message ends: at the error position.
  wasm_on_headers_complete: () => PAUSED,
  wasm_on_message_complete: () => PAUSED,
};

/**
 * The buffer that sockets read into: {@link WINDOW_BYTES} long, inside the WebAssembly memory, always the same object. Its bytes are valid
 * until the next read of any socket. The first call compiles llhttp, which takes about 14 ms.
 * @throws BackendError `proxy_configuration_error` where there is no WebAssembly.
 */
export function readWindow(): Buffer {
  engine ??= start();
  return engine.window.bytes;
}

/** The window, and a second region of the same length, for bytes from elsewhere that must not overwrite the window. */
export function regions(): { readonly window: Region; readonly side: Region } {
  engine ??= start();
  return engine;
}

function start(): Engine {
  if (typeof WebAssembly === 'undefined') {
    const message = 'responses are parsed by WebAssembly, which this process has not: was node started with --jitless?';
    throw new BackendError('proxy_configuration_error', message);
  }
  const module = new WebAssembly.Module(Buffer.from(llhttpBinary, 'base64'));
  const instance = new WebAssembly.Instance(module, { env: callbacks });
  // The build has checked the hash of the binary, so the exports have this shape.
  const wasm = instance.exports as unknown as LlhttpExports;
  wasm._initialize();
  // When the memory grows, every buffer over it is detached, also the window that the sockets use. So it grows once, here, to hold
  // everything that will ever be allocated. Nobody touches the pages, so this costs address space, not RAM.
  wasm.free(wasm.malloc(MAX_PARSERS * PARSER_BYTES + 4 * WINDOW_BYTES));
  const windowAddress = wasm.malloc(WINDOW_BYTES);
  const sideAddress = wasm.malloc(WINDOW_BYTES);
  const memory = wasm.memory.buffer;
  return {
    wasm,
    memory,
    bytes: Buffer.from(memory),
    window: { address: windowAddress, bytes: Buffer.from(memory, windowAddress, WINDOW_BYTES) },
    side: { address: sideAddress, bytes: Buffer.from(memory, sideAddress, WINDOW_BYTES) },
  };
}

/** One llhttp parser for responses, in the shared memory. Must be freed. */
export class Llhttp {
  /** Fields of the section being parsed. */
  readonly fields = new FieldSpans();
  readonly #engine: Engine;
  readonly #pointer: number;
  #freed = false;

  /** @throws BackendError `proxy_internal_error` when {@link MAX_PARSERS} are alive, or when the memory would move. */
  constructor() {
    engine ??= start();
    if (alive >= MAX_PARSERS) {
      throw new BackendError('proxy_internal_error', `${alive} response parsers are in use, the most that fit`);
    }
    const pointer = engine.wasm.llhttp_alloc(TYPE_RESPONSE);
    if (pointer === 0 || engine.wasm.memory.buffer !== engine.memory) {
      engine.wasm.llhttp_free(pointer);
      throw new BackendError('proxy_internal_error', `no memory for a response parser beside the ${alive} in use`);
    }
    alive++;
    this.#engine = engine;
    this.#pointer = pointer;
  }

  get freed(): boolean {
    return this.#freed;
  }

  /**
   * Must be called before a message or a piece is parsed: the address of a freed parser may belong to another one by now.
   * @throws BackendError `proxy_internal_error`.
   */
  assertAlive(): void {
    if (this.#freed) throw new BackendError('proxy_internal_error', 'a response parser was used after it was freed');
  }

  /** Gets ready for a new message. Keeps nothing of the old one. */
  reset(): void {
    this.#engine.wasm.llhttp_reset(this.#pointer);
    this.fields.used = 0;
  }

  /**
   * Parses `length` bytes at `address`. Stores fields in {@link Llhttp.fields}, as addresses plus `shift`, and body spans in {@link
   * bodySpans}. Returns {@link OK}, {@link PAUSED}, or one of llhttp's error numbers.
   */
  execute(address: number, length: number, shift: number): number {
    active = this.fields;
    active.shift = shift;
    bodySpans.used = 0;
    return this.#engine.wasm.llhttp_execute(this.#pointer, address, length);
  }

  /** Goes on after {@link PAUSED}. */
  resume(): void {
    this.#engine.wasm.llhttp_resume(this.#pointer);
  }

  /** The address at which the last `execute` stopped. Means nothing after {@link OK}. */
  get stopAddress(): number {
    return this.#engine.wasm.llhttp_get_error_pos(this.#pointer);
  }

  /** Why the last `execute` stopped, in llhttp's words. */
  get stopReason(): string {
    const { bytes, wasm } = this.#engine;
    const address = wasm.llhttp_get_error_reason(this.#pointer);
    return bytes.toString('latin1', address, bytes.indexOf(0, address));
  }

  /** Whether llhttp, too, would read the body of the head just parsed up to the end of the connection. */
  get needsEof(): boolean {
    return this.#engine.wasm.llhttp_message_needs_eof(this.#pointer) !== 0;
  }

  /** Gives the memory back. Harmless when repeated. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    alive--;
    this.#engine.wasm.llhttp_free(this.#pointer);
  }
}
