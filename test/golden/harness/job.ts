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
  /** The run image that takes over the name of the old one; null when only another name is used. */
  readonly newRunImage?: string | null;
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
  /** All that a failing phase printed. */
  readonly stdout?: string;
  /** Of a phase that succeeded, the warnings. */
  readonly warnings?: readonly string[];
  readonly note?: string;
}

/** One case of `18-errors/cases.json`: a phase alone, with a tree of its own. */
export interface ErrorCase {
  readonly case: string;
  readonly description: string;
  readonly phase: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly tree: readonly TreeEntry[];
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr?: string;
  /** `/layers` after the phase. */
  readonly leaves?: readonly TreeEntry[];
}

/** What the driver is told about an error case: the images that the registry has, by name and tag. */
export interface CaseJob {
  readonly errorCase: ErrorCase;
  readonly registry: Readonly<Record<string, string>>;
  readonly golden: string;
  readonly lifecycle: string;
}

/** What an error case did. */
export interface CaseResult extends StepResult {
  readonly leaves: readonly TreeEntry[];
}

/** What the driver is told about a scenario. */
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
