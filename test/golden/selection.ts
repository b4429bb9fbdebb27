import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { goldenDirectory, goldenPresent } from "./golden-data.ts";
import { missingForScenarios } from "./harness/world.ts";

/** What keeps scenarios and error cases from running here; undefined when nothing does. */
export const missing = goldenPresent ? missingForScenarios() : `golden data at ${goldenDirectory}`;

/** Only what has this in its name runs: `GOLDEN=14-rebase npx vitest …`. */
export const pattern = process.env["GOLDEN"] ?? "";

/** A recorded file as text; undefined when the recording has none. */
export function readRecorded(...path: readonly string[]): string | undefined {
  const file = join(goldenDirectory, ...path);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
