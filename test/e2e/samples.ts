import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What `expect.json` of a sample promises; its keys are described in samples/README.md. */
export interface SampleExpectation {
  readonly buildpacks: readonly string[];
  readonly processes: readonly {
    readonly type: string;
    readonly command: readonly string[];
    readonly default: boolean;
  }[];
  readonly layers: Readonly<Record<string, Readonly<Record<string, LayerFlags>>>>;
  readonly http: { readonly path: string; readonly status: number; readonly body: RegExp };
  readonly firstBuild: readonly RegExp[];
  readonly secondBuild: readonly RegExp[];
}

/** The `[types]` of a layer. */
export interface LayerFlags {
  readonly build: boolean;
  readonly launch: boolean;
  readonly cache: boolean;
}

/** Names of the samples that the tests build. */
export const SAMPLES = ["node-hello", "node-express"] as const;

/** Directory of a sample in this repository. */
export function sampleDirectory(name: string): string {
  return fileURLToPath(new URL(`../../samples/${name}`, import.meta.url));
}

/** Reads `expect.json` of a sample; patterns become regular expressions. */
export function readExpectation(name: string): SampleExpectation {
  const raw = JSON.parse(readFileSync(`${sampleDirectory(name)}/expect.json`, "utf8")) as ExpectationFile;
  return {
    ...raw,
    http: { ...raw.http, body: new RegExp(raw.http.body) },
    firstBuild: patterns(raw.firstBuild),
    secondBuild: patterns(raw.secondBuild),
  };
}

interface ExpectationFile extends Omit<SampleExpectation, "http" | "firstBuild" | "secondBuild"> {
  readonly http: { readonly path: string; readonly status: number; readonly body: string };
  readonly firstBuild: readonly string[];
  readonly secondBuild: readonly string[];
}

function patterns(texts: readonly string[]): readonly RegExp[] {
  return texts.map((text) => new RegExp(text, "m"));
}
