import type { BuildResult, ImageResult, ScenarioStep, StepResult } from "./job.ts";
import { missingLines } from "./output.ts";
import type { TreeEntry } from "./tree.ts";

/** One thing that differs from the recording. */
export interface Difference {
  readonly what: string;
  readonly expected: string | undefined;
  readonly got: string | undefined;
}

type Reader = (name: string) => string | undefined;

const sha = /sha256:[0-9a-f]{64}/g;

// Digests of what was compressed depend on the gzip implementation (golden README).
const normalizers: Readonly<Record<string, (text: string) => string>> = {
  "report.toml": (text) => text.replaceAll(sha, "DIGEST").replace(/manifest-size = \d+/, "manifest-size = N"),
  "analyzed.toml": ownDigest,
  "analyzed-after-detect.toml": ownDigest,
  "analyzed-after-restore.toml": ownDigest,
};

function ownDigest(text: string): string {
  return text.replace(/(\[image\]\n {2}reference = "[^"@]*@)sha256:[0-9a-f]{64}/, "$1DIGEST");
}

/** Compares all that one build left with the recording; `read` gives the recorded files of that build. */
export function compareBuild(result: BuildResult, read: Reader): readonly Difference[] {
  return [
    ...compareTexts(result, read),
    ...compareTrees(result, read),
    ...compareImage("", result.image, read),
    ...compareImage("cache-image/", result.cacheImage, read),
  ];
}

const textNames = [
  "analyzed.toml",
  "analyzed-after-detect.toml",
  "analyzed-after-restore.toml",
  "group.toml",
  "plan.toml",
  "metadata.toml",
  "report.toml",
  "cache-metadata.json",
];

function compareTexts(result: BuildResult, read: Reader): readonly Difference[] {
  return textNames.flatMap((name) => {
    const expected = read(name);
    if (expected === undefined) return [];
    const normalize = normalizers[name] ?? ((text: string) => text);
    return differ(name, normalize(expected), normalize(result.texts[name] ?? "(no such file)"));
  });
}

const treeNames = ["layers-after-analyze.json", "layers-after-restore.json", "layers-after-build.json", "cache.json"];

function compareTrees(result: BuildResult, read: Reader): readonly Difference[] {
  return treeNames.flatMap((name) => {
    const expected = read(name);
    if (expected === undefined) return [];
    const recorded = (JSON.parse(expected) as readonly TreeEntry[]).filter(({ path }) => !tomlFiles.includes(path));
    return compareTree(name, recorded, result.trees[name] ?? []);
  });
}

/** Compares two listings entry by entry. */
export function compareTree(
  name: string,
  recorded: readonly TreeEntry[],
  got: readonly TreeEntry[],
): readonly Difference[] {
  const want = byPath(recorded);
  const have = byPath(got);
  const paths = [...new Set([...want.keys(), ...have.keys()])].sort();
  return paths.flatMap((path) => differ(`${name} ${path}`, want.get(path), have.get(path)));
}

// They are compared by themselves; a few recordings list them all the same.
const tomlFiles: readonly (string | undefined)[] = ["/layers/analyzed.toml", "/layers/group.toml", "/layers/plan.toml"];

function byPath(entries: readonly TreeEntry[]): ReadonlyMap<string, string> {
  return new Map(entries.map((entry) => [entry.path ?? `base64:${entry.pathBase64}`, line(entry)]));
}

function line(entry: TreeEntry): string {
  const content =
    entry.base64 === undefined ? (entry.text ?? "") : Buffer.from(entry.base64, "base64").toString("utf8");
  const mode = entry.type === "symlink" ? undefined : entry.mode;
  return JSON.stringify([entry.type, mode, entry.uid, entry.gid, entry.target, entry.size, entry.sha256, content]);
}

function compareImage(prefix: string, image: ImageResult | undefined, read: Reader): readonly Difference[] {
  const config = read(`${prefix}config.json`);
  const manifest = read(`${prefix}manifest.json`);
  const configs = config === undefined ? [] : differ(`${prefix}config.json`, config, image?.config);
  if (manifest === undefined || image === undefined) return configs;
  return [...configs, ...differ(`${prefix}manifest.json`, manifestShape(manifest), manifestShape(image.manifest))];
}

/**
 * What of a manifest does not depend on compression. In a manifest of OCI type our layers have
 * the OCI media type, where the reference gives them Docker's (DESIGN §11).
 */
function manifestShape(text: string): string {
  const manifest = JSON.parse(text) as { readonly layers: readonly { readonly mediaType: string }[] };
  const oci = text.includes("application/vnd.oci.image.manifest.v1+json");
  const type = (mediaType: string): string =>
    oci
      ? mediaType.replace(
          "application/vnd.docker.image.rootfs.diff.tar.gzip",
          "application/vnd.oci.image.layer.v1.tar+gzip",
        )
      : mediaType;
  const layers = manifest.layers.map((layer) => type(layer.mediaType));
  return JSON.stringify({ ...manifest, layers }, undefined, 1)
    .replaceAll(sha, "DIGEST")
    .replaceAll(/"size": \d+/g, '"size": N');
}

function differ(what: string, expected: string | undefined, got: string | undefined): readonly Difference[] {
  return expected === got ? [] : [{ what, expected, got }];
}

/** What a phase of ours prints instead of what was recorded. */
export interface OwnOutput {
  readonly phase: string;
  readonly stdout: string;
}

/** Compares what phases printed: all of what failed, the warnings of what succeeded. */
export function compareOutput(
  recorded: readonly ScenarioStep[],
  results: readonly StepResult[],
  own: OwnOutput | undefined,
): readonly Difference[] {
  return recorded.flatMap(({ phase, stdout, warnings = [] }, index) => {
    const lines = own?.phase === phase ? own.stdout : (stdout ?? warnings.join("\n"));
    const got = results[index]?.stdout ?? "";
    const missing = missingLines(lines, got);
    return missing.length === 0 ? [] : [{ what: `output of ${phase}`, expected: missing.join("\n"), got }];
  });
}
