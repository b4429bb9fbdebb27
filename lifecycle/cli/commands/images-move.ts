import { resolve } from "node:path";
import { InputError, TspackError } from "../../errors.ts";
import type { Platform } from "../../oci/descriptor.ts";
import type { ImageRef } from "../../oci/reference.ts";
import { copyImage, type CopyReport } from "../../stores/copy.ts";
import { type ArchiveKind, archiveSink } from "../../platform/archives/archive-sink.ts";
import { checkOutputPath } from "../../platform/output/check-path.ts";
import { withStoreOf } from "../../platform/image-places/engine-images.ts";
import type { ImageSource } from "../../stores/store.ts";
import { parsePlace } from "../../platform/image-places/parse-place.ts";
import { type ImportedImage, importImages, importLayout } from "../../platform/store/import-images.ts";
import { formatBytes } from "../progress.ts";
import {
  type CommonOptions,
  familiarName,
  imageArgument,
  openToolbox,
  type Toolbox,
  type TspackHost,
} from "../toolbox.ts";

/** Options of the commands that move images. */
export interface MoveOptions extends CommonOptions {
  readonly json?: boolean;
}

/** `tspack images export`: an image of the local store, or of a container engine, as a file that other tools read. */
export async function exportImages(
  host: TspackHost,
  names: readonly string[],
  options: MoveOptions & { readonly output: string; readonly format?: ArchiveKind },
): Promise<void> {
  const tools = openToolbox(host, options);
  const { format = "oci-archive" } = options;
  const path = resolve(host.cwd, options.output);
  await checkOutputPath(format, path);
  const refs = names.map((name) => imageArgument(name));
  const [first, ...others] = refs;
  if (first === undefined) throw new Error("the command line asks for a name");
  const report = await withStoreOf(first, tools, async (store) => {
    const digest = await digestHere(first, store);
    for (const other of others) {
      if ((await digestHere(other, store)) === digest) continue;
      const issue = { source: "argument", path: "", expected: `a name of ${digest}`, got: other.original };
      throw new InputError("INVALID_ARGUMENTS", "an archive gets one image", [issue], {
        hint: "export other images to files of their own",
      });
    }
    return copyImage({ store, ref: first }, { store: archiveSink(format, path), refs }, { ctx: tools.ctx });
  });
  print(host, options, `Exported ${first.original} to ${path}`, report, { file: path, format });
}

/** `tspack images import`: the images of an archive or of an OCI layout in the local store. */
export async function importArchive(
  host: TspackHost,
  [file = "", ...names]: readonly string[],
  options: MoveOptions,
): Promise<void> {
  const tools = openToolbox(host, options);
  const refs = names.map((name) => imageArgument(name));
  const imported = await importFrom(host, file, refs, tools);
  const rows = imported.map((each) => ({ names: each.names.map(familiarName), digest: each.digest }));
  if (options.json === true) return host.stdout(`${JSON.stringify(rows, undefined, 2)}\n`);
  for (const row of rows) host.stdout(`Imported ${row.names.join(", ")}\n  digest  ${row.digest}\n`);
}

async function importFrom(
  host: TspackHost,
  file: string,
  refs: readonly ImageRef[],
  tools: Toolbox,
): Promise<readonly ImportedImage[]> {
  if (file === "-") return importImages(standardInput(host), refs, tools);
  if (!/^(oci|oci-archive|docker-archive):/.test(file)) return importImages(resolve(host.cwd, file), refs, tools);
  const place = parsePlace(file);
  if (place.kind === "name") throw new Error("these words are those of files");
  const path = resolve(host.cwd, place.path);
  if (place.kind === "oci") return importLayout({ path, entry: place.entry }, refs, tools);
  return importImages(path, refs, tools);
}

function standardInput({ stdin }: TspackHost): AsyncIterable<Uint8Array> {
  if (stdin !== undefined) return stdin as AsyncIterable<Uint8Array>;
  const issue = { source: "argument", path: "", expected: "an archive on standard input for -", got: "a terminal" };
  throw new InputError("INVALID_ARGUMENTS", "there is no archive", [issue], {
    hint: "docker save NAME | tspack images import -",
  });
}

/** `tspack images push`: from the local store, or a container engine, to the registry that the name says. */
export async function pushImage(
  host: TspackHost,
  [name = "", target = name]: readonly string[],
  options: MoveOptions,
): Promise<void> {
  const tools = openToolbox(host, options);
  const { registries, ctx } = tools;
  const [from, to] = [imageArgument(name), imageArgument(target)];
  const report = await withStoreOf(from, tools, (store) =>
    copyImage({ store, ref: from }, { store: registries, refs: [to] }, { ctx }),
  );
  print(host, options, `Pushed ${to.original}`, report, { image: familiarName(to) });
}

/** `tspack images pull`: from a registry into the local store. */
export async function pullImage(
  host: TspackHost,
  [name = "", target = name]: readonly string[],
  options: MoveOptions & { readonly platform?: string },
): Promise<void> {
  const { local, registries, ctx } = openToolbox(host, options);
  const [from, to] = [imageArgument(name), imageArgument(target)];
  const platform = options.platform === undefined ? undefined : readPlatform(options.platform);
  const report = await copyImage({ store: registries, ref: from }, { store: local, refs: [to] }, { ctx, platform });
  print(host, options, `Pulled ${to.original}`, report, { image: familiarName(to) });
}

function readPlatform(text: string): Platform {
  const [, os, architecture, variant] = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9.]+))?$/.exec(text) ?? [];
  if (os !== undefined && architecture !== undefined)
    return { os, architecture, ...(variant === undefined ? {} : { variant }) };
  const issue = { source: "--platform", path: "", expected: "OS/ARCHITECTURE[/VARIANT]", got: JSON.stringify(text) };
  throw new InputError("INVALID_ARGUMENTS", "the platform can not be read", [issue]);
}

async function digestHere(ref: ImageRef, store: ImageSource): Promise<string> {
  const image = await store.resolve(ref);
  if (image !== undefined) return (await image.manifest()).digest;
  throw new TspackError("IMAGE_NOT_FOUND", `${ref.original} is neither in the local store nor in a container engine`, {
    hint: "tspack images list shows what is; tspack images pull fetches from a registry",
  });
}

function print(host: TspackHost, { json }: MoveOptions, title: string, report: CopyReport, more: object): void {
  const { digest, layers } = report;
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  if (json === true) return host.stdout(`${JSON.stringify({ ...more, digest, size, layers }, undefined, 2)}\n`);
  const there = layers.filter(({ outcome }) => outcome === "present" || outcome === "mounted").length;
  const note = there === 0 ? "" : `, ${there} were there`;
  host.stdout(`${title}\n  digest  ${digest}\n  size    ${formatBytes(size)} (${layers.length} layers${note})\n`);
}
