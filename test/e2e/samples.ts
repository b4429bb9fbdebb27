import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What `expect.json` of a sample promises; its keys are described in samples/README.md. */
export interface SampleExpectation {
  readonly buildpacks: readonly string[];
  readonly processes: readonly {
    readonly type: string;
    readonly command: readonly string[];
    readonly default: boolean;
    readonly "working-dir"?: string;
  }[];
  readonly layers: Readonly<Record<string, Readonly<Record<string, LayerFlags>>>>;
  readonly http: { readonly path: string; readonly status: number; readonly body: RegExp };
  readonly firstBuild: readonly RegExp[];
  readonly secondBuild: readonly RegExp[];
  /** What the image may have at most, in MB (10^6 bytes), compressed, with its base. */
  readonly size?: number;
  /** Whether every build of the same sources gives the same image. */
  readonly reproducible: boolean;
  /** Layers that a second build takes over, as `buildpack:layer`; every layer when absent. */
  readonly reused?: readonly string[];
}

/** The `[types]` of a layer. */
export interface LayerFlags {
  readonly build: boolean;
  readonly launch: boolean;
  readonly cache: boolean;
}

/** Names of the samples that tests build which ask for one or two. */
export const SAMPLES = ["node-hello", "node-express"] as const;

/** Names of all samples that say what is expected of them. */
export function allSamples(): readonly string[] {
  return readdirSync(sampleDirectory(""))
    .filter((name) => existsSync(`${sampleDirectory(name)}/expect.json`))
    .sort();
}

/** Directory of a sample in this repository. */
export function sampleDirectory(name: string): string {
  return fileURLToPath(new URL(`../../samples/${name}`, import.meta.url));
}

/** Reads `expect.json` of a sample; patterns become regular expressions. */
export function readExpectation(name: string): SampleExpectation {
  const raw = JSON.parse(readFileSync(`${sampleDirectory(name)}/expect.json`, "utf8")) as ExpectationFile;
  return {
    ...raw,
    reproducible: raw.reproducible ?? true,
    http: { ...raw.http, body: new RegExp(raw.http.body) },
    firstBuild: patterns(raw.firstBuild),
    secondBuild: patterns(raw.secondBuild),
  };
}

interface ExpectationFile extends Omit<SampleExpectation, "http" | "firstBuild" | "secondBuild" | "reproducible"> {
  readonly reproducible?: boolean;
  readonly http: { readonly path: string; readonly status: number; readonly body: string };
  readonly firstBuild: readonly string[];
  readonly secondBuild: readonly string[];
}

function patterns(texts: readonly string[]): readonly RegExp[] {
  return texts.map((text) => new RegExp(text, "m"));
}
