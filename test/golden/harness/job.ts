import type { TreeEntry } from "./tree.ts";

/** `scenario.json` of the golden data, as far as it is used. */
export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly runImage: string;
  readonly runImageReference: string;
  readonly destination: "registry" | "oci-layout";
  readonly env: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
  readonly builds: readonly ScenarioBuild[];
}

/** One run of phases over the same machine. */
export interface ScenarioBuild {
  readonly name: string;
  readonly image: string;
  readonly editsBefore?: readonly TreeEntry[];
  readonly newRunImage?: string;
  readonly removedTar?: string;
  readonly changedTar?: string;
  readonly steps: readonly ScenarioStep[];
}

/** One phase with what the reference did. */
export interface ScenarioStep {
  readonly phase: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly exitCode: number;
  readonly stdout?: string;
  readonly note?: string;
}

/** What the driver is told. */
export interface Job {
  readonly scenario: Scenario;
  readonly tree: readonly TreeEntry[];
  /** Where `run-images/` of the golden data is inside. */
  readonly golden: string;
  /** The lifecycle's program inside. */
  readonly lifecycle: string;
}

/** What one step did. */
export interface StepResult {
  readonly phase: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An image as it arrived at its destination. */
export interface ImageResult {
  readonly manifest: string;
  readonly config: string;
  readonly diffIds: readonly string[];
}

/** What one build did: its steps, and files by the names of the golden data. */
export interface BuildResult {
  readonly name: string;
  readonly steps: readonly StepResult[];
  readonly texts: Readonly<Record<string, string>>;
  readonly trees: Readonly<Record<string, readonly TreeEntry[]>>;
  readonly image: ImageResult | undefined;
  readonly cacheImage: ImageResult | undefined;
}
