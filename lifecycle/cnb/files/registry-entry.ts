import { decode, parseJson } from "../../decode.ts";
import { InputError } from "../../errors.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";

/** One version of a buildpack in the index of a registry. Buildpack Registry specification, "File Contents". */
export interface RegistryEntry {
  /** `namespace/name`. */
  readonly id: string;
  readonly version: string;
  /** Its maker took it back: it should not be used any more. */
  readonly yanked: boolean;
  /** The image, with its digest. */
  readonly address: string;
}

const idForm = /^([a-z0-9.-]{1,253})\/([a-z0-9.-]{1,253})$/;

/** Whether a registry can have a buildpack of this id: a namespace and a name. Specification, "Buildpack ID". */
export function isRegistryId(id: string): boolean {
  const [, namespace = "", name = ""] = idForm.exec(id) ?? [];
  // They become names of directories and of a file.
  return namespace !== "" && !/^\.\.?$/.test(namespace) && !/^\.\.?$/.test(name);
}

/** The file of an index that has the versions of a buildpack. Specification, "Directory Structure". Throws `INVALID_ARGUMENTS`. */
export function registryEntryPath(id: string, source: string): string {
  if (!isRegistryId(id)) {
    const expected = "NAMESPACE/NAME in small letters, digits, dots and dashes";
    const issue = { source, path: "", expected, got: JSON.stringify(id) };
    throw new InputError("INVALID_ARGUMENTS", "no buildpack registry can have a buildpack of this id", [issue]);
  }
  const [, namespace = "", name = ""] = idForm.exec(id) ?? [];
  return `${folderOf(name)}/${namespace}_${name}`;
}

function folderOf(name: string): string {
  if (name.length <= 2) return String(name.length);
  return name.length === 3 ? `3/${name.slice(0, 2)}` : `${name.slice(0, 2)}/${name.slice(2, 4)}`;
}

/** Reads a file of an index, a JSON object per line. Throws `INVALID_JSON` with the line. */
export function decodeRegistryEntries(text: string, source: string): readonly RegistryEntry[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "") return [];
    const at = `${source}:${index + 1}`;
    return decode(parseJson(line, at), { source: at, code: "INVALID_JSON" }, (root) => ({
      id: `${root.requiredString("ns")}/${root.requiredString("name")}`,
      version: root.requiredString("version"),
      yanked: root.boolean("yanked") ?? false,
      address: root.string("addr") ?? "",
    }));
  });
}

/**
 * The entry of a version; without one, of the highest that was not taken back. Undefined when there is none.
 */
export function chooseRegistryEntry(
  entries: readonly RegistryEntry[],
  version: string | undefined,
): RegistryEntry | undefined {
  if (version !== undefined) return entries.find((entry) => entry.version === version);
  return entries.filter(({ yanked }) => !yanked).toSorted((a, b) => compareSemver(b.version, a.version))[0];
}

/** The image of an entry. Throws `INVALID_BUILDPACK` when it has no digest: a tag could be moved. */
export function registryImage({ id, version, address }: RegistryEntry, source: string): ImageRef {
  const ref = address === "" ? undefined : parseReference(address, source);
  if (ref?.digest !== undefined) return ref;
  const issue = { source, path: "addr", expected: "an image with its digest", got: JSON.stringify(address) };
  throw new InputError("INVALID_BUILDPACK", `the registry's entry of ${id}@${version} can not be used`, [issue]);
}

/** Semantic Versioning 2.0, section 11; a text that is no version is below all that are. */
export function compareSemver(left: string, right: string): number {
  const [a, b] = [parts(left), parts(right)];
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  const numbers = compareLists(a.numbers, b.numbers);
  if (numbers !== 0) return numbers;
  // A version with a pre-release is below the one without.
  if (a.pre.length === 0 || b.pre.length === 0) return Number(a.pre.length === 0) - Number(b.pre.length === 0);
  return compareLists(a.pre, b.pre);
}

interface Parts {
  readonly numbers: readonly string[];
  readonly pre: readonly string[];
}

function parts(version: string): Parts | undefined {
  const found = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/.exec(version);
  if (found === null) return undefined;
  const [, major = "0", minor = "0", patch = "0", pre] = found;
  return { numbers: [major, minor, patch], pre: pre?.split(".") ?? [] };
}

function compareLists(left: readonly string[], right: readonly string[]): number {
  for (const [index, one] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = compareIdentifiers(one, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareIdentifiers(a: string, b: string): number {
  const [isNumber, isOther] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && isOther) return Number(a) - Number(b);
  if (isNumber !== isOther) return isNumber ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}
