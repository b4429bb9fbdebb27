import { InputError } from "../../errors.ts";
import { readAr } from "./ar.ts";
import { decompressByName } from "./decompress.ts";

/** One file of a package. Paths are relative to the root, without `./` and without a `/` at the end. */
export interface DebEntry {
  readonly path: string;
  readonly type: "file" | "dir" | "symlink" | "hardlink";
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** A symlink's text as it is; a hard link's path in the form of `path`. */
  readonly linkname?: string;
  readonly content?: Buffer;
}

/** An unpacked binary package. */
export interface Deb {
  /** The control file. */
  readonly control: string;
  /** Sums of all files, `MD5  path` a line; empty when the package has none. */
  readonly md5sums: string;
  /** In the package's order: parents before children, hard links after their targets. */
  readonly entries: readonly DebEntry[];
}

/** Unpacks a package that is in memory, manual page deb(5). Throws `INVALID_TAR`. */
export async function readDeb(bytes: Buffer, source: string): Promise<Deb> {
  const members = readAr(bytes, source);
  const open = async (prefix: string): Promise<readonly DebEntry[]> => {
    const member = members.find((each) => each.name.startsWith(prefix));
    if (member === undefined) throw invalid(source, `a member ${prefix}*`, members.map((each) => each.name).join(" "));
    return readTar(await decompressByName(member.name, member.bytes), source);
  };
  const [control, entries] = await Promise.all([open("control.tar"), open("data.tar")]);
  const textOf = (path: string): string => control.find((each) => each.path === path)?.content?.toString("utf8") ?? "";
  return { control: textOf("control"), md5sums: textOf("md5sums"), entries };
}

async function readTar(tar: Buffer, source: string): Promise<readonly DebEntry[]> {
  const { extract } = await import("../../third-party/tar-stream.ts");
  const extractor = extract();
  const entries: DebEntry[] = [];
  // The reader takes what fits into its buffer and asks for the rest while entries are read.
  extractor.end(tar);
  for await (const entry of extractor) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    const { header } = entry;
    const path = safePath(header.name, source);
    if (path === "") continue;
    const kind = typeOf(header.type ?? "file", header.linkname ?? "", source, path);
    entries.push({
      path,
      ...kind,
      mode: (header.mode ?? 0o644) & 0o7777,
      uid: header.uid ?? 0,
      gid: header.gid ?? 0,
      ...(kind.type === "file" && { content: joined(chunks) }),
    });
  }
  return entries;
}

// Contents come as views of the unpacked tar; one chunk is not copied.
function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

function typeOf(type: string, linkname: string, source: string, path: string): Pick<DebEntry, "type" | "linkname"> {
  switch (type) {
    case "file":
    case "contiguous-file":
      return { type: "file" };
    case "directory":
      return { type: "dir" };
    case "symlink":
      return { type: "symlink", linkname };
    case "link":
      return { type: "hardlink", linkname: safePath(linkname, source) };
    default:
      throw invalid(source, "files, directories and links", `${type} ${path}`);
  }
}

function safePath(name: string, source: string): string {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || parts.includes("..")) throw invalid(source, "names below the root", JSON.stringify(name));
  return parts.join("/");
}

function invalid(source: string, expected: string, got: string): InputError {
  return new InputError("INVALID_TAR", `${source} is not a package that can be unpacked`, [
    { source, path: "", expected, got },
  ]);
}
