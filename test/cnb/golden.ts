import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The recorded data; undefined when the machine lacks it, which is an error in CI. */
export const goldenDir: string | undefined = find();

function find(): string | undefined {
  const path = process.env["TSPACK_GOLDEN"] ?? resolve(import.meta.dirname, "../../../shared/golden");
  if (existsSync(path)) return path;
  if (process.env["CI"] !== undefined) throw new Error(`${path}: the golden data is missing; set TSPACK_GOLDEN`);
  return undefined;
}

/** A recorded file. */
export interface GoldenFile {
  /** Below the golden data. */
  readonly path: string;
  readonly text: string;
  /** Of the scenario. */
  readonly platformApi: string;
}

/** Every recorded file of a name; of equal texts at one Platform API only the first. */
export function goldenFiles(name: string): readonly GoldenFile[] {
  if (goldenDir === undefined) return [];
  const seen = new Set<string>();
  const found: GoldenFile[] = [];
  for (const path of readdirSync(goldenDir, { recursive: true, encoding: "utf8" }).sort()) {
    if (!path.endsWith(`/${name}`) || !path.includes("/expected/")) continue;
    const text = readFileSync(join(goldenDir, path), "utf8");
    const platformApi = apiOf(path.slice(0, path.indexOf("/expected/")));
    const key = `${platformApi} ${text}`;
    if (!seen.has(key)) found.push({ path, text, platformApi });
    seen.add(key);
  }
  return found;
}

function apiOf(scenario: string): string {
  const { platformAPI } = JSON.parse(readFileSync(join(goldenDir ?? "", scenario, "scenario.json"), "utf8")) as {
    readonly platformAPI: string;
  };
  return platformAPI;
}

/** A label of every recorded image that has it. */
export function goldenLabels(label: string): readonly GoldenFile[] {
  return goldenFiles("config.json").flatMap((file) => {
    const config = JSON.parse(file.text) as {
      readonly config?: { readonly Labels?: Readonly<Record<string, string>> };
    };
    const text = config.config?.Labels?.[label];
    return text === undefined ? [] : [{ ...file, text }];
  });
}
