import { InputError } from "../../errors.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";

/** What an image's name on the command line says: a name, or a file with an image. */
export type ParsedPlace =
  | { readonly kind: "name"; readonly ref: ImageRef }
  | {
      readonly kind: "oci";
      readonly path: string;
      /** The name of one entry of the layout; the only one when absent. */
      readonly entry: string | undefined;
    }
  | { readonly kind: "oci-archive" | "docker-archive"; readonly path: string };

/**
 * Reads `NAME`, `oci:DIRECTORY[:ENTRY]`, `oci-archive:FILE` or `docker-archive:FILE`; `source` is where it
 * came from. Throws `INVALID_REFERENCE`, `INVALID_ARGUMENTS` for a file without a path.
 */
export function parsePlace(text: string, source = "argument"): ParsedPlace {
  const [, kind, rest = ""] = /^(oci|oci-archive|docker-archive):(.*)$/s.exec(text) ?? [];
  if (kind === undefined) return { kind: "name", ref: parseReference(text, source) };
  const colon = kind === "oci" ? rest.indexOf(":") : -1;
  const [path, entry] = colon === -1 ? [rest, undefined] : [rest.slice(0, colon), rest.slice(colon + 1)];
  if (path === "" || entry === "" || path.includes("\0")) {
    const expected = kind === "oci" ? "oci:DIRECTORY or oci:DIRECTORY:ENTRY" : `${kind}:FILE`;
    const issue = { source, path: "", expected, got: JSON.stringify(text) };
    throw new InputError("INVALID_ARGUMENTS", "the place of the image can not be read", [issue]);
  }
  if (kind === "oci") return { kind, path, entry };
  return { kind: kind === "oci-archive" ? "oci-archive" : "docker-archive", path };
}

/** Whether a name on the command line is that of a file, and not of a store. */
export function isFilePlace(text: string): boolean {
  return parsePlace(text).kind !== "name";
}
