import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scenarioFolders } from "./golden-data.ts";

/** A kind of recorded cases, and the test file that runs one test for each. */
export interface RecordedKind {
  readonly what: string;
  readonly module: string;
  /** The suite of the file that counts; all of them when there is none. */
  readonly suite?: string;
  /** Names of the recorded cases, each with how many cases its one test goes through. */
  readonly cases: ReadonlyMap<string, number>;
  /** The Platform API of each case, where it says something. */
  readonly apis?: ReadonlyMap<string, string>;
}

/** A test that passed, failed or was skipped. */
export interface RanTest {
  readonly module: string;
  readonly fullName: string;
  readonly name: string;
  readonly passed: boolean;
}

/** How many cases of a kind are recorded, and which of them did not pass. */
export interface KindResult {
  readonly what: string;
  /** The Platform APIs of the cases that passed, oldest first. */
  readonly apis: readonly string[];
  readonly recorded: number;
  readonly passed: number;
  readonly missing: readonly string[];
}

interface Named {
  readonly case: string;
}

/** What is recorded in the golden data, counted from the data and not from the tests. */
export function recordedKinds(directory: string): readonly RecordedKind[] {
  if (!existsSync(directory)) return [];
  const readJson = (...path: readonly string[]): unknown => JSON.parse(readFileSync(join(directory, ...path), "utf8"));
  const named = (...path: readonly string[]): ReadonlyMap<string, number> =>
    new Map((readJson(...path) as { readonly cases: readonly Named[] }).cases.map((entry) => [entry.case, 1]));
  const folders = scenarioFolders();
  const apiOf = (folder: string): string =>
    (readJson(folder, "scenario.json") as { readonly platformAPI: string }).platformAPI;
  const launcher = named("20-launcher/launcher-cases.json");
  return [
    {
      what: "scenarios",
      module: "scenarios.test.ts",
      cases: new Map(folders.map((folder) => [folder, 1])),
      apis: new Map(folders.map((folder) => [folder, apiOf(folder)])),
    },
    { what: "error cases", module: "errors.test.ts", cases: named("18-errors/cases.json") },
    { what: "launcher cases", module: "launcher.test.ts", suite: "the launcher as it is shipped", cases: launcher },
    {
      what: "launcher cases under ASan and UBSan",
      module: "launcher.test.ts",
      suite: "the launcher under ASan and UBSan",
      cases: launcher,
    },
    { what: "tars", module: "tar-", cases: tarCases(join(directory, "19-tar")) },
  ];
}

/** One case for each recorded file; some are lists. */
function tarCases(folder: string): ReadonlyMap<string, number> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".json"));
  const names = files.map((file) => file.slice(0, -".json".length)).sort();
  return new Map(
    names.map((name) => {
      const { cases } = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as {
        readonly cases?: readonly unknown[];
      };
      return [name, cases?.length ?? 1];
    }),
  );
}

/** Finds for each recorded case the test that ran it. A case without one, or whose test did not pass, is missing. */
export function judgeConformance(kinds: readonly RecordedKind[], tests: readonly RanTest[]): readonly KindResult[] {
  return kinds.map(({ what, apis, module, suite, cases }) => {
    const passed = new Set(
      tests
        .filter((test) => test.passed && test.module.includes(module))
        .filter((test) => suite === undefined || test.fullName.startsWith(suite))
        .map(({ name }) => name),
    );
    const names = new Set([...passed].flatMap((name) => [name, name.split(": ")[0] ?? name]));
    const count = (all: readonly (readonly [string, number])[]): number => all.reduce((sum, [, n]) => sum + n, 0);
    const all = [...cases];
    const missing = all.filter(([name]) => !names.has(name));
    return {
      what,
      apis: [...new Set(all.flatMap(([name]) => (names.has(name) ? (apis?.get(name) ?? []) : [])))].sort(
        (a, b) => Number(a.split(".")[1]) - Number(b.split(".")[1]),
      ),
      recorded: count(all),
      passed: count(all) - count(missing),
      missing: missing.map(([name]) => name),
    };
  });
}

/** The summary: a line with all counts, then a line for each kind that is not complete. */
export function conformanceLines(results: readonly KindResult[]): readonly string[] {
  const counts = results.map(({ what, passed, recorded }) => `${passed} of ${recorded} ${what}`).join(", ");
  const apis = results.flatMap(({ apis: list }) => list);
  const at = apis.length === 0 ? "" : `, at Platform API ${apis.join(", ")}`;
  return [
    `conformance: ${counts}${at}`,
    ...results
      .filter(({ missing }) => missing.length > 0)
      .map(
        ({ what, missing }) =>
          `  ${what} that did not pass: ${missing.slice(0, 10).join(", ")}${missing.length > 10 ? ", …" : ""}`,
      ),
  ];
}
