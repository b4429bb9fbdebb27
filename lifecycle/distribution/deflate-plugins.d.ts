// What deflate-module.mjs exports. Not a .d.mts beside it: that makes the linter check types in all plain scripts.
declare module "*/distribution/deflate-module.mjs" {
  import type { Plugin as EsbuildPlugin } from "esbuild";
  import type { Plugin as VitePlugin } from "vitest/config";

  /** Gives esbuild the compiled module of `lifecycle/deflate`. */
  export const deflateForEsbuild: EsbuildPlugin;
  /** Gives it to Vite, with which the tests run. */
  export const deflateForVite: VitePlugin;
}
