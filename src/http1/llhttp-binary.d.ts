/** Made at build time from the installed `llhttp-wasm` package, see `llhttp.config.ts`. */
declare module 'virtual:llhttp' {
  /** llhttp compiled to WebAssembly, in base64. */
  export const llhttpBinary: string;
}

/** The part of WebAssembly that we use. TypeScript declares it only in its library for browsers. */
declare namespace WebAssembly {
  class Module {
    constructor(binary: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, (...args: number[]) => number>>);
    readonly exports: Record<string, unknown>;
  }
}
