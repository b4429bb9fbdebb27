import { isForExecEnv } from "../cnb/exec-env.ts";
import { elementName, type Group, type GroupElement, type OrderFile } from "../cnb/files/group.ts";
import { type CandidateOutcome, type LookupResult, searchOrder, withSystemBuildpacks } from "../cnb/order.ts";
import { resolvePlan } from "../cnb/plan.ts";
import { TspackError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { type BuildpackStore, buildpackStore, featuresOf } from "./buildpack-store.ts";
import { type CandidateRunner, candidateRunner } from "./detect/candidate.ts";
import type { DetectInputs, DetectPorts, DetectResult } from "./detect/inputs.ts";
import { type Detected, DetectReport } from "./detect/report.ts";
import { phaseError } from "./reason.ts";

export type { BuildpackInputs, DetectInputs, DetectPorts, DetectResult } from "./detect/inputs.ts";
export { refuseExtensions } from "./detect/refuse-extensions.ts";

/**
 * Finds the first group of the order whose buildpacks want the application and agree on a plan.
 * Platform specification, detector. Throws `DETECT_FAILED` when no group passes, `DETECT_ERROR`
 * when none does and a buildpack went wrong, `BUILDPACK_API_UNSUPPORTED`, `DETECT_NOT_POSSIBLE`,
 * `CANCELED`, and the code of what is wrong with a buildpack of the order.
 */
export async function detect(inputs: DetectInputs, { ctx }: DetectPorts): Promise<DetectResult> {
  const store = buildpackStore(inputs.buildpacksDir, inputs.extensionsDir);
  const order = prepareOrder(inputs, store, ctx.logger);
  const report = new DetectReport();
  let outcome: CandidateOutcome<DetectResult>;
  try {
    const runner = candidateRunner(inputs, store, ctx);
    outcome = await searchOrder(
      order,
      (element) => orderBehind(element, inputs, store, ctx.logger),
      (candidate) => attempt(candidate, runner, report),
    );
  } catch (error) {
    report.print(ctx.logger, false);
    throw phaseError(error, "DETECT_NOT_POSSIBLE", "detect", ["BUILDPACK_API_UNSUPPORTED"]);
  }
  report.print(ctx.logger, outcome.kind === "pass");
  if (outcome.kind !== "pass") throw noGroup(outcome.kind, ctx.logger);
  return outcome.value;
}

/**
 * The order of a composite. What is for other execution environments, by the order's word or by its
 * own, is skipped, and another version of it may follow. Platform API 0.15.
 */
function orderBehind(
  element: GroupElement,
  { features, execEnv }: DetectInputs,
  store: BuildpackStore,
  logger: Logger,
): LookupResult {
  const descriptor = store.lookup(element);
  const { kind } = descriptor;
  const order = kind === "composite" ? descriptor.order : [];
  if (!features.execEnv || execEnv === undefined) return order;
  const lists = [element.execEnv, kind === "composite" ? undefined : descriptor.execEnv];
  const refusing = lists.find((wanted) => !isForExecEnv(wanted, execEnv));
  if (refusing === undefined) return order;
  logger.debug(
    `Skipping ${elementName(element)} due to execution environment mismatch; ` +
      `current: ${execEnv}, buildpack supports: [${refusing.join(" ")}]`,
  );
  return "skip";
}

/** The order with the operator's buildpacks; every buildpack that it names is there and speaks an API of ours. */
function prepareOrder({ order, system }: DetectInputs, store: BuildpackStore, logger: Logger): OrderFile {
  const merged = system === undefined ? { order, added: [] } : withSystemBuildpacks(order, system);
  for (const { pre, post } of merged.added) {
    if (pre > 0) logger.debug(`Prepending ${pre} system buildpack(s) to group`);
    if (post > 0) logger.debug(`Appending ${post} system buildpack(s) to group`);
  }
  for (const { group } of [...merged.order.order, ...merged.order.orderExtensions]) {
    for (const element of group) checkElement(element, store);
  }
  return merged.order;
}

function checkElement(element: GroupElement, store: BuildpackStore): void {
  try {
    featuresOf(store.lookup(element));
  } catch (cause) {
    if (!(cause instanceof TspackError) || cause.code === "BUILDPACK_API_UNSUPPORTED") throw cause;
    const message = `failed to initialize detector: ${cause.message}`;
    throw new TspackError(cause.code, message, { cause: cause.cause ?? cause, hint: cause.hint });
  }
}

async function attempt(
  candidate: readonly GroupElement[],
  runner: CandidateRunner,
  report: DetectReport,
): Promise<CandidateOutcome<DetectResult>> {
  const detected = await runner(candidate);
  report.addRuns(detected);
  const participants = detected.flatMap(({ element, run }) =>
    run.kind === "pass" ? [{ element, plan: run.plan }] : [],
  );
  if (!detected.every(mayStay)) return { kind: detected.some(({ run }) => run.kind === "error") ? "error" : "fail" };
  if (participants.every(({ element }) => element.extension === true)) {
    report.addNoneViable();
    return { kind: "fail" };
  }
  const resolution = resolvePlan(participants);
  report.addSteps(resolution.steps);
  if (resolution.kind === "fail") return { kind: "fail" };
  report.addGroup(resolution.group, detected.length);
  return { kind: "pass", value: { group: splitGroup(resolution.group), plan: resolution.plan } };
}

function mayStay({ element, run }: Detected): boolean {
  return run.kind === "pass" || element.optional === true;
}

function splitGroup(elements: readonly GroupElement[]): Group {
  return {
    group: elements.filter(({ extension }) => extension !== true),
    groupExtensions: elements.filter(({ extension }) => extension === true),
  };
}

function noGroup(kind: "fail" | "error", logger: Logger): TspackError {
  logger.error("No buildpack groups passed detection.");
  if (kind === "error") {
    return new TspackError("DETECT_ERROR", "failed to detect: buildpack(s) failed with err", {
      hint: "what went wrong stands above, after the name of the buildpack",
    });
  }
  logger.error("Please check that you are running against the correct path.");
  return new TspackError("DETECT_FAILED", "failed to detect: no buildpacks participating", {
    hint: "why each buildpack declined stands above",
  });
}
