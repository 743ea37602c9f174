/**
 * How much memory WebAssembly holds in this process. Nothing in Node tells, so every instance is remembered as it is
 * made, from the import of this module on.
 */

// The types of WebAssembly come with those of a browser, which are not ours.
const wasm = /** @type {any} */ (globalThis).WebAssembly;
const Instance = wasm.Instance;
/** @type {{ buffer: ArrayBuffer }[]} */
const memories = [];

wasm.Instance = new Proxy(Instance, {
  construct(target, [module, imports]) {
    const instance = new target(module, imports);
    for (const value of [...Object.values(instance.exports), ...Object.values(imports?.env ?? {})]) {
      if (value instanceof wasm.Memory) memories.push(value);
    }
    return instance;
  },
});

/** @returns {number} */
export function wasmBytes() {
  return memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
}
