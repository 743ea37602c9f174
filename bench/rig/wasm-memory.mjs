/**
 * How much memory WebAssembly holds in this process, and how many parsers of llhttp are alive in it. Node does not report
 * this, so this module remembers every instance that is made after its import.
 */

// The types of WebAssembly come with those of browsers, which this project does not use.
const wasm = /** @type {any} */ (globalThis).WebAssembly;
const Instance = wasm.Instance;
/** @type {{ buffer: ArrayBuffer }[]} */
const memories = [];
let parsers = 0;

wasm.Instance = new Proxy(Instance, {
  construct(target, [module, imports]) {
    const instance = new target(module, imports);
    for (const value of [...Object.values(instance.exports), ...Object.values(imports?.env ?? {})]) {
      if (value instanceof wasm.Memory) memories.push(value);
    }
    return { exports: countingParsers(instance.exports) };
  },
});

/** @param {Record<string, any>} exports */
function countingParsers(exports) {
  const { llhttp_alloc: alloc, llhttp_free: free } = exports;
  if (alloc === undefined || free === undefined) return exports;
  return {
    ...exports,
    llhttp_alloc(/** @type {number} */ type) {
      const address = alloc(type);
      if (address !== 0) parsers += 1;
      return address;
    },
    llhttp_free(/** @type {number} */ address) {
      if (address !== 0) parsers -= 1;
      free(address);
    },
  };
}

/** @returns {number} parsers that were allocated and are not freed */
export function liveParsers() {
  return parsers;
}

/** @returns {number} */
export function wasmBytes() {
  return memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
}
