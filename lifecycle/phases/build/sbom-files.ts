import { copyFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { BuildpackDescriptor } from "../../cnb/files/buildpack-toml.ts";
import type { LayerToml } from "../../cnb/files/layer-toml.ts";
import { escapeId } from "../../cnb/ids.ts";
import { TspackError } from "../../errors.ts";
import { makeDirectory } from "../make-directory.ts";

/** An SBOM file that a buildpack wrote, and where in `<layers>/sbom` it goes. */
export interface SbomFile {
  readonly path: string;
  readonly kind: "build" | "cache" | "launch";
  /** Escaped. */
  readonly buildpack: string;
  /** Undefined for `launch.sbom.*` and `build.sbom.*`. */
  readonly layer: string | undefined;
}

const formats: Readonly<Record<string, string>> = {
  "sbom.cdx.json": "application/vnd.cyclonedx+json",
  "sbom.spdx.json": "application/spdx+json",
  "sbom.syft.json": "application/vnd.syft+json",
};

/**
 * The SBOM files in a buildpack's layers directory, each checked against the formats that its
 * `buildpack.toml` declares. One beside a layer that is no layer counts for nothing. Buildpack
 * specification, "Bill-of-Materials". Throws `BUILD_FAILED`.
 */
export function findSboms(
  layersDir: string,
  { id, version, sbomFormats }: BuildpackDescriptor,
  layers: ReadonlyMap<string, LayerToml>,
): readonly SbomFile[] {
  const files = readdirSync(layersDir)
    .filter(isSbomName)
    .sort()
    .flatMap((name) =>
      kindsOf(name, layers).map(({ kind, layer }) => ({
        path: join(layersDir, name),
        kind,
        layer,
        buildpack: escapeId(id),
      })),
    );
  const declared = new Set(sbomFormats.map((format) => (format.split(";")[0] ?? "").trim().toLowerCase()));
  for (const { path } of files) checkFormat(path, `${id}@${version}`, declared);
  return files;
}

/** Whether a file in a buildpack's layers directory is an SBOM, of whatever format. */
export function isSbomName(name: string): boolean {
  return /\.sbom\..*\.json$/.test(name);
}

/** Copies the files to `<layers>/sbom/<kind>/<buildpack>/[<layer>/]sbom.<ext>`. */
export function copySboms(layersDir: string, files: readonly SbomFile[]): void {
  for (const { path, kind, buildpack, layer } of files) {
    const directory = join(layersDir, "sbom", kind, buildpack, ...(layer === undefined ? [] : [layer]));
    makeDirectory(directory);
    copyFileSync(path, join(directory, formatNameOf(path) ?? basename(path)));
  }
}

function kindsOf(
  name: string,
  layers: ReadonlyMap<string, LayerToml>,
): readonly { readonly kind: SbomFile["kind"]; readonly layer: string | undefined }[] {
  const layer = name.split(".")[0] ?? "";
  if (layer === "launch" || layer === "build") return [{ kind: layer, layer: undefined }];
  const types = layers.get(layer);
  if (types === undefined) return [];
  const kind = types.launch ? "launch" : "build";
  return [{ kind, layer }, ...(types.cache ? [{ kind: "cache" as const, layer }] : [])];
}

function formatNameOf(path: string): string | undefined {
  return Object.keys(formats).find((format) => basename(path).endsWith(`.${format}`));
}

function checkFormat(path: string, buildpack: string, declared: ReadonlySet<string>): void {
  const format = formatNameOf(path);
  const mediaType = format === undefined ? undefined : formats[format];
  if (mediaType === undefined) {
    throw new TspackError("BUILD_FAILED", `unsupported SBOM file format: '${path}'`, {
      hint: `an SBOM file ends in ${Object.keys(formats).join(", ")}`,
    });
  }
  if (!statSync(path).isFile()) throw new TspackError("BUILD_FAILED", `the SBOM '${path}' is not a regular file`);
  if (declared.has(mediaType)) return;
  const message = `validating SBOM file '${path}' for buildpack: '${buildpack}': undeclared SBOM media type: '${mediaType}'`;
  throw new TspackError("BUILD_FAILED", message, {
    hint: `add ${JSON.stringify(mediaType)} to sbom-formats in the buildpack's buildpack.toml`,
  });
}
