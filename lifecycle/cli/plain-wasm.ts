import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8 from optimizing WebAssembly that is loaded from now on. undici's parser of HTTP is one large
 * function: after a few answers V8 would spend 80 ms and 40 MB on it, more than parsing takes a whole build.
 * For a process of our own only: the setting is one of the process. A Node that does not know it goes without.
 */
export function keepWasmPlain(): void {
  // The number of bytes of code after which a function is optimized, as large as it gets.
  setFlagsFromString(`--wasm-tiering-budget=${2 ** 31 - 1}`);
}

/**
 * Compiles WebAssembly that is going to run for seconds: optimized at once, whatever `keepWasmPlain` said. What
 * the module's functions become is decided here, even of those that are compiled when they are first called.
 */
export function compileOptimized<T>(compile: () => T): T {
  setFlagsFromString("--no-liftoff");
  try {
    return compile();
  } finally {
    setFlagsFromString("--liftoff");
  }
}
