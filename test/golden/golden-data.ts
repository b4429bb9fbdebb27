import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where the golden data is: `TSPACK_GOLDEN`, or beside the checkout. */
export const goldenDirectory = resolve(
  process.env["TSPACK_GOLDEN"] ?? join(import.meta.dirname, "../../../shared/golden"),
);

/** Whether it is here. In CI its absence is a failure, so tests run and fail there. */
export const goldenPresent = existsSync(goldenDirectory);

/** Skips by name where something is missing, except in CI. */
export const mayskip = (missing: boolean): boolean => missing && process.env["CI"] === undefined;

/** The folders of all scenarios, relative to the golden directory. */
export function scenarioFolders(): readonly string[] {
  if (!goldenPresent) return [];
  const all = readdirSync(goldenDirectory, { recursive: true, encoding: "utf8" });
  return all
    .filter((file) => file.endsWith("/scenario.json"))
    .map((file) => file.slice(0, -"/scenario.json".length))
    .sort();
}
