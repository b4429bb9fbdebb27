import { decodeLayersMetadata, type RunImageForRebase } from "../../cnb/files/lifecycle-metadata.ts";
import type { TspackError } from "../../errors.ts";
import type { Image } from "../../oci/image.ts";
import type { RebaseResult } from "../../phases/rebase.ts";
import type { RebasePlan } from "./request.ts";

const metadataLabel = "io.buildpacks.lifecycle.metadata";

/** Compares an image with what a rebase would make of it. */
export async function planOf(name: string, before: Image, { image, runImage: to }: RebaseResult): Promise<RebasePlan> {
  const [old, after] = await Promise.all([factsOf(before), factsOf(image)]);
  const { from } = old;
  const removed = old.diffIds.indexOf(from.topLayer) + 1;
  const kept = old.diffIds.length - removed;
  const layers = { removed, added: after.diffIds.length - kept, kept };
  const plan = { image: name, from, to: { image: to.name, reference: to.reference, topLayer: to.topLayer }, layers };
  if (from.topLayer === to.topLayer && same(old.diffIds, after.diffIds)) {
    if (same(old.labels, after.labels))
      return { ...plan, action: "none", reason: `it is on the newest ${to.name} already` };
    return { ...plan, action: "rebase", reason: `${to.name} has the same layers, and other labels or another name` };
  }
  return { ...plan, action: "rebase", reason: `${to.name} has other layers than the run image below it` };
}

/** The plan for an image that is refused without force. */
export async function refusedPlan(name: string, before: Image, error: TspackError): Promise<RebasePlan> {
  return { image: name, action: "refuse", reason: error.message, from: (await factsOf(before)).from };
}

interface Facts {
  readonly from: RebasePlan["from"];
  readonly diffIds: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

async function factsOf(image: Image): Promise<Facts> {
  const { value } = await image.config();
  const labels = value.config?.Labels ?? {};
  const label = labels[metadataLabel] ?? "";
  const none: RunImageForRebase = { topLayer: "", reference: "" };
  const { runImage, stack } = label === "" ? { runImage: none } : decodeLayersMetadata(label);
  const { topLayer, reference, image: named = stack?.runImage.image ?? "" } = runImage;
  return { from: { image: named, reference, topLayer }, diffIds: value.rootfs.diff_ids, labels };
}

function same(a: object, b: object): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: object): readonly unknown[] {
  return Array.isArray(value) ? value : Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
