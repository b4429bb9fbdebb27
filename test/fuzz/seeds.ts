import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";

/** Where recorded data lies, relative to where the program is started: the root of the repository. */
function goldenFolder(): string | undefined {
  const path = process.env["TSPACK_GOLDEN"] ?? join(process.cwd(), "../shared/golden");
  if (existsSync(path)) return path;
  if (process.env["CI"] !== undefined) throw new Error(`no golden data at ${path}: set TSPACK_GOLDEN`);
  return undefined;
}

/** Recorded files whose name fits, at most `limit`, spread over all scenarios; none without the golden data. */
export function goldenFiles(name: RegExp, limit: number): readonly Uint8Array[] {
  const folder = goldenFolder();
  if (folder === undefined) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => name.test(basename(path)))
    .sort();
  const step = Math.max(1, Math.floor(paths.length / limit));
  return paths
    .filter((_, index) => index % step === 0)
    .slice(0, limit)
    .map((path) => read(join(folder, path)))
    .filter(({ length }) => length <= 16 * 1024);
}

function read(path: string): Uint8Array {
  const bytes = readFileSync(path);
  return path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

/** Texts of the scenarios' inputs, which are files of buildpacks and platforms, by the end of their path. */
export function goldenInputs(path: RegExp, limit: number): readonly Uint8Array[] {
  const texts = goldenInputTexts(path);
  return [...new Set(texts)].slice(0, limit).map((text) => Buffer.from(text));
}

function goldenInputTexts(path: RegExp): readonly string[] {
  const folder = goldenFolder();
  if (folder === undefined) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => basename(file) === "input.json")
    .sort()
    .flatMap((file) => {
      const { entries } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { entries: readonly InputEntry[] };
      return entries.flatMap((entry) => (path.test(entry.path ?? "") && entry.text !== undefined ? [entry.text] : []));
    });
}

interface InputEntry {
  readonly path?: string;
  readonly text?: string;
}

export const bytesOf = (text: string): Uint8Array => Buffer.from(text);
