import { elementName, type GroupElement } from "../../cnb/files/group.ts";
import { type PlanStep, planStepText } from "../../cnb/plan.ts";
import type { Logger } from "../../logger.ts";
import type { DetectRun } from "./run-detect.ts";

/** An element of a candidate group with what its `bin/detect` said. */
export interface Detected {
  readonly element: GroupElement;
  readonly run: DetectRun;
}

/**
 * What detection has to tell, kept until its end: when a group passes, the details are for
 * `-log-level debug`; when none does, they are the explanation and everybody sees them.
 */
export class DetectReport {
  readonly #lines: { readonly level: "debug" | "info"; readonly text: string }[] = [];

  /** Writes down how one candidate group went. */
  addRuns(detected: readonly Detected[]): void {
    for (const { element, run } of detected) {
      const level = run.kind === "error" ? "info" : "debug";
      if (run.output !== "") this.#add(level, `======== Output: ${elementName(element)} ========`, run.output);
      if (run.kind === "error" && run.reason !== undefined) {
        this.#add(level, `======== Error: ${elementName(element)} ========`, run.reason);
      }
    }
    this.#add("debug", "======== Results ========");
    for (const { element, run } of detected)
      this.#add(run.kind === "error" ? "info" : "debug", resultText(element, run));
  }

  /** Writes down that nothing is left of a group. */
  addNoneViable(): void {
    this.#add("debug", "fail: no viable buildpacks in group");
  }

  /** Writes down how the plan was resolved. */
  addSteps(steps: readonly PlanStep[]): void {
    for (const step of steps) this.#add("debug", planStepText(step));
  }

  /** Writes down the group that passed: a table of ids and versions. */
  addGroup(group: readonly GroupElement[], candidates: number): void {
    if (group.length !== candidates) this.#add("info", `${group.length} of ${candidates} buildpacks participating`);
    const width = Math.max(...group.map(({ id }) => id.length));
    this.#add("info", ...group.map(({ id, version }) => `${id.padEnd(width)} ${version}`));
  }

  /** Hands everything to the log; when detection did not succeed, all of it whatever the level. */
  print(logger: Logger, succeeded: boolean): void {
    for (const { level, text } of this.#lines) {
      if (succeeded) logger[level](text);
      else logger.say(text);
    }
  }

  #add(level: "debug" | "info", ...texts: readonly string[]): void {
    for (const text of texts) this.#lines.push({ level, text });
  }
}

function resultText(element: GroupElement, run: DetectRun): string {
  const name = elementName(element);
  switch (run.kind) {
    case "pass":
      return `pass: ${name}`;
    case "fail":
      return `${element.optional === true ? "skip" : "fail"}: ${name}`;
    case "error":
      return run.exitCode === undefined ? `err:  ${name}` : `err:  ${name} (${run.exitCode})`;
  }
}
