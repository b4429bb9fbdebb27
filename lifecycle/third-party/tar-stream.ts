// See undici.ts: CommonJS packages are imported lazily through a module of their own.
export { extract } from "tar-stream";
