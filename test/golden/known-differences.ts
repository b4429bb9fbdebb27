import type { Difference } from "./harness/compare.ts";
import { recordedConfig, recordedDigest, runImageConfig } from "./recorded.ts";

/** A place where we are better than the recording on purpose (DESIGN §11): what stands there instead. */
export interface KnownDifference {
  readonly name: string;
  readonly reason: string;
  readonly scenarios: readonly string[];
  readonly what: RegExp;
  /** What ours is, made of what was recorded. */
  readonly ours: (recorded: string, folder: string) => string;
}

const layouts = ["01-simple/oci-layout", "02-layers/volume-cache-oci-layout", "15-created-and-metadata/epoch-layout"];

/** Rebases that succeed, with the run image that the app gets. */
const rebases: Readonly<Record<string, string>> = {
  "14-rebase/api-0.7": "base-b",
  "14-rebase/api-0.11": "base-b",
  "14-rebase/app-0.11-rebaser-0.13": "base-b",
  "14-rebase/distro-mismatch-force": "base-other-distro",
  "14-rebase/docker-base": "base-b",
  "14-rebase/mirror": "base-b",
  "14-rebase/other-name-force": "base-b",
  "14-rebase/patch": "base-b",
  "14-rebase/patch-from-label": "base-b",
  "14-rebase/previous-image": "base-b",
  "14-rebase/same-base": "base-a",
};

/** Where we differ from the recorded files. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    name: "the report of a layout has the digest",
    reason: "nothing keeps it from being known, and platforms read it",
    scenarios: layouts,
    what: /\/report\.toml$/,
    ours: (recorded) => recorded.replace(/^( {2}tags = .*\n)/m, '$1  digest = "DIGEST"\n'),
  },
  {
    name: "a run image in a layout is named with its own digest",
    reason: "the recorded digest is that of an empty image",
    scenarios: layouts,
    what: /\/(config\.json|analyzed.*\.toml)$/,
    ours: (recorded) =>
      recorded.replaceAll(
        /(\/layout-repo\/registry\.localhost\/run\/base-a\/v1@)sha256:\w+/g,
        `$1${recordedDigest("base-a")}`,
      ),
  },
  {
    name: "a rebase keeps the history of the layers that stay",
    reason: "who made a layer is still true after the rebase",
    scenarios: Object.keys(rebases).filter((folder) => !/api-0\.(7|11)$/.test(folder)),
    what: /^rebased\/config\.json$/,
    ours: keepHistory,
  },
  {
    name: "a rebased OCI image stays one",
    reason:
      "the recorded manifest is of Docker's type with layers of both types, which the OCI specification does not have",
    scenarios: Object.keys(rebases).filter((folder) => !folder.endsWith("docker-base")),
    what: /^rebased\/manifest\.json$/,
    ours: (recorded) =>
      recorded
        .replaceAll(
          "application/vnd.docker.distribution.manifest.v2+json",
          "application/vnd.oci.image.manifest.v1+json",
        )
        .replaceAll("application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json")
        .replaceAll("application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip"),
  },
  {
    name: "all layers of a rebased Docker image have Docker's media type",
    reason: "a manifest of Docker's type knows no other",
    scenarios: ["14-rebase/docker-base"],
    what: /^rebased\/manifest\.json$/,
    ours: (recorded) =>
      recorded.replaceAll(
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
      ),
  },
];

const created = "1980-01-01T00:00:01Z";
const historyText = /"history":\[.*?\](?=,"os")/;

function keepHistory(recorded: string, folder: string): string {
  const { history: base } = runImageConfig(rebases[folder] ?? "");
  const { history: app, rootfs } = recordedConfig(folder, "app");
  const layers = (JSON.parse(recorded) as { readonly rootfs: { readonly diff_ids: readonly string[] } }).rootfs
    .diff_ids;
  const above = layers.length - base.filter(({ empty_layer: empty }) => empty !== true).length;
  const kept = app.slice(rootfs.diff_ids.length - above);
  const entries = [...base, ...kept].filter(({ empty_layer: empty }) => empty !== true);
  const texts = entries.map(({ created_by: by }) => ({ created, ...(by === undefined ? {} : { created_by: by }) }));
  return recorded.replace(historyText, () => `"history":${JSON.stringify(texts)}`);
}

/** Scenarios whose phases end otherwise than recorded. */
export const knownOutcomes: Readonly<
  Record<string, { readonly reason: string; readonly steps: Readonly<Record<string, number>> }>
> = {
  "09-targets/wrong-variant": {
    reason: "the target's variant is read under the specification's name too, so it does not match",
    steps: { analyzer: 0, detector: 21 },
  },
};

/** What a phase prints otherwise than recorded, by scenario and phase. */
export const knownOutputs: Readonly<Record<string, KnownOutput>> = {
  "03-slices/bad-pattern": {
    reason: "globs are checked before any file, and nothing is announced before the plan is complete",
    phase: "exporter",
    stdout:
      'ERROR: failed to export: exporting app layers: creating app layers: the slice path "[a" is a malformed glob',
  },
  "04-processes/process-type-flag-unknown": {
    reason: "nothing is announced before the plan is complete",
    phase: "exporter",
    stdout: "ERROR: failed to export: determining entrypoint: tried to set nope to default but it doesn't exist",
  },
  "11-odd-files/unreadable": {
    reason:
      "nothing is announced before the plan is complete, and the message says what the user of the build must be able to do",
    phase: "exporter",
    stdout: "ERROR: failed to export: exporting app layers: creating app layers: cannot read /workspace/secret: EACCES",
  },
};

/** Lines of ours instead of the recorded ones; one that ends in `…` is the beginning of a line. */
export interface KnownOutput {
  readonly reason: string;
  readonly phase: string;
  readonly stdout: string;
}

/** The differences that are left, and the names of the known ones that were not met. */
export function judge(
  folder: string,
  differences: readonly Difference[],
): { readonly unknown: readonly Difference[]; readonly gone: readonly string[] } {
  const expected = knownDifferences.filter(({ scenarios }) => scenarios.includes(folder));
  const met = new Set<string>();
  const unknown = differences.filter((difference) => {
    const rules = expected.filter(({ what }) => what.test(difference.what));
    const ours = rules.reduce((recorded, rule) => rule.ours(recorded, folder), difference.expected ?? "");
    if (rules.length === 0 || ours !== difference.got) return true;
    for (const { name } of rules) met.add(name);
    return false;
  });
  return { unknown, gone: expected.map(({ name }) => name).filter((name) => !met.has(name)) };
}
