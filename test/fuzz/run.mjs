// `npm run fuzz [-- target… --seconds 60 --seed 1 --case 17]`.
import { join, resolve } from "node:path";
import { withBundle } from "../bundled.mjs";

process.chdir(resolve(import.meta.dirname, "../.."));
await withBundle(join(import.meta.dirname, "main.ts"), async ({ fuzz }, outfile) => {
  process.exitCode = await fuzz(process.argv.slice(2), outfile);
});
