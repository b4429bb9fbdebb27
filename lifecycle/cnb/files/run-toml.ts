import { decodeToml, type TableReader } from "../../decode.ts";
import { fields, type TomlDocument, writeToml } from "../../toml.ts";
import { someTables } from "./group.ts";

/** One run image with its mirrors. `run.toml`, Platform specification. */
export interface RunImageForExport {
  readonly image: string;
  readonly mirrors: readonly string[];
}

/** `run.toml`. */
export interface RunToml {
  readonly images: readonly RunImageForExport[];
}

/** Reads `run.toml`. Throws `INVALID_BUILDER`, as it is a file of the builder. */
export function decodeRunToml(document: TomlDocument): RunToml {
  return decodeToml(document, { code: "INVALID_BUILDER" }, (root) => ({
    images: root.tables("images").map(readImage),
  }));
}

/** Writes `run.toml`. */
export function encodeRunToml({ images }: RunToml): string {
  return writeToml(
    fields({
      images: someTables(images.map(({ image, mirrors }) => fields({ image, mirrors: someTables(mirrors) }))),
    }),
  );
}

/** Reads `stack.toml`, which Platform APIs below 0.12 have instead. Throws `INVALID_BUILDER`. */
export function decodeStackToml(document: TomlDocument): RunImageForExport {
  return decodeToml(document, { code: "INVALID_BUILDER" }, (root) => readImage(root.subTable("run-image")));
}

/** Writes `stack.toml`. */
export function encodeStackToml({ image, mirrors }: RunImageForExport): string {
  return writeToml(fields({ "run-image": fields({ image, mirrors: someTables(mirrors) }) }));
}

function readImage(reader: TableReader): RunImageForExport {
  return { image: reader.string("image") ?? "", mirrors: reader.strings("mirrors") ?? [] };
}
