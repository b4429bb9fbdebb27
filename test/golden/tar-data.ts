import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { it } from "vitest";

/** The folder of recorded tars, `19-tar` of the golden data. */
export const tarFolder = join(process.env["TSPACK_GOLDEN"] ?? join(process.cwd(), "../shared/golden"), "19-tar");

/** `it`, or a skip with a name where the golden data is missing; in CI it has to be there. */
export const golden = existsSync(tarFolder) || process.env["CI"] ? it : it.skip;

/** The names of the recorded cases in a folder, without their ending. */
export function casesIn(folder: string): readonly string[] {
  const path = join(tarFolder, folder);
  if (!existsSync(path)) return ["(golden data is missing)"];
  return readdirSync(path)
    .filter((name) => name.endsWith(".json"))
    .map((name) => join(folder, name.slice(0, -".json".length)));
}

/** One recorded case. */
export function readCase(name: string): unknown {
  return JSON.parse(readFileSync(join(tarFolder, `${name}.json`), "utf8"));
}

/** The plain tar beside a case. */
export function readTarFile(name: string): Buffer {
  return gunzipSync(readFileSync(join(tarFolder, `${name}.tar.gz`)));
}
