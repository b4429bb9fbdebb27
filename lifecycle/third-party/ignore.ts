// See undici.ts: CommonJS packages are imported lazily through a module of their own.
import ignore from "ignore";

export { ignore };
