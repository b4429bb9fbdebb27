// `npm run bench [scenario…]`.
import { join, resolve } from "node:path";
import { withBundle } from "../bundled.mjs";

const root = resolve(import.meta.dirname, "../..");
await withBundle(join(import.meta.dirname, "bench.ts"), ({ bench }) => bench(process.argv.slice(2), root));
