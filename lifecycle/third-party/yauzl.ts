// See undici.ts: CommonJS packages are imported lazily through a module of their own.
export { openPromise, type Entry, type ZipFile } from "yauzl";
