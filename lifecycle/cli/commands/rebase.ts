import { TspackError } from "../../errors.ts";
import { parsePlace } from "../../platform/image-places/parse-place.ts";
import { rebaseAll } from "../../platform/rebase/rebase.ts";
import type {
  PlatformPlan,
  RebaseOutcome,
  RebasePlan,
  RebaseRequest,
  RebaseSummary,
} from "../../platform/rebase/request.ts";
import { renderError } from "../render-error.ts";
import { type CommonOptions, openToolbox, type TspackHost } from "../toolbox.ts";

/** Options of `tspack rebase`. */
export interface RebaseOptions extends CommonOptions, Omit<RebaseRequest, "image" | "insecureRegistries"> {
  readonly plan?: boolean;
  readonly json?: boolean;
}

/** `tspack rebase`: a new base below the same application layers. */
export async function rebase(host: TspackHost, names: readonly string[], options: RebaseOptions): Promise<void> {
  // A bad name is told before any image is changed.
  for (const name of names) parsePlace(name);
  const failures: { readonly image: string; readonly error: unknown }[] = [];
  const onOutcome = (outcome: RebaseOutcome): void => {
    if ("error" in outcome) {
      failures.push(outcome);
      if (names.length > 1) host.stderr(`${outcome.image}: ${renderError(outcome.error)}\n`);
    } else host.stdout(options.json === true ? `${JSON.stringify(dataOf(outcome))}\n` : textOf(outcome));
  };
  await rebaseAll(names, options, openToolbox(host, options), { plan: options.plan, onOutcome });
  throwFailures(failures, names.length);
}

/** One failure speaks for itself; several were told as they came. */
function throwFailures(failures: readonly { readonly image: string; readonly error: unknown }[], images: number): void {
  const [first] = failures;
  if (first === undefined) return;
  if (images === 1 || !(first.error instanceof TspackError)) throw first.error;
  const names = failures.map(({ image }) => image).join(", ");
  throw new TspackError(first.error.code, `${failures.length} of ${images} images failed: ${names}`, {
    hint: "the reason of each stands above; the others are done",
  });
}

type Done = Exclude<RebaseOutcome, { readonly error: unknown }>;

function dataOf(outcome: Done): RebaseSummary | RebasePlan {
  return "plan" in outcome ? outcome.plan : outcome.summary;
}

function textOf(outcome: Done): string {
  return "plan" in outcome ? planText(outcome.plan) : rebaseText(outcome.image, outcome.summary);
}

function rebaseText(image: string, { digest, runImage, layersSent, seconds, platforms }: RebaseSummary): string {
  const layers = layersSent === 0 ? "none sent" : `${layersSent} sent`;
  const bases = platforms?.map((one): Row => [one.platform, one.runImage]) ?? [["run image", runImage] as const];
  return `Rebased ${image}\n${rows([["digest", digest], ...bases, ["layers", layers], ["time", `${seconds.toFixed(1)} s`]])}`;
}

const headings: Readonly<Record<RebasePlan["action"], string>> = {
  rebase: "Would rebase",
  none: "Nothing to do for",
  refuse: "Would refuse to rebase",
};

function planText({ image, platforms, ...plan }: RebasePlan): string {
  const one = (what: string, each: RebasePlan | PlatformPlan): string =>
    `${headings[each.action]} ${what}\n${rows(planRows(each))}`;
  if (platforms === undefined) return one(image, { image, ...plan });
  return platforms.map((each) => one(`${image} (${each.platform})`, each)).join("");
}

function planRows({ action, reason, from, to, layers }: RebasePlan | PlatformPlan): readonly Row[] {
  const count = layers === undefined || action === "none" ? undefined : layers;
  return [
    ["why", reason],
    ["from", baseText(from)],
    ...(to === undefined ? [] : [["to", baseText(to)] as const]),
    ...(count === undefined
      ? []
      : [["layers", `${count.removed} go, ${count.added} come, ${count.kept} stay`] as const]),
  ];
}

function baseText({ image, reference }: RebasePlan["from"]): string {
  if (reference === "") return "unknown: the image has no run image in its label";
  return image === "" ? reference : `${image} (${reference})`;
}

type Row = readonly [name: string, value: string];

function rows(pairs: readonly Row[]): string {
  const width = Math.max(10, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `  ${name.padEnd(width)} ${value}\n`).join("");
}
