import type { Descriptor } from "../../oci/descriptor.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { familiarName } from "../familiar-name.ts";
import type { BuildOutput } from "./request.ts";
import type { BuiltImage } from "./build-image.ts";

/** What a build did, as plain data. Times are seconds, sizes compressed bytes. */
export interface BuildSummary {
  readonly image: string;
  readonly names: readonly string[];
  readonly digest: string;
  readonly size: number;
  readonly output: BuildOutput["kind"];
  /** Where the image went: `registry HOST`, a path, `nowhere` after a dry run. */
  readonly store: string;
  readonly runner: string;
  readonly dryRun: boolean;
  readonly group: readonly { readonly id: string; readonly version: string }[];
  readonly layers: readonly LayerSummary[];
  readonly processes: readonly { readonly type: string; readonly default: boolean }[];
  readonly restored: readonly { readonly layer: string; readonly from: string }[];
  readonly phases: readonly { readonly phase: string; readonly seconds: number }[];
  readonly seconds: number;
}

/** One layer of the image, lowest first. */
export interface LayerSummary {
  /** `buildpack/id:layer`, or who made it. */
  readonly layer: string;
  readonly action: "base" | "new" | "reused";
  /** Why it is new or reused. */
  readonly reason: string;
  readonly size: number;
  readonly digest: string;
}

/** What the summary needs besides the build's own result. */
export interface SummaryFacts {
  readonly names: readonly ImageRef[];
  readonly output: BuildOutput["kind"];
  readonly store: string;
  readonly runner: string;
  readonly dryRun: boolean;
  readonly seconds: number;
}

/** Gathers the summary of a build. */
export async function buildSummary(built: BuiltImage, facts: SummaryFacts): Promise<BuildSummary> {
  const { written, group, restored, times } = built;
  const [main] = facts.names;
  // In an engine, the blobs of layers that it had were never made; what they were made of is gone by now.
  const blobs =
    facts.output === "engine" && !facts.dryRun ? written.layers : (await built.image.manifest()).value.layers;
  const layers = summarizeLayers(built, blobs);
  return {
    image: main === undefined ? "" : main.original,
    names: facts.names.map(familiarName),
    digest: written.digest,
    size: blobs.reduce((sum, layer) => sum + layer.size, 0),
    output: facts.output,
    store: facts.store,
    runner: facts.runner,
    dryRun: facts.dryRun,
    group: group.map(({ id, version }) => ({ id, version })),
    layers,
    processes: processesOf(built),
    restored: restored.layers.flatMap(({ buildpackId, name, state }) =>
      state.kind === "restored" ? [{ layer: `${buildpackId}:${name}`, from: state.from }] : [],
    ),
    phases: times.map(({ phase, seconds }) => ({ phase, seconds })),
    seconds: facts.seconds,
  };
}

function summarizeLayers(
  { plan, written }: BuiltImage,
  blobs: readonly Pick<Descriptor, "digest" | "size">[],
): readonly LayerSummary[] {
  const own = blobs.length - plan.layers.length;
  return blobs.map(({ size, digest }, index): LayerSummary => {
    const planned = plan.layers[index - own];
    if (planned === undefined) return { layer: "run image", action: "base", reason: "", size, digest };
    // A blob that the destination had already was not sent, whatever the plan could know.
    const there = planned.action === "reuse" || (written.layers[index]?.outcome ?? "sent") === "present";
    return {
      layer: planned.kind === "app" ? planned.createdBy : planned.id,
      action: there ? "reused" : "new",
      reason: planned.action === "reuse" ? planned.reason : there ? "same content" : planned.reason,
      size,
      digest,
    };
  });
}

function processesOf({ plan }: BuiltImage): BuildSummary["processes"] {
  const label = plan.labels.findLast(({ key }) => key === "io.buildpacks.build.metadata")?.value ?? "{}";
  const { processes = [] } = JSON.parse(label) as { readonly processes?: readonly { readonly type: string }[] };
  return processes.map(({ type }) => ({ type, default: type === plan.defaultProcessType }));
}
